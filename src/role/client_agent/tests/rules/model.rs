//! Any row of updates, against what a rule says in a few lines.

use proptest::prelude::*;

use super::*;

#[derive(Copy, Clone, Debug)]
enum Act {
    Client(i16, i16),
    Both(i16, i16),
    Ai(i16, i16),
    Pass(u64),
    Regain,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let near = || -12i16..12;
    let act = prop_oneof![
        6 => (near(), near()).prop_map(|(x, y)| Act::Client(x, y)),
        2 => (near(), near()).prop_map(|(x, y)| Act::Both(x, y)),
        1 => (near(), near()).prop_map(|(x, y)| Act::Ai(x, y)),
        3 => (0u64..400).prop_map(Act::Pass),
        1 => Just(Act::Regain),
    ];
    prop::collection::vec(act, 1..60)
}

/// A walker may go 1 unit, ten times a second and three times at once, from -1 to 1.
struct Model {
    at: (i16, i16),
    /// Where the client may believe to be besides, until then.
    before: Option<((i16, i16), u64)>,
    /// In hundredths of a second.
    has: u64,
    now: u64,
}

impl Model {
    fn is_near(from: (i16, i16), to: (i16, i16)) -> bool {
        let [x, y] = [i32::from(from.0 - to.0), i32::from(from.1 - to.1)];
        x * x + y * y <= 100
    }

    /// Whether it is accepted, and whether it is an offence.
    fn client(&mut self, to: (i16, i16)) -> (bool, bool) {
        if !(-10..=10).contains(&to.0) {
            return (false, true);
        }
        if !Self::is_near(self.at, to) {
            return match self.before {
                Some((before, until)) if self.now < until && Self::is_near(before, to) => {
                    self.before = Some((to, until));
                    (false, false)
                }
                _ => (false, true),
            };
        }
        if self.has < 100 {
            return (false, true);
        }
        self.has -= 100;
        (self.at, self.before) = (to, None);
        (true, false)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn as_a_simple_model_has_it(acts in acts()) {
        let mut agent = with("Walker.setXY: {max_step: 1, per_second: 10, burst: 3, ranges: [[-1, 1]]}");
        let client = owner_of(&mut agent, "Walker", &xy(0, 0));
        let mut model = Model { at: (0, 0), before: None, has: 300, now: 0 };
        let mut offences = 0;
        for act in acts {
            match act {
                Act::Client(x, y) | Act::Both(x, y) => {
                    let (accepted, offence) = model.client((x, y));
                    offences += u64::from(offence);
                    let sent = match act {
                        Act::Both(..) => {
                            let value = [&0f32.to_le_bytes()[..], &xy(x, y)].concat();
                            agent.sets(client, of("Walker", "setAll"), &value)
                        }
                        _ => agent.steps(client, x, y),
                    };
                    prop_assert_eq!(sent, accepted, "{:?}", act);
                    agent.expect_offences(offences);
                }
                Act::Ai(x, y) => {
                    agent.ai_sets(client, 50, of("Walker", "setXY"), &xy(x, y));
                    if model.at != (x, y) {
                        model.before = Some((model.at, model.now + 5_000));
                        model.at = (x, y);
                    }
                }
                Act::Pass(ms) => {
                    agent.pass(ms);
                    model.now += ms;
                    model.has = (model.has + ms).min(300);
                }
                Act::Regain => {
                    let (do_id, new, old) = (DoId(50), AI, client.channel);
                    agent.cluster(client.channel, &StateServer::ObjectChangingOwner { do_id, new, old });
                    let values = xy(model.at.0, model.at.1);
                    let object = thing(50, "Walker", &values);
                    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
                    agent.routed();
                    (model.before, model.has) = (None, 300);
                }
            }
            agent.told(client);
        }
    }
}

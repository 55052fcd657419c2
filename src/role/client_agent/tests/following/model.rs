//! Random comings and goings: in the end those zones are open that the rules and the interests want, and no others.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// A grid, a parent that is followed, one whose zones go together, and one without a rule.
const PARENTS: [u32; 4] = [4600, 4601, 4602, 4603];
const ZONES: std::ops::RangeInclusive<u32> = 9..=20;
const OBJECTS: std::ops::RangeInclusive<u32> = 50..=52;

fn rule_of(parent: u32) -> [&'static str; 2] {
    match parent {
        4600 => ["Cartesian", "10:3:1"],
        4601 => ["Follow", ""],
        4602 => ["Auto", "10:11|12"],
        _ => ["Stated", ""],
    }
}

/// What is open because an object is there.
fn around(at: Location) -> BTreeSet<u32> {
    let zone = at.zone.0;
    match at.parent.0 {
        4600 if (10..19).contains(&zone) => {
            let (row, column) = ((zone - 10) / 3, (zone - 10) % 3);
            let is_near = |other: &u32| {
                let (other_row, other_column) = ((other - 10) / 3, (other - 10) % 3);
                row.abs_diff(other_row) <= 1 && column.abs_diff(other_column) <= 1
            };
            (10..19).filter(is_near).collect()
        }
        4601 => [zone].into(),
        _ => BTreeSet::new(),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Own(u32, Location),
    Move {
        do_id: u32,
        to: Location,
        by_client: bool,
    },
    Disown(u32),
    Delete(u32),
    Open {
        id: u16,
        parent: u32,
        zones: Vec<u32>,
        by_client: bool,
    },
    Close {
        id: u16,
        by_client: bool,
    },
    /// What has been asked is answered, or lost.
    Answer(bool),
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let parent = || prop::sample::select(&PARENTS[..]);
    let place = move || (parent(), ZONES).prop_map(|(parent, zone)| at(parent, zone));
    let zones = prop::collection::btree_set(ZONES, 1..4);
    let step = prop_oneof![
        3 => (OBJECTS, place()).prop_map(|(do_id, to)| Step::Own(do_id, to)),
        6 => (OBJECTS, place(), any::<bool>())
            .prop_map(|(do_id, to, by_client)| Step::Move { do_id, to, by_client }),
        1 => OBJECTS.prop_map(Step::Disown),
        1 => OBJECTS.prop_map(Step::Delete),
        2 => (1..3u16, parent(), zones, any::<bool>()).prop_map(|(id, parent, zones, by_client)| {
            Step::Open { id, parent, zones: zones.into_iter().collect(), by_client }
        }),
        1 => (1..3u16, any::<bool>()).prop_map(|(id, by_client)| Step::Close { id, by_client }),
        3 => any::<bool>().prop_map(Step::Answer),
        1 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 0..25)
}

struct World {
    agent: Agent,
    client: TestClient,
    owned: BTreeMap<u32, Location>,
    open: BTreeMap<u16, (u32, Vec<u32>)>,
}

impl World {
    fn new() -> Self {
        let mut agent = following();
        let client = agent.established();
        World { agent, client, owned: BTreeMap::new(), open: BTreeMap::new() }
    }

    fn take(&mut self, step: Step) {
        let channel = self.client.channel;
        match step {
            Step::Own(do_id, to) => {
                let to = *self.owned.entry(do_id).or_insert(to);
                let object = avatar(do_id, to);
                let message = StateServer::ObjectEnterOwnerWithRequired { object };
                self.agent.cluster(channel, &message);
            }
            Step::Move { do_id, to, by_client } => {
                let Some(at) = self.owned.get_mut(&do_id) else { return };
                let message = changing(do_id, to, std::mem::replace(at, to));
                let sender = if by_client { channel } else { AI };
                self.agent.cluster_from(sender, &[channel], &message);
            }
            Step::Disown(do_id) => {
                if self.owned.remove(&do_id).is_some() {
                    let (do_id, old) = (DoId(do_id), channel);
                    let message = StateServer::ObjectChangingOwner { do_id, new: AI, old };
                    self.agent.cluster(channel, &message);
                }
            }
            Step::Delete(do_id) => {
                if self.owned.remove(&do_id).is_some() {
                    self.agent.cluster(channel, &deleting(do_id));
                }
            }
            Step::Open { id, parent, zones, by_client } => {
                let list: Vec<ZoneId> = zones.iter().map(|&zone| ZoneId(zone)).collect();
                let (interest, zone_list) = (InterestId(id), List::new(&list));
                if by_client {
                    let (context, parent) = (Context(1), DoId(parent));
                    let zones = zone_list;
                    let message = Client::AddInterestMultiple { context, interest, parent, zones };
                    self.agent.send(self.client, &message);
                } else {
                    let (parent, zones) = (DoId(parent), zone_list);
                    let message = ClientAgent::AddInterestMultiple { interest, parent, zones };
                    self.agent.cluster(channel, &message);
                }
                self.open.insert(id, (parent, zones));
            }
            Step::Close { id, by_client } => {
                if self.open.remove(&id).is_none() {
                    return;
                }
                if by_client {
                    self.agent.send(self.client, &remove_interest(1, id));
                } else {
                    let interest = InterestId(id);
                    self.agent.cluster(channel, &ClientAgent::RemoveInterest { interest });
                }
            }
            Step::Answer(is_answered) => {
                self.answer(is_answered);
            }
            Step::Wait => self.agent.pass(600),
        }
    }

    /// Answers what has been asked since the last time; whether there was anything.
    fn answer(&mut self, is_answered: bool) -> bool {
        let routed = self.agent.routed();
        for (_, asker, message) in routed.iter().filter(|_| is_answered) {
            let mut reader = crate::wire::Reader::new(message);
            let number = reader.u16().expect("a number");
            match StateServer::decode(number, &mut reader) {
                Ok(StateServer::ObjectGetAll { context, do_id }) => {
                    let [kind, rule] = rule_of(do_id.0);
                    let values = texts(kind, rule);
                    self.agent.tell_all(self.client, context, do_id.0, GRID, &values);
                }
                Ok(StateServer::ObjectGetZonesObjects { context, .. }) => {
                    let count = DoId(0);
                    let message = StateServer::ObjectGetZonesCountResp { context, count };
                    self.agent.cluster(*asker, &message);
                }
                _ => {}
            }
        }
        !routed.is_empty()
    }

    /// Parents that were silent are asked again when something happens below them; then all is answered.
    fn settle(&mut self) {
        self.agent.pass(60_000);
        for (do_id, to) in self.owned.clone() {
            self.take(Step::Move { do_id, to, by_client: false });
        }
        for (id, (parent, zones)) in self.open.clone() {
            self.take(Step::Open { id, parent, zones, by_client: false });
        }
        while self.answer(true) {}
        self.agent.pass(60_000);
        while self.answer(true) {}
    }

    fn expected(&self) -> BTreeSet<(u32, u32)> {
        let mut expected = BTreeSet::new();
        for at in self.owned.values() {
            expected.extend(around(*at).into_iter().map(|zone| (at.parent.0, zone)));
        }
        for (parent, zones) in self.open.values() {
            expected.extend(zones.iter().map(|&zone| (*parent, zone)));
            if *parent == 4602 && zones.contains(&10) {
                expected.extend([(4602, 11), (4602, 12)]);
            }
        }
        expected
    }

    /// The zones in which the client sees what comes.
    fn seen(&mut self) -> BTreeSet<(u32, u32)> {
        self.agent.told(self.client);
        let mut seen = BTreeSet::new();
        for (parent, zone) in
            PARENTS.into_iter().flat_map(|parent| ZONES.map(move |it| (parent, it)))
        {
            let object = entering(parent * 100 + zone, at(parent, zone));
            self.agent.cluster(at(parent, zone).channel(), &object);
            if !self.agent.told(self.client).is_empty() {
                seen.insert((parent, zone));
            }
        }
        seen
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_open_is_what_rules_and_interests_want(steps in steps()) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.take(step));
        world.settle();
        prop_assert!(world.agent.is_open(world.client));
        let expected = world.expected();
        prop_assert_eq!(world.seen(), expected);
        // And nothing when nothing is left.
        OBJECTS.for_each(|do_id| world.take(Step::Delete(do_id)));
        (1..3).for_each(|id| world.take(Step::Close { id, by_client: true }));
        prop_assert_eq!(world.seen(), BTreeSet::new());
    }
}

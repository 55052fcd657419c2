//! A client, a state server and a link between them that loses everything at times: in the end the client knows what
//! there is, whatever was under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::router::Gap;

const PARENT: DoId = DoId(5);
/// The client's interests: it may close the second one.
const ZONES: [u32; 2] = [6, 7];
/// All that there are.
const ALL_ZONES: u32 = 4;
const FIRST_ZONE: u32 = 6;

#[derive(Clone, Debug)]
enum Step {
    /// An object is made, moved, changed, given to the client or to another, or deleted.
    Create(u32, u32),
    Move(u32, u32),
    Set(u32, u8),
    Own(u32, bool),
    Delete(u32),
    /// The client opens or closes its second interest.
    Toggle,
    /// The link is lost with all that is on it; or it is there again.
    Lose,
    Mend,
    /// So much of what is under way arrives.
    Up(usize),
    Down(usize),
    /// The agent does some of what it has taken on.
    Resume(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (id, zone) = (50..54u32, FIRST_ZONE..FIRST_ZONE + ALL_ZONES);
    prop_oneof![
        4 => (id.clone(), zone.clone()).prop_map(|(id, zone)| Step::Create(id, zone)),
        4 => (id.clone(), zone).prop_map(|(id, zone)| Step::Move(id, zone)),
        3 => (id.clone(), 0..100u8).prop_map(|(id, value)| Step::Set(id, value)),
        3 => (id.clone(), any::<bool>()).prop_map(|(id, own)| Step::Own(id, own)),
        2 => id.prop_map(Step::Delete),
        1 => Just(Step::Toggle),
        1 => Just(Step::Lose),
        2 => Just(Step::Mend),
        6 => (0..4usize).prop_map(Step::Up),
        6 => (0..4usize).prop_map(Step::Down),
        3 => (1..4usize).prop_map(Step::Resume),
        1 => prop_oneof![Just(100u64), Just(600), Just(2500)].prop_map(Step::Pass),
    ]
}

/// An object of the state server, or as the client knows it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Object {
    zone: u32,
    health: u8,
}

/// What the agent sends up.
enum Up {
    Subscribe(Channel),
    Unsubscribe(Channel),
    Datagram(Vec<u8>),
}

struct Bench {
    agent: Agent,
    client: TestClient,
    objects: BTreeMap<u32, Object>,
    /// Which of them are the client's.
    owned: BTreeSet<u32>,
    is_away: bool,
    /// To which channels the agent listens, as it says, and as is known up there.
    listens: BTreeSet<Channel>,
    is_heard: BTreeSet<Channel>,
    up: VecDeque<Up>,
    down: VecDeque<Vec<u8>>,
    is_open: bool,
    /// What the client has been told.
    seen: BTreeMap<u32, Object>,
    has: BTreeSet<u32>,
}

fn zone(zone: u32) -> Location {
    Location::new(PARENT, ZoneId(zone))
}

impl Bench {
    fn new() -> Self {
        let mut agent = Agent::new();
        let client = agent.established();
        let listens = BTreeSet::from([client.channel, Channel::CLIENTS, Channel::OBSERVERS]);
        let mut bench = Bench {
            agent,
            client,
            objects: BTreeMap::new(),
            owned: BTreeSet::new(),
            is_away: false,
            is_heard: listens.clone(),
            listens,
            up: VecDeque::new(),
            down: VecDeque::new(),
            is_open: true,
            seen: BTreeMap::new(),
            has: BTreeSet::new(),
        };
        bench.agent.send(client, &add_interest(1, 1, zone(ZONES[0])));
        bench.agent.send(client, &add_interest(2, 2, zone(ZONES[1])));
        bench.look();
        bench
    }

    /// Takes what the agent has sent and what it has told the client.
    fn look(&mut self) {
        self.agent.drain();
        for effect in self.agent.out.iter() {
            let up = match effect {
                Effect::Subscribe(channel) => {
                    self.listens.insert(channel);
                    Up::Subscribe(channel)
                }
                Effect::Unsubscribe(channel) => {
                    self.listens.remove(&channel);
                    Up::Unsubscribe(channel)
                }
                Effect::Route(frame) => Up::Datagram(frame.datagram().to_vec()),
                other => panic!("{other:?}"),
            };
            if !self.is_away {
                self.up.push_back(up);
            }
        }
        self.agent.out.clear();
        self.agent.alone.cleared();
        for datagram in self.agent.told(self.client) {
            self.note(&datagram);
        }
    }

    /// The client is told something, which it has to understand.
    fn note(&mut self, datagram: &[u8]) {
        let mut reader = crate::wire::Reader::new(datagram);
        let number = reader.u16().expect("a number");
        let object = |object: ObjectState<'_>| {
            let health = object.values.0[5];
            (object.do_id.0, Object { zone: object.location.zone.0, health })
        };
        match Client::decode(number, &mut reader).expect("a message") {
            Client::EnterObjectRequired { object: state } => {
                let (id, object) = object(state);
                assert_eq!(self.seen.insert(id, object), None, "{id} is seen already");
            }
            Client::ObjectLeaving { do_id } => {
                assert!(self.seen.remove(&do_id.0).is_some(), "{do_id} is not seen");
            }
            Client::EnterObjectRequiredOwner { object } => {
                assert!(self.has.insert(object.do_id.0), "{} is its own", object.do_id);
            }
            Client::ObjectLeavingOwner { do_id } => {
                assert!(self.has.remove(&do_id.0), "{do_id} is not its own");
            }
            Client::ObjectLocation { do_id, location } => {
                let is_known = self.seen.contains_key(&do_id.0) || self.has.contains(&do_id.0);
                assert!(is_known, "{do_id} is unknown");
                if let Some(object) = self.seen.get_mut(&do_id.0) {
                    object.zone = location.zone.0;
                }
            }
            Client::ObjectSetField { do_id, field: set, value } => {
                let is_known = self.seen.contains_key(&do_id.0) || self.has.contains(&do_id.0);
                assert!(is_known, "{do_id} is unknown");
                if let Some(object) = self.seen.get_mut(&do_id.0).filter(|_| set == field("health"))
                {
                    object.health = value.0[0];
                }
            }
            Client::DoneInterestResp { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// The state server sends something.
    fn send(&mut self, recipients: &[Channel], sender: Channel, message: &impl Message) {
        if !self.is_away && recipients.iter().any(|channel| self.is_heard.contains(channel)) {
            let mut datagram = Vec::new();
            message.write_datagram(&mut Writer::new(&mut datagram), recipients, sender);
            self.down.push_back(datagram);
        }
    }

    /// Whoever concerns an object: its location, and the client if it is its own.
    fn audience(&self, id: u32, at: u32) -> Vec<Channel> {
        let owner = self.owned.contains(&id).then_some(self.client.channel);
        [zone(at).channel()].into_iter().chain(owner).collect()
    }

    fn perform(&mut self, step: &Step) {
        match *step {
            Step::Create(id, at) if !self.objects.contains_key(&id) => {
                self.objects.insert(id, Object { zone: at, health: 1 });
                self.enter(id, at);
            }
            Step::Move(id, to) => {
                let Some(Object { zone: from, .. }) = self.objects.get(&id).copied() else {
                    return;
                };
                if from == to {
                    return;
                }
                let audience = self.audience(id, from);
                self.objects.get_mut(&id).expect("it is there").zone = to;
                self.send(&audience, AI, &changing(id, zone(to), zone(from)));
                self.enter(id, to);
            }
            Step::Set(id, health) => {
                let Some(object) = self.objects.get_mut(&id) else { return };
                object.health = health;
                let at = zone(object.zone).channel();
                let (do_id, value) = (DoId(id), [health]);
                let field = field("health");
                let value = Rest(&value);
                self.send(&[at], AI, &StateServer::ObjectSetField { do_id, field, value });
            }
            Step::Own(id, true) if self.objects.contains_key(&id) && self.owned.insert(id) => {
                self.with_state(id, |bench, object| {
                    let message = StateServer::ObjectEnterOwnerWithRequired { object };
                    bench.send(&[bench.client.channel], DoId(id).channel(), &message);
                });
            }
            Step::Own(id, false) if self.owned.remove(&id) => {
                let (do_id, new, old) = (DoId(id), AI, self.client.channel);
                self.send(&[old], AI, &StateServer::ObjectChangingOwner { do_id, new, old });
            }
            Step::Delete(id) => {
                let Some(object) = self.objects.remove(&id) else { return };
                let audience = self.audience(id, object.zone);
                self.owned.remove(&id);
                self.send(&audience, AI, &deleting(id));
            }
            Step::Toggle => {
                if !self.is_open {
                    // What is under way from before it was closed is another test's.
                    self.arrive_all();
                }
                self.is_open = !self.is_open;
                let message = match self.is_open {
                    true => add_interest(9, 2, zone(ZONES[1])),
                    false => remove_interest(9, 2),
                };
                self.agent.send(self.client, &message);
                self.look();
            }
            Step::Lose => {
                self.is_away = true;
                self.up.clear();
                self.down.clear();
            }
            Step::Mend if self.is_away => self.mend(),
            Step::Up(count) => (0..count).for_each(|_| self.arrive_up()),
            Step::Down(count) => (0..count).for_each(|_| self.arrive_down()),
            Step::Resume(steps) => {
                self.agent.core.resume(self.agent.now, steps, &mut self.agent.out);
                self.look();
            }
            Step::Pass(ms) => {
                self.agent.pass(ms);
                self.look();
            }
            _ => {}
        }
    }

    fn mend(&mut self) {
        self.is_away = false;
        self.is_heard.clone_from(&self.listens);
        self.agent.core.gap(self.agent.now, Gap { same_epoch: true }, &mut self.agent.out);
        self.look();
    }

    fn with_state(&mut self, id: u32, act: impl FnOnce(&mut Self, ObjectState<'_>)) {
        let Object { zone: at, health } = self.objects[&id];
        let values = [3, 0, b'a', b'n', b'n', health];
        act(self, ObjectState { values: Rest(&values), ..avatar(id, zone(at)) });
    }

    fn enter(&mut self, id: u32, at: u32) {
        self.with_state(id, |bench, object| {
            let message = StateServer::ObjectEnterLocationWithRequired { object };
            bench.send(&[zone(at).channel()], DoId(id).channel(), &message);
        });
    }

    fn arrive_down(&mut self) {
        if let Some(datagram) = self.down.pop_front() {
            self.agent.core.datagram(self.agent.now, &datagram, &mut self.agent.out);
            self.look();
        }
    }

    fn arrive_up(&mut self) {
        match self.up.pop_front() {
            Some(Up::Subscribe(channel)) => drop(self.is_heard.insert(channel)),
            Some(Up::Unsubscribe(channel)) => drop(self.is_heard.remove(&channel)),
            Some(Up::Datagram(datagram)) => {
                self.answer(&Envelope::read(&datagram).expect("whole"));
                // An object is asked everything in a row: it does not become another in the middle of that.
                if let Some(Up::Datagram(next)) = self.up.front()
                    && is_for_object(&datagram)
                    && next[..9] == datagram[..9]
                {
                    self.arrive_up();
                }
            }
            None => {}
        }
    }

    /// The state server is asked something.
    fn answer(&mut self, envelope: &Envelope<'_>) {
        use StateServer as S;
        let to = [envelope.sender];
        let recipient = envelope.recipients.iter().next().expect("one");
        let do_id = recipient.as_object().unwrap_or(DoId::NONE);
        let id = do_id.0;
        let mut reader = crate::wire::Reader::new(envelope.body);
        match S::decode(envelope.message_type, &mut reader).expect("a message") {
            S::ObjectGetZonesObjects { context, zones, .. } if do_id == PARENT => {
                let zones: Vec<u32> = zones.iter().map(|zone| zone.0).collect();
                let there = |(_, object): &(&u32, &Object)| zones.contains(&object.zone);
                let found: Vec<u32> =
                    self.objects.iter().filter(there).map(|(id, _)| *id).collect();
                let count = DoId(found.len() as u32);
                self.send(&to, recipient, &S::ObjectGetZonesCountResp { context, count });
                for id in found {
                    self.with_state(id, |bench, object| {
                        let entry = S::ObjectEnterInterestWithRequired { context, object };
                        bench.send(&to, DoId(id).channel(), &entry);
                    });
                }
            }
            S::GetOwned { context, owners } => {
                let owner = self.client.channel;
                assert_eq!(owners.iter().map(|(owner, _)| owner).collect::<Vec<_>>(), [owner]);
                for id in self.owned.clone() {
                    self.with_state(id, |bench, object| {
                        let owned = S::Owned { context, owner, has_other: false, object };
                        bench.send(&to, DoId(id).channel(), &owned);
                    });
                }
            }
            _ if !self.objects.contains_key(&id) => {}
            S::ObjectGetOwner { context } => {
                let owner = if self.owned.contains(&id) { self.client.channel } else { AI };
                self.send(&to, recipient, &S::ObjectGetOwnerResp { context, do_id, owner });
            }
            S::ObjectGetLocation { context } => {
                let location = zone(self.objects[&id].zone);
                self.send(&to, recipient, &S::ObjectGetLocationResp { context, do_id, location });
            }
            S::ObjectGetAll { context, .. } => {
                let values = [3, 0, b'a', b'n', b'n', self.objects[&id].health, 0, 0];
                let at = zone(self.objects[&id].zone);
                let object = ObjectState { values: Rest(&values), ..avatar(id, at) };
                self.send(&to, recipient, &S::ObjectGetAllResp { context, object });
            }
            other => panic!("{other:?} is asked"),
        }
    }

    /// Everything arrives, and everybody's time is over.
    fn finish(&mut self) {
        if self.is_away {
            self.mend();
        }
        for _ in 0..8 {
            while self.agent.core.resume(self.agent.now, 100, &mut self.agent.out) {}
            self.look();
            self.arrive_all();
            self.agent.pass(2500);
            self.look();
        }
    }

    fn arrive_all(&mut self) {
        while !self.up.is_empty() || !self.down.is_empty() {
            self.arrive_up();
            self.arrive_down();
        }
    }

    fn expected(&self) -> BTreeMap<u32, Object> {
        let open = if self.is_open { &ZONES[..] } else { &ZONES[..1] };
        let all = self.objects.iter().map(|(id, object)| (*id, *object));
        all.filter(|(_, object)| open.contains(&object.zone)).collect()
    }
}

/// Whether a datagram is for an object, and not for its parent or for all.
fn is_for_object(datagram: &[u8]) -> bool {
    let to = Envelope::read(datagram).expect("whole").recipients.iter().next().expect("one");
    to != PARENT.channel() && to != Channel::OBSERVERS && to.as_object().is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn in_the_end_a_client_knows_what_there_is(
        before in prop::collection::vec(step(), 0..80),
        after in prop::collection::vec(step(), 0..80),
    ) {
        let mut bench = Bench::new();
        before.iter().for_each(|step| bench.perform(step));
        // The last gap of all; what is not known after it, is never known.
        bench.perform(&Step::Lose);
        bench.mend();
        let happens = |step: &&Step| !matches!(step, Step::Toggle | Step::Lose);
        after.iter().filter(happens).for_each(|step| bench.perform(step));
        bench.finish();
        prop_assert_eq!(&bench.seen, &bench.expected());
        prop_assert_eq!(&bench.has, &bench.owned);
    }
}

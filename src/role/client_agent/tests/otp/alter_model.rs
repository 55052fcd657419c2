//! Random alterations: what a client knows is what its zones hold, and what it owns.
//!
//! Questions are answered some time later, as the world is then. A naive client believes what it is told, and notes what no honest
//! client would understand: an object that comes twice, or goes or changes unseen; an interest that is done twice, or never.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::wire::Reader;

const PARENT: u32 = 100;
/// The quiet zone among them.
const ZONES: std::ops::RangeInclusive<u32> = 0..=4;
const QUIET: u32 = 1;
const OBJECTS: std::ops::RangeInclusive<u32> = 1001..=1006;

#[derive(Clone, Debug)]
enum Step {
    Open { interest: u16, zones: Vec<u32>, by_cluster: bool },
    Close { interest: u16, by_cluster: bool },
    Place { do_id: u32, zone: u32 },
    Delete { do_id: u32 },
    Update { do_id: u32 },
    Own { do_id: u32, is_own: bool },
    Answer,
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let interest = || 1u16..4;
    prop_oneof![
        6 => (interest(), prop::collection::vec(ZONES, 0..4), prop::bool::weighted(0.2))
            .prop_map(|(interest, zones, by_cluster)| Step::Open { interest, zones, by_cluster }),
        2 => (interest(), any::<bool>())
            .prop_map(|(interest, by_cluster)| Step::Close { interest, by_cluster }),
        5 => (OBJECTS, ZONES).prop_map(|(do_id, zone)| Step::Place { do_id, zone }),
        1 => OBJECTS.prop_map(|do_id| Step::Delete { do_id }),
        3 => OBJECTS.prop_map(|do_id| Step::Update { do_id }),
        2 => (OBJECTS, any::<bool>()).prop_map(|(do_id, is_own)| Step::Own { do_id, is_own }),
        6 => Just(Step::Answer),
        1 => Just(Step::Wait),
    ]
}

#[derive(Clone, Debug)]
struct Object {
    at: Location,
    is_own: bool,
    version: u8,
}

/// What the client believes: objects with their versions and where they are.
#[derive(Default)]
struct Believer {
    seen: BTreeMap<u32, (u8, Location)>,
    /// By message 36.
    owned: BTreeMap<u32, u8>,
    /// By message 15; where it is it is told by another.
    avatars: BTreeSet<u32>,
    awaited: BTreeSet<(u16, u32)>,
}

struct World {
    view: OwnerView,
    agent: Agent,
    client: TestClient,
    believer: Believer,
    objects: BTreeMap<u32, Object>,
    interests: BTreeMap<u16, BTreeSet<u32>>,
    questions: VecDeque<(Context, Vec<u32>)>,
    versions: u8,
    contexts: u32,
    field: FieldId,
}

const fn class_of(do_id: u32) -> ClassId {
    // The later ones come first.
    ClassId(if do_id > 1003 { 0 } else { 2 })
}

impl World {
    fn new(view: OwnerView) -> Self {
        let mut agent = Agent::otp_with(Era::Otp, |otp| otp.owner_view = view, |_| {});
        let client = agent.playing();
        World {
            view,
            agent,
            client,
            believer: Believer::default(),
            objects: BTreeMap::new(),
            interests: BTreeMap::new(),
            questions: VecDeque::new(),
            versions: 0,
            contexts: 0,
            field: field("health"),
        }
    }

    fn covers(&self, at: Location) -> bool {
        let has = |zones: &BTreeSet<u32>| zones.contains(&at.zone.0);
        at.parent.0 == PARENT && self.interests.values().any(has)
    }

    fn with_state(&mut self, do_id: u32, send: impl FnOnce(&mut Agent, Channel, ObjectState<'_>)) {
        let object = &self.objects[&do_id];
        let values = [object.version];
        let (id, class_id, location) = (DoId(do_id), class_of(do_id), object.at);
        let state = ObjectState { do_id: id, class_id, location, values: Rest(&values) };
        send(&mut self.agent, self.client.channel, state);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Open { interest, zones, by_cluster } => self.open(interest, &zones, by_cluster),
            Step::Close { interest, by_cluster } => self.close(interest, by_cluster),
            Step::Place { do_id, zone } => self.place(do_id, at(PARENT, zone)),
            Step::Delete { do_id } => {
                let Some(object) = self.objects.remove(&do_id) else { return };
                let own = object.is_own.then_some(self.client.channel);
                let to: Vec<_> = [object.at.channel()].into_iter().chain(own).collect();
                self.agent.cluster_from(AI, &to, &deleting(do_id));
            }
            Step::Update { do_id } => self.update(do_id),
            Step::Own { do_id, is_own } => self.own(do_id, is_own),
            Step::Answer => self.answer(),
            Step::Wait => self.agent.pass(600),
        }
        self.listen();
    }

    fn open(&mut self, interest: u16, zones: &[u32], by_cluster: bool) {
        self.contexts += 1;
        let key = if by_cluster { interest | 0x8000 } else { interest };
        if by_cluster {
            let ids: Vec<ZoneId> = zones.iter().map(|&zone| ZoneId(zone)).collect();
            let (interest, parent) = (InterestId(interest), DoId(PARENT));
            let message =
                ClientAgent::AddInterestMultiple { interest, parent, zones: List::new(&ids) };
            self.agent.cluster(self.client.channel, &message);
        } else {
            self.believer.awaited.insert((interest, self.contexts));
            self.agent.says(self.client, add_interest(interest, self.contexts, PARENT, zones));
        }
        let is_seen = |zone: &u32| by_cluster || *zone != QUIET;
        self.interests.insert(key, zones.iter().copied().filter(is_seen).collect());
    }

    fn close(&mut self, interest: u16, by_cluster: bool) {
        self.contexts += 1;
        if by_cluster {
            let interest = InterestId(interest);
            self.agent.cluster(self.client.channel, &ClientAgent::RemoveInterest { interest });
            self.interests.remove(&(interest.0 | 0x8000));
        } else {
            self.believer.awaited.insert((interest, self.contexts));
            self.agent.says(self.client, remove_interest(interest, self.contexts));
            self.interests.remove(&interest);
        }
    }

    fn place(&mut self, do_id: u32, to: Location) {
        let version = self.versions;
        let Some(object) = self.objects.get_mut(&do_id) else {
            self.objects.insert(do_id, Object { at: to, is_own: false, version });
            return self.enter(do_id);
        };
        let old = std::mem::replace(&mut object.at, to);
        let own = object.is_own.then_some(self.client.channel);
        if old != to {
            let to_whom: Vec<_> = [old.channel()].into_iter().chain(own).collect();
            self.agent.cluster_from(AI, &to_whom, &changing(do_id, to, old));
            self.enter(do_id);
        }
    }

    fn enter(&mut self, do_id: u32) {
        self.with_state(do_id, |agent, _, object| {
            let message = StateServer::ObjectEnterLocationWithRequired { object };
            agent.cluster_from(object.do_id.channel(), &[object.location.channel()], &message);
        });
    }

    fn update(&mut self, do_id: u32) {
        self.versions = self.versions.wrapping_add(1);
        let Some(object) = self.objects.get_mut(&do_id) else { return };
        object.version = self.versions;
        let value = [self.versions];
        let (id, field, value) = (DoId(do_id), self.field, Rest(&value));
        let own = object.is_own.then_some(self.client.channel);
        let to: Vec<_> = [object.at.channel()].into_iter().chain(own).collect();
        let message = StateServer::ObjectSetField { do_id: id, field, value };
        self.agent.cluster_from(AI, &to, &message);
    }

    fn own(&mut self, do_id: u32, is_own: bool) {
        let Some(object) = self.objects.get_mut(&do_id) else { return };
        if std::mem::replace(&mut object.is_own, is_own) == is_own {
            return;
        }
        if is_own {
            self.with_state(do_id, |agent, owner, object| {
                let message = StateServer::ObjectEnterOwnerWithRequired { object };
                agent.cluster(owner, &message);
            });
        } else {
            let (do_id, old) = (DoId(do_id), self.client.channel);
            let message = StateServer::ObjectChangingOwner { do_id, new: Channel(5), old };
            self.agent.cluster(old, &message);
        }
    }

    /// The oldest question is answered with what is there now.
    fn answer(&mut self) {
        let Some((context, zones)) = self.questions.pop_front() else { return };
        let is_there = |object: &Object| zones.contains(&object.at.zone.0);
        let there = self.objects.iter().filter(|(_, object)| is_there(object));
        let there: Vec<u32> = there.map(|(&do_id, _)| do_id).collect();
        self.agent.answer_count(self.client, context, there.len() as u32);
        for do_id in there {
            self.with_state(do_id, |agent, asker, object| {
                let message = StateServer::ObjectEnterInterestWithRequired { context, object };
                agent.cluster_from(object.do_id.channel(), &[asker], &message);
            });
        }
    }

    fn listen(&mut self) {
        for (to, _, message) in self.agent.routed() {
            let mut reader = Reader::new(&message);
            let number = reader.u16().expect("a number");
            if to != [DoId(PARENT).channel()] {
                continue;
            }
            let message = StateServer::decode(number, &mut reader).expect("a message");
            let StateServer::ObjectGetZonesObjects { context, zones, .. } = message else {
                panic!("{message:?}");
            };
            self.questions.push_back((context, zones.iter().map(|zone| zone.0).collect()));
        }
        for datagram in self.agent.told(self.client) {
            self.believer.believe(&datagram);
        }
        assert!(self.agent.is_open(self.client));
    }

    fn settle(&mut self) {
        while !self.questions.is_empty() {
            self.answer();
            self.listen();
        }
        assert_eq!(self.believer.awaited, BTreeSet::new(), "never done");
        let is_one_view = self.view == OwnerView::Avatar;
        let mut seen = BTreeMap::new();
        let mut owned = BTreeMap::new();
        let mut avatars = BTreeSet::new();
        for (&do_id, object) in &self.objects {
            if self.covers(object.at) || is_one_view && object.is_own {
                seen.insert(do_id, (object.version, object.at));
            }
            if object.is_own && is_one_view {
                avatars.insert(do_id);
            } else if object.is_own {
                owned.insert(do_id, object.version);
            }
        }
        // Where an avatar is that has not moved since it is nobody has said.
        let known: BTreeMap<_, _> = self.believer.seen.clone();
        for (do_id, (version, at)) in &seen {
            let (told, told_at) = known.get(do_id).unwrap_or_else(|| panic!("{do_id} is unknown"));
            assert_eq!(told, version, "{do_id}");
            assert!(told_at == at || *told_at == NOWHERE && avatars.contains(do_id), "{do_id}");
        }
        assert_eq!(known.len(), seen.len(), "{known:?} instead of {seen:?}");
        assert_eq!(self.believer.owned, owned);
    }
}

/// Where an avatar is of which only its values are known.
const NOWHERE: Location = Location::new(DoId(0), ZoneId(0));

impl Believer {
    fn believe(&mut self, datagram: &[u8]) {
        let mut reader = Reader::new(datagram);
        let number = reader.u16().expect("a number");
        match Otp::decode(number, &mut reader).expect("a message") {
            Otp::Create { location, class_id, do_id, values: Rest(&[version]) } => {
                assert_eq!(class_id, class_of(do_id.0));
                let before = self.seen.insert(do_id.0, (version, location));
                assert_eq!(before, None, "{do_id} comes twice");
            }
            Otp::AvatarDetails { do_id, code: 0, values: Rest(&[version]) } => {
                let at = self.seen.get(&do_id.0).map_or(NOWHERE, |(_, at)| *at);
                self.seen.insert(do_id.0, (version, at));
                self.avatars.insert(do_id.0);
            }
            Otp::CreateOwner { do_id, values: Rest(&[version, 0, 0]), .. } => {
                assert_eq!(self.owned.insert(do_id.0, version), None, "{do_id} comes twice");
            }
            Otp::Disable { do_id } => {
                assert!(self.seen.remove(&do_id.0).is_some(), "{do_id} goes unseen");
                self.avatars.remove(&do_id.0);
            }
            Otp::DisableOwner { do_id } => {
                assert!(self.owned.remove(&do_id.0).is_some(), "{do_id} is lost unowned");
            }
            Otp::UpdateField { do_id, value: Rest(&[version]), .. } => {
                let seen = self.seen.get_mut(&do_id.0).map(|(known, _)| known);
                let all: Vec<_> = seen.into_iter().chain(self.owned.get_mut(&do_id.0)).collect();
                assert!(!all.is_empty(), "{do_id} changes unseen");
                all.into_iter().for_each(|known| *known = version);
            }
            Otp::ObjectLocation { do_id, location } => match self.seen.get_mut(&do_id.0) {
                Some((_, at)) => *at = location,
                None => assert!(self.owned.contains_key(&do_id.0), "{do_id} moves unseen"),
            },
            Otp::DoneInterestResp { interest, context } => {
                let was = self.awaited.remove(&(interest.0, context.0));
                assert!(was, "{} is done by context {}", interest.0, context.0);
            }
            message => panic!("{message:?}"),
        }
    }
}

proptest! {
    #[test]
    fn what_is_known_is_what_the_zones_hold(
        view in prop_oneof![Just(OwnerView::Avatar), Just(OwnerView::Object)],
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut world = World::new(view);
        for step in steps {
            world.take(step);
        }
        world.settle();
    }
}

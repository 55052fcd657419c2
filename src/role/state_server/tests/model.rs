//! Random worlds, compared with a plain model of what the rules say about them: who is where, and
//! whose AI and owner is who. The model knows nothing of messages.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::kit::*;
use crate::ids::{Channel, Context, DoId, Location, ZoneId};
use crate::message::{Cluster, List, StateServer as M};
use crate::object::testing::*;

const IDS: std::ops::Range<u32> = 1..9;
const ZONES: std::ops::Range<u32> = 0..4;

#[derive(Clone, Debug)]
enum Step {
    Create(u32, Location),
    Move(u32, Location),
    SetAi(u32, u64),
    SetOwner(u32, u64),
    Delete(u32),
    DeleteChildren(u32),
    DeleteAi(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let location = || (0..IDS.end, ZONES).prop_map(|(parent, zone)| at(parent, zone));
    let ai = || prop_oneof![Just(0), AI..AI + 3];
    let step = prop_oneof![
        4 => (IDS, location()).prop_map(|(id, at)| Step::Create(id, at)),
        4 => (IDS, location()).prop_map(|(id, at)| Step::Move(id, at)),
        3 => (IDS, ai()).prop_map(|(id, ai)| Step::SetAi(id, ai)),
        2 => (IDS, OWNER..OWNER + 3).prop_map(|(id, owner)| Step::SetOwner(id, owner)),
        1 => IDS.prop_map(Step::Delete),
        1 => IDS.prop_map(Step::DeleteChildren),
        1 => (AI..AI + 3).prop_map(Step::DeleteAi),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Object {
    location: Location,
    ai: u64,
    explicit: bool,
    owner: u64,
}

#[derive(Default)]
struct Model {
    objects: BTreeMap<u32, Object>,
}

impl Model {
    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Create(id, location) if !self.objects.contains_key(&id) => {
                self.objects.insert(id, Object::default());
                if self.may_be(id, location.parent.0) {
                    // Children that were there before are found, but not given an AI.
                    let object = self.objects.get_mut(&id).expect("just made");
                    object.location = location;
                    if let Some(parent) = self.objects.get(&location.parent.0) {
                        self.objects.get_mut(&id).expect("just made").ai = parent.ai;
                    }
                }
            }
            Step::Move(id, new)
                if self.objects.contains_key(&id) && self.may_be(id, new.parent.0) =>
            {
                let parent_ai = self.objects.get(&new.parent.0).map(|parent| parent.ai);
                let object = self.objects.get_mut(&id).expect("it is there");
                let old = std::mem::replace(&mut object.location, new);
                if old.parent == new.parent || object.explicit {
                } else if new.parent == DoId::NONE {
                    object.ai = 0;
                } else if let Some(ai) = parent_ai {
                    self.change_ai(id, ai, false);
                }
            }
            Step::SetAi(id, ai) => self.change_ai(id, ai, true),
            Step::SetOwner(id, owner) => {
                if let Some(object) = self.objects.get_mut(&id) {
                    object.owner = owner;
                }
            }
            Step::Delete(id) => self.delete(id),
            Step::DeleteChildren(id) if self.objects.contains_key(&id) => {
                self.children(id).into_iter().for_each(|child| self.delete(child));
            }
            Step::DeleteAi(ai) => {
                let of_ai = self.objects.iter().filter(|(_, o)| o.explicit && o.ai == ai);
                let of_ai: Vec<u32> = of_ai.map(|(id, _)| *id).collect();
                of_ai.into_iter().for_each(|id| self.delete(id));
            }
            Step::Create(..) | Step::Move(..) | Step::DeleteChildren(_) => {}
        }
    }

    fn may_be(&self, id: u32, parent: u32) -> bool {
        let mut ancestor = Some(parent);
        while let Some(above) = ancestor {
            if above == id {
                return false;
            }
            ancestor = self.objects.get(&above).map(|object| object.location.parent.0);
        }
        true
    }

    fn children(&self, id: u32) -> Vec<u32> {
        let children = self.objects.iter().filter(|(_, o)| o.location.parent == DoId(id));
        children.map(|(id, _)| *id).collect()
    }

    fn change_ai(&mut self, id: u32, ai: u64, explicit: bool) {
        let Some(object) = self.objects.get_mut(&id) else { return };
        if object.ai == ai {
            return;
        }
        (object.ai, object.explicit) = (ai, explicit);
        for child in self.children(id) {
            if !self.objects[&child].explicit {
                self.change_ai(child, ai, false);
            }
        }
    }

    fn delete(&mut self, id: u32) {
        if self.objects.remove(&id).is_some() {
            self.children(id).into_iter().for_each(|child| self.delete(child));
        }
    }
}

/// Whoever watches everything: what it has been told.
#[derive(Default)]
struct Watcher {
    /// Who is at each location channel.
    places: BTreeMap<u64, BTreeSet<u32>>,
    /// Which objects each owner has been given.
    given: BTreeMap<u64, BTreeSet<u32>>,
}

impl Watcher {
    fn watch(&mut self, sent: &Sent) {
        sent.decode(|message| match message {
            Cluster::StateServer(message) => self.hear(&sent.recipients, message),
            other => panic!("{other:?}"),
        });
    }

    fn hear(&mut self, to: &BTreeSet<u64>, message: M<'_>) {
        match message {
            M::ObjectEnterLocationWithRequired { object } => {
                for channel in to {
                    let new = self.places.entry(*channel).or_default().insert(object.do_id.0);
                    assert!(new, "{} enters {channel:#x} twice", object.do_id);
                }
            }
            M::ObjectEnterOwnerWithRequired { object } => {
                for channel in to {
                    self.given.entry(*channel).or_default().insert(object.do_id.0);
                }
            }
            M::ObjectChangingLocation { do_id, old, .. }
                if old.parent.is_some() && to.contains(&old.channel().0) =>
            {
                let was = self.places.entry(old.channel().0).or_default().remove(&do_id.0);
                assert!(was, "{do_id} leaves {old} where it was not");
            }
            M::ObjectDeleteRam { do_id } => {
                for channel in to {
                    self.places.entry(*channel).or_default().remove(&do_id.0);
                    self.given.entry(*channel).or_default().remove(&do_id.0);
                }
            }
            M::ObjectChangingAi { do_id, old, .. } | M::ObjectChangingOwner { do_id, old, .. } => {
                self.given.entry(old.0).or_default().remove(&do_id.0);
            }
            _ => {}
        }
    }

    fn places(&self) -> BTreeMap<u64, BTreeSet<u32>> {
        let places = self.places.iter().filter(|(_, objects)| !objects.is_empty());
        places.map(|(channel, objects)| (*channel, objects.clone())).collect()
    }
}

fn perform(server: &mut Server, step: &Step) -> Vec<Sent> {
    match *step {
        Step::Create(id, location) => server.create(id, location),
        Step::Move(id, location) => server.move_to(id, location),
        Step::SetAi(id, ai) => server.set_ai(id, ai),
        Step::SetOwner(id, owner) => server.set_owner(id, owner),
        Step::Delete(id) => server.delete(id),
        Step::DeleteChildren(id) => {
            let parent = DoId(id);
            server.tell(&[id.into()], ANYONE, &M::ObjectDeleteChildren { parent })
        }
        Step::DeleteAi(ai) => {
            server.tell(&[CONTROL], ANYONE, &M::DeleteAiObjects { ai: Channel(ai) })
        }
    }
}

/// The state of all objects, as the server has it.
fn actual(server: &Server) -> BTreeMap<u32, Object> {
    let objects = server.core.objects().iter().map(|object| {
        let state = Object {
            location: object.location(),
            ai: object.ai().0,
            explicit: object.ai_is_explicit(),
            owner: object.owner().0,
        };
        (object.do_id().0, state)
    });
    objects.collect()
}

fn check_subscriptions(server: &Server, model: &Model) {
    let mut expected = BTreeSet::from([12, 40, CONTROL]);
    for (id, object) in &model.objects {
        expected.insert(u64::from(*id));
        if object.location.parent.is_some() {
            expected.insert(object.location.parent.children().0);
        }
    }
    assert_eq!(server.outside.subscriptions, expected);
}

/// Every parent's answer about all its zones: the count, and exactly that many objects.
fn check_zones(server: &mut Server, model: &Model) {
    let zones: Vec<ZoneId> = ZONES.map(ZoneId).collect();
    for id in model.objects.keys() {
        let zones = List::new(&zones);
        let question = M::ObjectGetZonesObjects { context: Context(1), parent: DoId(*id), zones };
        let (mut count, mut entered) = (None, BTreeSet::new());
        for sent in server.tell(&[u64::from(*id)], ANYONE, &question) {
            sent.decode(|message| match message {
                Cluster::StateServer(M::ObjectGetZonesCountResp { count: told, .. }) => {
                    count = Some(told.0);
                }
                Cluster::StateServer(M::ObjectEnterInterestWithRequired { object, .. }) => {
                    assert!(entered.insert(object.do_id.0), "each once");
                }
                Cluster::StateServer(M::ObjectGetZonesObjects { .. }) => {}
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(entered, BTreeSet::from_iter(model.children(*id)), "children of {id}");
        assert_eq!(count, Some(entered.len() as u32), "children of {id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn objects_are_where_the_rules_say(steps in steps()) {
        let (mut server, mut model) = (Server::new(), Model::default());
        let mut watcher = Watcher::default();
        for step in &steps {
            for sent in perform(&mut server, step) {
                watcher.watch(&sent);
            }
            model.apply(step);
            prop_assert_eq!(actual(&server), model.objects.clone(), "after {:?}", step);
            check_subscriptions(&server, &model);
            check_zones(&mut server, &model);
            let mut places = BTreeMap::<u64, BTreeSet<u32>>::new();
            let mut given = BTreeMap::<u64, BTreeSet<u32>>::new();
            for (id, object) in &model.objects {
                if object.location.parent.is_some() {
                    places.entry(object.location.channel().0).or_default().insert(*id);
                }
                given.entry(object.owner).or_default().insert(*id);
            }
            prop_assert_eq!(watcher.places(), places, "after {:?}", step);
            for owner in OWNER..OWNER + 3 {
                let told = watcher.given.get(&owner).cloned().unwrap_or_default();
                prop_assert_eq!(told, given.remove(&owner).unwrap_or_default(), "{:?}", step);
            }
        }
    }
}

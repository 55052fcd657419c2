//! What concerns many objects is told in slices, and nobody can see the difference: random worlds.
//!
//! Two servers are told the same. One tells everything at once, the other has room for few objects at a time and
//! goes on now and then. What is compared: **whoever listens on a channel gets the same messages about each object in
//! the same order**; and in the end both have the same objects in the same state and listen to the same channels.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use proptest::prelude::*;

use super::kit::*;
use crate::ids::{Channel, Context, DoId, Location, ZoneId};
use crate::message::{Cluster, List, StateServer as M};
use crate::object::testing::*;

const IDS: std::ops::Range<u32> = 1..14;
pub const ZONES: std::ops::Range<u32> = 0..3;

/// What somebody does.
#[derive(Clone, Debug)]
pub enum Step {
    Create(u32, Location),
    Move(u32, Location),
    SetAi(u32, u64),
    SetOwner(u32, u64),
    Delete(u32),
    DeleteChildren(u32),
    DeleteZones(u32, Vec<u32>),
    DeleteAi(u64),
    AskAi(u32),
    AskZones(u32, Vec<u32>),
    /// To the children of a parent and an object, whoever that is.
    AskAll(u32, u32),
}

fn steps() -> impl Strategy<Value = Vec<(Step, usize, usize)>> {
    // Parents are few, so that they have children.
    let location = || (0..IDS.end / 2, ZONES).prop_map(|(parent, zone)| at(parent, zone));
    let ai = || prop_oneof![Just(0), AI..AI + 3];
    // A zone that is named twice counts twice, which is not what this is about.
    let zones = || prop::collection::btree_set(ZONES, 1..3).prop_map(Vec::from_iter);
    let step = prop_oneof![
        6 => (IDS, location()).prop_map(|(id, at)| Step::Create(id, at)),
        3 => (IDS, location()).prop_map(|(id, at)| Step::Move(id, at)),
        3 => (IDS, ai()).prop_map(|(id, ai)| Step::SetAi(id, ai)),
        1 => (IDS, OWNER..OWNER + 3).prop_map(|(id, owner)| Step::SetOwner(id, owner)),
        1 => IDS.prop_map(Step::Delete),
        1 => IDS.prop_map(Step::DeleteChildren),
        1 => (IDS, zones()).prop_map(|(id, zones)| Step::DeleteZones(id, zones)),
        1 => (AI..AI + 3).prop_map(Step::DeleteAi),
        2 => IDS.prop_map(Step::AskAi),
        3 => (IDS, zones()).prop_map(|(id, zones)| Step::AskZones(id, zones)),
        1 => (IDS, IDS).prop_map(|(parent, id)| Step::AskAll(parent, id)),
    ];
    prop::collection::vec((step, 0..4usize, 0..4usize), 1..60)
}

pub fn perform(server: &mut Server, step: &Step, context: u32) -> Vec<Sent> {
    let (context, asker) = (Context(context), ANYONE);
    let ids = |zones: &[u32]| -> Vec<ZoneId> { zones.iter().copied().map(ZoneId).collect() };
    match *step {
        Step::Create(id, location) => server.create(id, location),
        Step::Move(id, location) => server.move_to(id, location),
        Step::SetAi(id, ai) => server.set_ai(id, ai),
        Step::SetOwner(id, owner) => server.set_owner(id, owner),
        Step::Delete(id) => server.delete(id),
        Step::DeleteChildren(id) => {
            let parent = DoId(id);
            server.tell(&[id.into()], asker, &M::ObjectDeleteChildren { parent })
        }
        Step::DeleteZones(id, ref zones) => {
            let zones = &ids(zones);
            let order = M::ObjectDeleteZones { zones: List::new(zones) };
            server.tell(&[id.into()], asker, &order)
        }
        Step::DeleteAi(ai) => {
            server.tell(&[CONTROL], asker, &M::DeleteAiObjects { ai: Channel(ai) })
        }
        Step::AskAi(id) => server.tell(&[id.into()], asker, &M::ObjectGetAi { context }),
        Step::AskZones(id, ref zones) => {
            let (parent, zones) = (DoId(id), &ids(zones));
            let question = M::ObjectGetZonesObjects { context, parent, zones: List::new(zones) };
            server.tell(&[id.into()], asker, &question)
        }
        Step::AskAll(parent, id) => {
            let to = [children(parent), id.into()];
            server.tell(&to, asker, &M::ObjectGetOwner { context })
        }
    }
}

/// By channel and object, what is said on that channel about the object.
pub type Heard = BTreeMap<(u64, u64), Vec<Sent>>;

pub fn hear(heard: &mut Heard, all: Vec<Sent>) {
    for sent in all {
        let subject = sent.decode(subject).unwrap_or(sent.sender);
        for &channel in &sent.recipients {
            let one = Sent { recipients: [channel].into(), ..sent.clone() };
            heard.entry((channel, subject)).or_default().push(one);
        }
    }
}

fn subject(message: Cluster<'_>) -> Option<u64> {
    let do_id = match message {
        Cluster::StateServer(
            M::ObjectChangingLocation { do_id, .. }
            | M::ObjectGetLocationResp { do_id, .. }
            | M::ObjectChangingAi { do_id, .. }
            | M::ObjectGetAiResp { do_id, .. }
            | M::ObjectChangingOwner { do_id, .. }
            | M::ObjectGetOwnerResp { do_id, .. }
            | M::ObjectDeleteRam { do_id }
            | M::ObjectDeleteChildren { parent: do_id },
        ) => do_id,
        Cluster::StateServer(
            M::ObjectEnterLocationWithRequired { object }
            | M::ObjectEnterInterestWithRequired { object, .. }
            | M::ObjectEnterAiWithRequired { object }
            | M::ObjectEnterOwnerWithRequired { object },
        ) => object.do_id,
        _ => return None,
    };
    Some(do_id.channel().0)
}

/// What each question about zones was told: how many there are, and who entered.
pub fn answers(heard: &Heard) -> BTreeMap<u32, (u32, u32)> {
    let mut answers = BTreeMap::<u32, (u32, u32)>::new();
    for sent in heard.values().flatten() {
        sent.decode(|message| match message {
            Cluster::StateServer(M::ObjectGetZonesCountResp { context, count }) => {
                answers.entry(context.0).or_default().0 = count.0;
            }
            Cluster::StateServer(M::ObjectEnterInterestWithRequired { context, .. }) => {
                answers.entry(context.0).or_default().1 += 1;
            }
            _ => {}
        });
    }
    answers
}

/// All about an object that makes a difference.
pub fn objects(server: &Server) -> BTreeMap<DoId, (Location, Channel, bool, Channel)> {
    let all = server.core.objects().iter().map(|object| {
        let state = (object.location(), object.ai(), object.ai_is_explicit(), object.owner());
        (object.do_id(), state)
    });
    all.collect()
}

fn has_children(server: &Server, id: u32) -> bool {
    server.core.objects().iter().any(|object| object.location().parent == DoId(id))
}

impl Server {
    pub fn go_on(&mut self, steps: usize) -> (Vec<Sent>, bool) {
        self.outside.effects.grant(steps);
        let more = self.core.resume(Instant::now(), steps, &mut self.outside.effects);
        (self.outside.give_back(&mut self.core, Instant::now()), more)
    }

    pub fn finish(&mut self, steps: usize, heard: &mut Heard) {
        for _ in 0..100_000 {
            let (sent, more) = self.go_on(steps);
            hear(heard, sent);
            if !more {
                return;
            }
        }
        panic!("it has no end");
    }
}

/// What a server that tells everything at once says, and how much of it the other one has said.
#[derive(Default)]
struct Tale {
    expected: Heard,
    told: BTreeMap<(u64, u64), usize>,
}

impl Tale {
    /// Nothing is said too much, too early, or out of order.
    ///
    /// But whoever has a child that has yet to hear that its own AI is lost may say something to it before it goes. There
    /// is nobody who hears that: the channel of its children is nobody's.
    fn follow(&mut self, heard: Heard, nobodys: &BTreeSet<u64>) -> Result<(), TestCaseError> {
        for (key, all) in heard {
            let expected = self.expected.get(&key).map_or(&[][..], |all| all);
            let told = self.told.entry(key).or_default();
            for sent in all {
                if expected.get(*told) == Some(&sent) {
                    *told += 1;
                } else if !nobodys.contains(&key.0) {
                    let expected = expected.get(*told);
                    prop_assert_eq!(Some(&sent), expected, "on channel {:?}", key);
                }
            }
        }
        Ok(())
    }

    fn is_told_to_the_end(&self) -> Result<(), TestCaseError> {
        for (key, expected) in &self.expected {
            let told = self.told.get(key).copied().unwrap_or_default();
            prop_assert_eq!(told, expected.len(), "{:?} on channel {:?}", &expected[told..], key);
        }
        Ok(())
    }
}

/// The channels of the children of objects that have none.
fn without_children(server: &Server) -> BTreeSet<u64> {
    (0..IDS.end).filter(|&id| !has_children(server, id)).map(children).collect()
}

/// Has two servers do the same, of which one has only as much room as each step says, and goes on for a bit after it.
fn compare(steps: &[(Step, usize, usize)]) -> Result<(), TestCaseError> {
    let (mut whole, mut sliced) = (Server::new(), Server::new());
    let (mut tale, mut all) = (Tale::default(), Heard::new());
    for (context, (step, room, go_on)) in (100..).zip(steps) {
        let mut nobodys = without_children(&whole);
        hear(&mut tale.expected, perform(&mut whole, step, context));
        nobodys.extend(without_children(&whole));
        // A parent that comes after its children counts them as they answer, wherever they are: that is another
        // test's.
        let finds_children = matches!(step, Step::Create(id, _) if has_children(&sliced, *id));
        sliced.outside.effects.grant(if finds_children { usize::MAX } else { *room });
        let mut sent = perform(&mut sliced, step, context);
        sent.extend(sliced.go_on(*go_on).0);
        let mut heard = Heard::new();
        hear(&mut heard, sent.clone());
        hear(&mut all, sent);
        tale.follow(heard, &nobodys)?;
    }
    let mut heard = Heard::new();
    sliced.finish(5, &mut heard);
    for (key, sent) in &heard {
        all.entry(*key).or_default().extend(sent.iter().cloned());
    }
    tale.follow(heard, &without_children(&whole))?;
    tale.is_told_to_the_end()?;
    prop_assert_eq!(objects(&sliced), objects(&whole));
    prop_assert_eq!(&sliced.outside.subscriptions, &whole.outside.subscriptions);
    for (context, (count, entered)) in answers(&all) {
        prop_assert_eq!(count, entered, "the count of question {} is honoured", context);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nobody_sees_that_it_was_told_in_slices(steps in steps()) {
        compare(&steps)?;
    }
}

#[test]
fn what_was_done_to_those_above_comes_before_the_loss_of_an_ai() {
    let create = |id, parent, zone| Step::Create(id, at(parent, zone));
    let steps = [
        create(6, 3, 1),
        create(3, 2, 0),
        create(5, 1, 0),
        create(13, 5, 0),
        create(1, 0, 0),
        Step::Move(1, at(6, 0)),
        Step::SetAi(13, AI),
        Step::DeleteZones(3, vec![1]),
        Step::DeleteAi(AI),
    ];
    for go_on in 0..4 {
        let steps = steps.clone().map(|step| (step, 0, go_on));
        compare(&steps).expect("no difference");
    }
}

#[test]
fn what_is_said_to_those_who_are_about_to_go_with_an_ai_is_heard_by_nobody() {
    let create = |id, parent| Step::Create(id, at(parent, 0));
    let chain = [create(5, 1), create(4, 5), create(3, 4), create(7, 3)];
    for top in [Step::SetAi(5, AI), Step::SetAi(5, AI + 1)] {
        let lost = [top, Step::SetAi(7, AI), Step::DeleteAi(AI), Step::SetAi(5, AI + 2)];
        let steps: Vec<_> = chain.iter().cloned().chain(lost).map(|step| (step, 0, 0)).collect();
        compare(&steps).expect("no difference");
    }
}

#[test]
fn who_is_ahead_of_those_above_has_them_catch_up_all_the_same() {
    let create = |id, parent| (Step::Create(id, at(parent, 0)), 0);
    // Whose turn it is goes round with each step.
    for (first, then) in (0..6).flat_map(|first| (0..6).map(move |then| (first, then))) {
        let chain = [create(3, 1), create(4, 3), create(5, 4), create(6, 5), create(9, 0)];
        let lost =
            [(Step::SetAi(3, AI), 0), (Step::DeleteChildren(4), first), (Step::AskAi(9), then)];
        for last in [Step::Move(6, at(0, 0)), Step::AskAi(6), Step::DeleteAi(AI)] {
            let steps = chain.iter().cloned().chain(lost.clone()).chain([(last, 0)]);
            let steps: Vec<_> = steps.map(|(step, go_on)| (step, 0, go_on)).collect();
            compare(&steps).expect("no difference");
        }
    }
}

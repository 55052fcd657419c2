//! What concerns many objects is told in slices, and nobody can see the difference.
//!
//! Two servers are told the same. One tells everything at once, the other has room for few objects at a time and
//! goes on now and then. What is compared: **whoever listens on a channel gets the same messages about each object in
//! the same order**; and in the end both have the same objects in the same state and listen to the same channels.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::kit::*;
use crate::config::StateServerConfig;
use crate::hash::Seed;
use crate::ids::{Channel, Context, DoId, Location, ZoneId};
use crate::message::{Cluster, List, StateServer as M};
use crate::object::testing::*;
use crate::role::state_server::StateServer;
use crate::router::{Fed, Load, Router, Sink};
use crate::wire::{Frame, write_frame};

const IDS: std::ops::Range<u32> = 1..14;
const ZONES: std::ops::Range<u32> = 0..3;

#[derive(Clone, Debug)]
enum Step {
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

fn perform(server: &mut Server, step: &Step, context: u32) -> Vec<Sent> {
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
type Heard = BTreeMap<(u64, u64), Vec<Sent>>;

fn hear(heard: &mut Heard, all: Vec<Sent>) {
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
fn answers(heard: &Heard) -> BTreeMap<u32, (u32, u32)> {
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
fn objects(server: &Server) -> BTreeMap<DoId, (Location, Channel, bool, Channel)> {
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
    fn go_on(&mut self, steps: usize) -> (Vec<Sent>, bool) {
        self.outside.effects.grant(steps);
        let more = self.core.resume(Instant::now(), steps, &mut self.outside.effects);
        (self.outside.give_back(&mut self.core, Instant::now()), more)
    }

    fn finish(&mut self, steps: usize, heard: &mut Heard) {
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

/// Has two servers do the same, of which one has only as much room as each step says, and goes on for a bit after it.
fn compare(steps: &[(Step, usize, usize)]) -> Result<(), TestCaseError> {
    let (mut whole, mut sliced) = (Server::new(), Server::new());
    let (mut expected, mut heard) = (Heard::new(), Heard::new());
    for (context, (step, room, go_on)) in (100..).zip(steps) {
        hear(&mut expected, perform(&mut whole, step, context));
        // A parent that comes after its children counts them as they answer, wherever they are: that is another
        // test's.
        let finds_children = matches!(step, Step::Create(id, _) if has_children(&sliced, *id));
        sliced.outside.effects.grant(if finds_children { usize::MAX } else { *room });
        hear(&mut heard, perform(&mut sliced, step, context));
        hear(&mut heard, sliced.go_on(*go_on).0);
    }
    sliced.finish(5, &mut heard);
    prop_assert_eq!(objects(&sliced), objects(&whole));
    prop_assert_eq!(&sliced.outside.subscriptions, &whole.outside.subscriptions);
    for (context, (count, entered)) in answers(&heard) {
        prop_assert_eq!(count, entered, "the count of question {} is honoured", context);
    }
    for (key, expected) in &expected {
        prop_assert_eq!(heard.get(key), Some(expected), "on channel {:?}", key);
    }
    prop_assert_eq!(heard.len(), expected.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nobody_sees_that_it_was_told_in_slices(steps in steps()) {
        compare(&steps)?;
    }
}

/// Objects of the worlds below.
const MANY: u32 = 300;
/// How many may be told of in one hold, and what telling of one can take.
const ROOM: usize = 15;
const MESSAGES_EACH: usize = 5;

/// The parent in them. (The channel of the children of object 1 is that of its own zone 1, too.)
const PARENT: u32 = 5;

/// A parent with an AI and many children.
fn family(server: &mut Server) {
    server.create(PARENT, at(900_000, 0));
    server.set_ai(PARENT, AI);
    (0..MANY).for_each(|n| drop(server.create(1000 + n, at(PARENT, n % 3))));
}

/// Children whose parent is not there yet.
fn orphans(server: &mut Server) {
    (0..MANY).for_each(|n| drop(server.create(1000 + n, at(PARENT, n % 3))));
}

/// Objects each of which is below the one before.
fn chain(server: &mut Server) {
    server.create(1000, at(900_000, 0));
    (1..MANY).for_each(|n| drop(server.create(1000 + n, at(999 + n, 0))));
}

fn of_one_ai(server: &mut Server) {
    orphans(server);
    (0..MANY).for_each(|n| drop(server.set_ai(1000 + n, AI)));
}

#[test]
fn no_hold_tells_of_more_than_there_is_room_for() {
    let zones = || Vec::from_iter(ZONES);
    let kinds: [(fn(&mut Server), Step); 9] = [
        (family, Step::Delete(PARENT)),
        (family, Step::DeleteChildren(PARENT)),
        (family, Step::DeleteZones(PARENT, zones())),
        (family, Step::SetAi(PARENT, AI + 1)),
        (family, Step::AskZones(PARENT, zones())),
        (orphans, Step::Create(PARENT, at(900_000, 0))),
        (chain, Step::Delete(1000)),
        (chain, Step::SetAi(1000, AI)),
        (of_one_ai, Step::DeleteAi(AI)),
    ];
    for (make, step) in kinds {
        let (mut whole, mut sliced) = (Server::new(), Server::new());
        make(&mut whole);
        make(&mut sliced);
        let (mut expected, mut heard) = (Heard::new(), Heard::new());
        hear(&mut expected, perform(&mut whole, &step, 1));
        sliced.outside.effects.grant(ROOM);
        let mut sent = perform(&mut sliced, &step, 1);
        let mut more = true;
        let mut holds = 0;
        while more {
            assert!(sent.len() <= ROOM * MESSAGES_EACH, "{} for {step:?}", sent.len());
            hear(&mut heard, sent);
            (sent, more) = sliced.go_on(ROOM);
            holds += 1;
        }
        hear(&mut heard, sent);
        assert!(holds > MANY as usize / ROOM / 2, "{holds} holds for {step:?}");
        assert_eq!(objects(&sliced), objects(&whole), "after {step:?}");
        assert!(heard == expected, "others hear of {step:?}");
    }
}

#[test]
fn an_object_that_others_speak_to_is_told_first() {
    let mut server = Server::new();
    chain(&mut server);
    server.outside.effects.grant(0);
    server.delete(1000);
    let last = 1000 + MANY - 1;
    assert!(server.has(last), "it has not been told yet");
    // Who makes it anew at once finds its place free, however deep it was.
    let before = server.get(last).location();
    server.create(last, at(900_000, 5));
    assert_ne!(server.get(last).location(), before);
    while server.go_on(ROOM).1 {}
    assert_eq!(objects(&server).len(), 1);
    assert_eq!(server.get(last).location(), at(900_000, 5));
}

#[test]
fn a_count_is_honoured_while_a_parent_is_still_finding_its_children() {
    let mut server = Server::new();
    orphans(&mut server);
    server.outside.effects.grant(ROOM);
    let mut heard = Heard::new();
    hear(&mut heard, server.create(PARENT, at(900_000, 0)));
    hear(&mut heard, perform(&mut server, &Step::AskZones(PARENT, vec![0, 1, 2]), 77));
    server.finish(ROOM, &mut heard);
    let (count, entered) = answers(&heard)[&77];
    assert_eq!(count, entered);
    assert!(count < MANY, "the others answer as they do while they are not counted");
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
fn who_is_about_to_go_with_an_ai_is_not_counted() {
    let counts = |server: &mut Server, room: usize| {
        family(server);
        (0..MANY).filter(|n| n % 3 > 0).for_each(|n| drop(server.set_ai(1000 + n, AI + 1)));
        server.outside.effects.grant(room);
        let mut heard = Heard::new();
        hear(&mut heard, perform(server, &Step::DeleteAi(AI + 1), 0));
        let (parent, zones) = (DoId(PARENT), [0, 1, 2].map(ZoneId));
        let mut ask =
            |question: &M<'_>| hear(&mut heard, server.tell(&[PARENT.into()], ANYONE, question));
        ask(&M::ObjectGetZonesObjects { context: Context(1), parent, zones: List::new(&zones) });
        ask(&M::ObjectGetZoneObjects { context: Context(2), location: at(PARENT, 1) });
        ask(&M::ObjectGetZonesCount { context: Context(3), zones: List::new(&zones) });
        ask(&M::ObjectGetZoneCount { context: Context(4), zone: ZoneId(1) });
        ask(&M::ObjectGetChildCount { context: Context(5) });
        ask(&M::GetActiveZones { context: Context(6) });
        server.finish(ROOM, &mut heard);
        let numbers = |sent: &Sent| {
            sent.decode(|message| match message {
                Cluster::StateServer(
                    M::ObjectGetZonesCountResp { context, count }
                    | M::ObjectGetZoneCountResp { context, count }
                    | M::ObjectGetChildCountResp { context, count },
                ) => Some((context.0, count.0)),
                Cluster::StateServer(M::GetActiveZonesResp { context, zones }) => {
                    Some((context.0, zones.iter().count() as u32))
                }
                _ => None,
            })
        };
        let told: BTreeSet<_> = heard.values().flatten().filter_map(numbers).collect();
        (answers(&heard), told)
    };
    let (answers, told) = counts(&mut Server::new(), ROOM);
    let (expected, expected_told) = counts(&mut Server::new(), usize::MAX);
    assert_eq!(answers[&1], (MANY / 3, MANY / 3));
    assert_eq!((answers, told), (expected, expected_told));
}

#[test]
fn the_last_of_many_orders_holds() {
    let mut server = Server::new();
    family(&mut server);
    let flood = 200;
    for n in 0..flood {
        server.outside.effects.grant(0);
        let sent = server.set_ai(PARENT, AI + n);
        assert!(sent.len() <= ROOM, "{} for order {n}", sent.len());
    }
    let ais = |server: &Server| -> BTreeSet<u64> {
        server.core.objects().iter().map(|object| object.ai().0).collect()
    };
    while server.go_on(ROOM).1 {}
    assert_eq!(ais(&server), BTreeSet::from([AI + flood - 1]));
}

/// So many letters may wait for the same children.
const WAITING_MAX: u32 = 64;

/// Asks that often for the children of the parent of a [`family`].
fn ask(server: &mut Server, heard: &mut Heard, times: u32) {
    for context in 0..times {
        server.outside.effects.grant(0);
        hear(heard, perform(server, &Step::AskZones(PARENT, vec![0, 1, 2]), context));
    }
}

#[test]
fn who_is_told_at_once_is_not_told_again() {
    let mut server = Server::new();
    family(&mut server);
    let mut heard = Heard::new();
    ask(&mut server, &mut heard, WAITING_MAX);
    server.outside.effects.grant(ROOM);
    hear(&mut heard, perform(&mut server, &Step::AskZones(PARENT, vec![0, 1, 2]), WAITING_MAX));
    server.finish(ROOM, &mut heard);
    let answers = answers(&heard);
    assert_eq!(answers.len(), WAITING_MAX as usize + 1);
    for (context, (count, entered)) in answers {
        assert_eq!((count, entered), (MANY, MANY), "question {context}");
    }
}

#[test]
fn no_question_is_answered_by_all_at_once_however_many_wait() {
    for room in [0, ROOM] {
        let (mut server, mut heard) = (Server::new(), Heard::new());
        family(&mut server);
        let last = WAITING_MAX + 5;
        ask(&mut server, &mut heard, last);
        server.outside.effects.grant(room);
        let sent = perform(&mut server, &Step::AskZones(PARENT, vec![0, 1, 2]), last);
        assert!(sent.len() <= ROOM + last as usize, "{} with room for {room}", sent.len());
        hear(&mut heard, sent);
        server.finish(ROOM, &mut heard);
        for (context, (count, entered)) in answers(&heard) {
            assert_eq!((count, entered), (MANY, MANY), "question {context}");
        }
    }
}

#[test]
fn those_who_have_much_to_catch_up_with_take_the_room_that_it_needs() {
    let (mut server, mut heard) = (Server::new(), Heard::new());
    family(&mut server);
    ask(&mut server, &mut heard, WAITING_MAX - 1);
    server.outside.effects.grant(ROOM);
    let sent = perform(&mut server, &Step::AskZones(PARENT, vec![0, 1, 2]), WAITING_MAX);
    assert!(sent.len() <= ROOM + WAITING_MAX as usize, "{}", sent.len());
}

#[test]
fn who_is_named_twice_is_asked_once() {
    let (mut server, mut heard) = (Server::new(), Heard::new());
    family(&mut server);
    server.outside.effects.grant(0);
    let to = [children(PARENT), children(PARENT)];
    hear(&mut heard, server.tell(&to, ANYONE, &M::ObjectGetOwner { context: Context(1) }));
    server.finish(ROOM, &mut heard);
    assert_eq!(heard.values().map(Vec::len).sum::<usize>(), MANY as usize);
}

/// Somebody who hears nothing.
struct Deaf;

impl Sink for Deaf {
    fn push(&self, _: Frame<'_>) -> Load {
        Load::Fine
    }

    fn announce(&self) {}
}

#[tokio::test]
async fn the_router_is_held_for_few_objects_at_a_time() {
    let (router, shutdown) = (Router::new(), CancellationToken::new());
    let config = StateServerConfig { control: Channel(CONTROL) };
    let server = StateServer::new(&config, schema(), Seed::fixed(0));
    let role = router.join_role("state server", server);
    role.turn(|core, _, out| core.start(out)).expect("no panic");
    let speaker = router.join("speaker", Arc::new(Deaf));
    let tell = |datagram: &[u8]| {
        let mut frame = Vec::new();
        write_frame(&mut frame, |writer| writer.raw(datagram)).expect("small");
        speaker.batch().route(Frame::new(&frame).expect("one frame"));
    };
    let object = |do_id, at| {
        let object = state(do_id, at, "Empty", &[]);
        datagram(&[CONTROL], ANYONE, &M::CreateObjectWithRequired { object })
    };
    tell(&object(PARENT, at(900_000, 0)));
    let many = 4 * MANY;
    (0..many).for_each(|n| tell(&object(1000 + n, at(PARENT, 0))));
    let script = async {
        let do_id = DoId(PARENT);
        tell(&datagram(&[PARENT.into()], ANYONE, &M::ObjectDeleteRam { do_id }));
        while role.turn(|core, _, _| core.objects().len()).expect("no panic") > 0 {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    };
    tokio::join!(role.drive(&shutdown), script);
    let most = router.holds().most().datagrams;
    assert!(most > 0 && most < many.into(), "{most} datagrams in one hold");
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_waits_until_others_have_been_answered() {
    let (router, shutdown) = (Router::new(), CancellationToken::new());
    let config = StateServerConfig { control: Channel(CONTROL) };
    let server = StateServer::new(&config, schema(), Seed::fixed(0));
    let role = router.join_role("state server", server);
    role.turn(|core, _, out| core.start(out)).expect("no panic");
    let speaker = router.join("speaker", Arc::new(Deaf));
    let tell = |fed: &mut Fed, datagram: &[u8]| {
        let mut frame = Vec::new();
        write_frame(&mut frame, |writer| writer.raw(datagram)).expect("small");
        let mut batch = speaker.batch_feeding(fed);
        batch.route(Frame::new(&frame).expect("one frame"));
        batch.is_over()
    };
    let mut fed = Fed::default();
    for do_id in [PARENT, PARENT + 1] {
        let object = state(do_id, at(900_000, 0), "Empty", &[]);
        tell(&mut fed, &datagram(&[CONTROL], ANYONE, &M::CreateObjectWithRequired { object }));
    }
    for n in 0..4 * MANY {
        let object = state(1000 + n, at(PARENT + n % 2, 0), "Empty", &[]);
        tell(&mut fed, &datagram(&[CONTROL], ANYONE, &M::CreateObjectWithRequired { object }));
    }
    let zones = [ZoneId(0)];
    let question = |parent: u32, context: u32| {
        let (context, zones) = (Context(context), List::new(&zones));
        let question = M::ObjectGetZonesObjects { context, parent: DoId(parent), zones };
        datagram(&[parent.into()], ANYONE, &question)
    };
    // Each hold tells some of them, but fewer than there are.
    let mut context = 0;
    while !tell(&mut fed, &question(PARENT, context)) {
        context += 1;
        assert!(context < 1000, "nobody waits");
    }
    assert!(context >= WAITING_MAX);
    let mut others = Fed::default();
    assert!(
        !tell(&mut others, &question(PARENT + 1, 0)),
        "it is not others who have asked too often"
    );
    let waiting = async {
        fed.room().await;
        shutdown.cancel();
    };
    tokio::pin!(waiting);
    tokio::select! {
        biased;
        () = &mut waiting => panic!("there is no room yet"),
        () = std::future::ready(()) => {}
    }
    tokio::join!(role.drive(&shutdown), waiting);
}

#[test]
fn large_objects_take_more_of_the_room() {
    const BYTES: usize = 20_000;
    let mut server = Server::new();
    server.create(PARENT, at(900_000, 0));
    let text = [&(BYTES as u16).to_le_bytes()[..], &[b'x'; BYTES]].concat();
    for n in 0..MANY {
        // A label, and what else is required.
        server.create_of(1000 + n, at(PARENT, 0), "Thing", &[&text[..], &[1, 0, 2]].concat());
    }
    server.outside.effects.grant(100);
    let sent = perform(&mut server, &Step::AskZones(PARENT, vec![0]), 77);
    let mut heard = Heard::new();
    let at_once = sent.iter().map(|sent| sent.message.len()).sum::<usize>();
    hear(&mut heard, sent);
    server.finish(100, &mut heard);
    assert_eq!(answers(&heard)[&77], (MANY, MANY));
    assert!(at_once < 10 * BYTES, "{at_once} bytes");
}

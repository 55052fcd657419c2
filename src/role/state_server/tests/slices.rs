//! What concerns many objects is told in slices: how much at a time, and who waits.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::alike::{Heard, Step, ZONES, answers, hear, objects, perform};
use super::kit::*;
use crate::config::StateServerConfig;
use crate::hash::Seed;
use crate::ids::{Channel, Context, DoId, ZoneId};
use crate::message::{Cluster, List, StateServer as M};
use crate::object::testing::*;
use crate::role::state_server::StateServer;
use crate::router::{Fed, Load, Router, Sink};
use crate::wire::{Frame, write_frame};

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

//! What somebody who has left wanted said reaches a daemon that was away then, when it is back.

use crate::client_agent::{self, HERE, avatar_at};
use crate::harness::*;
use crate::state_server::{create, delete_ram, set_ai};

/// A state server's.
const CONTROL: Channel = Channel(4_000);
const ACTOR: Channel = Channel(5_100);
const AI: Channel = Channel(6_000);
const CANARY: Channel = Channel(7_000);
const OLD: DoId = DoId(10_001);
const OTHER: DoId = DoId(10_002);
const NEW: DoId = DoId(10_003);
const EPOCH: u64 = 77;

const LAST_WORDS: StateServer<'static> = StateServer::DeleteAiObjects { ai: AI };

const fn hello(epoch: u64, capabilities: u32) -> Control<'static> {
    Control::Hello { version: Control::VERSION, epoch, capabilities }
}

/// An AI, whose objects are to be deleted when it has left.
fn ai(daemon: &Daemon) -> Link {
    let mut ai = daemon.link();
    let datagram = datagram_of(CONTROL, AI, &LAST_WORDS);
    ai.control(&Control::AddPostRemove { sender: AI, datagram: Blob(&datagram) });
    ai.sync();
    ai
}

/// Somebody at a daemon who hears what is said there.
fn hearer(daemon: &Daemon, channel: Channel) -> Link {
    let mut hearer = daemon.link();
    hearer.subscribe(channel);
    hearer
}

fn root() -> Setup {
    Setup::new().director("settle_ms: 300").daemon("name: root")
}

/// A root, and a state server below it whose line can be cut. It has an object that is an AI's, and another one.
struct Stage {
    root: Daemon,
    line: Line,
    world: Daemon,
    maker: Link,
    /// Hears of the objects where they are.
    watcher: Link,
}

impl Stage {
    fn new() -> Self {
        let root = root().start();
        let line = Line::to(root.address("MD"));
        let world = Setup::new()
            .director(format!("connect: {}", line.address()))
            .director("settle_ms: 300")
            .daemon("name: world")
            .role("type: stateserver, control: 4000")
            .start();
        let (mut maker, mut watcher) = (world.link(), hearer(&world, HERE.channel()));
        make(&mut maker, &mut watcher, OTHER);
        make(&mut maker, &mut watcher, OLD);
        maker.send(OLD, ACTOR, &set_ai(AI));
        watcher.expect_nothing_by(&mut maker, OLD);
        maker.sync_up_to(&root);
        Stage { root, line, world, maker, watcher }
    }

    /// Cuts the line; both ends have noticed.
    fn cut(&mut self) {
        let mut at_root = hearer(&self.root, CANARY);
        let mut canary = self.world.link();
        let datagram = datagram_of(CANARY, CANARY, &LAST_WORDS);
        canary.control(&Control::AddPostRemove { sender: CANARY, datagram: Blob(&datagram) });
        canary.sync_up_to(&self.root);
        self.line.cut();
        at_root.expect(CANARY, CANARY, &LAST_WORDS);
        let is_lost = || self.world.log().contains("message director lost").then_some(());
        wait_until("the loss is noticed", is_lost);
    }

    /// Expects the AI's object to be deleted, and the other one to be there.
    fn expect_deletion(&mut self) {
        self.watcher.expect([HERE.channel(), AI], AI, &delete_ram(OLD));
        self.expect_there(OTHER);
    }

    /// Expects that an object is there, and deletes it.
    fn expect_there(&mut self, do_id: DoId) {
        self.maker.send(do_id, ACTOR, &delete_ram(do_id));
        let deleted = self.watcher.receive();
        assert_eq!(deleted.envelope().sender, ACTOR, "{deleted:?}");
        let Cluster::StateServer(deletion) = deleted.message() else { panic!("{deleted:?}") };
        assert_eq!(deletion, delete_ram(do_id));
    }
}

/// Makes an object.
fn make(maker: &mut Link, watcher: &mut Link, do_id: DoId) {
    let values = client_agent::seen();
    maker.send(CONTROL, ACTOR, &create(avatar_at(do_id, HERE, &values)));
    let entered = watcher.receive();
    assert_eq!(entered.envelope().sender, do_id.channel(), "{entered:?}");
}

/// Ends an AI, and waits until the root has heard what it wanted said.
fn end(ai: Link, root: &Daemon) {
    let mut at_root = hearer(root, CONTROL);
    ai.close();
    at_root.expect(CONTROL, AI, &LAST_WORDS);
}

#[test]
fn objects_of_an_ai_at_the_root_go_with_it_also_where_nobody_heard_of_it() {
    let mut stage = Stage::new();
    let ai = ai(&stage.root);
    stage.cut();
    end(ai, &stage.root);
    stage.line.mend();
    stage.expect_deletion();
}

#[test]
fn objects_of_an_ai_at_another_daemon_go_with_it_also_where_nobody_heard_of_it() {
    let mut stage = Stage::new();
    let leaf = Setup::new()
        .director(format!("connect: {}", stage.root.address("MD")))
        .director("settle_ms: 300")
        .daemon("name: leaf")
        .start();
    let mut ai = ai(&leaf);
    ai.subscribe(AI);
    ai.sync_up_to(&stage.root);
    // What comes from above comes behind the answer to the hello.
    stage.root.link().send(AI, ACTOR, &LAST_WORDS);
    ai.expect(AI, ACTOR, &LAST_WORDS);
    stage.cut();
    end(ai, &stage.root);
    stage.line.mend();
    stage.expect_deletion();
}

#[test]
fn an_ai_that_comes_again_keeps_what_it_makes_then() {
    let mut stage = Stage::new();
    let old = ai(&stage.root);
    stage.cut();
    end(old, &stage.root);
    let mut again = ai(&stage.root);
    stage.line.mend();
    stage.watcher.expect([HERE.channel(), AI], AI, &delete_ram(OLD));
    make(&mut again, &mut stage.watcher, NEW);
    again.send(NEW, AI, &set_ai(AI));
    again.sync();
    stage.expect_there(NEW);
    stage.expect_there(OTHER);
}

/// It has come again where its objects are, and has made some there before the daemon was back.
#[test]
fn an_ai_that_has_moved_meanwhile_keeps_what_it_has_made() {
    let mut stage = Stage::new();
    let old = ai(&stage.root);
    stage.cut();
    end(old, &stage.root);
    let mut again = ai(&stage.world);
    make(&mut again, &mut stage.watcher, NEW);
    again.send(NEW, AI, &set_ai(AI));
    stage.watcher.expect_nothing_by(&mut again, NEW);
    stage.line.mend();
    stage.maker.sync_up_to(&stage.root);
    stage.expect_there(NEW);
    let says_so = || stage.world.log().contains("somebody else speaks as a sender").then_some(());
    wait_until("it is said", says_so);
}

/// Somebody who says hello as daemons do, and is away when an AI dies; what he is told then.
fn back(first: Control<'_>, second: Control<'_>) -> (Daemon, Link) {
    let root = root().start();
    let is_answer = |answer: Datagram| matches!(answer.control(), Some(Control::HelloResp { .. }));
    let mut link = root.link();
    link.control(&first);
    assert!(is_answer(link.receive()));
    link.subscribe(CONTROL);
    let mut canary = hearer(&root, CANARY);
    let datagram = datagram_of(CANARY, CANARY, &LAST_WORDS);
    link.control(&Control::AddPostRemove { sender: CANARY, datagram: Blob(&datagram) });
    link.sync();
    link.close();
    canary.expect(CANARY, CANARY, &LAST_WORDS);
    end(ai(&root), &root);
    let mut link = root.link();
    link.control(&second);
    assert!(is_answer(link.receive()));
    link.subscribe(CONTROL);
    (root, link)
}

#[test]
fn last_words_are_told_to_the_daemon_that_was_away_and_to_no_other() {
    let (root, mut link) =
        back(hello(EPOCH, Control::CAPABILITIES), hello(EPOCH, Control::CAPABILITIES));
    let datagram = datagram_of(CONTROL, AI, &LAST_WORDS);
    let timing = Timing { is_late: true, has_sent_since: true };
    let told = Control::LastWords { sender: AI, timing, datagram: Blob(&datagram) };
    assert_eq!(Expected::control(&told), link.receive());
    link.expect_nothing_from(&mut root.link());
    for (first, second) in [
        (hello(EPOCH, Control::CAPABILITIES), hello(EPOCH + 1, Control::CAPABILITIES)),
        (hello(EPOCH, 0), hello(EPOCH, 0)),
    ] {
        let (root, mut link) = back(first, second);
        link.expect_nothing_from(&mut root.link());
    }
}

#[test]
fn an_upstream_is_told_last_words_as_far_as_it_understands() {
    let mut upstream = Upstream::listen();
    let daemon = Setup::new()
        .director(format!("connect: {}", upstream.address()))
        .director("settle_ms: 300")
        .daemon("name: leaf")
        .start();
    upstream.accept();
    upstream.answer_hello_with(EPOCH, Control::CAPABILITIES);
    let datagram = datagram_of(CONTROL, AI, &LAST_WORDS);
    let kept = Expected::control(&Control::AddPostRemove { sender: AI, datagram: Blob(&datagram) });
    let told = |is_late| {
        let timing = Timing { is_late, has_sent_since: false };
        let datagram = Blob(&datagram);
        Expected::control(&Control::LastWords { sender: AI, timing, datagram })
    };
    let cleared = Expected::control(&Control::ClearPostRemoves { sender: AI });
    let mut hearer = daemon.link();
    hearer.subscribe(AI);
    assert_eq!(Expected::control(&Control::AddChannel { channel: AI }), upstream.receive());
    let has_told = |told: Datagram| matches!(told.control(), Some(Control::Settled { .. }));
    assert!(has_told(upstream.receive()));
    upstream.control(&Control::Settled { epoch: EPOCH });
    // What comes behind the answer to the hello has been heard.
    upstream.send(AI, ACTOR, &LAST_WORDS);
    hearer.expect(AI, ACTOR, &LAST_WORDS);
    let first = ai(&daemon);
    assert_eq!(kept, upstream.receive());
    first.close();
    assert_eq!(told(false), upstream.receive());
    assert_eq!(cleared, upstream.receive());

    // What has waited is told to another one as that understands it.
    for (capabilities, losses) in [(Control::CAPABILITIES, 1), (0, 2)] {
        upstream.disconnect();
        let noticed = || daemon.log().matches("message director lost").count();
        wait_until("the loss is noticed", || (noticed() == losses).then_some(()));
        let mut local = daemon.link();
        local.subscribe(CONTROL);
        ai(&daemon).close();
        local.expect(CONTROL, AI, &LAST_WORDS);
        drop(local);
        upstream.accept();
        upstream.answer_hello_with(EPOCH, capabilities);
        loop {
            if has_told(upstream.receive()) {
                break;
            }
        }
        upstream.control(&Control::Settled { epoch: EPOCH });
        match capabilities {
            0 => upstream.expect(CONTROL, AI, &LAST_WORDS),
            _ => assert_eq!(told(true), upstream.receive()),
        }
    }
    // From now on, too.
    ai(&daemon).close();
    assert_eq!(kept, upstream.receive());
    upstream.expect(CONTROL, AI, &LAST_WORDS);
    assert_eq!(cleared, upstream.receive());
}

#[test]
fn what_is_kept_above_for_a_session_is_cleared_when_that_has_been_said() {
    let mut upstream = Upstream::listen();
    let setup = client_agent::setup("")
        .director(format!("connect: {}", upstream.address()))
        .director("settle_ms: 300")
        .daemon("name: leaf");
    let mut stage = client_agent::Stage::of(setup);
    upstream.accept();
    upstream.answer_hello_with(EPOCH, Control::CAPABILITIES);
    let settled = |word: &Control<'_>| matches!(word, Control::Settled { .. });
    receive_until(&mut upstream, settled);
    upstream.control(&Control::Settled { epoch: EPOCH });
    let (client, session) = stage.established();
    let datagram = datagram_of(CONTROL, AI, &LAST_WORDS);
    stage.tell(session, &ClientAgent::AddPostRemove { datagram: Blob(&datagram) });
    let kept = |word: &Control<'_>| matches!(word, Control::AddPostRemove { .. });
    receive_until(&mut upstream, kept);
    drop(client);
    let is_cleared = |word: &Control<'_>| matches!(word, Control::ClearPostRemoves { .. });
    let is_said = |word: &Control<'_>| matches!(word, Control::LastWords { .. });
    receive_until(&mut upstream, |word| {
        assert!(!is_cleared(word), "what was not said yet is forgotten");
        is_said(word)
    });
    receive_until(&mut upstream, is_cleared);
}

/// Receives until there is such a control message.
fn receive_until(upstream: &mut Upstream, is_it: impl Fn(&Control<'_>) -> bool) {
    while !upstream.receive().control().is_some_and(|word| is_it(&word)) {}
}

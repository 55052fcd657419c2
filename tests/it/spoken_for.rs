//! What the daemon above has said at the loss of a connection, for those below, is not said there again when they end.

use crate::client_agent;
use crate::harness::*;

const AI: Channel = Channel(6_000);
/// Where somebody hears what was to be said.
const PLACE: Channel = Channel(5_000);
const WORDS: StateServer<'static> = StateServer::DeleteAiObjects { ai: AI };

/// A root, and a daemon below it whose line can be cut.
struct Stage {
    root: Daemon,
    line: Line,
    leaf: client_agent::Stage,
    at_root: Link,
    at_leaf: Link,
}

impl Stage {
    fn new() -> Self {
        let root = Setup::new().director("settle_ms: 300").daemon("name: root").start();
        let line = Line::to(root.address("MD"));
        let setup = client_agent::setup("")
            .director(format!("connect: {}", line.address()))
            .director("settle_ms: 300")
            .daemon("name: leaf");
        let leaf = client_agent::Stage::of(setup);
        let hearer = |daemon: &Daemon| {
            let mut hearer = daemon.link();
            hearer.subscribe(PLACE);
            hearer
        };
        let (at_root, at_leaf) = (hearer(&root), hearer(&leaf.daemon));
        Stage { root, line, leaf, at_root, at_leaf }
    }

    /// An AI below, which wants something said.
    fn ai(&self) -> Link {
        let mut ai = mortal(&self.leaf.daemon);
        ai.sync_up_to(&self.root);
        ai
    }

    /// Cuts the line: what was to be said then is said, and both ends have noticed.
    fn cut(&mut self) {
        let losses = self.losses();
        self.line.cut();
        self.at_root.expect(PLACE, AI, &WORDS);
        wait_until("the loss is noticed", || (self.losses() > losses).then_some(()));
    }

    fn losses(&self) -> usize {
        self.leaf.daemon.log().matches("message director lost").count()
    }

    /// Expects that no more is heard at the root, when all that came from below has.
    fn expect_nothing_at_root(&mut self) {
        self.leaf.daemon.link().sync_up_to(&self.root);
        self.at_root.expect_nothing_from(&mut self.root.link());
    }
}

/// Somebody who wants something said.
fn mortal(daemon: &Daemon) -> Link {
    let mut mortal = daemon.link();
    let words = datagram_of(PLACE, AI, &WORDS);
    mortal.control(&Control::AddPostRemove { sender: AI, datagram: Blob(&words) });
    mortal.sync();
    mortal
}

const NEWS: StateServer<'static> = StateServer::ObjectDeleteRam { do_id: DoId(10_001) };

#[test]
fn what_was_said_at_the_loss_is_only_said_below_when_the_ai_starts_anew() {
    let mut stage = Stage::new();
    let mut ai = stage.ai();
    stage.cut();
    stage.line.mend();
    ai.expect_closed();
    stage.at_leaf.expect(PLACE, AI, &WORDS);
    stage.expect_nothing_at_root();
    // That was one loss. What comes later is something else.
    drop(stage.ai());
    stage.at_root.expect(PLACE, AI, &WORDS);
}

#[test]
fn what_was_said_at_the_loss_is_only_said_below_when_the_ai_ends_meanwhile() {
    let mut stage = Stage::new();
    let ai = stage.ai();
    stage.cut();
    drop(ai);
    stage.at_leaf.expect(PLACE, AI, &WORDS);
    stage.line.mend();
    stage.expect_nothing_at_root();
}

#[test]
fn an_ai_that_has_sent_more_since_the_loss_has_its_words_said_again_behind_that() {
    let mut stage = Stage::new();
    let mut ai = stage.ai();
    stage.cut();
    ai.send(PLACE, AI, &NEWS);
    ai.sync();
    stage.line.mend();
    ai.expect_closed();
    stage.at_root.expect(PLACE, AI, &NEWS);
    stage.at_root.expect(PLACE, AI, &WORDS);
    stage.expect_nothing_at_root();
}

#[test]
fn an_ai_that_has_come_elsewhere_keeps_what_it_has_made() {
    let mut stage = Stage::new();
    let mut ai = stage.ai();
    stage.cut();
    let successor = mortal(&stage.root);
    ai.send(PLACE, AI, &NEWS);
    ai.sync();
    stage.line.mend();
    ai.expect_closed();
    stage.at_root.expect(PLACE, AI, &NEWS);
    stage.expect_nothing_at_root();
    let says_so = || stage.root.log().contains("somebody else speaks as a sender").then_some(());
    wait_until("it is said", says_so);
    drop(successor);
    stage.at_root.expect(PLACE, AI, &WORDS);
}

#[test]
fn an_ai_that_has_come_elsewhere_does_not_pay_for_a_line_that_is_lost_again_and_again() {
    let mut stage = Stage::new();
    // It lives on, as it is another daemon's business to end it.
    let (mut ai, mut other) = (stage.ai(), stage.leaf.daemon.link());
    stage.cut();
    let successor = mortal(&stage.root);
    for losses in 1..4 {
        stage.line.mend();
        other.sync_up_to(&stage.root);
        stage.line.cut();
        wait_until("the loss is noticed", || (stage.losses() > losses).then_some(()));
    }
    stage.line.mend();
    ai.expect_closed();
    stage.expect_nothing_at_root();
    drop(successor);
    stage.at_root.expect(PLACE, AI, &WORDS);
}

#[test]
fn a_root_that_was_started_anew_hears_what_none_has_said() {
    let mut stage = Stage::new();
    let mut ai = stage.ai();
    stage.root.kill();
    stage.root.start_again();
    stage.at_root = stage.root.link();
    stage.at_root.subscribe(PLACE);
    ai.expect_closed();
    stage.at_root.expect(PLACE, AI, &WORDS);
    stage.expect_nothing_at_root();
}

#[test]
fn a_daemon_that_is_back_has_its_old_link_ended_before_it_is_answered() {
    let stage = Stage::new();
    let hello = Control::Hello {
        version: Control::VERSION,
        epoch: 77,
        capabilities: Control::CAPABILITIES,
    };
    let mut old = mortal(&stage.root);
    old.control(&hello);
    let answer = |link: &mut Link| {
        let answer = link.receive();
        assert!(matches!(answer.control(), Some(Control::HelloResp { .. })), "{answer:?}");
    };
    answer(&mut old);
    let mut new = stage.root.link();
    new.subscribe(PLACE);
    new.control(&hello);
    new.expect(PLACE, AI, &WORDS);
    answer(&mut new);
    old.expect_closed();
    let says_so = || stage.root.log().contains("its old link is ended first").then_some(());
    wait_until("it is said", says_so);
}

#[test]
fn what_a_session_wanted_said_is_said_once() {
    let mut stage = Stage::new();
    let (mut client, session) = stage.leaf.established();
    let words = datagram_of(PLACE, AI, &WORDS);
    let server = &mut stage.leaf.server;
    server.send(session, AI, &ClientAgent::AddPostRemove { datagram: Blob(&words) });
    server.sync_up_to(&stage.root);
    stage.cut();
    stage.line.mend();
    client.expect_eject(EjectReason::Generic);
    stage.at_leaf.expect(PLACE, AI, &WORDS);
    stage.expect_nothing_at_root();
}

#[test]
fn what_a_session_leaves_reaches_those_who_were_away() {
    let mut stage = Stage::new();
    let (client, session) = stage.leaf.established();
    let words = datagram_of(PLACE, AI, &WORDS);
    let server = &mut stage.leaf.server;
    server.send(session, AI, &ClientAgent::AddPostRemove { datagram: Blob(&words) });
    let do_id = DoId(10_001);
    server.send(session, AI, &ClientAgent::AddSessionObject { do_id });
    server.sync_up_to(&stage.root);
    // A daemon that is away when the session ends in an ordinary way.
    let hello = Control::Hello {
        version: Control::VERSION,
        epoch: 77,
        capabilities: Control::CAPABILITIES,
    };
    let mut away = stage.root.link();
    away.control(&hello);
    away.receive();
    away.control(&Control::Settled { epoch: 77 });
    away.receive();
    drop(away);
    drop(client);
    stage.at_root.expect(PLACE, AI, &WORDS);
    let mut back = stage.root.link();
    back.control(&hello);
    back.receive();
    back.subscribe([PLACE, do_id.channel()]);
    let timing = Timing { is_late: true, has_sent_since: true };
    let deletion = datagram_of(do_id.channel(), session, &StateServer::ObjectDeleteRam { do_id });
    for datagram in [words, deletion] {
        let datagram = Blob(&datagram);
        let word = Control::LastWords { sender: session, timing, datagram };
        assert_eq!(Expected::control(&word), back.receive());
    }
}

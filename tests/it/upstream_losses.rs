//! What is for the upstream is never lost without a word, and comes when those have subscribed who are to get it.

use std::net::{SocketAddr, TcpListener};

use crate::harness::world::thing;
use crate::harness::*;

const A: Channel = Channel(20_001);
const B: Channel = Channel(20_002);
const C: Channel = Channel(20_003);
const EPOCH: u64 = 77;

/// A message whose number tells it from others.
const fn note(number: u64) -> StateServer<'static> {
    StateServer::ObjectGetAll { context: Context(number as u32), do_id: DoId(1) }
}

/// One of many bytes.
fn noise(number: u32, value: &[u8]) -> StateServer<'_> {
    StateServer::ObjectSetField { do_id: DoId(number), field: thing::ICON, value: Rest(value) }
}

const fn deletion(number: u32) -> StateServer<'static> {
    StateServer::ObjectDeleteRam { do_id: DoId(number) }
}

/// A daemon below `address` that waits for others for so long.
fn below(address: SocketAddr, settle_ms: u32) -> Setup {
    Setup::new().director(format!("connect: {address}")).director(format!("settle_ms: {settle_ms}"))
}

/// Waits until the daemon has lost its upstream, in use or not.
#[track_caller]
fn wait_for_loss(daemon: &Daemon) {
    wait_until("the loss is noticed", || {
        let log = daemon.log();
        let is_said = |words| log.contains(words);
        ["upstream message director lost", "no connection to the upstream"]
            .into_iter()
            .any(is_said)
            .then_some(())
    });
}

const HELLO: Control<'static> =
    Control::Hello { version: Control::VERSION, epoch: EPOCH, capabilities: 0 };

/// Sends so many notes, and waits until the daemon has them.
fn send_notes(link: &mut Link, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| link.send(A, B, &note(number)));
    link.sync();
}

#[track_caller]
fn expect_notes(upstream: &mut Upstream, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| upstream.expect(A, B, &note(number)));
}

/// Expects the daemon to say that it has told its subscriptions.
#[track_caller]
fn expect_told(upstream: &mut Upstream) {
    let told = upstream.receive();
    assert!(matches!(told.control(), Some(Control::Settled { .. })), "{told:?}");
}

#[test]
fn what_waits_is_sent_when_the_upstream_says_that_everybody_is_there() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address(), 300).daemon("name: leaf").start();
    upstream.accept();
    let (mut one, mut two) = (daemon.link(), daemon.link());
    one.subscribe(C);
    upstream.expect_any_order([
        Expected::control(&Control::SetConName { name: Blob(b"leaf") }),
        Expected::control(&Control::AddChannel { channel: C }),
    ]);
    // From now on nothing is sent because time is over: it is known to answer.
    upstream.control(&Control::HelloResp {
        version: Control::VERSION,
        epoch: EPOCH,
        capabilities: 0,
    });
    expect_told(&mut upstream);
    upstream.disconnect();
    wait_for_loss(&daemon);
    send_notes(&mut two, 0..3);
    upstream.accept();
    // The hello comes before subscriptions, and after the name.
    assert_eq!(Expected::control(&Control::SetConName { name: Blob(b"leaf") }), upstream.receive());
    upstream.answer_hello(EPOCH);
    upstream.expect_control(&Control::AddChannel { channel: C });
    expect_told(&mut upstream);
    // Subscriptions do not wait, as everything else does.
    send_notes(&mut two, 3..5);
    one.subscribe(B);
    upstream.expect_control(&Control::AddChannel { channel: B });
    upstream.control(&Control::Settled { epoch: EPOCH });
    expect_notes(&mut upstream, 0..5);
    two.send(A, B, &note(5));
    expect_notes(&mut upstream, 5..6);
}

/// As with Astron: tools that stand for an upstream count what they are told.
#[test]
fn a_daemon_without_a_name_and_roles_says_no_hello() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address(), 300).start();
    upstream.accept();
    let mut link = daemon.link();
    link.subscribe(A);
    let hello = Control::CONTROL_HELLO.to_le_bytes();
    loop {
        let Received::Datagram(bytes) = upstream.stream().receive() else { panic!("it is lost") };
        // One recipient, CONTROL, and then the number.
        assert!(bytes.get(9..11) != Some(&hello), "{bytes:?}");
        if bytes.ends_with(&A.0.to_le_bytes()) {
            break;
        }
    }
}

#[test]
fn an_upstream_that_does_not_answer_gets_what_waits_all_the_same() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address(), 300).start();
    upstream.accept();
    let mut link = daemon.link();
    send_notes(&mut link, 0..1);
    expect_notes(&mut upstream, 0..1);
    upstream.disconnect();
    wait_for_loss(&daemon);
    send_notes(&mut link, 1..4);
    upstream.accept();
    expect_notes(&mut upstream, 1..4);
}

#[test]
fn post_removes_do_not_overtake_what_waits() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address(), 300).daemon("name: leaf").start();
    upstream.accept();
    upstream.answer_hello(EPOCH);
    expect_told(&mut upstream);
    let mut link = daemon.link();
    upstream.disconnect();
    wait_for_loss(&daemon);
    upstream.accept();
    upstream.answer_hello(EPOCH);
    expect_told(&mut upstream);
    send_notes(&mut link, 0..1);
    let datagram = datagram_of(A, B, &note(9));
    let kept = Control::AddPostRemove { sender: B, datagram: Blob(&datagram) };
    link.control(&kept);
    link.control(&Control::ClearPostRemoves { sender: B });
    send_notes(&mut link, 1..2);
    // It is told what is true when it is lost once more, and not what was on its way.
    upstream.disconnect();
    upstream.accept();
    upstream.answer_hello(EPOCH);
    expect_told(&mut upstream);
    upstream.control(&Control::Settled { epoch: EPOCH });
    expect_notes(&mut upstream, 0..2);
    link.control(&kept);
    upstream.expect_control(&kept);
}

#[test]
fn who_accepts_and_closes_gets_few_connections_and_nothing_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let daemon = below(address, 2000).daemon("name: leaf").start();
    drop(listener.accept().expect("the daemon connects"));
    wait_for_loss(&daemon);
    let mut link = daemon.link();
    send_notes(&mut link, 0..100);
    for _ in 0..5 {
        drop(listener.accept().expect("the daemon connects"));
    }
    send_notes(&mut link, 100..272);
    drop(listener);
    let mut upstream = Upstream::listen_at(address);
    upstream.accept();
    upstream.answer_hello(EPOCH);
    expect_told(&mut upstream);
    upstream.control(&Control::Settled { epoch: EPOCH });
    expect_notes(&mut upstream, 0..272);
    let log = daemon.log();
    let lines = log.lines().filter(|line| line.contains("the upstream message director"));
    // Twice that it was connected, that it was lost, and that there is none.
    assert!(lines.count() <= 4, "{log}");
}

#[test]
fn what_a_lost_connection_has_not_sent_goes_out_on_the_next() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address(), 300).director("link_write_timeout_ms: 300").start();
    upstream.accept();
    let mut link = daemon.link();
    let value = [7; 20_000];
    const COUNT: u32 = 700;
    (0..COUNT).for_each(|number| link.send(A, B, &noise(number, &value)));
    wait_until("it is cut off", || daemon.log().contains("read nothing").then_some(()));
    // What the system has taken is there to be read, and nothing of it comes again.
    let mut taken = 0;
    while let Received::Datagram(bytes) = upstream.stream().receive() {
        if bytes.len() > value.len() {
            assert_eq!(bytes, datagram_of(A, B, &noise(taken, &value)), "number {taken}");
            taken += 1;
        }
    }
    assert!(taken < COUNT, "nothing was unsent");
    upstream.accept();
    (taken..COUNT).for_each(|number| upstream.expect(A, B, &noise(number, &value)));
}

#[test]
fn a_full_backlog_drops_deletions_and_post_removes_last() {
    let address = free_address();
    let daemon = below(address, 300).director("upstream_buffer_size: 10000").start();
    let (mut link, mut mortal) = (daemon.link(), daemon.link());
    let last_words = datagram_of(A, C, &note(99));
    mortal.control(&Control::AddPostRemove { sender: C, datagram: Blob(&last_words) });
    mortal.sync();
    let value = [7; 10];
    (0..400).for_each(|number| link.send(A, B, &noise(number, &value)));
    (0..10).for_each(|number| link.send(A, B, &deletion(number)));
    link.sync();
    let mut witness = daemon.link();
    witness.subscribe(A);
    mortal.close();
    witness.expect(A, C, &note(99));
    let mut upstream = Upstream::listen_at(address);
    upstream.accept();
    upstream.expect_control(&Control::AddChannel { channel: A });
    let mut kept = 0;
    let first = loop {
        let came = upstream.receive();
        if Expected::new(A, B, &noise(kept, &value)) != came {
            break came;
        }
        kept += 1;
    };
    assert!(kept > 200, "{kept} were kept");
    assert_eq!(Expected::new(A, B, &deletion(0)), first);
    (1..10).for_each(|number| upstream.expect(A, B, &deletion(number)));
    upstream.expect(A, C, &note(99));
    // With marks of the tests, which are kept or not.
    let counted = |log: &str| log.contains("were lost while") && log.contains("deletions=0");
    wait_until("the loss is counted", || counted(&daemon.log()).then_some(()));
}

#[test]
fn a_daemon_that_ends_without_its_upstream_says_what_is_lost() {
    let mut daemon = below(free_address(), 300).start();
    let mut link = daemon.link();
    send_notes(&mut link, 0..7);
    assert!(daemon.terminate("TERM").success());
    let log = daemon.log();
    // With marks of the tests.
    assert!(log.contains("the daemon ends while the upstream is away"), "{log}");
}

#[test]
fn a_loss_is_said_with_its_reason_and_the_next_attempt_with_its_own() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address(), 300).daemon("name: leaf").start();
    upstream.accept();
    upstream.answer_hello(EPOCH);
    upstream.control(&Control::Settled { epoch: EPOCH });
    wait_until("it is connected", || {
        daemon.log().contains("INFO: message_director: connected to the upstream").then_some(())
    });
    let _unread = upstream.finish();
    let line = wait_until("it tries again", || {
        let log = daemon.log();
        Some(log.lines().find(|line| line.contains("no connection to the upstream"))?.to_owned())
    });
    assert!(line.contains("reason=\"connection refused\" attempts=1 "), "{line}");
    let log = daemon.log();
    let line = log
        .lines()
        .find(|line| line.contains("upstream message director lost"))
        .expect("it is said");
    // Bytes are only spoken of if there are any.
    let says_how_many = line.contains(" bytes may be lost upstream=");
    assert_ne!(says_how_many, line.contains("may_be_lost_bytes=0"), "{line}");
    assert!(line.contains("reason=\"closed by the peer\""), "{line}");
}

#[test]
fn connecting_to_itself_is_said_once_and_each_message_comes_once() {
    let itself = || Setup::new().director("connect: $MD");
    // One that is nobody says no hello.
    for daemon in [itself().daemon("name: it").start(), itself().start()] {
        let (mut one, mut two) = (daemon.link(), daemon.link());
        one.subscribe([A, C]);
        wait_until("it is recognised", || daemon.log().contains("itself").then_some(()));
        send_notes(&mut two, 0..5);
        (0..5).for_each(|number| one.expect(A, B, &note(number)));
        one.expect_nothing_from(&mut two);
        let log = daemon.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("WARNING")).collect();
        assert!(lines.len() == 1 && lines[0].contains("itself"), "{log}");
    }
}

#[test]
fn a_root_that_was_started_anew_lets_all_subscribe_before_it_takes_what_has_waited() {
    let mut root = Setup::new().director("settle_ms: 5000").start();
    let leaves = ["early", "late"]
        .map(|name| below(root.address("MD"), 5000).daemon(format!("name: {name}")).start());
    let (mut speaker, mut hearer) = (leaves[0].link(), leaves[1].link());
    hearer.subscribe(A);
    hearer.sync_up_to(&root);
    speaker.sync_up_to(&root);
    leaves[1].signal("STOP");
    root.kill();
    wait_for_loss(&leaves[0]);
    send_notes(&mut speaker, 0..100);
    root.start_again();
    // It is there long before the other.
    let is_back = || root.log().matches("name=early").count() == 2;
    wait_until("a leaf is back", || is_back().then_some(()));
    leaves[1].signal("CONT");
    (0..100).for_each(|number| hearer.expect(A, B, &note(number)));
}

#[test]
fn a_root_that_stood_still_gets_everything_in_order() {
    let root = Setup::new().start();
    let leaf = below(root.address("MD"), 2000).director("link_write_timeout_ms: 500").start();
    let mut speaker = leaf.link();
    let mut hearer = root.link();
    hearer.subscribe(A);
    speaker.sync_up_to(&root);
    root.signal("STOP");
    let value = [7; 20_000];
    const COUNT: u32 = 700;
    (0..COUNT).for_each(|number| speaker.send(A, B, &noise(number, &value)));
    wait_until("it is cut off", || leaf.log().contains("read nothing").then_some(()));
    root.signal("CONT");
    (0..COUNT).for_each(|number| hearer.expect(A, B, &noise(number, &value)));
}

#[test]
fn a_gap_above_is_told_to_those_below() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address(), 100).daemon("name: middle").start();
    upstream.accept();
    upstream.answer_hello(EPOCH);
    upstream.control(&Control::Settled { epoch: 0 });
    let mut leaf = daemon.link();
    leaf.control(&HELLO);
    let answer = leaf.receive();
    let Some(Control::HelloResp { epoch: own, .. }) = answer.control() else {
        panic!("{answer:?} instead of an answer");
    };
    leaf.control(&Control::Settled { epoch: EPOCH });
    assert_eq!(Expected::control(&Control::Settled { epoch: own }), leaf.receive());
    for epoch in [0, 5] {
        upstream.disconnect();
        upstream.accept();
        upstream.answer_hello(EPOCH);
        upstream.control(&Control::Settled { epoch });
        // The number tells whether somebody up there has been started anew.
        assert_eq!(Expected::control(&Control::Settled { epoch: own ^ epoch }), leaf.receive());
    }
}

#[test]
fn a_circle_of_daemons_is_left_by_one_of_them_and_each_message_comes_once() {
    let addresses: Vec<_> = (0..3).map(|_| free_address()).collect();
    let daemon = |index: usize| {
        Setup::new()
            .listening_at(addresses[index])
            .director(format!("connect: {}", addresses[(index + 1) % 3]))
            .director("settle_ms: 300")
            .daemon(format!("name: daemon-{index}"))
            .start()
    };
    let daemons: Vec<Daemon> = (0..3).map(daemon).collect();
    let says_so = || daemons.iter().filter(|daemon| daemon.log().contains("in a circle")).count();
    wait_until("one says so", || (says_so() == 1).then_some(()));
    let mut hearers: Vec<Link> = daemons.iter().map(Daemon::link).collect();
    for (hearer, other) in hearers.iter_mut().zip([2, 0, 1]) {
        hearer.subscribe(A);
        hearer.sync_up_to(&daemons[other]);
    }
    let mut speaker = daemons[1].link();
    send_notes(&mut speaker, 0..5);
    for hearer in &mut hearers {
        (0..5).for_each(|number| hearer.expect(A, B, &note(number)));
    }
    for (hearer, daemon) in hearers.iter_mut().zip(&daemons) {
        hearer.expect_nothing_from(&mut daemon.link());
    }
    assert_eq!(says_so(), 1);
}

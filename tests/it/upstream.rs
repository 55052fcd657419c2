//! Several daemons, and what becomes of them when one is lost. (Defect 16 of Astron: it exits.)

use crate::client_agent;
use crate::harness::world::{login, thing};
use crate::harness::*;
use crate::state_server;

const A: Channel = Channel(20_001);
const B: Channel = Channel(20_002);
const C: Channel = Channel(20_003);

/// A message whose number tells it from others.
const fn note(number: u64) -> StateServer<'static> {
    StateServer::DeleteAiObjects { ai: Channel(number) }
}

/// A daemon below `address`.
fn below(address: std::net::SocketAddr) -> Setup {
    Setup::new().director(format!("connect: {address}")).director("settle_ms: 300")
}

#[test]
fn bug_16_a_daemon_without_its_upstream_serves_and_catches_up() {
    let address = free_address();
    let daemon = below(address).daemon("name: shard 7, url: 'http://shard7'").start();
    let (mut one, mut two) = (daemon.link(), daemon.link());
    one.subscribe([A, B]);
    one.unsubscribe(B);
    one.subscribe_range(40_000, 40_010);
    let datagram = datagram_of(A, B, &note(9));
    let post_remove = Control::AddPostRemove { sender: B, datagram: Blob(&datagram) };
    one.control(&post_remove);
    one.sync();
    for number in 0..3 {
        two.send([A, C], B, &note(number));
        one.expect([A, C], B, &note(number));
    }
    let mut upstream = Upstream::listen_at(address);
    upstream.accept();
    upstream.expect_control(&Control::SetConName { name: Blob(b"shard 7") });
    upstream.expect_control(&Control::SetConUrl { url: Blob(b"http://shard7") });
    upstream.expect_any_order([
        Expected::control(&Control::AddChannel { channel: A }),
        Expected::control(&Control::AddRange { low: Channel(40_000), high: Channel(40_010) }),
        Expected::control(&post_remove),
    ]);
    for number in 0..3 {
        upstream.expect([A, C], B, &note(number));
    }
    // From here on it is as if it had always been there.
    two.send(C, B, &note(4));
    upstream.expect(C, B, &note(4));
    upstream.send(A, B, &note(5));
    one.expect(A, B, &note(5));
}

#[test]
fn bug_16_a_lost_upstream_is_told_everything_anew() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address()).start();
    upstream.accept();
    let (mut one, mut two) = (daemon.link(), daemon.link());
    one.subscribe(A);
    upstream.expect_control(&Control::AddChannel { channel: A });
    for number in 0..3 {
        upstream.disconnect();
        upstream.accept();
        upstream.expect_control(&Control::AddChannel { channel: A });
        two.send(C, B, &note(number));
        upstream.expect(C, B, &note(number));
        upstream.send(A, B, &note(number));
        one.expect(A, B, &note(number));
    }
}

#[test]
fn a_malformed_word_from_the_upstream_is_said_and_costs_nothing_else() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address()).start();
    upstream.accept();
    let mut hearer = daemon.link();
    // It would hear what is routed to the channel of control messages.
    hearer.subscribe([A, Channel::CONTROL]);
    hearer.sync();
    let mut settled = vec![1, 1, 0, 0, 0, 0, 0, 0, 0];
    settled.extend(Control::CONTROL_SETTLED.to_le_bytes());
    settled.extend([1, 2, 3]);
    upstream.stream().send(&settled);
    upstream.send(A, B, &note(1));
    hearer.expect(A, B, &note(1));
    let says_so = || daemon.log().contains("malformed control message from upstream").then_some(());
    wait_until("it is said", says_so);
}

#[test]
fn bug_16_subscriptions_that_ended_meanwhile_are_not_told() {
    let mut upstream = Upstream::listen();
    let daemon = below(upstream.address()).start();
    upstream.accept();
    let (mut one, two) = (daemon.link(), daemon.link());
    one.subscribe([A, B]);
    upstream.expect_control(&Control::AddChannel { channel: A });
    upstream.expect_control(&Control::AddChannel { channel: B });
    let address = upstream.address();
    drop(upstream);
    one.unsubscribe(B);
    two.close();
    let mut upstream = Upstream::listen_at(address);
    upstream.accept();
    upstream.expect_control(&Control::AddChannel { channel: A });
    upstream.expect_nothing_from(&mut one);
}

#[test]
fn bug_16_what_waits_for_the_upstream_is_bounded_and_its_loss_is_told() {
    let address = free_address();
    let daemon = below(address).director("upstream_buffer_size: 10000").start();
    let mut link = daemon.link();
    let value = [7; 1_000];
    let noise = |number| StateServer::ObjectSetField {
        do_id: DoId(number),
        field: thing::ICON,
        value: Rest(&value),
    };
    for number in 0..100 {
        link.send(A, B, &noise(number));
    }
    link.sync();
    let mut upstream = Upstream::listen_at(address);
    upstream.accept();
    // The first of them, as many as there was room for, and then what comes now.
    let mut expected = 0;
    let last = note(1);
    link.send(A, B, &last);
    loop {
        let came = upstream.receive();
        if Expected::new(A, B, &last) == came {
            break;
        }
        assert_eq!(Expected::new(A, B, &noise(expected)), came);
        expected += 1;
    }
    assert!((1..10).contains(&expected), "{expected} were kept");
    wait_until("the loss is said", || daemon.log().contains("lost").then_some(()));
}

#[test]
fn a_lost_upstream_may_be_the_end() {
    let mut upstream = Upstream::listen();
    let mut daemon = below(upstream.address()).director("upstream_loss: exit").start();
    upstream.accept();
    drop(upstream);
    let status = wait_until("the daemon ends", || daemon.exited());
    assert_eq!(status.code(), Some(1));
}

#[test]
fn links_of_two_daemons_hear_each_other() {
    let root = Setup::new().start();
    let leaves = [below(root.address("MD")).start(), below(root.address("MD")).start()];
    let mut links: Vec<Link> = leaves.iter().chain([&root]).map(Daemon::link).collect();
    for link in &mut links {
        link.subscribe(A);
        link.sync_up_to(&root);
    }
    for sender in 0..links.len() {
        links[sender].send(A, B, &note(sender as u64));
        for (receiver, link) in links.iter_mut().enumerate() {
            if receiver != sender {
                link.expect(A, B, &note(sender as u64));
            }
        }
    }
}

#[test]
fn bug_16_daemons_find_each_other_again() {
    let mut root = Setup::new().director("settle_ms: 1000").start();
    let leaf = below(root.address("MD")).start();
    let mut link = leaf.link();
    link.subscribe(A);
    link.sync_up_to(&root);
    for round in 0..2 {
        root.kill();
        link.send(B, C, &note(round));
        link.sync();
        root.start_again();
        let mut other = root.link();
        // What was sent meanwhile may have come before anyone listened; what comes now must not be
        // lost in either direction.
        link.sync_up_to(&root);
        other.subscribe(B);
        link.send(B, C, &note(100 + round));
        other.expect(B, C, &note(100 + round));
        other.send(A, C, &note(200 + round));
        link.expect(A, C, &note(200 + round));
    }
}

#[test]
fn the_links_of_a_killed_daemon_are_spoken_for_by_its_upstream() {
    let root = Setup::new().start();
    let mut leaf = below(root.address("MD")).start();
    let mut hearer = root.link();
    hearer.subscribe(A);
    let mut mortal = leaf.link();
    let datagram = datagram_of(A, B, &note(1));
    mortal.control(&Control::AddPostRemove { sender: B, datagram: Blob(&datagram) });
    mortal.sync_up_to(&root);
    leaf.kill();
    hearer.expect(A, B, &note(1));
}

#[test]
fn a_client_sees_objects_of_a_state_server_elsewhere() {
    let root = Setup::new().role("type: stateserver, control: 4000").start();
    let leaf = client_agent::setup(", client: {add_interest: enabled}")
        .director(format!("connect: {}", root.address("MD")));
    let mut stage = client_agent::Stage::of(leaf);
    let (parent, zone) = (state_server::PARENT, state_server::ZONE);
    let here = state_server::HERE;
    let mut server = root.link();
    server.subscribe(state_server::OBJECT.children());
    let all = state_server::usual().all();
    for (do_id, location) in [(parent, Location::NONE), (state_server::OBJECT, here)] {
        let object = state_server::thing_at(do_id, location, &all);
        server.send(state_server::CONTROL, B, &state_server::create(object));
    }
    drop(server.receive());
    let (mut client, session) = stage.established();
    let (context, interest) = (Context(1), InterestId(2));
    let location = Location::new(parent, zone);
    client.send(&ClientMessage::AddInterest { context, interest, location });
    let seen = state_server::usual().seen();
    let object = state_server::thing_at(state_server::OBJECT, here, &seen);
    client.expect(&ClientMessage::EnterObjectRequired { object });
    client.expect(&ClientMessage::DoneInterestResp { context, interest });
    // An UberDOG up there is reached from down here.
    server.subscribe(client_agent::LOGIN);
    let value = Values::new().string("me").u8(1);
    client.send(&client_agent::update(client_agent::LOGIN, login::LOGIN, &value));
    let routed = client_agent::routed(client_agent::LOGIN, login::LOGIN, &value);
    server.expect(client_agent::LOGIN, session, &routed);
    let code = Values::new().u8(3);
    let answer = client_agent::routed(client_agent::LOGIN, login::ANSWER, &code);
    server.send(session, client_agent::LOGIN, &answer);
    client.expect(&client_agent::update(client_agent::LOGIN, login::ANSWER, &code));
}

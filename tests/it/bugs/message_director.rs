//! Malformed input, ranges and what is told upstream of them.

use crate::harness::*;

const A: Channel = Channel(20_001);

fn remove_range(low: u64, high: u64) -> Control<'static> {
    Control::RemoveRange { low: Channel(low), high: Channel(high) }
}

fn add_range(low: u64, high: u64) -> Control<'static> {
    Control::AddRange { low: Channel(low), high: Channel(high) }
}

/// A daemon with an upstream.
fn start() -> (Upstream, Daemon) {
    let mut upstream = Upstream::listen();
    let daemon = Setup::new().director(format!("connect: {}", upstream.address())).start();
    upstream.accept();
    (upstream, daemon)
}

#[test]
fn bug_14_a_receiver_that_cannot_read_a_message_is_no_harm_to_others() {
    let mut upstream = Upstream::listen();
    let daemon = Setup::new()
        .director(format!("connect: {}", upstream.address()))
        .role("type: stateserver, control: 4000")
        .role("type: dbss, database: 4003, ranges: [{min: 4000, max: 4000}]")
        .start();
    upstream.accept();
    let (mut sender, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(Channel(4_000));
    drop(upstream.receive());
    // Cut short within the first argument, for roles and link alike.
    let whole = datagram_of(Channel(4_000), A, &StateServer::DeleteAiObjects { ai: A });
    let short = whole[..whole.len() - 5].to_vec();
    sender.stream().send(&short);
    assert_eq!(hearer.receive(), Datagram { bytes: short.clone() });
    loop {
        // Control messages of the roles come first.
        if upstream.receive() == (Datagram { bytes: short.clone() }) {
            break;
        }
    }
}

#[test]
fn bug_17_malformed_input_closes_the_link_at_once() {
    let daemon = Setup::new().start();
    let (mut link, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(A);
    // An empty datagram, and behind it in the same write one that must not be obeyed any more.
    let behind = datagram_of(A, A, &StateServer::DeleteAiObjects { ai: A });
    let length = (behind.len() as u16).to_le_bytes();
    link.stream().send_raw(&[b"\0\0", &length[..], &behind].concat());
    link.expect_closed();
    let mut other = daemon.link();
    hearer.expect_nothing_from(&mut other);
}

#[test]
fn bug_18_an_empty_datagram_with_nothing_behind_it_is_noticed() {
    let daemon = Setup::new().start();
    let mut link = daemon.link();
    link.stream().send_raw(b"\0\0");
    link.expect_closed();
    // Also behind another.
    let (mut link, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(A);
    let message = StateServer::DeleteAiObjects { ai: A };
    let before = datagram_of(A, A, &message);
    let length = (before.len() as u16).to_le_bytes();
    link.stream().send_raw(&[&length[..], &before, b"\0\0"].concat());
    link.expect_closed();
    hearer.expect(A, A, &message);
}

#[test]
fn bug_19_a_removed_range_takes_single_channels_along_where_there_is_no_range() {
    let daemon = Setup::new().start();
    let (mut link, mut other) = (daemon.link(), daemon.link());
    link.subscribe([A, Channel(50)]);
    link.unsubscribe_range(20_000, 30_000);
    let message = StateServer::DeleteAiObjects { ai: A };
    other.send(A, A, &message);
    link.expect_nothing_from(&mut other);
    other.send(Channel(50), A, &message);
    link.expect(Channel(50), A, &message);
}

#[test]
fn bug_20_single_channels_taken_along_are_told_upstream() {
    let (mut upstream, daemon) = start();
    let mut link = daemon.link();
    let channel = Channel(5_000);
    for message in [add_range(1_000, 1_999), Control::AddChannel { channel }] {
        link.control(&message);
        upstream.expect_control(&message);
    }
    // The range is clipped to those that there are, so that it does not cover the single channel.
    link.control(&remove_range(1_000, 9_000));
    upstream.expect_any_order([
        Expected::control(&remove_range(1_000, 1_999)),
        Expected::control(&Control::RemoveChannel { channel }),
    ]);
    // And nothing of it is left to be told when the link goes.
    link.close();
    let mut last = daemon.link();
    upstream.expect_nothing_from(&mut last);
}

#[test]
fn bug_21_a_removed_range_leaves_single_channels_of_others_alone() {
    let (mut upstream, daemon) = start();
    let (mut one, mut other) = (daemon.link(), daemon.link());
    let channel = Channel(1_500);
    other.subscribe(channel);
    upstream.expect_control(&Control::AddChannel { channel });
    one.control(&add_range(1_000, 1_999));
    upstream.expect_control(&add_range(1_000, 1_999));
    one.control(&remove_range(1_000, 1_999));
    upstream.expect_control(&remove_range(1_000, 1_999));
    // Upstream that took the single channel along, so it is asked for anew.
    upstream.expect_control(&Control::AddChannel { channel });
    let message = StateServer::DeleteAiObjects { ai: A };
    upstream.send(channel, A, &message);
    other.expect(channel, A, &message);
}

#[test]
fn bug_06_a_post_remove_longer_than_its_message_closes_the_link() {
    let daemon = Setup::new().start();
    let (mut link, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(A);
    let datagram = datagram_of(A, A, &StateServer::DeleteAiObjects { ai: A });
    let mut bytes = b"\x01\x01\0\0\0\0\0\0\0\x32\x23\x07\0\0\0\0\0\0\0".to_vec();
    bytes.extend(1_000_u16.to_le_bytes());
    bytes.extend(datagram);
    link.stream().send(&bytes);
    link.expect_closed();
    let mut other = daemon.link();
    hearer.expect_nothing_from(&mut other);
}

#[test]
fn bug_76_every_way_of_asking_it_to_end_ends_the_daemon_in_order() {
    for signal in ["TERM", "INT"] {
        let mut daemon = Setup::new().role("type: stateserver, control: 4000").start();
        let mut link = daemon.link();
        assert_eq!(daemon.terminate(signal).code(), Some(0), "SIG{signal}");
        link.expect_closed();
    }
}

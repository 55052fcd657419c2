//! messagedirector.md §3: whom a datagram reaches.

use super::*;
use crate::harness::{Datagram, Received};

#[test]
fn a_datagram_reaches_every_subscriber_once_and_never_its_sender() {
    let daemon = Setup::new().start();
    let (mut one, mut two, mut three) = (daemon.link(), daemon.link(), daemon.link());
    one.subscribe([A, B]);
    two.subscribe([A, B]);
    three.subscribe(A);
    three.send([A, B, A], C, &note(1));
    for link in [&mut one, &mut two] {
        link.expect([A, B, A], C, &note(1));
        link.expect_nothing_from(&mut three);
    }
    three.expect_nothing_from(&mut one);
}

#[test]
fn a_datagram_is_handed_on_as_its_very_bytes() {
    let daemon = Setup::new().start();
    let (mut sender, mut receiver) = (daemon.link(), daemon.link());
    receiver.subscribe(Channel(0x4e21));
    // Two recipients, one of them twice; a sender; a number that no protocol has; a body.
    let frame = b"\x1f\x00\
        \x02\x21\x4e\0\0\0\0\0\0\x21\x4e\0\0\0\0\0\0\
        \x07\0\0\0\0\0\0\x80\
        \xff\xfehey\0";
    sender.stream().send_raw(frame);
    assert_eq!(receiver.stream().receive(), Received::Datagram(frame[2..].to_vec()));
}

#[test]
fn a_datagram_may_end_after_its_recipients() {
    let daemon = Setup::new().start();
    let (mut sender, mut receiver) = (daemon.link(), daemon.link());
    receiver.subscribe(A);
    let mut bytes = vec![2];
    bytes.extend(A.0.to_le_bytes());
    bytes.extend(B.0.to_le_bytes());
    for more in [&b""[..], b"\x01\x02\x03"] {
        bytes.extend(more);
        sender.stream().send(&bytes);
        assert_eq!(receiver.receive(), Datagram { bytes: bytes.clone() });
    }
}

#[test]
fn an_ordinary_datagram_may_name_the_control_channel_among_others() {
    let daemon = Setup::new().start();
    let (mut sender, mut receiver) = (daemon.link(), daemon.link());
    receiver.subscribe(A);
    sender.send([Channel::CONTROL, A], B, &note(1));
    receiver.expect([Channel::CONTROL, A], B, &note(1));
}

#[test]
fn order_is_kept_from_sender_to_receiver() {
    let daemon = Setup::new().start();
    let (mut sender, mut receiver) = (daemon.link(), daemon.link());
    receiver.subscribe([A, B]);
    for number in 0..2_000 {
        sender.send(if number % 3 == 0 { A } else { B }, C, &note(number));
    }
    for number in 0..2_000 {
        receiver.expect(if number % 3 == 0 { A } else { B }, C, &note(number));
    }
}

#[test]
fn frames_may_be_cut_anywhere_and_may_come_many_at_once() {
    let daemon = Setup::new().start();
    let (mut sender, mut receiver) = (daemon.link(), daemon.link());
    receiver.subscribe(A);
    let mut frames = Vec::new();
    for body in [&b"a"[..], b"", b"longer than the others"] {
        let datagram = [&[1], &A.0.to_le_bytes()[..], &B.0.to_le_bytes(), body].concat();
        frames.extend((datagram.len() as u16).to_le_bytes());
        frames.extend(datagram);
    }
    let mut whole = receiver_bytes(&mut sender, &mut receiver, &[&frames]);
    for cut in 1..frames.len() {
        let (first, second) = frames.split_at(cut);
        assert_eq!(receiver_bytes(&mut sender, &mut receiver, &[first, second]), whole, "{cut}");
    }
    let bytes: Vec<&[u8]> = frames.chunks(1).collect();
    assert_eq!(receiver_bytes(&mut sender, &mut receiver, &bytes), whole);
    whole.extend_from_within(..);
    let twice = frames.repeat(2);
    let mut came = receiver_bytes(&mut sender, &mut receiver, &[&twice]);
    came.extend((0..3).map(|_| receiver.receive()));
    assert_eq!(came, whole);
}

/// The three datagrams that come out when `pieces` go in, each in a write of its own.
fn receiver_bytes(sender: &mut Link, receiver: &mut Link, pieces: &[&[u8]]) -> Vec<Datagram> {
    for piece in pieces {
        sender.stream().send_raw(piece);
    }
    (0..3).map(|_| receiver.receive()).collect()
}

#[test]
fn the_largest_datagram_comes_through() {
    let daemon = Setup::new().start();
    let (mut sender, mut receiver) = (daemon.link(), daemon.link());
    receiver.subscribe(A);
    let mut bytes = vec![1];
    bytes.extend(A.0.to_le_bytes());
    bytes.resize(usize::from(u16::MAX), 0x5a);
    for _ in 0..20 {
        sender.stream().send(&bytes);
    }
    for _ in 0..20 {
        assert_eq!(receiver.receive().bytes, bytes);
    }
}

#[test]
fn two_hundred_and_fifty_five_recipients_are_reached() {
    let daemon = Setup::new().start();
    let (mut sender, mut low, mut high) = (daemon.link(), daemon.link(), daemon.link());
    low.subscribe(Channel(30_000));
    high.subscribe(Channel(30_254));
    let all: Vec<Channel> = (30_000..=30_254).map(Channel).collect();
    sender.send(&all[..], A, &note(1));
    low.expect(&all[..], A, &note(1));
    high.expect(&all[..], A, &note(1));
}

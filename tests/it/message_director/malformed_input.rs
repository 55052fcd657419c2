//! messagedirector.md §5: what a link may get wrong, and what becomes of it.

use super::*;

/// A link, and another that hears what goes to `A`.
fn two_links(daemon: &Daemon) -> (Link, Link) {
    let (link, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(A);
    (link, hearer)
}

/// Sends a datagram after which the link has to be closed, with nothing that follows it obeyed.
fn expect_fatal(datagram: &[u8]) {
    let mut daemon = Setup::new().start();
    let (mut link, mut hearer) = two_links(&daemon);
    let mut bytes = (datagram.len() as u16).to_le_bytes().to_vec();
    bytes.extend(datagram);
    link.stream().send_raw(&bytes);
    link.expect_closed();
    let mut other = daemon.link();
    hearer.expect_nothing_from(&mut other);
    daemon.expect_alive();
}

/// Sends a datagram that is dropped with a word in the log; the link lives on.
fn expect_dropped(datagram: &[u8]) {
    let daemon = Setup::new().start();
    let (mut link, mut hearer) = two_links(&daemon);
    link.stream().send(datagram);
    link.send(A, B, &note(1));
    hearer.expect(A, B, &note(1));
}

#[test]
fn one_recipient_cut_short_closes_the_link() {
    expect_fatal(b"\x01\x21\x4e\0\0\0\0\0");
}

#[test]
fn a_control_message_without_a_type_closes_the_link() {
    expect_fatal(b"\x01\x01\0\0\0\0\0\0\0\x28");
}

#[test]
fn a_control_message_without_its_arguments_closes_the_link() {
    expect_fatal(b"\x01\x01\0\0\0\0\0\0\0\x28\x23\x05\0\0");
}

#[test]
fn a_range_without_its_end_closes_the_link() {
    expect_fatal(b"\x01\x01\0\0\0\0\0\0\0\x2a\x23\x05\0\0\0\0\0\0\0");
}

#[test]
fn an_unknown_control_message_is_dropped() {
    // This is what one looks like that was given a sender by mistake.
    expect_dropped(b"\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x28\x23");
}

#[test]
fn several_recipients_cut_short_are_dropped() {
    expect_dropped(b"\x02\x21\x4e\0\0\0\0\0\0\x22");
}

#[test]
fn a_control_message_may_have_bytes_after_it() {
    let daemon = Setup::new().start();
    let (mut link, mut other) = (daemon.link(), daemon.link());
    let mut datagram = b"\x01\x01\0\0\0\0\0\0\0\x28\x23".to_vec();
    datagram.extend(A.0.to_le_bytes());
    datagram.extend(b"and more");
    link.stream().send(&datagram);
    link.sync();
    other.send(A, B, &note(1));
    link.expect(A, B, &note(1));
}

#[test]
fn no_recipient_at_all_is_legal() {
    expect_dropped(b"\0\x07\0\0\0\0\0\0\0\xd9\x07");
}

#[test]
fn a_truncated_message_for_a_role_costs_nobody_anything() {
    let mut daemon = Setup::new().role("type: stateserver, control: 4000").start();
    let mut link = daemon.link();
    // A creation that ends within its doId, and one without a message type.
    link.stream().send(b"\x01\xa0\x0f\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\xd0\x07\x01\x02");
    link.stream().send(b"\x01\xa0\x0f\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\xd0");
    link.stream().send(b"\x01\xa0\x0f\0\0\0\0\0\0");
    link.sync();
    daemon.expect_alive();
}

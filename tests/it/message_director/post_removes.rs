//! messagedirector.md §4: what is sent when a participant is lost.

use super::*;
use crate::harness::datagram_of;

fn add(link: &mut Link, sender: Channel, number: u64) {
    let datagram = datagram_of(A, sender, &note(number));
    link.control(&Control::AddPostRemove { sender, datagram: Blob(&datagram) });
}

#[test]
fn a_lost_link_is_spoken_for_by_its_post_removes() {
    let daemon = Setup::new().start();
    let (mut mortal, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(A);
    add(&mut mortal, B, 1);
    add(&mut mortal, B, 2);
    add(&mut mortal, C, 3);
    mortal.sync();
    hearer.expect_nothing_from(&mut mortal);
    mortal.close();
    hearer.expect_any_order([
        Expected::new(A, B, &note(1)),
        Expected::new(A, B, &note(2)),
        Expected::new(A, C, &note(3)),
    ]);
}

#[test]
fn post_removes_of_one_sender_keep_their_order() {
    let daemon = Setup::new().start();
    let (mut mortal, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(A);
    for number in 0..50 {
        add(&mut mortal, B, number);
    }
    mortal.sync();
    mortal.close();
    for number in 0..50 {
        hearer.expect(A, B, &note(number));
    }
}

#[test]
fn cleared_post_removes_are_not_sent() {
    let daemon = Setup::new().start();
    let (mut mortal, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(A);
    add(&mut mortal, B, 1);
    add(&mut mortal, C, 2);
    mortal.control(&Control::ClearPostRemoves { sender: B });
    mortal.sync();
    mortal.close();
    hearer.expect(A, C, &note(2));
    let mut last = daemon.link();
    hearer.expect_nothing_from(&mut last);
}

#[test]
fn post_removes_are_sent_once() {
    let daemon = Setup::new().start();
    let (mut mortal, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(A);
    add(&mut mortal, B, 1);
    mortal.sync();
    mortal.close();
    hearer.expect(A, B, &note(1));
    let mut heir = daemon.link();
    add(&mut heir, B, 2);
    heir.sync();
    heir.close();
    hearer.expect(A, B, &note(2));
    let mut last = daemon.link();
    hearer.expect_nothing_from(&mut last);
}

#[test]
fn a_lost_link_does_not_hear_its_own_post_removes() {
    let daemon = Setup::new().start();
    let (mut mortal, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe(A);
    mortal.subscribe(A);
    add(&mut mortal, B, 1);
    mortal.sync();
    // The link still reads, but has nothing more to say.
    mortal.stream().finish();
    hearer.expect(A, B, &note(1));
    mortal.expect_closed();
}

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

#[test]
fn two_links_that_live_keep_their_own_under_one_sender() {
    const WARNING: &str = "two links that live keep post-removes under one sender";
    let daemon = Setup::new().start();
    let (mut first, mut second) = (daemon.link(), daemon.link());
    let mut hearer = daemon.link();
    hearer.subscribe(A);
    add(&mut first, B, 1);
    first.sync();
    add(&mut second, B, 2);
    add(&mut second, B, 3);
    second.control(&Control::ClearPostRemoves { sender: B });
    add(&mut second, B, 4);
    second.send(A, C, &note(5));
    // Nobody is waited for who is on the same machine.
    hearer.expect(A, C, &note(5));
    first.close();
    hearer.expect(A, B, &note(1));
    second.close();
    hearer.expect(A, B, &note(4));
    wait_until("the warning", || daemon.log().contains(WARNING).then_some(()));
    assert_eq!(daemon.log().matches(WARNING).count(), 1, "{}", daemon.log());
}

#[test]
fn a_link_that_has_met_another_does_not_keep_its_connection_open() {
    let daemon = Setup::new().start();
    let (mut first, mut second) = (daemon.link(), daemon.link());
    let mut hearer = daemon.link();
    hearer.subscribe(A);
    add(&mut first, B, 1);
    first.sync();
    add(&mut second, B, 2);
    second.sync();
    first.stream().finish();
    hearer.expect(A, B, &note(1));
    first.expect_closed();
    second.close();
}

#[test]
fn a_link_that_comes_again_hears_its_predecessors_last_words_first() {
    let daemon = Setup::new().start();
    let mut hearer = daemon.link();
    hearer.subscribe(A);
    for round in 0..50 {
        let (mut old, mut new) = (daemon.link(), daemon.link());
        add(&mut old, B, round);
        old.sync();
        new.sync();
        // Both reach the daemon at once.
        old.close();
        add(&mut new, B, 1_000 + round);
        new.send(A, C, &note(2_000 + round));
        hearer.expect(A, B, &note(round));
        hearer.expect(A, C, &note(2_000 + round));
        new.close();
        hearer.expect(A, B, &note(1_000 + round));
    }
}

//! messagedirector.md §2 and §4 as the message director upstream sees them.

use super::*;
use crate::harness::{Upstream, datagram_of};

/// A daemon with an upstream, which has said nothing yet.
fn start() -> (Upstream, Daemon) {
    let mut upstream = Upstream::listen();
    let daemon = Setup::new().director(format!("connect: {}", upstream.address())).start();
    upstream.accept();
    (upstream, daemon)
}

fn add(channel: u64) -> Control<'static> {
    Control::AddChannel { channel: Channel(channel) }
}

fn remove(channel: u64) -> Control<'static> {
    Control::RemoveChannel { channel: Channel(channel) }
}

fn add_range(low: u64, high: u64) -> Control<'static> {
    Control::AddRange { low: Channel(low), high: Channel(high) }
}

fn remove_range(low: u64, high: u64) -> Control<'static> {
    Control::RemoveRange { low: Channel(low), high: Channel(high) }
}

#[test]
fn the_first_and_the_last_subscriber_of_a_channel_are_told_upstream() {
    let (mut upstream, daemon) = start();
    let (mut one, mut two) = (daemon.link(), daemon.link());
    one.subscribe(A);
    upstream.expect_control(&add(A.0));
    two.subscribe(A);
    one.unsubscribe(A);
    upstream.expect_nothing_from(&mut one);
    upstream.expect_nothing_from(&mut two);
    two.close();
    upstream.expect_control(&remove(A.0));
}

#[test]
fn every_datagram_goes_upstream_and_none_comes_back() {
    let (mut upstream, daemon) = start();
    let (mut one, mut two) = (daemon.link(), daemon.link());
    one.subscribe(A);
    upstream.expect_control(&add(A.0));
    two.send(A, B, &note(1));
    one.expect(A, B, &note(1));
    upstream.expect(A, B, &note(1));
    two.send(C, B, &note(2));
    upstream.expect(C, B, &note(2));
    let nobody: &[Channel] = &[];
    two.send(nobody, B, &note(3));
    upstream.expect(nobody, B, &note(3));
    upstream.send(A, B, &note(4));
    one.expect(A, B, &note(4));
    upstream.expect_nothing_from(&mut one);
}

#[test]
fn a_range_is_told_as_it_was_asked_for() {
    let (mut upstream, daemon) = start();
    let mut link = daemon.link();
    link.control(&add_range(1_000, 1_999));
    upstream.expect_control(&add_range(1_000, 1_999));
    link.control(&remove_range(1_300, 1_700));
    upstream.expect_control(&remove_range(1_300, 1_700));
    link.control(&add_range(1_900, 2_100));
    upstream.expect_control(&add_range(1_900, 2_100));
    link.control(&remove_range(1_000, 1_999));
    upstream.expect_control(&remove_range(1_000, 1_999));
    link.close();
    upstream.expect_control(&remove_range(2_000, 2_100));
}

#[test]
fn a_removed_range_is_clipped_to_the_ranges_that_there_are() {
    let (mut upstream, daemon) = start();
    let mut link = daemon.link();
    link.control(&add_range(3_000, 5_000));
    upstream.expect_control(&add_range(3_000, 5_000));
    for (asked, told) in [
        ((2_950, 3_043), (3_000, 3_043)),
        ((4_763, 6_000), (4_763, 5_000)),
        ((3_951, 4_049), (3_951, 4_049)),
        ((4_030, 4_070), (4_030, 4_070)),
        ((3_891, 4_040), (3_891, 4_040)),
        ((3_700, 4_200), (3_700, 4_200)),
    ] {
        link.control(&remove_range(asked.0, asked.1));
        upstream.expect_control(&remove_range(told.0, told.1));
    }
}

#[test]
fn what_others_still_hear_is_left_out_of_a_removed_range() {
    let (mut upstream, daemon) = start();
    let (mut one, mut two) = (daemon.link(), daemon.link());
    one.subscribe_range(3_044, 4_762);
    upstream.expect_control(&add_range(3_044, 4_762));
    two.subscribe_range(3_500, 4_500);
    one.unsubscribe_range(3_650, 3_800);
    upstream.expect_nothing_from(&mut one);
    one.unsubscribe_range(3_475, 3_525);
    upstream.expect_control(&remove_range(3_475, 3_499));
    one.unsubscribe_range(3_801, 4_200);
    upstream.expect_nothing_from(&mut one);
    two.unsubscribe_range(3_620, 4_300);
    upstream.expect_control(&remove_range(3_650, 4_200));
    two.close();
    upstream.expect_control(&remove_range(3_500, 3_525));
}

#[test]
fn a_removed_range_is_told_in_pieces_around_what_others_hear() {
    let (mut upstream, daemon) = start();
    let (mut one, mut two) = (daemon.link(), daemon.link());
    for (low, high) in [(3_044, 3_474), (3_526, 3_649), (4_201, 4_762)] {
        one.control(&add_range(low, high));
        upstream.expect_control(&add_range(low, high));
    }
    two.control(&add_range(1_000, 5_000));
    upstream.expect_control(&add_range(1_000, 5_000));
    two.control(&remove_range(1_000, 5_000));
    upstream.expect_any_order(
        [(1_000, 3_043), (3_475, 3_525), (3_650, 4_200), (4_763, 5_000)]
            .map(|(low, high)| Expected::control(&remove_range(low, high))),
    );
}

#[test]
fn post_removes_are_kept_upstream_too() {
    let (mut upstream, daemon) = start();
    let mut link = daemon.link();
    let datagram = datagram_of(A, B, &note(1));
    let post_remove = Control::AddPostRemove { sender: B, datagram: Blob(&datagram) };
    link.control(&post_remove);
    upstream.expect_control(&post_remove);
    let clear = Control::ClearPostRemoves { sender: C };
    link.control(&clear);
    upstream.expect_control(&clear);
    link.close();
    upstream.expect_any_order([
        Expected::new(A, B, &note(1)),
        Expected::control(&Control::ClearPostRemoves { sender: B }),
    ]);
}

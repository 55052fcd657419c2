//! messagedirector.md §2: what a participant hears after which subscriptions.

use super::*;

/// Whether `hearer` gets what `speaker` sends to `channel`.
fn hears(hearer: &mut Link, speaker: &mut Link, channel: u64) -> bool {
    let witness = Channel(90_000);
    hearer.subscribe(witness);
    speaker.send([Channel(channel), witness], A, &note(channel));
    hearer.expect([Channel(channel), witness], A, &note(channel));
    hearer.unsubscribe(witness);
    speaker.send(Channel(channel), A, &note(channel));
    speaker.sync();
    // What came is either the message or, if it did not come, the next one.
    hearer.subscribe(witness);
    speaker.send(witness, A, &note(0));
    let heard = hearer.receive().message() != donet::message::Cluster::StateServer(note(0));
    if heard {
        hearer.expect(witness, A, &note(0));
    }
    heard
}

#[track_caller]
fn expect_heard(hearer: &mut Link, speaker: &mut Link, channels: &[u64], not: &[u64]) {
    for &channel in channels {
        assert!(hears(hearer, speaker, channel), "{channel} is not heard");
    }
    for &channel in not {
        assert!(!hears(hearer, speaker, channel), "{channel} is heard");
    }
}

#[test]
fn a_single_channel_is_heard_until_it_is_removed() {
    let daemon = Setup::new().start();
    let (mut one, mut other) = (daemon.link(), daemon.link());
    one.subscribe([A, A]);
    expect_heard(&mut one, &mut other, &[A.0], &[B.0]);
    one.unsubscribe(A);
    expect_heard(&mut one, &mut other, &[], &[A.0]);
    one.unsubscribe(A);
    one.subscribe(A);
    expect_heard(&mut one, &mut other, &[A.0], &[]);
}

#[test]
fn a_range_includes_both_of_its_bounds() {
    let daemon = Setup::new().start();
    let (mut one, mut other) = (daemon.link(), daemon.link());
    one.subscribe_range(40_000, 40_010);
    expect_heard(&mut one, &mut other, &[40_000, 40_005, 40_010], &[39_999, 40_011]);
    one.unsubscribe_range(40_000, 40_010);
    expect_heard(&mut one, &mut other, &[], &[40_000, 40_005, 40_010]);
}

#[test]
fn the_last_channel_of_all_can_be_in_a_range() {
    let daemon = Setup::new().start();
    let (mut one, mut other) = (daemon.link(), daemon.link());
    one.subscribe_range(u64::MAX - 1, u64::MAX);
    expect_heard(&mut one, &mut other, &[u64::MAX - 1, u64::MAX], &[u64::MAX - 2]);
}

#[test]
fn removing_the_middle_of_a_range_leaves_both_ends() {
    let daemon = Setup::new().start();
    let (mut one, mut other) = (daemon.link(), daemon.link());
    one.subscribe_range(40_000, 40_100);
    one.unsubscribe_range(40_040, 40_060);
    let ends = [40_000, 40_039, 40_061, 40_100];
    expect_heard(&mut one, &mut other, &ends, &[40_040, 40_050, 40_060]);
}

#[test]
fn removing_a_single_channel_does_not_cut_it_out_of_a_range() {
    let daemon = Setup::new().start();
    let (mut one, mut other) = (daemon.link(), daemon.link());
    one.subscribe_range(40_000, 40_010);
    one.unsubscribe(Channel(40_005));
    expect_heard(&mut one, &mut other, &[40_005], &[]);
}

#[test]
fn removing_a_range_takes_the_single_channels_in_it_along() {
    let daemon = Setup::new().start();
    let (mut one, mut other) = (daemon.link(), daemon.link());
    one.subscribe([Channel(40_005), Channel(40_020)]);
    one.subscribe_range(40_000, 40_010);
    one.unsubscribe_range(40_000, 40_010);
    expect_heard(&mut one, &mut other, &[40_020], &[40_005]);
}

#[test]
fn a_range_that_ends_before_it_begins_is_nothing() {
    let daemon = Setup::new().start();
    let (mut one, mut other) = (daemon.link(), daemon.link());
    one.subscribe_range(40_010, 40_000);
    expect_heard(&mut one, &mut other, &[], &[40_000, 40_005, 40_010]);
}

#[test]
fn subscriptions_of_others_are_untouched() {
    let daemon = Setup::new().start();
    let (mut one, mut two, mut other) = (daemon.link(), daemon.link(), daemon.link());
    one.subscribe_range(40_000, 40_010);
    two.subscribe_range(40_005, 40_020);
    two.subscribe(Channel(40_001));
    one.unsubscribe_range(40_000, 40_020);
    expect_heard(&mut two, &mut other, &[40_001, 40_005, 40_010, 40_020], &[40_000]);
    expect_heard(&mut one, &mut other, &[], &[40_000, 40_010]);
}

#[test]
fn subscriptions_end_with_the_link() {
    let daemon = Setup::new().start();
    let (mut one, mut other) = (daemon.link(), daemon.link());
    one.subscribe(A);
    one.subscribe_range(40_000, 40_010);
    one.close();
    let mut new = daemon.link();
    expect_heard(&mut new, &mut other, &[], &[A.0, 40_000]);
}

//! Who is let in, and who is not.

use std::net::Ipv4Addr;

use super::*;
use crate::role::client_agent::Counted;

fn gate(change: impl FnOnce(&mut ClientLimitsConfig)) -> Arc<Gate> {
    let mut limits = ClientLimitsConfig::NONE;
    change(&mut limits);
    Gate::new(&limits, Seed::fixed(1), Arc::default())
}

fn come(gate: &Arc<Gate>, now: Instant, ip: &str) -> Result<(Pass, Duration), Refusal> {
    let mut pass = gate.enter()?;
    let wait = pass.come_from(now, ip)?;
    Ok((pass, wait))
}

#[test]
fn connections_are_counted_as_long_as_they_are_there() {
    let (gate, now) = (gate(|limits| limits.connections = 2), Instant::now());
    let _one = come(&gate, now, "192.0.2.1").expect("there is room");
    let two = come(&gate, now, "192.0.2.2").expect("there is room");
    assert_eq!(come(&gate, now, "192.0.2.3").err(), Some(Refusal::Full));
    drop(two);
    assert!(come(&gate, now, "192.0.2.3").is_ok());
}

/// As many sessions that clients can come back to.
fn resumable(gate: &Arc<Gate>, count: usize) -> Vec<Counted> {
    (0..count).map(|_| Counted::new(&gate.resumable)).collect()
}

#[test]
fn whoever_can_come_back_finds_the_gate_open_and_others_do_not() {
    for (limit, refusal) in [("all", Refusal::Full), ("address", Refusal::Crowd)] {
        let gate = gate(|limits| match limit {
            "all" => limits.connections = 2,
            _ => limits.connections_per_address = 2,
        });
        let now = Instant::now();
        let come = || come(&gate, now, "192.0.2.1").map(|(pass, _)| pass);
        let [one, two] = [come(), come()].map(|pass| pass.expect("there is room"));
        assert_eq!(come().err(), Some(refusal.clone()), "nobody can come back");
        let sessions = resumable(&gate, 2);
        // One is away, and one still looks as if it were there.
        one.go_away();
        let strangers: Vec<_> = std::iter::from_fn(|| come().ok()).collect();
        assert!(strangers.iter().all(|pass| pass.over() == Some(&refusal)));
        assert_eq!(strangers.len(), 2 + PROBATIONS_FREE);
        drop(strangers);
        for before in [one, two] {
            let back = come().expect("on probation");
            assert_eq!(back.over(), Some(&refusal));
            back.take_place_of(&before);
            assert_eq!(gate.state.lock().counts.places(), 2, "the other's place is free at once");
            // Now or later.
            drop(before);
            assert_eq!(gate.state.lock().counts.places(), 2);
            back.go_away();
            assert_eq!(come().expect("on probation").over(), Some(&refusal));
            std::mem::forget(back);
        }
        drop(sessions);
        assert_eq!(come().err(), Some(refusal));
    }
}

#[test]
fn an_address_has_few_on_probation_beyond_those_that_it_had() {
    let (gate, now) = (gate(|limits| limits.connections = 3), Instant::now());
    let come = |ip| come(&gate, now, ip).map(|(pass, _)| pass);
    let _sessions = resumable(&gate, 100);
    let _in = ["192.0.2.1", "192.0.2.1", "192.0.2.9"].map(|ip| come(ip).expect("there is room"));
    let mut on_probation = Vec::new();
    for (ip, had) in [("192.0.2.1", 2), ("192.0.2.2", 0)] {
        let refused = loop {
            match come(ip) {
                Ok(pass) => on_probation.push(pass),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!((refused, on_probation.len()), (Refusal::Full, PROBATIONS_FREE + had));
        on_probation.clear();
    }
    assert_eq!(gate.state.lock().counts.on_probation, 0);
}

#[test]
fn there_are_not_many_more_on_probation_than_can_come_back() {
    let (gate, now) = (gate(|limits| limits.connections = 1), Instant::now());
    let _in = come(&gate, now, "192.0.2.1").expect("there is room");
    let _sessions = resumable(&gate, 3);
    let others = (0..).map(|number| Ipv4Addr::from_bits(0xc633_0000 + number).to_string());
    let let_in = others.map_while(|ip| come(&gate, now, &ip).ok());
    assert_eq!(let_in.collect::<Vec<_>>().len(), 3 + PROBATIONS_SPARE);
}

#[test]
fn whoever_is_away_takes_a_place() {
    let (gate, now) = (gate(|limits| limits.connections_per_address = 1), Instant::now());
    let come = |ip| come(&gate, now, ip).map(|(pass, _)| pass);
    let away = come("192.0.2.1").expect("there is room");
    away.go_away();
    assert_eq!(come("192.0.2.1").err(), Some(Refusal::Crowd));
    assert!(come("192.0.2.2").is_ok());
    drop(away);
    assert!(come("192.0.2.1").is_ok_and(|pass| pass.over().is_none()));
}

#[test]
fn an_address_is_one_whatever_it_looks_like_and_a_64_is_one() {
    for (mut same, other) in [
        (["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"], "192.0.2.2"),
        (["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::"], "2001:db8:0:1::1"),
    ] {
        let (gate, now) = (gate(|limits| limits.connections_per_address = 2), Instant::now());
        for _ in same {
            let in_first = come(&gate, now, same[0]).expect("there is room");
            let in_second = come(&gate, now, same[1]).expect("there is room");
            assert_eq!(come(&gate, now, same[2]).err(), Some(Refusal::Crowd), "{same:?}");
            assert!(come(&gate, now, other).is_ok());
            drop((in_first, in_second));
            same.rotate_left(1);
        }
        assert_eq!(gate.state.lock().counts.connections, 0, "who is refused is not counted");
    }
}

#[test]
fn who_comes_too_fast_waits_and_then_is_refused() {
    let (gate, now) = (gate(|limits| limits.connects_per_second = 10), Instant::now());
    let mut waits = Vec::new();
    let refusal = loop {
        match come(&gate, now, "192.0.2.1") {
            Ok((_, wait)) => waits.push(wait),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, Refusal::Rush);
    assert_eq!(waits.len(), 70, "two seconds' worth at once, five wait");
    assert!(waits[..20].iter().all(Duration::is_zero));
    assert_eq!(
        waits[20..],
        (1..=50).map(|tenth| Duration::from_millis(100) * tenth).collect::<Vec<_>>()
    );
    assert!(come(&gate, now, "192.0.2.2").is_ok_and(|(_, wait)| wait.is_zero()));
    let later = now + Duration::from_secs(5);
    assert!(
        come(&gate, later, "192.0.2.1").is_ok_and(|(_, wait)| !wait.is_zero() && wait <= BURST)
    );
    let later = now + Duration::from_secs(10);
    assert!(come(&gate, later, "192.0.2.1").is_ok_and(|(_, wait)| wait.is_zero()));
}

#[test]
fn with_the_defaults_a_household_of_30_connects_at_once() {
    let gate = Gate::new(&ClientLimitsConfig::default(), Seed::fixed(1), Arc::default());
    let now = Instant::now();
    let all: Vec<_> = (0..30).map(|_| come(&gate, now, "192.0.2.1")).collect();
    assert!(all.iter().all(|one| matches!(one, Ok((_, Duration::ZERO)))));
}

#[test]
fn addresses_that_have_gone_are_forgotten() {
    let (gate, mut now) = (gate(|limits| limits.connects_per_second = 1), Instant::now());
    let kept = come(&gate, now, "2001:db8::1").expect("there is room");
    for network in 0..1_000_000u32 {
        let ip = format!("2001:db9:{:x}:{:x}::1", network >> 16, network & 0xffff);
        drop(come(&gate, now, &ip).expect("nobody is known"));
        now += Duration::from_micros(100);
        let known = gate.state.lock().origins.len();
        assert!(known <= 40_000, "{known} addresses, of which one has a connection");
    }
    // All at the same moment.
    for network in 0..1_000_000u32 {
        let ip = format!("2001:dba:{:x}:{:x}::1", network >> 16, network & 0xffff);
        drop(come(&gate, now, &ip).expect("nobody is known"));
    }
    assert!(gate.state.lock().origins.len() <= 2 * GONE_MAX + 2);
    let known =
        *gate.state.lock().origins.get(&Origin::V6(0x2001_0db8_0000_0000)).expect("it is here");
    assert_eq!(known.counts.connections, 1);
    drop(kept);
}

#[test]
fn limits_can_change_while_somebody_is_in() {
    let (gate, now) = (gate(|_| {}), Instant::now());
    let all: Vec<_> = (0..3).map(|_| come(&gate, now, "192.0.2.1")).collect();
    let limits = ClientLimitsConfig { connections_per_address: 2, ..ClientLimitsConfig::NONE };
    gate.set_limits(&limits);
    assert_eq!(come(&gate, now, "192.0.2.1").err(), Some(Refusal::Crowd));
    drop(all);
    assert!(come(&gate, now, "192.0.2.1").is_ok());
}

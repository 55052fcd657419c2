//! Who may come in: how many connections there are, in all and from one address, and how fast they come.
//!
//! What is known of an address is forgotten when nobody is connected from it and it may connect at once again, which is
//! at most some seconds after it has come last. So there is no more to remember than connections and who has just been here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::ClientLimitsConfig;
use crate::hash::{Map, Seed};
use crate::message::EjectReason;
use crate::role::client_agent::{Ejection, Resumable};

/// How far an address may be ahead of its rate, without waiting: so many seconds' worth at once.
const BURST: Duration = Duration::from_secs(2);
/// For how long a connection waits for its turn at most. To wait costs a file and little memory; who would have to wait for
/// longer is refused.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Addresses without a connection are looked for when there are so many, at least.
const SWEEP_MIN: usize = 1024;
/// So many of them are remembered at most. Who is forgotten early may connect faster, and nothing else.
const GONE_MAX: usize = 65_536;

/// Whose connections count together: a household or a host has a /64 of IPv6 for itself.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
enum Origin {
    V4(u32),
    V6(u64),
}

impl Origin {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Origin::V4(ip.to_bits()),
            IpAddr::V6(ip) => Origin::V6((ip.to_bits() >> 64) as u64),
        }
    }
}

/// How many more connections than have their places from there may be on probation from one address: whoever has changed his network
/// comes from one that nobody knows.
const PROBATIONS_FREE: usize = 8;
/// How many more there may be on probation in all than sessions that can be come back to: somebody at one address who says nothing does
/// not keep others out, however few there are.
const PROBATIONS_SPARE: usize = 2 * PROBATIONS_FREE;

/// How many there are.
#[derive(Copy, Clone, Default)]
struct Counts {
    connections: usize,
    /// Clients whose connections are lost, and that may come back.
    away: usize,
    /// Connections for which there is no room, unless they come back to a session that is there.
    on_probation: usize,
}

impl Counts {
    /// How many have places.
    const fn places(&self) -> usize {
        self.connections.saturating_add(self.away)
    }

    const fn is_none(&self) -> bool {
        self.places() + self.on_probation == 0
    }

    const fn of(&mut self, standing: Standing) -> Option<&mut usize> {
        match standing {
            Standing::Connected => Some(&mut self.connections),
            Standing::Away => Some(&mut self.away),
            Standing::OnProbation => Some(&mut self.on_probation),
            Standing::Gone => None,
        }
    }
}

/// As what somebody counts.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Standing {
    Connected,
    Away,
    OnProbation,
    Gone,
}

/// What is known of an address.
#[derive(Copy, Clone)]
struct Known {
    counts: Counts,
    /// Until when what it has used of its rate would last it.
    lasts_until: Instant,
}

/// Why somebody may not come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// He is banned; what he is told.
    Banned(String),
    /// There are too many connections.
    Full,
    /// There are too many from his address.
    Crowd,
    /// They come too fast from his address.
    Rush,
}

impl Refusal {
    /// What he is told.
    pub fn ejection(self) -> Ejection {
        let (limit, text) = match self {
            Refusal::Banned(text) => {
                return Ejection::new(EjectReason::Banned as u16, text);
            }
            Refusal::Full => ("limits.connections", "Client capacity reached"),
            Refusal::Crowd => (
                "limits.connections_per_address",
                "There are too many connections from this address.",
            ),
            Refusal::Rush => (
                "limits.connects_per_second",
                "Too many connections come from this address; try again in a minute.",
            ),
        };
        Ejection { limit: Some(limit), ..Ejection::new(EjectReason::Generic as u16, text) }
    }
}

/// What all connections of an agent pass.
pub struct Gate {
    state: Mutex<State>,
    /// How many sessions clients can come back to: not many more than these may try to beyond the limits.
    resumable: Arc<Resumable>,
}

struct State {
    limits: Limits,
    counts: Counts,
    origins: Map<Origin, Known>,
    /// When there are so many origins, those are forgotten that have no connection.
    sweep_at: usize,
}

#[derive(Copy, Clone)]
struct Limits {
    connections: usize,
    per_address: usize,
    /// How long one connection lasts an address.
    interval: Option<Duration>,
}

impl From<&ClientLimitsConfig> for Limits {
    fn from(config: &ClientLimitsConfig) -> Self {
        let or_any = |limit| if limit == 0 { usize::MAX } else { limit };
        let rate = config.connects_per_second;
        Limits {
            connections: or_any(config.connections),
            per_address: or_any(config.connections_per_address),
            interval: (rate > 0).then(|| Duration::from_secs(1) / rate),
        }
    }
}

impl Gate {
    /// Nobody has come yet.
    pub fn new(limits: &ClientLimitsConfig, seed: Seed, resumable: Arc<Resumable>) -> Arc<Self> {
        let state = State {
            limits: limits.into(),
            counts: Counts::default(),
            origins: Map::with_hasher(seed),
            sweep_at: SWEEP_MIN,
        };
        Arc::new(Gate { state: Mutex::new(state), resumable })
    }

    /// Takes over other limits. Whoever is in stays.
    pub fn set_limits(&self, limits: &ClientLimitsConfig) {
        self.state.lock().limits = limits.into();
    }

    /// How many may be on probation: nobody where there is nothing to come back to.
    fn probations_max(&self) -> usize {
        match self.resumable.count() {
            0 => 0,
            count => count + PROBATIONS_SPARE,
        }
    }

    /// Lets a connection in, of which nothing is known yet.
    ///
    /// # Errors
    /// When there are too many.
    pub fn enter(self: &Arc<Self>) -> Result<Pass, Refusal> {
        let mut state = self.state.lock();
        let over = (state.counts.places() >= state.limits.connections).then_some(Refusal::Full);
        let standing = match over {
            None => Standing::Connected,
            Some(_) if state.counts.on_probation < self.probations_max() => Standing::OnProbation,
            Some(refusal) => return Err(refusal),
        };
        state.count(None, Standing::Gone, standing);
        let standing = Mutex::new(standing);
        Ok(Pass { gate: self.clone(), origin: None, is_counted: false, over, standing })
    }
}

impl State {
    /// Counts somebody as something else than before.
    fn count(&mut self, origin: Option<Origin>, before: Standing, now: Standing) {
        let known = origin.and_then(|origin| self.origins.get_mut(&origin));
        let of_origin = known.map(|known| &mut known.counts);
        for counts in [Some(&mut self.counts), of_origin].into_iter().flatten() {
            if let Some(count) = counts.of(before) {
                *count -= 1;
            }
            if let Some(count) = counts.of(now) {
                *count += 1;
            }
        }
    }

    /// Reckons with a connection from an address; how long it has to wait.
    fn reckon(&mut self, now: Instant, origin: Origin) -> Result<Duration, Refusal> {
        let known = self.origins.entry(origin);
        let known = known.or_insert(Known { counts: Counts::default(), lasts_until: now });
        let Some(interval) = self.limits.interval else { return Ok(Duration::ZERO) };
        let lasts_until = known.lasts_until.max(now) + interval;
        let wait = (lasts_until - now).saturating_sub(BURST);
        if wait > WAIT_MAX {
            return Err(Refusal::Rush);
        }
        known.lasts_until = lasts_until;
        Ok(wait)
    }

    /// Forgets whom nothing is to be remembered of, when there are twice as many as were left the last time.
    fn sweep(&mut self, now: Instant) {
        if self.origins.len() < self.sweep_at {
            return;
        }
        let is_here = |known: &Known| !known.counts.is_none();
        self.origins.retain(|_, known| is_here(known) || known.lasts_until > now);
        if self.origins.len() > self.counts.places().saturating_add(GONE_MAX) {
            self.origins.retain(|_, known| is_here(known));
        }
        self.sweep_at = SWEEP_MIN.max(2 * self.origins.len());
    }
}

/// A connection that has been let in, as long as it is there; then the session that its client can come back to.
pub struct Pass {
    gate: Arc<Gate>,
    origin: Option<Origin>,
    is_counted: bool,
    /// Why it may only be used by a client that comes back, if that is so.
    over: Option<Refusal>,
    /// As what it counts. It changes while the gate is locked.
    standing: Mutex<Standing>,
}

impl Pass {
    /// Why there is no room for the connection, if it does not come back to a session that is there.
    pub const fn over(&self) -> Option<&Refusal> {
        self.over.as_ref()
    }

    fn change(&self, state: &mut State, now: Standing) {
        let before = std::mem::replace(&mut *self.standing.lock(), now);
        state.count(self.origin, before, now);
    }

    /// The connection is lost, and its client may come back: it goes on taking a place of those that there are for others.
    pub fn go_away(&self) {
        self.change(&mut self.gate.state.lock(), Standing::Away);
    }

    /// The client has come back on this connection, and has the place that it had by another pass, however long that is still there.
    pub fn take_place_of(&self, before: &Pass) {
        let mut state = self.gate.state.lock();
        before.change(&mut state, Standing::Gone);
        self.change(&mut state, Standing::Connected);
    }

    /// Whether it is known where it comes from, or that this is no address.
    pub const fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// Says where it comes from; how long it has to wait before anything is done for it. What is no address counts in no limit
    /// of addresses.
    ///
    /// # Errors
    /// When nobody else may come from there now.
    pub fn come_from(&mut self, now: Instant, ip: &str) -> Result<Duration, Refusal> {
        self.is_counted = true;
        let Ok(ip) = ip.parse::<IpAddr>() else { return Ok(Duration::ZERO) };
        let origin = Origin::of(ip);
        let mut state = self.gate.state.lock();
        state.sweep(now);
        let known = state.origins.get(&origin).map(|known| known.counts).unwrap_or_default();
        if known.places() >= state.limits.per_address {
            let others = state.counts.on_probation - usize::from(self.over.is_some());
            if others >= self.gate.probations_max() {
                return Err(Refusal::Crowd);
            }
            self.over.get_or_insert(Refusal::Crowd);
        }
        let most = known.places().saturating_add(PROBATIONS_FREE);
        if let Some(refusal) = self.over.clone()
            && known.on_probation >= most
        {
            return Err(refusal);
        }
        let wait = state.reckon(now, origin)?;
        let standing = self.over.as_ref().map_or(Standing::Connected, |_| Standing::OnProbation);
        // From now on it is its address's, too.
        self.change(&mut state, Standing::Gone);
        self.origin = Some(origin);
        self.change(&mut state, standing);
        Ok(wait)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.change(&mut self.gate.state.lock(), Standing::Gone);
    }
}

#[cfg(test)]
mod tests {
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
                assert_eq!(
                    gate.state.lock().counts.places(),
                    2,
                    "the other's place is free at once"
                );
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
        let _in =
            ["192.0.2.1", "192.0.2.1", "192.0.2.9"].map(|ip| come(ip).expect("there is room"));
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
        let others = (0..).map(|number| format!("198.51.100.{number}"));
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
}

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
use crate::role::client_agent::Ejection;

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

/// What is known of an address.
#[derive(Copy, Clone)]
struct Known {
    connections: usize,
    /// Clients whose connections are lost, and that may come back.
    away: usize,
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
}

struct State {
    limits: Limits,
    connections: usize,
    /// Clients whose connections are lost, and that may come back.
    away: usize,
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
    pub fn new(limits: &ClientLimitsConfig, seed: Seed) -> Arc<Self> {
        let state = State {
            limits: limits.into(),
            connections: 0,
            away: 0,
            origins: Map::with_hasher(seed),
            sweep_at: SWEEP_MIN,
        };
        Arc::new(Gate { state: Mutex::new(state) })
    }

    /// Takes over other limits. Whoever is in stays.
    pub fn set_limits(&self, limits: &ClientLimitsConfig) {
        self.state.lock().limits = limits.into();
    }

    /// Lets a connection in, of which nothing is known yet.
    ///
    /// # Errors
    /// When there are too many.
    pub fn enter(self: &Arc<Self>) -> Result<Pass, Refusal> {
        let mut state = self.state.lock();
        if state.connections >= state.limits.connections {
            return Err(Refusal::Full);
        }
        state.connections += 1;
        let is_over = state.connections.saturating_add(state.away) > state.limits.connections;
        let over = is_over.then_some(Refusal::Full);
        Ok(Pass { gate: self.clone(), origin: None, is_counted: false, over })
    }
}

impl State {
    /// Counts a connection from an address; how long it has to wait, and whether there are too many with those that are away.
    fn count(&mut self, now: Instant, origin: Origin) -> Result<(Duration, bool), Refusal> {
        self.sweep(now);
        let new = Known { connections: 0, away: 0, lasts_until: now };
        let known = self.origins.get(&origin).copied().unwrap_or(new);
        if known.connections >= self.limits.per_address {
            return Err(Refusal::Crowd);
        }
        let mut wait = Duration::ZERO;
        let mut lasts_until = known.lasts_until.max(now);
        if let Some(interval) = self.limits.interval {
            lasts_until += interval;
            wait = (lasts_until - now).saturating_sub(BURST);
            if wait > WAIT_MAX {
                return Err(Refusal::Rush);
            }
        }
        let connections = known.connections + 1;
        self.origins.insert(origin, Known { connections, lasts_until, ..known });
        Ok((wait, connections.saturating_add(known.away) > self.limits.per_address))
    }

    /// Forgets whom nothing is to be remembered of, when there are twice as many as were left the last time.
    fn sweep(&mut self, now: Instant) {
        if self.origins.len() < self.sweep_at {
            return;
        }
        let is_here = |known: &Known| known.connections + known.away > 0;
        self.origins.retain(|_, known| is_here(known) || known.lasts_until > now);
        if self.origins.len() > (self.connections + self.away).saturating_add(GONE_MAX) {
            self.origins.retain(|_, known| is_here(known));
        }
        self.sweep_at = SWEEP_MIN.max(2 * self.origins.len());
    }
}

/// A connection that has been let in, as long as it is there.
pub struct Pass {
    gate: Arc<Gate>,
    origin: Option<Origin>,
    is_counted: bool,
    /// Why it may only be used by a client that comes back, if that is so.
    over: Option<Refusal>,
}

/// A client that has lost its connection and may come back, as long as it is away: it takes a place of those that there are for
/// others, but for those who come back.
pub struct Absent {
    gate: Arc<Gate>,
    origin: Option<Origin>,
}

impl Pass {
    /// Why there is no room for the connection, if it does not come back for one that is away.
    pub const fn over(&self) -> Option<&Refusal> {
        self.over.as_ref()
    }

    /// The connection is lost, and its client may come back.
    pub fn go_away(self) -> Absent {
        let mut state = self.gate.state.lock();
        state.away += 1;
        if let Some(known) = self.origin.and_then(|origin| state.origins.get_mut(&origin)) {
            known.away += 1;
        }
        Absent { gate: self.gate.clone(), origin: self.origin }
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
        let (wait, is_over) = self.gate.state.lock().count(now, origin)?;
        self.origin = Some(origin);
        if is_over {
            self.over.get_or_insert(Refusal::Crowd);
        }
        Ok(wait)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock();
        state.connections -= 1;
        if let Some(known) = self.origin.and_then(|origin| state.origins.get_mut(&origin)) {
            known.connections -= 1;
        }
    }
}

impl Drop for Absent {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock();
        state.away -= 1;
        if let Some(known) = self.origin.and_then(|origin| state.origins.get_mut(&origin)) {
            known.away -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(change: impl FnOnce(&mut ClientLimitsConfig)) -> Arc<Gate> {
        let mut limits = ClientLimitsConfig::NONE;
        change(&mut limits);
        Gate::new(&limits, Seed::fixed(1))
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

    #[test]
    fn who_is_away_takes_a_place_but_for_those_who_come_back() {
        let (gate, now) = (gate(|limits| limits.connections_per_address = 2), Instant::now());
        let come = |ip| come(&gate, now, ip).expect("there is room").0;
        let away = [come("192.0.2.1").go_away(), come("192.0.2.1").go_away()];
        assert_eq!(come("192.0.2.1").over(), Some(&Refusal::Crowd));
        assert_eq!(come("192.0.2.2").over(), None);
        let [one, other] = away;
        let back = come("192.0.2.1");
        drop(one);
        assert_eq!(come("192.0.2.1").over(), Some(&Refusal::Crowd), "one is back, one is away");
        drop((other, back));
        assert_eq!(come("192.0.2.1").over(), None);
        gate.set_limits(&ClientLimitsConfig { connections: 1, ..ClientLimitsConfig::NONE });
        let away = come("192.0.2.3").go_away();
        assert_eq!(come("192.0.2.4").over(), Some(&Refusal::Full));
        drop(away);
        assert_eq!(come("192.0.2.4").over(), None);
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
            assert_eq!(gate.state.lock().connections, 0, "who is refused is not counted");
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
        let gate = Gate::new(&ClientLimitsConfig::default(), Seed::fixed(1));
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
        assert_eq!(known.connections, 1);
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

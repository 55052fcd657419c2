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
/// How many more there may be on probation in all than sessions that can be come back to: somebody who says nothing, at few
/// addresses, does not keep others out.
const PROBATIONS_SPARE: usize = 256;

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
mod tests;

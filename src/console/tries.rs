//! How often somebody has tried to log in with a wrong password.
//!
//! What is counted is tries of one address with one name: [`WRONG_MAX`] in [`WINDOW`], and then that address has to wait with that
//! name. So nobody can lock somebody else out who comes from another address, and who has a session needs no password. Besides, an
//! address has a number of tries for all names together, so that it can neither try one password with each name nor fill this
//! table. Of IPv6, whoever has one address has 2^64 of them, which count as one.
//!
//! Whoever comes through a proxy has the proxy's address unless the configuration trusts it (`web.trusted_proxies`).

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// In this time.
const WINDOW: Duration = Duration::from_secs(60);
/// So many wrong tries has an address with one name.
const WRONG_MAX: usize = 10;
/// So many has it with all names together.
const WRONG_OF_ADDRESS_MAX: usize = 100;
/// How many pairs, and how many addresses, are remembered. An attacker with more of them has as many tries for each anyway.
const REMEMBERED_MAX: usize = 4096;

/// Tries of late.
#[derive(Debug, Default)]
pub struct Tries {
    of_pairs: Remembered<(IpAddr, u64)>,
    of_addresses: Remembered<IpAddr>,
}

impl Tries {
    /// Notes that somebody is about to try. It counts as wrong until [`Tries::was_right`].
    ///
    /// # Errors
    /// It was too often; after this time there may be another try.
    pub fn tries(&mut self, now: Instant, address: IpAddr, name: u64) -> Result<(), Duration> {
        let address = household(address);
        let pair = (address, name);
        let waits = [
            self.of_pairs.wait(now, pair, WRONG_MAX),
            self.of_addresses.wait(now, address, WRONG_OF_ADDRESS_MAX),
        ];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Err(wait);
        }
        self.of_pairs.add(now, pair);
        self.of_addresses.add(now, address);
        Ok(())
    }

    /// Notes that the last try was with the right password: who knows it has made mistakes before.
    pub fn was_right(&mut self, address: IpAddr, name: u64) {
        let address = household(address);
        self.of_pairs.times.remove(&(address, name));
        if let Some(times) = self.of_addresses.times.get_mut(&address) {
            times.pop_back();
        }
    }
}

/// The times of tries.
#[derive(Debug)]
struct Remembered<K> {
    times: HashMap<K, VecDeque<Instant>>,
}

impl<K> Default for Remembered<K> {
    fn default() -> Self {
        Remembered { times: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash> Remembered<K> {
    /// How long one has to wait who has made `max` tries of late.
    fn wait(&mut self, now: Instant, key: K, max: usize) -> Option<Duration> {
        let times = self.times.get_mut(&key)?;
        while times.front().is_some_and(|time| now.duration_since(*time) >= WINDOW) {
            times.pop_front();
        }
        let oldest = times.front().filter(|_| times.len() >= max)?;
        Some(WINDOW.saturating_sub(now.duration_since(*oldest)))
    }

    fn add(&mut self, now: Instant, key: K) {
        if self.times.len() >= REMEMBERED_MAX && !self.times.contains_key(&key) {
            self.forget(now);
        }
        self.times.entry(key).or_default().push_back(now);
    }

    /// Forgets those whose time is over, and if there are none, whoever has not tried for longest.
    fn forget(&mut self, now: Instant) {
        self.times
            .retain(|_, times| times.back().is_some_and(|time| now.duration_since(*time) < WINDOW));
        if self.times.len() >= REMEMBERED_MAX {
            let quietest = self.times.iter().min_by_key(|(_, times)| times.back().copied());
            let quietest = quietest.map(|(key, _)| *key);
            quietest.and_then(|key| self.times.remove(&key));
        }
    }
}

/// All addresses of whoever has this one.
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn after_ten_wrong_ones_one_waits_until_the_first_is_a_minute_ago() {
        let (mut tries, start, here) = (Tries::default(), Instant::now(), ip("192.0.2.1"));
        let at = |seconds| start + Duration::from_secs(seconds);
        for n in 0..10 {
            assert_eq!(tries.tries(at(n), here, 1), Ok(()));
        }
        assert_eq!(tries.tries(at(10), here, 1), Err(Duration::from_secs(50)));
        assert_eq!(
            tries.tries(at(59), here, 1),
            Err(Duration::from_secs(1)),
            "waiting does not add to it"
        );
        assert_eq!(tries.tries(at(60), here, 1), Ok(()));
        assert_eq!(tries.tries(at(60), here, 1), Err(Duration::from_secs(1)));
    }

    #[test]
    fn other_addresses_and_other_names_are_others() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(tries.tries(now, ip("2001:db8::1"), 1), Ok(()));
        }
        assert!(tries.tries(now, ip("2001:db8::2"), 1).is_err(), "it has both addresses");
        assert_eq!(tries.tries(now, ip("2001:db8:0:1::1"), 1), Ok(()));
        assert_eq!(tries.tries(now, ip("2001:db8::1"), 2), Ok(()));
        tries.was_right(ip("2001:db8::1"), 1);
        assert_eq!(tries.tries(now, ip("2001:db8::1"), 1), Ok(()), "what came before is forgiven");
    }

    #[test]
    fn an_address_has_so_many_for_all_names() {
        let (mut tries, now, here) = (Tries::default(), Instant::now(), ip("192.0.2.1"));
        for name in 0..100 {
            assert_eq!(tries.tries(now, here, name), Ok(()));
        }
        assert_eq!(tries.tries(now, here, 100), Err(WINDOW));
        tries.was_right(here, 0);
        assert_eq!(tries.tries(now, here, 100), Ok(()));
        assert_eq!(tries.tries(now, ip("192.0.2.2"), 0), Ok(()));
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        for n in 0..3 * REMEMBERED_MAX as u32 {
            let address = IpAddr::V4((0x0a00_0000 + n).into());
            assert_eq!(tries.tries(now + Duration::from_millis(n.into()), address, 1), Ok(()));
        }
        assert_eq!(tries.of_pairs.times.len(), REMEMBERED_MAX);
        assert_eq!(tries.of_addresses.times.len(), REMEMBERED_MAX);
    }
}

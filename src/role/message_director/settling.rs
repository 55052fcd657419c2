//! When the daemons below are there again.
//!
//! After a loss, messages must not be sent before those who are to get them have subscribed. So a daemon tells those
//! below when everybody is back: they keep until then what they have for the others. Whoever is waited for is
//! known by the epoch that its hello has named:
//!
//! - In a daemon's first moments it does not know who will come, and waits for all of `settle`.
//! - A daemon whose link is lost is waited for from then on, until it is back and has told its subscriptions, and an
//!   older link of it has ended, of which there may be something to read yet.
//! - Nobody is waited for for ever: he may be gone for good, or come and go again and again. A *wait* begins with the first
//!   who is missed, and until it is over no other one begins. `settle` after that beginning nobody is waited for who is not
//!   there, and `settle` later nobody who is.
//! - Only he is missed who was there when everybody was. Of whoever comes meanwhile, and goes, nobody has kept anything.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A link that somebody made to this daemon.
pub type LinkId = u64;
/// A random number that a process has for its life.
pub type Epoch = u64;

/// What is known of the daemon above.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Above {
    /// There is none, or it is away: what is for it is kept here.
    Away,
    /// It is there, and waits for others.
    Settling,
    /// Everybody is there. The number is another one when some daemon up there has been started anew.
    Settled(Epoch),
}

/// Who is below, whom the others wait for, and who has been told what.
#[derive(Debug)]
pub struct Settling {
    epoch: Epoch,
    settle: Duration,
    /// Until when anybody may still come; `None` before anybody can.
    opening: Option<Instant>,
    above: Above,
    links: BTreeMap<LinkId, Peer>,
    /// Who is waited for, and how long.
    awaited: BTreeMap<Epoch, Instant>,
    /// When the wait began, if anybody is waited for.
    began: Option<Instant>,
}

#[derive(Debug)]
struct Peer {
    epoch: Epoch,
    /// It has told its subscriptions.
    has_told: bool,
    /// It has been told that everybody is there.
    knows: bool,
    /// There was a gap above before that: it is told twice, since it takes the first time for none.
    has_missed: bool,
    /// It is waited for if it leaves: it was there when everybody was, or before this daemon was.
    is_missed: bool,
}

impl Settling {
    /// Nobody can come yet.
    pub const fn new(epoch: Epoch, settle: Duration) -> Self {
        Settling {
            epoch,
            settle,
            opening: None,
            above: Above::Away,
            links: BTreeMap::new(),
            awaited: BTreeMap::new(),
            began: None,
        }
    }

    /// From now on links are served; until then, anybody who was there before may come.
    pub const fn open(&mut self, until: Instant) {
        self.opening = Some(until);
    }

    /// A daemon has said hello on a link.
    pub fn hello(&mut self, now: Instant, link: LinkId, epoch: Epoch) {
        self.forget_overdue(now);
        let is_back = !self.is_open(now)
            || self.awaited.contains_key(&epoch)
            || self.links.values().any(|peer| peer.epoch == epoch && peer.is_missed);
        if is_back {
            let began = *self.began.get_or_insert(now);
            self.awaited.insert(epoch, (now + self.settle).min(began + self.settle * 2));
        }
        let peer =
            Peer { epoch, has_told: false, knows: false, has_missed: false, is_missed: is_back };
        self.links.insert(link, peer);
    }

    /// The daemon at a link has told its subscriptions.
    pub fn told(&mut self, link: LinkId) {
        let Some(peer) = self.links.get_mut(&link) else { return };
        peer.has_told = true;
        let epoch = peer.epoch;
        self.stop_waiting_for(epoch);
    }

    /// A link has ended.
    pub fn left(&mut self, now: Instant, link: LinkId) {
        let Some(peer) = self.links.remove(&link) else { return };
        if self.links.values().any(|other| other.epoch == peer.epoch) {
            self.stop_waiting_for(peer.epoch);
        } else if peer.is_missed {
            self.forget_overdue(now);
            let began = *self.began.get_or_insert(now);
            self.awaited.insert(peer.epoch, began + self.settle);
        }
    }

    /// Notes what is known of the daemon above. After a gap everybody is told when it is settled.
    pub fn above(&mut self, above: Above, is_gap: bool) {
        self.above = above;
        if is_gap {
            for peer in self.links.values_mut() {
                peer.has_missed |= !peer.knows;
                peer.knows = false;
            }
        }
    }

    /// Whether those below have told their subscriptions, as far as they are known and alive.
    pub fn is_complete(&mut self, now: Instant) -> bool {
        self.forget_overdue(now);
        self.is_open(now) && self.awaited.is_empty()
    }

    /// Who has to be told that everybody is there, twice who comes twice, and what number with it. They count as told.
    pub fn due(&mut self, now: Instant) -> (Epoch, Vec<LinkId>) {
        let is_complete = self.is_complete(now);
        let number = match self.above {
            _ if !is_complete => return (0, Vec::new()),
            Above::Settling => return (0, Vec::new()),
            Above::Away => self.epoch,
            Above::Settled(above) => self.epoch ^ above,
        };
        let unaware = self.links.iter_mut().filter(|(_, peer)| !peer.knows);
        let told = unaware.flat_map(|(&link, peer)| {
            peer.knows = true;
            peer.is_missed = true;
            std::iter::repeat_n(link, 1 + usize::from(std::mem::take(&mut peer.has_missed)))
        });
        (number, told.collect())
    }

    /// When to look again, if nothing happens until then.
    pub fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let opening = self.opening.filter(|until| now < *until);
        self.awaited.values().copied().chain(opening).min()
    }

    /// Whether the first moments are over.
    fn is_open(&self, now: Instant) -> bool {
        self.opening.is_some_and(|until| now >= until)
    }

    /// Unless it is not back yet, or there is an older link of it to be read.
    fn stop_waiting_for(&mut self, epoch: Epoch) {
        let mut links = self.links.values().filter(|peer| peer.epoch == epoch);
        if links.next().is_some_and(|peer| peer.has_told) && links.next().is_none() {
            self.awaited.remove(&epoch);
        }
        if self.awaited.is_empty() {
            self.began = None;
        }
    }

    fn forget_overdue(&mut self, now: Instant) {
        self.awaited.retain(|_, until| now < *until);
        if self.awaited.is_empty() {
            self.began = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(2);
    const SELF: Epoch = 1;
    const A: Epoch = 0xa0;
    const B: Epoch = 0xb0;
    const NOBODY: [LinkId; 0] = [];

    struct Bench {
        settling: Settling,
        start: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let start = Instant::now();
            let mut settling = Settling::new(SELF, SETTLE);
            assert!(!settling.is_complete(start + 2 * SETTLE));
            settling.open(start + SETTLE);
            Bench { settling, start }
        }

        /// One whose first moments are over, with these daemons below.
        fn settled(epochs: &[(LinkId, Epoch)]) -> Self {
            let mut bench = Bench::new();
            for &(link, epoch) in epochs {
                bench.settling.hello(bench.at(2000), link, epoch);
                bench.settling.told(link);
            }
            let links: Vec<LinkId> = epochs.iter().map(|(link, _)| *link).collect();
            assert_eq!(bench.due(2000), links);
            bench
        }

        fn at(&self, millis: u64) -> Instant {
            self.start + Duration::from_millis(millis)
        }

        fn due(&mut self, millis: u64) -> Vec<LinkId> {
            self.settling.due(self.at(millis)).1
        }
    }

    #[test]
    fn in_its_first_moments_a_daemon_waits_for_whoever_comes() {
        let mut bench = Bench::new();
        bench.settling.hello(bench.at(100), 1, A);
        bench.settling.told(1);
        assert_eq!(bench.due(1999), NOBODY);
        assert_eq!(bench.settling.next_deadline(bench.at(1999)), Some(bench.at(2000)));
        // It has come in time, and has much to tell.
        bench.settling.hello(bench.at(1999), 2, B);
        assert_eq!(bench.due(2000), NOBODY);
        bench.settling.told(2);
        assert_eq!(bench.due(2001), [1, 2]);
        assert_eq!(bench.due(2001), NOBODY);
    }

    #[test]
    fn whoever_is_new_waits_for_nobody_and_nobody_for_him() {
        let mut bench = Bench::settled(&[(1, A)]);
        bench.settling.hello(bench.at(9000), 2, B);
        assert_eq!(bench.due(9000), [2]);
    }

    #[test]
    fn who_is_away_is_waited_for_until_he_has_told_his_subscriptions() {
        let mut bench = Bench::settled(&[(1, A), (2, B)]);
        bench.settling.left(bench.at(9000), 1);
        bench.settling.left(bench.at(9000), 2);
        bench.settling.hello(bench.at(9100), 3, A);
        bench.settling.told(3);
        assert_eq!(bench.due(9100), NOBODY);
        bench.settling.hello(bench.at(9200), 4, B);
        assert_eq!(bench.due(9200), NOBODY);
        bench.settling.told(4);
        assert_eq!(bench.due(9300), [3, 4]);
    }

    #[test]
    fn who_does_not_come_back_is_not_waited_for_for_ever() {
        let mut bench = Bench::settled(&[(1, A), (2, B)]);
        bench.settling.left(bench.at(9000), 1);
        bench.settling.left(bench.at(9500), 2);
        bench.settling.hello(bench.at(9600), 3, B);
        bench.settling.told(3);
        assert_eq!(bench.due(10_999), NOBODY);
        assert_eq!(bench.settling.next_deadline(bench.at(10_999)), Some(bench.at(11_000)));
        assert_eq!(bench.due(11_000), [3]);
        assert_eq!(bench.settling.next_deadline(bench.at(11_000)), None);
    }

    /// The longest time in a minute in which nobody is told, when a daemon lives for `alive_ms` again and again, with
    /// `away_ms` in between, and somebody comes to be told each 10 ms.
    fn longest_wait(alive_ms: u64, away_ms: u64, epoch_of: impl Fn(u64) -> Epoch) -> u64 {
        const BEGAN: u64 = 9_000;
        let mut bench = Bench::settled(&[(1, A)]);
        let (mut longest, mut since) = (0, BEGAN);
        for ms in (BEGAN..BEGAN + 60_000).step_by(10) {
            let life = (ms - BEGAN) / (alive_ms + away_ms);
            match (ms - BEGAN) % (alive_ms + away_ms) {
                0 => bench.settling.hello(bench.at(ms), 100 + life, epoch_of(life)),
                into if into == alive_ms => bench.settling.left(bench.at(ms), 100 + life),
                _ => {}
            }
            bench.settling.hello(bench.at(ms), 10_000 + ms, 10_000 + ms);
            if !bench.due(ms).is_empty() {
                since = ms;
            }
            longest = longest.max(ms - since);
        }
        longest
    }

    #[test]
    fn whoever_is_started_again_and_again_keeps_nobody_from_settling() {
        for (alive_ms, away_ms) in [(200, 800), (600, 1000), (50, 50), (1500, 300), (300, 1500)] {
            let case = format!("{alive_ms} ms alive, {away_ms} ms away");
            let longest = longest_wait(alive_ms, away_ms, |life| 1000 + life);
            assert!(longest <= 2000, "{case}: {longest} ms");
            // The same life, of which the links are cut.
            let longest = longest_wait(alive_ms, away_ms, |_| B);
            assert!(longest <= 4000, "{case}: {longest} ms");
        }
    }

    #[test]
    fn a_wait_has_an_end_whoever_comes_and_goes_meanwhile() {
        let mut bench = Bench::settled(&[(1, A), (2, B)]);
        bench.settling.left(bench.at(9000), 1);
        bench.settling.left(bench.at(10_500), 2);
        assert_eq!(bench.settling.next_deadline(bench.at(10_500)), Some(bench.at(11_000)));
        // It is back in time, and has much to tell.
        bench.settling.hello(bench.at(10_900), 3, B);
        assert_eq!(bench.due(11_000), NOBODY);
        bench.settling.left(bench.at(12_000), 3);
        bench.settling.hello(bench.at(12_000), 4, B);
        assert_eq!(bench.due(12_000), [4], "its time was over when it left again");
    }

    #[test]
    fn an_older_link_of_the_same_daemon_is_read_to_its_end_first() {
        let mut bench = Bench::settled(&[(1, A)]);
        bench.settling.hello(bench.at(9000), 2, A);
        bench.settling.told(2);
        assert_eq!(bench.due(9001), NOBODY);
        bench.settling.left(bench.at(9500), 1);
        assert_eq!(bench.due(9500), [2]);
        // Or for as long as is waited at all.
        bench.settling.hello(bench.at(20_000), 3, A);
        bench.settling.told(3);
        assert_eq!(bench.due(21_999), NOBODY);
        assert_eq!(bench.due(22_000), [3]);
    }

    #[test]
    fn a_gap_above_is_told_to_all_below_when_it_is_over() {
        let mut bench = Bench::settled(&[(1, A)]);
        bench.settling.above(Above::Settling, false);
        bench.settling.hello(bench.at(9000), 2, B);
        assert_eq!(bench.due(9000), NOBODY);
        bench.settling.above(Above::Settled(0x70), false);
        assert_eq!(bench.settling.due(bench.at(9000)), (SELF ^ 0x70, vec![2]));
        bench.settling.above(Above::Away, false);
        assert_eq!(bench.due(9001), NOBODY);
        bench.settling.above(Above::Settled(0x80), true);
        assert_eq!(bench.settling.due(bench.at(9002)), (SELF ^ 0x80, vec![1, 2]));
    }

    #[test]
    fn who_has_not_been_told_before_a_gap_is_told_twice_that_it_is_over() {
        let mut bench = Bench::settled(&[]);
        bench.settling.above(Above::Settling, false);
        bench.settling.hello(bench.at(9000), 1, A);
        bench.settling.above(Above::Settled(0x70), true);
        assert_eq!(bench.due(9001), [1, 1]);
        bench.settling.above(Above::Settled(0x80), true);
        assert_eq!(bench.due(9002), [1]);
    }
}

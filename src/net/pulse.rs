//! Whether the peer of a connection lives, when somebody has to know now.
//!
//! A peer that has gone without a word is noticed in time by itself ([`Liveness`](super::Liveness)), which may take a
//! minute. Whoever cannot wait asks: for the time of an [`Examination`] the kernel questions an idle peer every
//! second, three times, and whatever the peer acknowledges meanwhile proves that it lives. If nothing comes, it is dead.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The first question goes out within a second after whatever came last, and there are three, a second apart.
const TIME: Duration = Duration::from_secs(4);
/// The system knows to some milliseconds when it heard of a peer. On a busy machine it is as late with what one process has
/// sent another.
const GRAIN: Duration = Duration::from_millis(20);

/// What the system knows of a connection.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Signs {
    /// It does not tell.
    Unknown,
    /// It has been closed or lost; whoever reads it will find out.
    Ended,
    /// It is open.
    Open {
        /// How long ago the peer acknowledged something.
        heard: Duration,
    },
}

/// What has been found.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The peer lives, or at least its machine does.
    Alive,
    /// Nothing has come from there.
    Dead,
}

/// The judgement of one peer, from its beginning.
#[derive(Copy, Clone, Debug)]
pub struct Examination {
    began: Instant,
    is_here: bool,
}

impl Examination {
    /// Begins. Of a peer on this machine (`is_here`) nothing need be asked: when it dies, the kernel ends the
    /// connection. But that may still be on its way, although what another has sent later has arrived.
    pub const fn begin(now: Instant, is_here: bool) -> Self {
        Examination { began: now, is_here }
    }

    /// What these signs say, if they say it yet.
    pub fn judge(&self, now: Instant, signs: Signs) -> Option<Verdict> {
        let lasted = now.saturating_duration_since(self.began);
        let is_over = lasted >= TIME;
        match signs {
            Signs::Open { .. } | Signs::Unknown if self.is_here => {
                (lasted >= GRAIN).then_some(Verdict::Alive)
            }
            // What it has acknowledged before says nothing: it may have died since.
            Signs::Open { heard } if heard + GRAIN < lasted => Some(Verdict::Alive),
            Signs::Open { .. } | Signs::Ended => is_over.then_some(Verdict::Dead),
            // The questions have not been answered, or the connection would have been lost.
            Signs::Unknown => is_over.then_some(Verdict::Alive),
        }
    }
}

/// Whether both ends of a connection are on one machine.
pub(super) fn is_here(local: SocketAddr, peer: SocketAddr) -> bool {
    let (local, peer) = (local.ip().to_canonical(), peer.ip().to_canonical());
    local == peer || local.is_loopback() && peer.is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn open(heard_ms: u64) -> Signs {
        Signs::Open { heard: Duration::from_millis(heard_ms) }
    }

    /// What is found, and after how many milliseconds, when these signs are seen at these times.
    fn found(is_here: bool, signs: &[(u64, Signs)]) -> Option<(u64, Verdict)> {
        let began = Instant::now();
        let examination = Examination::begin(began, is_here);
        signs.iter().find_map(|&(ms, signs)| {
            let verdict = examination.judge(began + Duration::from_millis(ms), signs)?;
            Some((ms, verdict))
        })
    }

    #[test]
    fn whoever_acknowledges_something_from_now_on_lives() {
        let answered = [(0, open(70)), (500, open(570)), (1000, open(1070)), (1100, open(60))];
        assert_eq!(found(false, &answered), Some((1100, Verdict::Alive)));
        // Also if it was busy all the time.
        assert_eq!(found(false, &[(0, open(0)), (40, open(4))]), Some((40, Verdict::Alive)));
    }

    #[test]
    fn whoever_does_not_is_dead() {
        let silent = [(0, open(5)), (30, open(35)), (3000, open(3005)), (3999, open(4004))];
        assert_eq!(found(false, &silent), None);
        assert_eq!(found(false, &[(4000, open(4005))]), Some((4000, Verdict::Dead)));
        // Nor has it said anything who was heard of a moment before.
        assert_eq!(found(false, &[(0, open(0)), (15, open(15)), (35, open(35))]), None);
    }

    #[test]
    fn a_connection_that_has_ended_is_waited_for() {
        let ended = [(0, Signs::Ended), (3999, Signs::Ended)];
        assert_eq!((found(false, &ended), found(true, &ended)), (None, None));
        assert_eq!(found(true, &[(4000, Signs::Ended)]), Some((4000, Verdict::Dead)));
    }

    #[test]
    fn without_the_systems_word_whoever_is_not_lost_lives() {
        let unknown = [(0, Signs::Unknown), (3999, Signs::Unknown), (4000, Signs::Unknown)];
        assert_eq!(found(false, &unknown), Some((4000, Verdict::Alive)));
    }

    #[test]
    fn a_peer_on_this_machine_need_not_be_asked() {
        assert_eq!(found(true, &[(0, open(9_000)), (20, open(9_020))]), Some((20, Verdict::Alive)));
        assert_eq!(
            found(true, &[(19, Signs::Unknown), (20, Signs::Unknown)]),
            Some((20, Verdict::Alive))
        );
        let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        assert!(is_here(at("127.0.0.1:1"), at("127.0.0.2:2")));
        assert!(is_here(at("[::ffff:10.1.2.3]:1"), at("10.1.2.3:2")));
        assert!(!is_here(at("10.1.2.3:1"), at("10.1.2.4:1")));
    }
}

//! The end of a daemon whose clients are given time to leave.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Parts;
use super::operator::{Ending, Operator};
use crate::config::show_duration;
use crate::readiness::{Readiness, Stage};
use crate::role::client_agent;

/// How often it is looked who has left.
const TICK: Duration = Duration::from_millis(100);
/// How often it is said how many are left.
const PROGRESS: Duration = Duration::from_secs(10);
/// How far waves are apart.
const WAVE: Duration = Duration::from_secs(1);

/// So many of them, and what they do.
fn clients_are(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 client {one}") } else { format!("{count} clients {many}") }
}

/// Lets the daemon live until somebody wants its end, and its clients have had the time that they are given. Returns the
/// signal that has ended it, if it was one.
///
/// # Errors
/// When a part of the daemon has failed.
pub(super) async fn live(
    operator: &mut Operator,
    parts: &mut Parts,
    readiness: &Readiness,
) -> anyhow::Result<Option<&'static str>> {
    let Ending { signal, grace } = tokio::select! {
        ending = operator.wants_the_end() => ending,
        failure = parts.first_failure() => return Err(failure),
    };
    let Some(grace) = grace else { return Ok(signal) };
    readiness.reach(Stage::Draining);
    let mut drain = Drain::begin(operator.crowds(), grace);
    let (clients, shown) = (drain.count(), show_duration(grace));
    let by = signal.unwrap_or("a command");
    tracing::info!(by, grace = shown, clients, "draining: nobody is let in any more");
    operator.waits_for(clients);
    let stay = clients_are(clients, "may stay", "may stay");
    operator.tell(&format!("draining: {stay} for {shown} at most"));
    // It may change meanwhile.
    let wave = operator.drain_wave();
    loop {
        let word = tokio::select! {
            biased;
            ending = operator.wants_the_end() => match hurry(&mut drain, operator, &ending) {
                true => break,
                false => continue,
            },
            failure = parts.first_failure() => return Err(failure),
            word = drain.next(&wave) => word,
        };
        match word {
            Word::Left(clients) => {
                operator.waits_for(clients);
                tracing::info!(clients, "draining");
                operator.tell(&clients_are(clients, "is left", "are left"));
            }
            Word::GraceIsOver(clients) => {
                operator.waits_for(clients);
                let wave = wave.load(Ordering::Relaxed);
                tracing::info!(clients, a_second = wave, "the grace is over: clients are ejected");
                let ejected = clients_are(clients, "is ejected", "are ejected");
                let pace =
                    if clients > 1 { format!(", at most {wave} a second") } else { String::new() };
                operator.tell(&format!("the grace is over: {ejected}{pace}"));
            }
            Word::Over => {
                tracing::info!("drained: no clients are left");
                operator.tell("no clients are left: the daemon stops");
                break;
            }
        }
    }
    Ok(signal)
}

/// Takes in that somebody wants the end of a daemon that drains; whether it is to be at once.
fn hurry(drain: &mut Drain<client_agent::Crowd>, operator: &mut Operator, ending: &Ending) -> bool {
    let clients = drain.count();
    if let Some(signal) = ending.signal {
        if drain.is_clearing {
            tracing::warn!(signal, clients, "second signal: all clients are ejected at once");
            let ejected = clients_are(clients, "is ejected", "are ejected");
            operator.tell(&format!("{signal}: {ejected} at once"));
            return true;
        }
        tracing::info!(signal, clients, "second signal: the grace is over");
        drain.shorten(Duration::ZERO);
        return false;
    }
    drain.shorten(ending.grace.unwrap_or_default());
    let left = show_duration(drain.left());
    tracing::info!(left, clients, "draining already, and asked again");
    let stay = clients_are(clients, "may stay", "may stay");
    operator.tell(&format!("draining already: {stay} for {left} at most"));
    false
}

/// Clients that can be had leave.
pub(super) trait Clients {
    /// From now on nobody is let in.
    fn close_doors(&self);
    /// How many there are.
    fn count(&self) -> usize;
    /// Has at most so many leave, and returns how many; 0 if nobody is left.
    fn put_out(&self, most: usize) -> usize;
}

impl Clients for client_agent::Crowd {
    fn close_doors(&self) {
        self.close_doors();
    }

    fn count(&self) -> usize {
        self.count()
    }

    fn put_out(&self, most: usize) -> usize {
        self.put_out(most)
    }
}

/// What there is to be said of a drain.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Word {
    /// So many are left.
    Left(usize),
    /// Those who are left are put out from now on.
    GraceIsOver(usize),
    /// Nobody is left.
    Over,
}

/// Clients, who leave.
struct Drain<C> {
    crowds: Vec<C>,
    grace_ends: Instant,
    /// The grace is over.
    is_clearing: bool,
    next_word: Instant,
    next_wave: Instant,
    /// How many may be put out in this wave, and how many more.
    wave: usize,
    left_of_wave: usize,
}

impl<C: Clients> Drain<C> {
    fn begin(crowds: Vec<C>, grace: Duration) -> Self {
        crowds.iter().for_each(Clients::close_doors);
        let now = Instant::now();
        Drain {
            crowds,
            grace_ends: now + grace,
            is_clearing: false,
            next_word: now + PROGRESS,
            next_wave: now,
            wave: 0,
            left_of_wave: 0,
        }
    }

    fn count(&self) -> usize {
        self.crowds.iter().map(Clients::count).sum()
    }

    /// For how long clients may still stay.
    fn left(&self) -> Duration {
        // Rounded: it is for people.
        let left = self.grace_ends.saturating_duration_since(Instant::now());
        Duration::from_secs(left.as_millis().div_ceil(1000) as u64)
    }

    /// Has the grace last no longer than this. It never lasts longer than somebody has been told.
    fn shorten(&mut self, grace: Duration) {
        self.grace_ends = self.grace_ends.min(Instant::now() + grace);
    }

    /// Waits until there is something to be said; meanwhile clients are put out whose time is over, at most `wave` a second, which
    /// may become more at any time. Cancelling loses nothing.
    async fn next(&mut self, wave: &AtomicU32) -> Word {
        loop {
            let (now, clients) = (Instant::now(), self.count());
            if clients == 0 {
                return Word::Over;
            }
            if !self.is_clearing && now >= self.grace_ends {
                self.is_clearing = true;
                (self.next_wave, self.next_word) = (now, now + PROGRESS);
                return Word::GraceIsOver(clients);
            }
            if now >= self.next_word {
                self.next_word = now + PROGRESS;
                return Word::Left(clients);
            }
            if self.is_clearing {
                let wave = wave.load(Ordering::Relaxed) as usize;
                if now >= self.next_wave {
                    self.next_wave = now + WAVE;
                    (self.wave, self.left_of_wave) = (wave, wave);
                }
                self.left_of_wave += wave.saturating_sub(self.wave);
                self.wave = self.wave.max(wave);
                self.clear().await;
            }
            let next = if self.is_clearing { self.next_wave } else { self.grace_ends };
            tokio::time::sleep_until(next.min(self.next_word).min(now + TICK)).await;
        }
    }

    /// Puts out what is left of a wave. All agents share it.
    async fn clear(&mut self) {
        for crowd in &self.crowds {
            while self.left_of_wave > 0 {
                let count = crowd.put_out(self.left_of_wave);
                if count == 0 {
                    break;
                }
                self.left_of_wave = self.left_of_wave.saturating_sub(count);
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Clients that stay until they are put out.
    #[derive(Clone, Default)]
    struct Crowd {
        count: Arc<AtomicUsize>,
        closed: Arc<AtomicUsize>,
    }

    impl Crowd {
        fn of(count: usize) -> Self {
            Crowd { count: Arc::new(count.into()), closed: Arc::default() }
        }
    }

    impl Clients for Crowd {
        fn close_doors(&self) {
            self.closed.fetch_add(1, Ordering::Relaxed);
        }

        fn count(&self) -> usize {
            self.count.load(Ordering::Relaxed)
        }

        fn put_out(&self, most: usize) -> usize {
            // A few at a time, as agents do.
            let count = most.min(7).min(self.count());
            self.count.fetch_sub(count, Ordering::Relaxed);
            count
        }
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[tokio::test(start_paused = true)]
    async fn agents_share_the_waves_that_come_after_the_grace() {
        let (began, crowds) = (Instant::now(), vec![Crowd::of(25), Crowd::of(0), Crowd::of(30)]);
        let mut drain = Drain::begin(crowds.clone(), seconds(15));
        assert!(crowds.iter().all(|crowd| crowd.closed.load(Ordering::Relaxed) == 1));
        assert_eq!((drain.next(&20.into()).await, began.elapsed()), (Word::Left(55), seconds(10)));
        assert_eq!(
            (drain.next(&20.into()).await, began.elapsed()),
            (Word::GraceIsOver(55), seconds(15))
        );
        let mut counts = BTreeMap::new();
        let watch = async {
            loop {
                tokio::time::sleep(TICK / 2).await;
                let left = crowds.iter().map(Clients::count).sum::<usize>();
                counts.insert(began.elapsed().as_secs(), left);
            }
        };
        let wave = 20.into();
        let word = tokio::select! {
            word = drain.next(&wave) => word,
            () = watch => unreachable!("it has no end"),
        };
        assert_eq!(word, Word::Over);
        assert_eq!(counts, BTreeMap::from([(15, 35), (16, 15), (17, 0)]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_larger_wave_counts_at_once() {
        let crowd = Crowd::of(100);
        let mut drain = Drain::begin(vec![crowd.clone()], Duration::ZERO);
        let wave = AtomicU32::new(1);
        assert_eq!(drain.next(&wave).await, Word::GraceIsOver(100));
        let _ = tokio::time::timeout(TICK / 2, drain.next(&wave)).await;
        assert_eq!(crowd.count(), 99);
        wave.store(60, Ordering::Relaxed);
        let _ = tokio::time::timeout(TICK * 3, drain.next(&wave)).await;
        assert_eq!(crowd.count(), 40, "still of the same second");
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_last_client_and_is_only_ever_shortened() {
        let (began, crowd) = (Instant::now(), Crowd::of(3));
        let mut drain = Drain::begin(vec![crowd.clone()], seconds(600));
        drain.shorten(seconds(900));
        assert_eq!(drain.left(), seconds(600));
        drain.shorten(seconds(4));
        assert_eq!(drain.left(), seconds(4));
        assert_eq!(
            (drain.next(&1.into()).await, began.elapsed()),
            (Word::GraceIsOver(3), seconds(4))
        );
        // Somebody else wants to say something all the time.
        while began.elapsed() < Duration::from_millis(4_800) {
            let _ = tokio::time::timeout(TICK / 3, drain.next(&1.into())).await;
        }
        assert_eq!(crowd.count(), 2);
        crowd.count.store(0, Ordering::Relaxed);
        assert_eq!(drain.next(&1.into()).await, Word::Over);
        assert!(began.elapsed() < seconds(6));
        let mut nobody = Drain::<Crowd>::begin(Vec::new(), seconds(600));
        assert_eq!(nobody.next(&1.into()).await, Word::Over);
    }
}

//! How many lines of a kind are written, and what is said of the others.
//!
//! A *kind* is a place in the code that logs. Of one kind a peer gets few lines in ten seconds, and all peers
//! together some more; the others are counted, and summed up when the ten seconds are over. So nothing that
//! a peer does, and nothing that goes wrong a thousand times a second, fills a disk.
//!
//! Memory: a kind remembers as many peers as it has lines, and forgets them with its ten seconds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tracing::Metadata;
use tracing::callsite::Identifier;

use super::format::Fields;
use super::text::Text;

/// For how long lines are counted together.
pub(super) const WINDOW: Duration = Duration::from_secs(10);
/// What is written in that time of one kind of one peer.
pub(super) const LINES_OF_A_PEER: u64 = 5;
/// What is written in that time of one kind of all peers together.
pub(super) const LINES_OF_A_KIND: u64 = 50;
/// Fewer left out of a peer than this are summed up with those of others, if there are any.
const FEW: u64 = 10;

/// Counts the lines of each kind.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    kinds: HashMap<Identifier, Kind>,
}

/// Lines that were left out.
#[derive(Debug)]
pub(super) struct Summary {
    pub metadata: &'static Metadata<'static>,
    pub count: u64,
    /// In how much time.
    pub time: Duration,
    /// The first of them.
    pub first: Fields,
    /// Whether they are of several peers.
    pub of_many: bool,
}

impl Summary {
    /// What is said of them.
    pub fn fields(&self) -> Fields {
        let Summary { count, time, first, .. } = self;
        let seconds = time.as_secs_f64().max(1.0);
        let of_whom = if self.of_many { " of several peers" } else { "" };
        let message = first.message().map_or("", Text::as_str);
        let mut fields = Fields::of_message(format_args!(
            "… and {count} more like it in {seconds:.0} s{of_whom}, the first: {message}"
        ));
        if !self.of_many {
            fields.add_all(first);
        }
        fields
    }
}

#[derive(Debug)]
struct Kind {
    metadata: &'static Metadata<'static>,
    since: Instant,
    written: u64,
    peers: HashMap<Option<u64>, Peer>,
    /// Those of peers that are not remembered.
    others: LeftOut,
}

#[derive(Debug, Default)]
struct Peer {
    written: u64,
    left_out: LeftOut,
}

#[derive(Debug, Default)]
struct LeftOut {
    count: u64,
    first: Option<Fields>,
}

/// What becomes of a line.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Write,
    LeaveOut,
    /// It is the first, so that there will be a summary.
    LeaveOutFirst,
}

impl Limiter {
    /// Counts a line of the kind that `metadata` describes. `fields` gives its fields, and is asked only if they are
    /// needed for a summary. What is to be said before it is appended to `ended`.
    pub fn judge(
        &mut self,
        now: Instant,
        metadata: &'static Metadata<'static>,
        peer: Option<u64>,
        fields: impl FnOnce() -> Fields,
        ended: &mut Vec<Summary>,
    ) -> Verdict {
        let kind =
            self.kinds.entry(metadata.callsite()).or_insert_with(|| Kind::new(metadata, now));
        if now.saturating_duration_since(kind.since) >= WINDOW {
            kind.sum_up(now, ended);
        }
        let is_full = kind.written >= LINES_OF_A_KIND;
        let known = match is_full {
            false => Some(kind.peers.entry(peer).or_default()),
            true => kind.peers.get_mut(&peer),
        };
        match known {
            Some(peer) if !is_full && peer.written < LINES_OF_A_PEER => {
                peer.written += 1;
                kind.written += 1;
                Verdict::Write
            }
            Some(peer) => peer.left_out.add(fields),
            None => kind.others.add(fields),
        }
    }

    /// When the next summary is due, if there is one.
    pub fn next_end(&self) -> Option<Instant> {
        let incomplete = self.kinds.values().filter(|kind| kind.has_left_out());
        incomplete.map(|kind| kind.since + WINDOW).min()
    }

    /// Begins anew with all kinds whose time is over, or with all kinds at the `end` of the process.
    pub fn take_ended(&mut self, now: Instant, end: bool) -> Vec<Summary> {
        let mut ended = Vec::new();
        for kind in self.kinds.values_mut() {
            if kind.has_left_out() && (end || kind.since + WINDOW <= now) {
                kind.sum_up(now, &mut ended);
            }
        }
        ended
    }
}

impl Kind {
    fn new(metadata: &'static Metadata<'static>, now: Instant) -> Self {
        Kind { metadata, since: now, written: 0, peers: HashMap::new(), others: LeftOut::default() }
    }

    fn has_left_out(&self) -> bool {
        self.others.count > 0 || self.peers.values().any(|peer| peer.left_out.count > 0)
    }

    fn sum_up(&mut self, now: Instant, ended: &mut Vec<Summary>) {
        let old = std::mem::replace(self, Kind::new(self.metadata, now));
        let left_out = old.peers.into_values().map(|peer| peer.left_out);
        let of_peers: Vec<_> = left_out.filter(|left_out| left_out.count > 0).collect();
        let mut others = old.others;
        let is_alone = of_peers.len() == 1 && others.count == 0;
        let (few, many): (Vec<_>, Vec<_>) =
            of_peers.into_iter().partition(|left_out| left_out.count < FEW && !is_alone);
        few.into_iter().for_each(|left_out| others.take(left_out));
        let of_peers = many.into_iter().map(|left_out| (left_out, false));
        for (left_out, of_many) in of_peers.chain([(others, true)]) {
            if let LeftOut { count, first: Some(first) } = left_out {
                let time = now.saturating_duration_since(old.since);
                ended.push(Summary { metadata: old.metadata, count, time, first, of_many });
            }
        }
    }
}

impl LeftOut {
    fn take(&mut self, other: LeftOut) {
        self.count += other.count;
        self.first = self.first.take().or(other.first);
    }

    fn add(&mut self, fields: impl FnOnce() -> Fields) -> Verdict {
        self.count += 1;
        match self.first {
            Some(_) => Verdict::LeaveOut,
            None => {
                self.first = Some(fields());
                Verdict::LeaveOutFirst
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    /// Catches what describes an event.
    #[derive(Clone, Default)]
    struct Catch(std::sync::Arc<parking_lot::Mutex<Option<&'static Metadata<'static>>>>);

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Catch {
        fn on_event(
            &self,
            event: &tracing::Event<'_>,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            *self.0.lock() = Some(event.metadata());
        }
    }

    #[test]
    fn few_lines_of_each_of_many_peers_are_summed_up_in_one() {
        let [kind, _] = kinds();
        let mut stage = Stage::new();
        for peer in 0..9 {
            for _ in 0..LINES_OF_A_PEER + FEW - 1 {
                stage.is_written(0, kind, peer);
            }
        }
        for _ in 0..LINES_OF_A_PEER + FEW {
            stage.is_written(0, kind, 9);
        }
        let end = stage.start + WINDOW;
        let ended = stage.limiter.take_ended(end, false);
        stage.say(ended);
        stage.said.sort_unstable();
        assert_eq!(stage.said, [(FEW, false), (9 * (FEW - 1), true)]);
    }

    /// Two kinds of lines.
    fn kinds() -> [&'static Metadata<'static>; 2] {
        let caught = |speak: fn()| {
            let catch = Catch::default();
            let subscriber = tracing_subscriber::registry().with(catch.clone());
            tracing::subscriber::with_default(subscriber, speak);
            let metadata = catch.0.lock().take();
            metadata.expect("an event")
        };
        [caught(|| tracing::warn!("one")), caught(|| tracing::warn!("other"))]
    }

    struct Stage {
        limiter: Limiter,
        start: Instant,
        /// What has been said of lines that were left out: how many, and whether of many.
        said: Vec<(u64, bool)>,
    }

    impl Stage {
        fn new() -> Self {
            Stage { limiter: Limiter::default(), start: Instant::now(), said: Vec::new() }
        }

        /// Whether a line at `ms` is written.
        fn is_written(&mut self, ms: u64, kind: &'static Metadata<'static>, peer: u64) -> bool {
            let now = self.start + Duration::from_millis(ms);
            let mut ended = Vec::new();
            let fields = || Fields::of_message("text");
            let verdict = self.limiter.judge(now, kind, Some(peer), fields, &mut ended);
            self.say(ended);
            verdict == Verdict::Write
        }

        /// How many of so many lines are written.
        fn written(&mut self, lines: u64, ms: u64, kind: &'static Metadata<'static>) -> usize {
            (0..lines).filter(|_| self.is_written(ms, kind, 1)).count()
        }

        fn say(&mut self, ended: Vec<Summary>) {
            self.said.extend(ended.iter().map(|summary| (summary.count, summary.of_many)));
        }

        fn end(&mut self, ms: u64, end: bool) {
            let now = self.start + Duration::from_millis(ms);
            let ended = self.limiter.take_ended(now, end);
            self.say(ended);
        }
    }

    #[test]
    fn a_kind_of_a_peer_has_few_lines_and_then_a_count() {
        let (mut stage, [kind, other]) = (Stage::new(), kinds());
        assert_eq!(stage.written(317, 0, kind), 5);
        // Neither what else it says nor others suffer for it.
        assert!(stage.is_written(0, other, 1));
        assert!(stage.is_written(0, kind, 2));
        stage.end(9_999, false);
        assert_eq!(stage.said, []);
        stage.end(10_000, false);
        assert_eq!(stage.said, [(312, false)]);
        assert_eq!(stage.written(7, 10_001, kind), 5);
    }

    #[test]
    fn a_line_after_its_time_brings_the_count_with_it() {
        let (mut stage, [kind, _]) = (Stage::new(), kinds());
        stage.written(6, 0, kind);
        assert!(stage.is_written(10_000, kind, 1));
        assert_eq!(stage.said, [(1, false)]);
        stage.end(60_000, true);
        assert_eq!(stage.said.len(), 1);
    }

    #[test]
    fn many_peers_have_a_limit_together() {
        let (mut stage, [kind, _]) = (Stage::new(), kinds());
        let written = (0..10_000).filter(|peer| stage.is_written(0, kind, *peer)).count();
        assert_eq!(written as u64, LINES_OF_A_KIND);
        stage.end(3_000, true);
        assert_eq!(stage.said, [(10_000 - LINES_OF_A_KIND, true)]);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let (mut stage, [kind, _]) = (Stage::new(), kinds());
        for ms in 0..100_000 {
            stage.is_written(ms, kind, ms);
            let remembered = stage.limiter.kinds[&kind.callsite()].peers.len();
            assert!(remembered as u64 <= LINES_OF_A_KIND, "{remembered}");
        }
    }

    #[test]
    fn the_next_count_is_known() {
        let (mut stage, [kind, other]) = (Stage::new(), kinds());
        stage.written(5, 0, kind);
        assert_eq!(stage.limiter.next_end(), None);
        stage.written(6, 4_000, other);
        assert_eq!(stage.limiter.next_end(), Some(stage.start + Duration::from_secs(14)));
        stage.written(1, 5_000, kind);
        assert_eq!(stage.limiter.next_end(), Some(stage.start + WINDOW));
    }
}

//! How many lines of a kind are written, and what is said of the others.
//!
//! A *kind* is a place in the code that logs, and the cause that the line names, if it does: nobody is to look for what
//! takes too long when the disk is full. Of one kind a peer gets few lines in ten seconds, and all peers
//! together some more; the others are counted, and summed up when the ten seconds are over. So nothing that
//! a peer does, and nothing that goes wrong a thousand times a second, fills a disk.
//!
//! Memory: a kind remembers as many peers as it has lines, and forgets them with its ten seconds. A place has few
//! causes at a time; all further ones are one kind.

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

/// Causes of one place that are told apart.
const CAUSES_MAX: usize = 8;
/// The fields that say why something happened, in one of few ways.
pub(super) const CAUSES: [&str; 3] = ["failure", "reason", "limit"];

/// What a line is about.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Subject {
    /// Whose fault it is.
    pub peer: Option<u64>,
    /// Why it has happened.
    pub cause: Option<u64>,
}

/// Counts the lines of each kind.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    places: HashMap<Identifier, Place>,
}

/// A place in the code, with its kinds of lines.
#[derive(Debug, Default)]
struct Place {
    /// By their cause.
    kinds: HashMap<Option<u64>, Kind>,
    /// What has one cause too many.
    rest: Option<Kind>,
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
    /// Whether they have several causes.
    pub of_causes: bool,
}

impl Summary {
    /// What is said of them.
    pub fn fields(&self) -> Fields {
        let Summary { count, time, first, .. } = self;
        let seconds = time.as_secs_f64().max(1.0);
        let of_whom = if self.of_many { " of several peers" } else { "" };
        let why = if self.of_causes { " for several reasons" } else { "" };
        let message = first.message().map_or("", Text::as_str);
        let mut fields = Fields::of_message(format_args!(
            "… and {count} more like it in {seconds:.0} s{of_whom}{why}, the first: {message}"
        ));
        fields.add_number("more", *count);
        match self.of_many {
            false => fields.add_all(first),
            // All of them have it.
            true if !self.of_causes => fields.add_those(first, &CAUSES),
            true => {}
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
    of_causes: bool,
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
        Subject { peer, cause }: Subject,
        fields: impl FnOnce() -> Fields,
        ended: &mut Vec<Summary>,
    ) -> Verdict {
        let place = self.places.entry(metadata.callsite()).or_default();
        let kind = place.kind(now, metadata, cause);
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
        let kinds = self.places.values().flat_map(Place::kinds);
        let incomplete = kinds.filter(|kind| kind.has_left_out());
        incomplete.map(|kind| kind.since + WINDOW).min()
    }

    /// Begins anew with all kinds whose time is over, or with all kinds at the `end` of the process.
    pub fn take_ended(&mut self, now: Instant, end: bool) -> Vec<Summary> {
        let mut ended = Vec::new();
        for kind in self.places.values_mut().flat_map(Place::kinds_mut) {
            if kind.has_left_out() && (end || kind.since + WINDOW <= now) {
                kind.sum_up(now, &mut ended);
            }
        }
        ended
    }
}

impl Place {
    /// The kind of a line with this cause.
    fn kind(
        &mut self,
        now: Instant,
        metadata: &'static Metadata<'static>,
        cause: Option<u64>,
    ) -> &mut Kind {
        if !self.kinds.contains_key(&cause) && self.kinds.len() >= CAUSES_MAX {
            self.kinds.retain(|_, kind| kind.has_left_out() || now < kind.since + WINDOW);
        }
        let new = |of_causes| move || Kind::new(metadata, now, of_causes);
        if self.kinds.contains_key(&cause) || self.kinds.len() < CAUSES_MAX {
            self.kinds.entry(cause).or_insert_with(new(false))
        } else {
            self.rest.get_or_insert_with(new(true))
        }
    }

    fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values().chain(&self.rest)
    }

    fn kinds_mut(&mut self) -> impl Iterator<Item = &mut Kind> {
        self.kinds.values_mut().chain(&mut self.rest)
    }
}

impl Kind {
    fn new(metadata: &'static Metadata<'static>, now: Instant, of_causes: bool) -> Self {
        let (peers, others) = (HashMap::new(), LeftOut::default());
        Kind { metadata, since: now, written: 0, peers, of_causes, others }
    }

    fn has_left_out(&self) -> bool {
        self.others.count > 0 || self.peers.values().any(|peer| peer.left_out.count > 0)
    }

    fn sum_up(&mut self, now: Instant, ended: &mut Vec<Summary>) {
        let old = std::mem::replace(self, Kind::new(self.metadata, now, self.of_causes));
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
                let Kind { metadata, of_causes, since, .. } = old;
                let time = now.saturating_duration_since(since);
                ended.push(Summary { metadata, count, time, first, of_many, of_causes });
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
        /// Of the lines that come.
        cause: Option<u64>,
        /// What has been said of lines that were left out: how many, and whether of many.
        said: Vec<(u64, bool)>,
    }

    impl Stage {
        fn new() -> Self {
            Stage {
                limiter: Limiter::default(),
                start: Instant::now(),
                cause: None,
                said: Vec::new(),
            }
        }

        /// Whether a line at `ms` is written.
        fn is_written(&mut self, ms: u64, kind: &'static Metadata<'static>, peer: u64) -> bool {
            let now = self.start + Duration::from_millis(ms);
            let mut ended = Vec::new();
            let fields = || Fields::of_message("text");
            let subject = Subject { peer: Some(peer), cause: self.cause };
            let verdict = self.limiter.judge(now, kind, subject, fields, &mut ended);
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
    fn causes_are_counted_apart_as_long_as_they_are_few() {
        let (mut stage, [kind, _]) = (Stage::new(), kinds());
        stage.cause = Some(1);
        assert_eq!(stage.written(190, 0, kind), 5);
        stage.cause = Some(2);
        assert_eq!(stage.written(159, 0, kind), 5);
        stage.end(10_000, false);
        stage.said.sort_unstable();
        assert_eq!(std::mem::take(&mut stage.said), [(154, false), (185, false)]);
        // What somebody chooses so that it is always another one.
        for cause in 0..1_000 {
            stage.cause = Some(cause);
            stage.written(1, 20_000, kind);
        }
        stage.end(30_000, false);
        assert_eq!(stage.said, [(1_000 - CAUSES_MAX as u64 - LINES_OF_A_PEER, false)]);
        // They are forgotten with their time.
        stage.cause = Some(1_000);
        assert_eq!(stage.written(6, 40_000, kind), 5);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let (mut stage, [kind, _]) = (Stage::new(), kinds());
        for ms in 0..100_000 {
            stage.is_written(ms, kind, ms);
            stage.cause = Some(ms / 3);
            let place = &stage.limiter.places[&kind.callsite()];
            assert!(place.kinds().count() <= CAUSES_MAX + 1);
            let remembered = place.kinds().map(|kind| kind.peers.len()).max();
            assert!(remembered.is_some_and(|peers| peers as u64 <= LINES_OF_A_KIND));
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

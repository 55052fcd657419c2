//! The subscriber's end of tracing: collects fields, asks whether the line is one too many, and hands it to the outputs.

use std::fmt::{Debug, Write};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::format::{Fields, category};
use super::limit::{CAUSES, Subject};
use super::{AUDIT, Level, Log};

/// Turns every event into a line.
pub(super) struct Lines {
    pub log: Arc<Log>,
    /// What peers are told apart by.
    pub hash: RandomState,
}

/// The fields that say whose fault a line is, the best first: a client's channel is soon another's.
const WHO: [&str; 6] = ["remote", "peer", "client", "sender", "address", "upstream"];

/// The category of what scripts say.
const SCRIPT: &str = "script";

/// Who it is that a span is about.
struct SpanPeer(u64);

impl Lines {
    fn subject_of<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Subject
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut who = Who::new(&self.hash);
        // What scripts say is all said in one place; each text is a peer of its own, and is not lost behind others.
        who.by_text = category(event.metadata()) == SCRIPT;
        event.record(&mut who);
        let peer = who.peer().or_else(|| {
            let mut spans = context.event_scope(event)?;
            spans.find_map(|span| span.extensions().get::<SpanPeer>().map(|peer| peer.0))
        });
        Subject { peer, cause: who.cause }
    }
}

/// Whether what `metadata` describes is only said at the start and at the end, or of what operators do: it is
/// neither left out nor cut.
fn is_trusted(metadata: &Metadata<'static>) -> bool {
    let of_operators = ["main", "daemon", "config", AUDIT];
    Level::of(metadata) == Level::Fatal || of_operators.contains(&category(metadata))
}

fn fields_of<S>(event: &Event<'_>, context: &Context<'_, S>, mut fields: Fields) -> Fields
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    event.record(&mut fields);
    for span in context.event_scope(event).into_iter().flatten() {
        if let Some(outer) = span.extensions().get::<Fields>() {
            fields.add_all(outer);
        }
    }
    fields
}

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    /// The answer is kept for each place in the code, until the level changes.
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.log.level().lets_through(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let (mut fields, mut who) = (Fields::default(), Who::new(&self.hash));
        attributes.record(&mut fields);
        attributes.record(&mut who);
        let mut extensions = span.extensions_mut();
        extensions.insert(fields);
        if let Some(peer) = who.peer() {
            extensions.insert(SpanPeer(peer));
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        let mut fields = Fields::default();
        record.record(&mut fields);
        let mut extensions = span.extensions_mut();
        if let Some(old) = extensions.get_mut::<Fields>() {
            fields.add_all(old);
        }
        extensions.replace(fields);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let level = Level::of(metadata);
        if is_trusted(metadata) {
            let fields = fields_of(event, &context, Fields::whole());
            return self.log.write(metadata, &fields);
        }
        let fields = || fields_of(event, &context, Fields::default());
        // Whoever asks for details wants all of them.
        let is_detail = level < Level::Info;
        if is_detail || self.log.lets_through(metadata, self.subject_of(event, &context), fields) {
            self.log.write(metadata, &fields());
        }
    }
}

/// Finds out who it is that an event or a span is about, and what is the cause, without keeping anything.
struct Who<'h> {
    hash: &'h RandomState,
    /// The address of a client's connection without its port. Whoever has no session yet is known by that: he may connect again
    /// and again.
    host: Option<u64>,
    has_session: bool,
    /// What the line says is what it is known by.
    by_text: bool,
    /// The best of what has been seen: its place in [`WHO`], and its hash.
    best: Option<(usize, u64)>,
    cause: Option<u64>,
}

impl<'h> Who<'h> {
    fn new(hash: &'h RandomState) -> Self {
        Who { hash, host: None, has_session: false, by_text: false, best: None, cause: None }
    }

    fn peer(&self) -> Option<u64> {
        let host = self.host.filter(|_| !self.has_session);
        host.or(self.best.map(|(_, peer)| peer))
    }

    fn note(&mut self, field: &Field, value: impl FnOnce(&mut dyn Hasher)) {
        if CAUSES.contains(&field.name()) {
            let mut hasher = self.hash.build_hasher();
            value(&mut hasher);
            self.cause = Some(hasher.finish());
            return;
        }
        self.has_session |= field.name() == "client";
        let place = match field.name() {
            "message" if self.by_text => Some(0),
            name => WHO.iter().position(|known| *known == name),
        };
        let Some(place) = place else { return };
        if self.best.is_some_and(|(best, _)| best <= place) {
            return;
        }
        let mut hasher = self.hash.build_hasher();
        place.hash(&mut hasher);
        value(&mut hasher);
        self.best = Some((place, hasher.finish()));
    }
}

impl Visit for Who<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, |hasher| hasher.write_u64(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, |hasher| hasher.write(value.as_bytes()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "remote" {
            let text = format!("{value:?}");
            let host = text.rsplit_once(':').map_or(&*text, |(host, _)| host);
            self.host = Some(self.hash.hash_one(host));
        }
        self.note(field, |hasher| {
            // Hashing a text cannot fail.
            let _ = write!(Hashed(hasher), "{value:?}");
        });
    }
}

/// Hashes the text that it is given.
struct Hashed<'h>(&'h mut dyn Hasher);

impl Write for Hashed<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

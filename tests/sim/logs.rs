//! What daemons log, for whoever asks whether a loss was said.

use std::fmt::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// A line: when, how bad, and what, with the fields of the spans around it.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: Instant,
    pub level: Level,
    pub text: String,
}

/// All lines of informative or worse levels.
#[derive(Clone, Default)]
pub struct Logs(Arc<Mutex<Vec<Line>>>);

impl Logs {
    /// Lines so far.
    pub fn lines(&self) -> Vec<Line> {
        self.0.lock().clone()
    }

    /// Whether some line since then has all these words.
    pub fn say_since(&self, since: Instant, words: &[&str]) -> bool {
        let lines = self.0.lock();
        let mut young = lines.iter().filter(|line| line.at >= since);
        young.any(|line| words.iter().all(|word| line.text.contains(word)))
    }
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.expect("a text takes everything");
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Logs {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields(String::new());
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::INFO {
            return;
        }
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.0.push_str(&outer.0);
            }
        }
        self.0.lock().push(Line { at: Instant::now(), level, text: fields.0 });
    }
}

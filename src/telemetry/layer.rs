//! The subscriber's end of tracing: collects fields, formats a line, writes it.

use std::io::Write;

use jiff::Zoned;
use parking_lot::Mutex;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::format::{Fields, Line};
use super::{Format, Level};

/// Writes every event as a line, in one call: a line is never torn or mixed with another.
pub(super) struct Lines {
    /// The least severe level that is written.
    pub level: Level,
    /// How lines look.
    pub format: Format,
    /// Who gets every line.
    pub outputs: Vec<Output>,
}

/// Somewhere that lines go.
pub(super) struct Output {
    pub writer: Mutex<Box<dyn Write + Send>>,
    /// Whether human lines have colours here.
    pub color: bool,
}

impl Output {
    pub fn new(writer: impl Write + Send + 'static, color: bool) -> Self {
        let writer: Box<dyn Write + Send> = Box::new(writer);
        Output { writer: Mutex::new(writer), color }
    }

    fn write(&self, line: &str) {
        let mut writer = self.writer.lock();
        // A log that cannot be written has nobody to complain to, and must not end the process.
        let _ = writer.write_all(line.as_bytes());
    }
}

impl Lines {
    fn write(&self, line: &Line<'_>) {
        for output in &self.outputs {
            output.write(&match self.format {
                Format::Human => line.human(output.color),
                Format::Json => line.json(),
            });
        }
    }
}

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    /// The answer is kept for each place in the code, since it never changes.
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.level.lets_through(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
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
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.add_all(outer);
            }
        }
        self.write(&Line { time: &Zoned::now(), metadata: event.metadata(), fields: &fields });
    }
}

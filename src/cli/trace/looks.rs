//! A datagram on a line, for people.

use crate::cli::out::{number_of, one_line};
use crate::trace::record::{Path, Record};
use crate::trace::{Decoded, time};

/// What is longer is cut: messages with many values are no news.
const BODY_CHARS_MAX: usize = 240;
/// Columns grow with what is in them, up to this.
const ORIGIN_CHARS_MAX: usize = 28;
const WAY_CHARS_MAX: usize = 36;
const TITLE_CHARS_MAX: usize = 48;

/// How lines look.
pub(super) struct Looks {
    is_coloured: bool,
    is_full: bool,
    /// How wide columns are by now: origin, way, title.
    widths: [usize; 3],
}

impl Looks {
    pub const fn new(is_coloured: bool, is_full: bool) -> Self {
        Looks { is_coloured, is_full, widths: [8, 14, 28] }
    }

    /// Of a datagram.
    pub fn line(&mut self, record: &Record<'_>, decoded: &Decoded) -> String {
        let Record::Datagram { micros, path, origin, .. } = record else { return String::new() };
        let way = match path {
            Path::Routed => {
                let recipients: Vec<_> =
                    decoded.recipients.iter().map(ToString::to_string).collect();
                let sender = decoded.sender.map_or_else(|| "?".to_owned(), |it| it.to_string());
                format!("{sender} → {}", recipients.join(","))
            }
            Path::FromClient(_, client) => format!("client {client} →"),
            Path::ToClient(_, client) => format!("→ client {client}"),
        };
        let texts = [one_line(origin), way, decoded.title()];
        let limits = [ORIGIN_CHARS_MAX, WAY_CHARS_MAX, TITLE_CHARS_MAX];
        let mut columns = texts.iter().enumerate().map(|(at, text)| {
            let text = if self.is_full { text.clone() } else { cut(text, limits[at]) };
            self.widths[at] = self.widths[at].max(text.chars().count()).min(limits[at]);
            format!("{text:<width$}", width = self.widths[at])
        });
        let mut column = || columns.next().unwrap_or_default();
        let (origin, way, title) = (column(), column(), column());
        let body = one_line(&decoded.body());
        let body = if self.is_full { body } else { cut(&body, BODY_CHARS_MAX) };
        let time = self.painted("2", &clock(*micros));
        let (origin, title) = (self.painted("36", &origin), self.painted("1", &title));
        format!("{time} {origin} {way} {title} {body}").trim_end().to_owned()
    }

    /// That some are missing.
    pub fn lost(&self, count: u64) -> String {
        let count = number_of(count, "datagram is", "datagrams are");
        self.painted("33", &format!("… {count} missing here: whoever reads is too slow"))
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// The time of day, in UTC.
fn clock(micros: u64) -> String {
    time(micros).strftime("%H:%M:%S.%6f").to_string()
}

/// So many characters of a text.
fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max - 1).chain(['…']).collect(),
    }
}

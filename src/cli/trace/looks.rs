//! A datagram on a line, for people.

use crate::cli::out::{number_of, one_line};
use crate::trace::record::{Path, Record};
use crate::trace::{Decoded, time};

/// What is longer is cut: messages with many values are no news.
const BODY_CHARS_MAX: usize = 240;
/// How wide columns are: origin, way, title. What is usual has room from the beginning on, or whatever is a bit longer than all before
/// would shift what follows it: a role with its address, a sender and a location, a message with nearly the longest name.
const WIDTHS: [usize; 3] = [28, 24, 47];
/// They grow with what is in them, up to this.
const WIDTHS_MAX: [usize; 3] = [28, 36, 48];

/// How lines look.
pub(super) struct Looks {
    is_coloured: bool,
    is_full: bool,
    /// How wide columns are by now.
    widths: [usize; 3],
}

impl Looks {
    pub const fn new(is_coloured: bool, is_full: bool) -> Self {
        Looks { is_coloured, is_full, widths: WIDTHS }
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
        let mut columns = texts.iter().enumerate().map(|(at, text)| {
            let text = if self.is_full { text.clone() } else { cut(text, WIDTHS_MAX[at]) };
            self.widths[at] = self.widths[at].max(text.chars().count()).min(WIDTHS_MAX[at]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Channel;

    /// The column in which the message begins, and that in which its arguments do.
    fn columns(
        looks: &mut Looks,
        origin: &str,
        recipients: &[u64],
        message: &'static str,
    ) -> [usize; 2] {
        let recipients = recipients.iter().copied().map(Channel).collect();
        let extra = vec![1];
        let decoded = Decoded {
            number: None,
            message: Some(message),
            recipients,
            sender: Some(Channel(1_000_000)),
            arguments: Vec::new(),
            class: None,
            field: None,
            extra,
            note: None,
        };
        let record = Record::Datagram { micros: 0, path: Path::Routed, origin, bytes: &[] };
        let line = looks.line(&record, &decoded);
        let column = |text: &str| {
            let at = line.find(text).unwrap_or_else(|| panic!("no {text} in {line}"));
            line[..at].chars().count()
        };
        [column(message), column(&decoded.body())]
    }

    #[test]
    fn what_is_usual_shifts_no_column() {
        let mut looks = Looks::new(false, false);
        let first = columns(&mut looks, "upstream", &[5], "STATESERVER_OBJECT_GET_AI");
        for (origin, recipient, message) in [
            (
                "StateServer(2001)",
                5000 << 32 | 1,
                "STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED",
            ),
            ("ClientAgent(127.0.0.1:50000)", 1, "CLIENTAGENT_SET_STATE"),
            ("link 127.0.0.1:53962", 4003, "DBSERVER_CREATE_OBJECT"),
        ] {
            assert_eq!(columns(&mut looks, origin, &[recipient], message), first, "{origin}");
        }
        // What is longer all the same shifts them once.
        let many = [5000 << 32 | 1, 1_000_001, 200_000];
        let wider = columns(&mut looks, "upstream", &many, "STATESERVER_OBJECT_DELETE_RAM");
        assert!(wider[0] > first[0], "{wider:?}");
        assert_eq!(columns(&mut looks, "upstream", &[5], "STATESERVER_OBJECT_GET_AI"), wider);
    }
}

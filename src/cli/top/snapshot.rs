//! What a daemon says of itself, as far as it is shown.
//!
//! It may be older or newer than the command: what is not known is passed over, and what is missing is shown as missing. Its
//! texts may come from anybody, so they are made harmless here, before anything else sees them.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::cli::out;

/// The longest text that is kept, in characters.
const TEXT_MAX: usize = 400;

/// A text in one line in which nothing steers a terminal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(super) struct Text(String);

impl Text {
    pub fn new(text: &str) -> Self {
        let end = text.char_indices().nth(TEXT_MAX);
        let cut = end.map_or(text, |(at, _)| &text[..at]);
        let mark = if end.is_some() { "…" } else { "" };
        Text(out::one_line(cut).replace('\t', "\\t") + mark)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The moment that it names.
    pub fn moment(&self) -> Option<Timestamp> {
        self.0.parse().ok()
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => Text::default(),
            Value::String(text) => Text::new(&text),
            other => Text::new(&other.to_string()),
        })
    }
}

/// A number, if it is one: also a text of digits, as large ones are written.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub(super) struct Figure(pub Option<f64>);

impl Figure {
    /// To be compared with others.
    pub fn or_zero(self) -> f64 {
        self.0.unwrap_or(0.0)
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        Ok(Figure(number.filter(|number| number.is_finite() && *number >= 0.0)))
    }
}

/// All that is shown.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Snapshot {
    pub overview: Overview,
    /// One each second, the oldest first.
    pub history: Vec<Sample>,
    pub links: Vec<Link>,
    pub queues: Vec<Queue>,
    pub closed: Vec<Closed>,
}

impl Snapshot {
    /// When it was made, by the daemon's clock.
    pub fn moment(&self) -> Option<Timestamp> {
        self.overview.now.time.moment()
    }

    /// For how many seconds something has been as it is.
    pub fn seconds_since(&self, then: &Text) -> Option<f64> {
        let (now, then) = (self.moment()?, then.moment()?);
        Some(now.duration_since(then).as_secs_f64().max(0.0))
    }

    /// What needs action, the most severe first.
    pub fn warnings(&self) -> Vec<&Warning> {
        let mut warnings: Vec<&Warning> = self.overview.warnings.iter().collect();
        warnings.sort_by_key(|warning| !warning.is_critical());
        warnings
    }
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Overview {
    pub daemon: Daemon,
    pub dc: Dc,
    pub roles: Vec<Role>,
    pub counts: Counts,
    pub now: Sample,
    pub warnings: Vec<Warning>,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Daemon {
    pub name: Text,
    pub version: Text,
    pub pid: Figure,
    pub uptime_seconds: Figure,
    pub stage: Text,
    pub threads: Figure,
    pub config: Text,
    pub log_level: Text,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Dc {
    pub hash: Text,
    pub classes: Figure,
    pub fields: Figure,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    pub clients: Figure,
    pub objects: Figure,
    pub links: Figure,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    pub id: Figure,
    pub kind: Text,
    pub name: Text,
    pub address: Text,
    pub channel: Text,
    #[serde(rename = "type")]
    pub dialect: Text,
    pub clients: Figure,
    pub objects: Figure,
}

/// The figures of a second.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Sample {
    pub time: Text,
    pub routed: Figure,
    pub delivered: Figure,
    pub clients: Figure,
    pub objects: Figure,
    pub links: Figure,
    pub hold_p50_us: Figure,
    pub hold_p99_us: Figure,
    pub hold_max_us: Figure,
    pub cpu: Figure,
    pub memory_bytes: Figure,
    pub queued_bytes: Figure,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Warning {
    pub severity: Text,
    pub title: Text,
    pub detail: Text,
    pub action: Text,
}

impl Warning {
    pub fn is_critical(&self) -> bool {
        self.severity.as_str() == "critical"
    }
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Link {
    pub id: Text,
    pub name: Text,
    pub address: Text,
    pub direction: Text,
    pub kind: Text,
    pub tls: bool,
    pub since: Text,
    pub channels: Figure,
    pub ranges: Figure,
    pub queue_bytes: Figure,
    pub received_bytes: Figure,
    pub sent_bytes: Figure,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Queue {
    pub kind: Text,
    pub id: Text,
    pub channel: Text,
    pub name: Text,
    pub address: Text,
    pub queue_bytes: Figure,
}

#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Closed {
    pub time: Text,
    pub kind: Text,
    pub address: Text,
    pub name: Text,
    pub channel: Text,
    pub reason: Text,
    pub code: Figure,
    pub seconds: Figure,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_passed_over_and_what_is_missing_is_missing() {
        let text = r#"{"novel": [1], "overview": {"daemon": {"name": null, "pid": "7", "more": {}},
            "counts": {"clients": 3}}, "links": [{"id": 3, "since": "2026-01-02T03:04:05.678Z"}]}"#;
        let snapshot: Snapshot = serde_json::from_str(text).expect("it is understood");
        let daemon = &snapshot.overview.daemon;
        assert_eq!((daemon.name.as_str(), daemon.pid), ("", Figure(Some(7.0))));
        assert_eq!(snapshot.overview.counts.objects, Figure(None));
        assert_eq!(snapshot.links[0].id.as_str(), "3");
        assert!(snapshot.links[0].since.moment().is_some());
        let empty: Snapshot = serde_json::from_str("{}").expect("it is understood");
        assert_eq!(empty, Snapshot::default());
    }

    #[test]
    fn no_text_steers_a_terminal() {
        let text = r#""a\u001b[2Jb\r\n\tc\u202ed\u009b31m""#;
        let text: Text = serde_json::from_str(text).expect("a text");
        assert_eq!(text.as_str(), "a\\u{1b}[2Jb\\n\\tc\\u{202e}d\\u{9b}31m");
        let long = Text::new(&"x".repeat(1_000_000));
        assert_eq!(long.as_str().chars().count(), TEXT_MAX + 1);
    }
}

//! What an operator should do something about.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use utoipa::ToSchema;

use super::Inside;
use super::process;
use super::sampler::Sample;
use crate::metrics::{self, Value};
use crate::role::message_director::Direction;
use crate::telemetry::{Level, LogLine};

/// A certificate that ends so soon is worth a word.
const CERTIFICATE_SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// For how long what was logged is worth one.
const LOGGED_OF_LATE: Duration = Duration::from_secs(600);
/// A hold of the router that others notice, in microseconds.
const LONG_HOLD_US: f64 = 50_000.0;
/// Over so many samples a load is one.
const LOAD_SAMPLES: usize = 30;
/// Of a core; then there is little left.
const BUSY: f64 = 0.9;
/// A queue of a link that is so long does not get shorter by itself.
const LONG_QUEUE: usize = 1 << 20;

/// How bad something is.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody loses something already.
    Critical,
    /// It will be bad if nothing is done.
    Warning,
}

/// Something that needs action
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Warning {
    /// What it is, for programs
    pub id: &'static str,
    pub severity: Severity,
    /// In a few words
    pub title: String,
    /// What was seen
    pub detail: String,
    /// What to do
    pub action: String,
    /// Where on the console's page there is more
    pub href: Option<&'static str>,
}

/// All that there are now, the worst first.
pub fn warnings(inside: &Inside) -> Vec<Warning> {
    let mut all = Vec::new();
    let now = SystemTime::now();
    all.extend(upstream(inside));
    all.extend(panics());
    all.extend(certificates(now));
    all.extend(open_files());
    all.extend(logged(inside, now));
    all.extend(slow_links(inside));
    all.extend(load(&inside.samples.all()));
    all.sort_by_key(|warning| warning.severity);
    all
}

fn upstream(inside: &Inside) -> Option<Warning> {
    let address = inside.config.message_director.connect.as_ref()?;
    let links = inside.seen.roll.all();
    let is_there = links.iter().any(|link| link.direction == Direction::Out);
    (!is_there).then(|| Warning {
        id: "upstream-away",
        severity: Severity::Critical,
        title: "The message director upstream is away".to_owned(),
        detail: format!(
            "There is no connection to {address}; what is for it waits, up to a limit."
        ),
        action: "Start it, or see why it cannot be reached; this daemon connects again by itself."
            .to_owned(),
        href: Some("#/links"),
    })
}

fn number_of(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn count_of(metric: &metrics::Metric) -> u64 {
    let counts = metric.counted().into_iter().map(|(_, value)| match value {
        Value::Count(count) => count,
        _ => 0,
    });
    counts.sum()
}

fn panics() -> Option<Warning> {
    let count = count_of(&metrics::PANICS);
    (count > 0).then(|| Warning {
        id: "panics",
        severity: Severity::Critical,
        title: "The program has panicked".to_owned(),
        detail: format!(
            "{} since the start: a mistake in donet itself.",
            number_of(count, "time", "times")
        ),
        action: "Report what the log says of it, with the lines before.".to_owned(),
        href: Some("#/log?level=fatal"),
    })
}

fn certificates(now: SystemTime) -> Vec<Warning> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let ends = metrics::CERTIFICATE.counted().into_iter();
    let ends = ends.filter_map(|(labels, value)| match value {
        Value::Count(end) => Some((labels, Duration::from_secs(end))),
        _ => None,
    });
    ends.filter(|(_, end)| *end < now + CERTIFICATE_SOON)
        .map(|(labels, end)| {
            let is_over = end <= now;
            let days = end.saturating_sub(now).as_secs() / (24 * 60 * 60);
            let title = match is_over {
                true => "A certificate is valid no more".to_owned(),
                false => format!("A certificate ends in {}", number_of(days, "day", "days")),
            };
            Warning {
                id: "certificate",
                severity: if is_over { Severity::Critical } else { Severity::Warning },
                title,
                detail: labels.join(", for "),
                action: "Put a new one in its place, and reload.".to_owned(),
                href: Some("#/daemon"),
            }
        })
        .collect()
}

fn open_files() -> Option<Warning> {
    let (open, most) = (process::open_files()?, process::open_files_max()?);
    (open as u64 * 10 > most * 9).then(|| Warning {
        id: "open-files",
        severity: Severity::Warning,
        title: "Few files can still be opened".to_owned(),
        detail: format!("{open} of {most} are open; each connection is one."),
        action: "Raise the limit (LimitNOFILE= of the service), and restart.".to_owned(),
        href: None,
    })
}

fn logged(inside: &Inside, now: SystemTime) -> Vec<Warning> {
    let of_late = |least: Level, most: Level| {
        let is_one = |line: &LogLine| line.level >= least && line.level <= most && !line.goes_on();
        let (lines, _) = inside.lines.page(None, usize::MAX, is_one);
        let is_of_late =
            |time: SystemTime| now.duration_since(time).unwrap_or_default() < LOGGED_OF_LATE;
        lines.iter().filter(|line| is_of_late(line.time)).count()
    };
    let (errors, security) =
        (of_late(Level::Error, Level::Fatal), of_late(Level::Security, Level::Security));
    let mut all = Vec::new();
    if errors > 0 {
        all.push(Warning {
            id: "log-errors",
            severity: Severity::Critical,
            title: format!("{} in the log", number_of(errors as u64, "error", "errors")),
            detail: "In the last ten minutes.".to_owned(),
            action: "Each of them asks for something to be done.".to_owned(),
            href: Some("#/log?level=error"),
        });
    }
    if security > 0 {
        all.push(Warning {
            id: "log-security",
            severity: Severity::Warning,
            title: format!(
                "{} did what an honest one does not",
                number_of(security as u64, "client", "clients")
            ),
            detail: "In the last ten minutes, as far as they were logged.".to_owned(),
            action: "See who; a ban keeps them out.".to_owned(),
            href: Some("#/log?level=security"),
        });
    }
    all
}

fn slow_links(inside: &Inside) -> Option<Warning> {
    let links = inside.seen.roll.all();
    let slowest = links.into_iter().max_by_key(|link| link.traffic.waiting)?;
    (slowest.traffic.waiting > LONG_QUEUE).then(|| Warning {
        id: "slow-link",
        severity: Severity::Warning,
        title: "A link does not read what it is sent".to_owned(),
        detail: format!(
            "{} bytes wait for {} {}.",
            slowest.traffic.waiting, slowest.name, slowest.address
        ),
        action: "See what keeps that program busy; above a limit its link is given up.".to_owned(),
        href: Some("#/queues"),
    })
}

fn load(samples: &[std::sync::Arc<Sample>]) -> Vec<Warning> {
    let last = &samples[samples.len().saturating_sub(LOAD_SAMPLES)..];
    let mut all = Vec::new();
    let longest = last.iter().filter_map(|sample| sample.hold_max_us).fold(0.0, f64::max);
    if longest > LONG_HOLD_US {
        all.push(Warning {
            id: "long-hold",
            severity: Severity::Warning,
            title: "Messages wait for one that takes long".to_owned(),
            detail: format!("The router was held for up to {:.0} ms at a time.", longest / 1e3),
            action: "The log says who held it, from 5 ms on.".to_owned(),
            href: Some("#/log"),
        });
    }
    let cpu = last.iter().filter_map(|sample| sample.cpu).sum::<f64>() / last.len().max(1) as f64;
    if last.len() == LOAD_SAMPLES && cpu > BUSY {
        all.push(Warning {
            id: "busy",
            severity: Severity::Warning,
            title: "The daemon uses all of a processor core".to_owned(),
            detail: format!("{cpu:.2} cores in the last {LOAD_SAMPLES} seconds."),
            action: "Set daemon.threads to 2, or give some roles to another daemon.".to_owned(),
            href: None,
        });
    }
    all
}

//! Astron's log levels in terms of tracing's.

use tracing::Metadata;

use super::{AUDIT, FATAL, SECURITY};

/// How severe a log line is, from the least to the most. Astron's command lines may name one that donet
/// logs nothing at: it shows what is more severe.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, clap::ValueEnum)]
pub enum Level {
    /// Below all that is logged.
    Packet,
    /// Every message.
    Trace,
    /// Rare details.
    Debug,
    /// Start, stop, connections.
    #[default]
    Info,
    /// Something is odd, and we went on.
    Warning,
    /// Somebody has done what an honest peer cannot have done.
    Security,
    /// An operator must act.
    Error,
    /// The process ends.
    Fatal,
}

impl Level {
    /// The level whose number this is, from the least severe on.
    pub(super) fn from_number(number: u8) -> Self {
        let all = <Self as clap::ValueEnum>::value_variants();
        all.get(usize::from(number)).copied().unwrap_or_default()
    }

    /// The level of an event.
    pub(super) fn of(event: &Metadata<'_>) -> Self {
        match event.target() {
            FATAL => return Level::Fatal,
            SECURITY => return Level::Security,
            _ => {}
        }
        match *event.level() {
            tracing::Level::TRACE => Level::Trace,
            tracing::Level::DEBUG => Level::Debug,
            tracing::Level::INFO => Level::Info,
            tracing::Level::WARN => Level::Warning,
            tracing::Level::ERROR => Level::Error,
        }
    }

    /// Whether `target` says how severe an event is, instead of where it comes from.
    pub(super) fn target_is_level(target: &str) -> bool {
        [FATAL, SECURITY].contains(&target)
    }

    /// As log lines name it.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Packet => "PACKET",
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Security => "SECURITY",
            Level::Error => "ERROR",
            Level::Fatal => "FATAL",
        }
    }

    /// The number of its colour on a terminal.
    pub(super) const fn color(self) -> u8 {
        match self {
            Level::Packet | Level::Trace => 90,
            Level::Debug => 36,
            Level::Info => 32,
            Level::Warning => 33,
            Level::Security => 35,
            Level::Error | Level::Fatal => 31,
        }
    }

    /// The priority that the journal knows it by, as in syslog.
    pub(super) const fn priority(self) -> u8 {
        match self {
            Level::Packet | Level::Trace | Level::Debug => 7,
            Level::Info => 6,
            Level::Warning | Level::Security => 4,
            Level::Error => 3,
            Level::Fatal => 2,
        }
    }

    /// Whether what `metadata` describes is as severe as this. Libraries that we use speak up from
    /// warnings on, since their details are not what an operator asked for. Spans always pass: they
    /// give their fields to the events within, whatever the level of these. So does what operators have done.
    pub(super) fn lets_through(self, metadata: &Metadata<'_>) -> bool {
        let is_audit = metadata.target() == AUDIT;
        metadata.is_span() || is_audit || Level::of(metadata) >= self.max(floor(metadata))
    }
}

fn floor(event: &Metadata<'_>) -> Level {
    let path = event.module_path().unwrap_or(event.target());
    let crate_name = path.split("::").next().unwrap_or_default();
    if ["donet", "dclass"].contains(&crate_name) { Level::Packet } else { Level::Warning }
}

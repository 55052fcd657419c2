//! The same as plain text, once.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::snapshot::{Figure, Snapshot};
use super::tables::{Tab, summary};
use super::words::{bytes, cores, count, micros, span};

/// All that is shown, one thing a line.
pub(super) fn text(snapshot: &Snapshot, zone: &TimeZone) -> String {
    let mut text = head(snapshot);
    for warning in snapshot.warnings() {
        let severity = if warning.is_critical() { "critical" } else { "warning" };
        let _ = write!(text, "\n{severity}: {}", warning.title);
        if !warning.detail.is_empty() {
            let _ = write!(text, ": {}", warning.detail);
        }
        if !warning.action.is_empty() {
            let _ = write!(text, "\n  → {}", warning.action);
        }
    }
    if !snapshot.overview.warnings.is_empty() {
        text.push('\n');
    }
    for tab in Tab::ALL {
        let table = tab.table(snapshot, 0, zone);
        if table.rows.is_empty() {
            let _ = write!(text, "\n{}: {}\n", tab.title(), tab.none());
            continue;
        }
        let fit = table.fit(usize::MAX / 2);
        let _ = write!(text, "\n{}: {}\n  {}\n", tab.title(), table.rows.len(), table.head(&fit));
        for row in 0..table.rows.len() {
            let _ = writeln!(text, "  {}", table.row(&fit, row));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn head(snapshot: &Snapshot) -> String {
    let overview = &snapshot.overview;
    let (daemon, dc, counts, now) =
        (&overview.daemon, &overview.dc, &overview.counts, &overview.now);
    let name = if daemon.name.is_empty() { "donet" } else { daemon.name.as_str() };
    let pid = daemon.pid.0.map_or("-".to_owned(), |pid| pid.to_string());
    let or_now = |count: Figure, now: Figure| if count.0.is_some() { count } else { now };
    let roles = summary(&overview.roles);
    let lines = [
        format!(
            "daemon   {name}, donet {}, {}, up {}, pid {pid}",
            daemon.version,
            daemon.stage,
            span(daemon.uptime_seconds.0)
        ),
        format!(
            "config   {}, threads {}, log level {}",
            daemon.config,
            count(daemon.threads),
            daemon.log_level
        ),
        format!("DC       {}, classes {}, fields {}", dc.hash, count(dc.classes), count(dc.fields)),
        format!("roles    {}", if roles.is_empty() { "none" } else { &roles }),
        format!("messages routed {}/s, delivered {}/s", count(now.routed), count(now.delivered)),
        format!(
            "router   held p50 {}, p99 {}, at most {}",
            micros(now.hold_p50_us),
            micros(now.hold_p99_us),
            micros(now.hold_max_us)
        ),
        format!(
            "counts   clients {}, objects {}, links {}",
            count(or_now(counts.clients, now.clients)),
            count(or_now(counts.objects, now.objects)),
            count(or_now(counts.links, now.links))
        ),
        format!(
            "process  CPU {} cores, memory {}, queued {}",
            cores(now.cpu),
            bytes(now.memory_bytes),
            bytes(now.queued_bytes)
        ),
    ];
    lines.join("\n") + "\n"
}

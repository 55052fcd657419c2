//! Which daemon it is, and how it is.

use ratatui::text::{Line, Span};

use super::paint::Paint;
use crate::cli::top::snapshot::{Figure, Overview, Snapshot};
use crate::cli::top::state::State;
use crate::cli::top::tables::summary;
use crate::cli::top::words;

pub(super) fn lines(
    shown: &Snapshot,
    state: &State,
    width: usize,
    paint: Paint,
) -> Vec<Line<'static>> {
    let first = name(shown, state, width, paint);
    if shown.overview == Overview::default() {
        let text = match state.failure {
            Some(_) => " nothing has been heard of a daemon yet; it is asked again every second",
            None => " asking the daemon",
        };
        return vec![first, Line::styled(text, paint.quiet())];
    }
    let roles = match shown.overview.roles.is_empty() {
        true => "no roles".to_owned(),
        false => summary(&shown.overview.roles),
    };
    let step = Span::styled(format!("charts: {} s a column ", state.step()), paint.quiet());
    let last = line_of(vec![Span::raw(format!(" {roles}"))], step, width);
    vec![first, facts(shown, width), last]
}

/// The name, how the daemon is, and the time.
fn name(shown: &Snapshot, state: &State, width: usize, paint: Paint) -> Line<'static> {
    let daemon = &shown.overview.daemon;
    let version = format!("donet {}", daemon.version);
    let mut left = match daemon.name.is_empty() {
        true => vec![Span::styled(format!(" {}", version.trim_end()), paint.name())],
        false => vec![
            Span::styled(format!(" {}", words::cut(daemon.name.as_str(), 28)), paint.name()),
            Span::styled(format!("  {version}"), paint.quiet()),
        ],
    };
    if !daemon.stage.is_empty() {
        let stage = words::cut(daemon.stage.as_str(), 12);
        // What is not as usual has a ground.
        let stage = match stage == "ready" {
            true => Span::styled(stage, paint.good()),
            false => Span::styled(format!(" {stage} "), paint.badge(paint.warning())),
        };
        let uptime = format!("  up {}", words::span(daemon.uptime_seconds.0));
        left.extend([Span::raw("  "), stage, Span::raw(uptime)]);
    }
    let right = match state.is_paused {
        true => Span::styled(" paused ", paint.badge(paint.strong())),
        false => {
            let clock = state.now.to_zoned(state.zone.clone()).strftime("%H:%M:%S ").to_string();
            Span::styled(clock, paint.quiet())
        }
    };
    line_of(left, right, width)
}

/// What does not change while it runs, as far as there is room: what there is none for is left out as a whole.
fn facts(shown: &Snapshot, width: usize) -> Line<'static> {
    let (daemon, dc) = (&shown.overview.daemon, &shown.overview.dc);
    let facts = [
        format!(" DC {}", if dc.hash.is_empty() { "-" } else { dc.hash.as_str() }),
        counted(dc.classes, "class", "classes"),
        counted(dc.fields, "field", "fields"),
        words::cut(daemon.config.as_str(), (width / 2).saturating_sub(14)),
        format!("pid {}", daemon.pid.0.map_or("-".to_owned(), |pid| pid.to_string())),
        counted(daemon.threads, "thread", "threads"),
        format!("log {}", daemon.log_level),
    ];
    let mut line = String::new();
    for fact in facts.iter().filter(|fact| !fact.is_empty()) {
        let gap = if line.is_empty() { "" } else { "  " };
        if words::width(&line) + gap.len() + words::width(fact) < width {
            line = line + gap + fact;
        }
    }
    Line::from(line)
}

fn counted(figure: Figure, one: &str, many: &str) -> String {
    format!("{} {}", words::count(figure), if figure.0 == Some(1.0) { one } else { many })
}

/// Two texts at the ends of a line. Where there is no room for both, the left one is cut.
fn line_of(left: Vec<Span<'static>>, right: Span<'static>, width: usize) -> Line<'static> {
    let mut room = width.saturating_sub(right.width() + 1);
    let mut spans = Vec::new();
    for mut span in left {
        span.content = words::cut(&span.content, room).into();
        room -= span.width();
        spans.push(span);
    }
    spans.extend([Span::raw(" ".repeat(room + 1)), right]);
    Line::from(spans)
}

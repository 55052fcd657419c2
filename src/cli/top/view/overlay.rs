//! What lies above the tables: help, and all warnings in full.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::paint::Paint;
use crate::cli::top::snapshot::Snapshot;
use crate::cli::top::state::{Overlay, State};

const HELP: &[(&str, &str)] = &[
    ("q  Esc  Ctrl-C", "quit"),
    ("1 2 3 4", "roles, links, longest queues, connections closed"),
    ("Tab  → ←", "the next table, the one before"),
    ("j k  ↓ ↑", "a line down, up; PgDn PgUp: a page; g G: to the ends"),
    ("s", "sort the table by something else"),
    ("p", "pause: nothing is asked until p is pressed again"),
    ("t", "a column of the charts: 1, 5 or 15 s, and their peak"),
    ("w", "all warnings in full"),
    ("?", "this help"),
    ("", ""),
    ("charts", "from nothing to the peak, the newest at the right"),
    ("routed/s", "messages that came in; delivered/s: to each listener"),
    ("hold", "how long the router was busy with a batch"),
    ("queued", "bytes that wait to be sent to clients and links"),
    ("CPU cores", "1.00 is one core that does nothing else"),
];

pub(super) fn draw(frame: &mut Frame<'_>, shown: &Snapshot, state: &mut State, paint: Paint) {
    let (title, lines) = match state.overlay {
        None => return,
        Some(Overlay::Help) => (" help ", help(paint)),
        Some(Overlay::Warnings) => (" warnings ", warnings(shown, paint)),
    };
    let whole = frame.area();
    let width = whole.width.min(100) - 4;
    let text = Paragraph::new(lines).wrap(Wrap { trim: false });
    let needed = wrapped(&text, width - 4);
    let height = needed.saturating_add(2).min(whole.height - 4);
    let (x, y) = ((whole.width - width) / 2, (whole.height - height) / 2);
    let area = Rect { x, y, width, height };
    let most = usize::from(needed.saturating_sub(height - 2));
    state.overlay_scroll = state.overlay_scroll.min(most);
    state.page = (height - 2).into();
    let more = if most > state.overlay_scroll { " j: more " } else { " Esc: back " };
    let block = Block::bordered()
        .title(Span::styled(title, paint.strong()))
        .title_bottom(Line::from(more).right_aligned())
        .padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Clear, area);
    frame.render_widget(text.block(block).scroll((state.overlay_scroll as u16, 0)), area);
}

/// How many lines a text takes.
fn wrapped(text: &Paragraph<'_>, width: u16) -> u16 {
    // It is asked by drawing it: the widget tells nobody else.
    let area = Rect { x: 0, y: 0, width, height: 400 };
    let mut buffer = ratatui::buffer::Buffer::empty(area);
    ratatui::widgets::Widget::render(text, area, &mut buffer);
    let is_used = |y: &u16| (0..width).any(|x| buffer[(x, *y)].symbol() != " ");
    (0..area.height).rev().find(is_used).map_or(0, |last| last + 1)
}

fn help(paint: Paint) -> Vec<Line<'static>> {
    let line = |(key, what): &(&'static str, &'static str)| {
        Line::from(vec![Span::styled(format!("{key:<16}"), paint.strong()), Span::raw(*what)])
    };
    HELP.iter().map(line).collect()
}

fn warnings(shown: &Snapshot, paint: Paint) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for warning in shown.warnings() {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        let (style, severity) = match warning.is_critical() {
            true => (paint.critical(), " critical "),
            false => (paint.warning(), " warning  "),
        };
        let title = Span::styled(format!(" {}", warning.title), paint.strong());
        lines.push(Line::from(vec![Span::styled(severity, paint.badge(style)), title]));
        let action = Some(format!("→ {}", warning.action)).filter(|_| !warning.action.is_empty());
        let texts = [warning.detail.to_string()].into_iter().chain(action);
        lines.extend(texts.filter(|text| !text.is_empty()).map(Line::from));
    }
    if lines.is_empty() {
        lines.push(Line::from("nothing needs action"));
    }
    lines
}

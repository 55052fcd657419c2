//! Draws the state: a header, charts, warnings, one of the tables, and a line of keys.

mod charts;
mod header;
mod overlay;
mod paint;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use self::paint::Paint;
use super::snapshot::{Overview, Snapshot, Warning};
use super::state::State;
use super::tables::Tab;
use super::words;

/// The smallest terminal that it has room in.
pub(super) const LEAST: (u16, u16) = (80, 24);

/// From so many lines on there is room between the parts.
const ROOMY: u16 = 32;

/// Draws everything, and notes how far tables can be scrolled.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State) {
    let (area, paint) = (frame.area(), Paint::new(state.has_colour));
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, area);
    }
    let trouble = state.trouble();
    let snapshot = state.snapshot.take();
    let nothing = Snapshot::default();
    let shown = snapshot.as_ref().unwrap_or(&nothing);
    let warnings = warnings(shown, area, paint);
    let gap = u16::from(area.height >= ROOMY);
    let [head, banner, charts, alarms, tabs, table, keys] = Layout::vertical([
        Constraint::Length(3 + gap),
        Constraint::Length(trouble.len() as u16 + gap * u16::from(!trouble.is_empty())),
        Constraint::Length(charts::height(area) + gap),
        Constraint::Length(warnings.len() as u16 + gap * u16::from(!warnings.is_empty())),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    frame
        .render_widget(Paragraph::new(header::lines(shown, state, area.width.into(), paint)), head);
    let banner_line = |line: &String| {
        let text = words::fitted(&format!(" {line}"), area.width.into(), false);
        Line::styled(text, paint.badge(paint.critical()))
    };
    frame
        .render_widget(Paragraph::new(trouble.iter().map(banner_line).collect::<Vec<_>>()), banner);
    charts::draw(frame, charts, shown, state.step(), paint);
    frame.render_widget(Paragraph::new(warnings), alarms);
    let visible = draw_table(frame, table, shown, state, paint);
    frame.render_widget(tab_bar(shown, state, &visible, tabs.width.into(), paint), tabs);
    frame.render_widget(key_line(area.width.into(), paint), keys);
    overlay::draw(frame, shown, state, paint);
    state.snapshot = snapshot;
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = LEAST;
    let is = format!("this one has {}x{}.", area.width, area.height);
    let lines = [
        "donet top needs a".to_owned(),
        format!("terminal of {width}x{height};"),
        is,
        "q quits".to_owned(),
    ];
    frame.render_widget(Paragraph::new(lines.map(Line::from).to_vec()), area);
}

/// The most severe warnings, as many as there is room for.
fn warnings(shown: &Snapshot, area: Rect, paint: Paint) -> Vec<Line<'static>> {
    let all = shown.warnings();
    let room = usize::from((area.height / 6).clamp(4, 12));
    let lines_of = |warning: &&Warning| {
        let style = if warning.is_critical() { paint.critical() } else { paint.warning() };
        let severity = if warning.is_critical() { " critical " } else { " warning  " };
        let width = usize::from(area.width).saturating_sub(severity.len() + 3);
        let badge = Span::styled(severity, paint.badge(style));
        let title = words::cut(warning.title.as_str(), width);
        let rest = width - words::width(&title);
        let detail = Some(&warning.detail).filter(|detail| !detail.is_empty());
        let detail =
            detail.map_or_else(String::new, |detail| words::cut(&format!(": {detail}"), rest));
        let first = Line::from(vec![
            Span::raw(" "),
            badge,
            Span::raw(" "),
            Span::styled(title, paint.strong()),
            Span::raw(detail),
        ]);
        let action = format!("{}→ {}", " ".repeat(severity.len() + 2), warning.action);
        let action = Line::raw(words::cut(&action, usize::from(area.width) - 1));
        [first]
            .into_iter()
            .chain((!warning.action.is_empty()).then_some(action))
            .collect::<Vec<_>>()
    };
    let mut lines: Vec<Line<'static>> = Vec::new();
    for (place, warning) in all.iter().enumerate() {
        let more = lines_of(warning);
        // A line is left for what is not shown.
        let is_last = place + 1 == all.len();
        if lines.len() + more.len() + usize::from(!is_last)
            > room + usize::from(is_last && place < 2)
        {
            let left = all.len() - place;
            lines.push(Line::styled(format!(" and {left} more: w shows all"), paint.warning()));
            break;
        }
        lines.extend(more);
    }
    lines
}

fn tab_bar(
    shown: &Snapshot,
    state: &State,
    visible: &str,
    width: usize,
    paint: Paint,
) -> Line<'static> {
    let rule = |count: usize| Span::styled("─".repeat(count), paint.quiet());
    let mut spans = vec![rule(1)];
    for (place, tab) in Tab::ALL.into_iter().enumerate() {
        let text = format!(" {} {} {} ", place + 1, tab.title(), tab.count(shown));
        let is_open = tab == state.tab;
        let style = if is_open { paint.badge(paint.strong()) } else { Style::new() };
        spans.extend([Span::styled(text, style), rule(1)]);
    }
    let order = state.tab.orders()[state.orders[state.place()]];
    let order = format!(" {visible}by {order} ");
    let used = spans.iter().map(Span::width).sum::<usize>() + words::width(&order) + 1;
    spans.extend([rule(width.saturating_sub(used)), Span::raw(order), rule(1)]);
    Line::from(spans)
}

/// Draws the table, and says which part of it is visible if that is not all.
fn draw_table(
    frame: &mut Frame<'_>,
    area: Rect,
    shown: &Snapshot,
    state: &mut State,
    paint: Paint,
) -> String {
    let place = state.place();
    let table = state.tab.table(shown, state.orders[place], &state.zone);
    let area = area.inner(Margin { horizontal: 1, vertical: 0 });
    let visible = usize::from(area.height).saturating_sub(1);
    let total = table.rows.len();
    let scroll = state.scrolls[place].min(total.saturating_sub(visible));
    (state.scrolls[place], state.page) = (scroll, visible);
    if total == 0 {
        // Of a daemon that has said nothing, nothing is known.
        let text = if shown.overview == Overview::default() { "" } else { state.tab.none() };
        frame.render_widget(Line::styled(text, paint.quiet()), area);
        return String::new();
    }
    let fit = table.fit(area.width.into());
    let end = (scroll + visible).min(total);
    let head = Line::styled(table.head(&fit), paint.quiet());
    let rows = (scroll..end).map(|row| Line::raw(table.row(&fit, row)));
    frame.render_widget(Paragraph::new([head].into_iter().chain(rows).collect::<Vec<_>>()), area);
    match total > visible {
        true => format!("{}-{end} of {total}, ", scroll + 1),
        false => String::new(),
    }
}

fn key_line(width: usize, paint: Paint) -> Line<'static> {
    let keys = [
        ("q", "quit"),
        ("Tab", "next table"),
        ("j k", "scroll"),
        ("s", "sort"),
        ("p", "pause"),
        ("w", "warnings"),
        ("?", "help"),
    ];
    let mut spans = Vec::new();
    for (key, what) in keys {
        spans.extend([
            Span::styled(format!(" {key} "), paint.strong()),
            Span::styled(format!("{what} "), paint.quiet()),
        ]);
    }
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(" ".repeat(width.saturating_sub(used))));
    Line::from(spans)
}

//! What has happened in each of the last seconds.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline, SparklineBar};

use super::paint::Paint;
use crate::cli::top::snapshot::{Figure, Sample, Snapshot};
use crate::cli::top::words;

/// A figure and its name.
struct Chart {
    title: &'static str,
    of: fn(&Sample) -> Figure,
    words: fn(Figure) -> String,
}

/// Two of them stand in a row.
const CHARTS: [[Chart; 2]; 5] = [
    [
        Chart { title: "routed/s", of: |sample| sample.routed, words: words::count },
        Chart { title: "delivered/s", of: |sample| sample.delivered, words: words::count },
    ],
    [
        Chart { title: "hold p50", of: |sample| sample.hold_p50_us, words: words::micros },
        Chart { title: "hold p99", of: |sample| sample.hold_p99_us, words: words::micros },
    ],
    [
        Chart { title: "clients", of: |sample| sample.clients, words: words::count },
        Chart { title: "objects", of: |sample| sample.objects, words: words::count },
    ],
    [
        Chart { title: "links", of: |sample| sample.links, words: words::count },
        Chart { title: "queued", of: |sample| sample.queued_bytes, words: words::bytes },
    ],
    [
        Chart { title: "CPU cores", of: |sample| sample.cpu, words: words::cores },
        Chart { title: "memory", of: |sample| sample.memory_bytes, words: words::bytes },
    ],
];

/// What a title and a figure take.
const TITLE: u16 = 12;
const FIGURE: u16 = 10;

/// How many lines a chart has in a terminal of that size.
const fn lines(area: Rect) -> u16 {
    match area.height {
        0..36 => 1,
        36..52 => 2,
        _ => 3,
    }
}

pub(super) const fn height(area: Rect) -> u16 {
    lines(area) * CHARTS.len() as u16
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Snapshot, step: usize, paint: Paint) {
    let lines = lines(frame.area());
    let half = (area.width - 1) / 2;
    for (row, pair) in CHARTS.iter().enumerate() {
        for (side, chart) in pair.iter().enumerate() {
            let (x, y) = (area.x + 1 + side as u16 * half, area.y + row as u16 * lines);
            draw_one(
                frame,
                Rect { x, y, width: half - 2, height: lines },
                chart,
                shown,
                step,
                paint,
            );
        }
    }
}

fn draw_one(
    frame: &mut Frame<'_>,
    area: Rect,
    chart: &Chart,
    shown: &Snapshot,
    step: usize,
    paint: Paint,
) {
    let now = (chart.of)(&shown.overview.now);
    let room = area.width - TITLE - FIGURE - 1;
    let history = shown.history.rchunks(step.max(1)).take(room.into());
    let mut values: Vec<Figure> = history.map(|samples| largest_of(samples, chart.of)).collect();
    values.reverse();
    let largest = values.iter().map(|value| value.or_zero()).fold(0.0, f64::max);
    let figure = words::fitted(&(chart.words)(now), (FIGURE - 1).into(), true);
    let title = words::fitted(chart.title, TITLE.into(), false);
    let mut text = vec![Line::from(vec![
        Span::styled(title, paint.quiet()),
        Span::styled(figure, paint.strong()),
    ])];
    if area.height > 1 && largest > 0.0 {
        let peak = (chart.words)(Figure(Some(largest)));
        let peak = words::fitted(&format!("at most {peak}"), (TITLE + FIGURE - 1).into(), true);
        text.push(Line::styled(peak, paint.quiet()));
    }
    frame.render_widget(Paragraph::new(text), Rect { width: TITLE + FIGURE, ..area });
    // Each line has eight steps. The last one is left free, so that charts do not grow together; what is more than nothing
    // can be seen.
    let most = u64::from(area.height) * 8;
    let steps = (most - 1) as f64;
    let bar = |value: &Figure| match value.0 {
        None => SparklineBar::from(None),
        Some(value) if largest > 0.0 => SparklineBar::from((value / largest * steps).ceil() as u64),
        Some(_) => SparklineBar::from(0),
    };
    let chart = Sparkline::default()
        .data(values.iter().map(bar).collect::<Vec<_>>())
        .max(most)
        .absent_value_symbol(" ")
        .absent_value_style(Style::new())
        .style(paint.chart());
    let missing = room - values.len() as u16;
    let x = area.x + TITLE + FIGURE + 1 + missing;
    // The newest second is at the right.
    frame.render_widget(chart, Rect { x, width: room - missing, ..area });
}

/// A column stands for several seconds: its height is that of the highest.
fn largest_of(samples: &[Sample], of: fn(&Sample) -> Figure) -> Figure {
    Figure(samples.iter().filter_map(|sample| of(sample).0).reduce(f64::max))
}

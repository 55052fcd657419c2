//! Figures in few characters.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::snapshot::Figure;

/// What stands for a figure that is not known.
const UNKNOWN: &str = "-";

/// How many there are, or how many a second: `0.4`, `312`, `4,711`, `12.3k`, `5.4M`.
pub(super) fn count(figure: Figure) -> String {
    let Some(number) = figure.0 else { return UNKNOWN.to_owned() };
    match number {
        _ if number < 10.0 && number.fract() > 0.04 => format!("{number:.1}"),
        _ if number < 999.5 => format!("{number:.0}"),
        _ if number.round() < 10_000.0 => {
            format!("{},{:03}", number.round() as u64 / 1_000, number.round() as u64 % 1_000)
        }
        _ => scaled(number, 1_000.0, &["", "k", "M", "G", "T", "P", "E"]),
    }
}

/// `512 B`, `17.2 MiB`
pub(super) fn bytes(figure: Figure) -> String {
    let Some(number) = figure.0 else { return UNKNOWN.to_owned() };
    match number < 1_023.5 {
        true => format!("{number:.0} B"),
        false => scaled(number, 1_024.0, &["", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"]),
    }
}

/// Microseconds: `12 µs`, `1.8 ms`, `2.1 s`.
pub(super) fn micros(figure: Figure) -> String {
    let Some(number) = figure.0 else { return UNKNOWN.to_owned() };
    match number < 999.5 {
        true => format!("{number:.0} µs"),
        false => scaled(number, 1_000.0, &["", " ms", " s"]),
    }
}

/// Cores: `0.12`, `11.5`.
pub(super) fn cores(figure: Figure) -> String {
    match figure.0 {
        None => UNKNOWN.to_owned(),
        Some(number) if number < 10.0 => format!("{number:.2}"),
        Some(number) => format!("{number:.1}"),
    }
}

/// How long: `12s`, `12m 05s`, `3h 04m`, `3d 04h`.
pub(super) fn span(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return UNKNOWN.to_owned() };
    let whole = seconds as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3_600, whole / 86_400);
    match whole {
        0..60 => format!("{whole}s"),
        60..3_600 => format!("{minutes}m {:02}s", whole % 60),
        3_600..86_400 => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

/// A number of at most three digits before its point, with the unit that makes it so.
fn scaled(number: f64, step: f64, units: &[&str]) -> String {
    let (mut number, mut units) = (number, units.iter());
    let mut unit = units.next();
    for larger in units {
        // As it would be rounded.
        if number < step - 0.05 {
            break;
        }
        number /= step;
        unit = Some(larger);
    }
    format!("{number:.1}{}", unit.unwrap_or(&""))
}

/// How many columns of a terminal a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The beginning of a text that takes no more than so many columns, with a mark if that is not all of it.
pub(super) fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let Some(mut left) = room.checked_sub(1) else { return String::new() };
    let fits = |c: &char| {
        let rest = left.checked_sub(c.width().unwrap_or(0));
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// A text that takes exactly so many columns.
pub(super) fn fitted(text: &str, room: usize, is_right: bool) -> String {
    let text = cut(text, room);
    let blank = " ".repeat(room.saturating_sub(text.width()));
    match is_right {
        true => blank + &text,
        false => text + &blank,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_take_few_characters() {
        let counts = [0.0, 0.42, 9.0, 312.0, 4_711.0, 9_999.6, 12_345.0, 999_960.0, 5.4e6, 1e30];
        let shown = counts.map(|number| count(Figure(Some(number))));
        let wanted = ["0", "0.4", "9", "312", "4,711", "10.0k", "12.3k", "1.0M", "5.4M"];
        assert_eq!(shown[..9], wanted);
        assert_eq!(count(Figure(None)), "-");
        let shown = [0.0, 1_023.0, 1_024.0, 18_000_000.0, 1_048_570.0];
        let shown = shown.map(|number| bytes(Figure(Some(number))));
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "17.2 MiB", "1.0 MiB"]);
        let shown = [12.4, 1_800.0, 2_100_000.0].map(|number| micros(Figure(Some(number))));
        assert_eq!(shown, ["12 µs", "1.8 ms", "2.1 s"]);
        let shown = [59.9, 725.0, 11_040.0, 273_600.0].map(|number| span(Some(number)));
        assert_eq!(shown, ["59s", "12m 05s", "3h 04m", "3d 04h"]);
    }

    #[test]
    fn texts_are_cut_by_the_columns_that_they_take() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("日本語です", 6), "日本…");
        assert_eq!(fitted("日本語です", 6, false), "日本… ");
        assert_eq!(fitted("7", 3, true), "  7");
        assert_eq!(cut("abc", 0), "");
    }
}

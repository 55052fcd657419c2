//! Mistakes of the hand in YAML that its parser notices late, and elsewhere.

use crate::finding::Mark;
use crate::yaml::Position;

/// A line in which something is, behind its indentation.
struct Line<'t> {
    number: usize,
    indent: &'t str,
    rest: &'t str,
}

/// Where a slip is, what it is, and what to do.
type Slip = (Mark, String, String);

/// What was probably meant where the parser gave up.
pub(super) fn find(text: &str, at: Position) -> Option<Slip> {
    let lines = around(text, at.line);
    let slips = [tab, dash_without_blank, colon_without_blank];
    slips.iter().find_map(|slip| lines.iter().find_map(slip))
}

/// What to do about an indentation that does not fit, as far as the parser tells.
pub(super) fn advise(info: &str) -> Option<String> {
    let is_about_blocks = info.contains("'-' indicator")
        || info.contains("expected <document start>")
        || info.contains("did not find expected key")
        || info.contains("mapping values are not allowed");
    let advice = "the keys of one map begin in the same column, and so do the `-` of one list";
    is_about_blocks.then(|| advice.to_owned())
}

/// The line in question, the one before it and the one behind it, of those in which something is.
fn around(text: &str, line: usize) -> Vec<Line<'_>> {
    let all = text.lines().enumerate().map(|(index, line)| {
        let rest = line.trim_start();
        Line { number: index + 1, indent: &line[..line.len() - rest.len()], rest }
    });
    let (before, behind): (Vec<_>, Vec<_>) = all
        .filter(|line| !line.rest.is_empty() && !line.rest.starts_with('#'))
        .partition(|it| it.number < line);
    before.into_iter().next_back().into_iter().chain(behind.into_iter().take(2)).collect()
}

fn tab(line: &Line<'_>) -> Option<Slip> {
    let column = line.indent.chars().position(|it| it == '\t')? + 1;
    let mark = Mark::new(Position { line: line.number, column }, 1, "");
    let message = "a tab in the indentation";
    Some((mark, message.to_owned(), "indent with blanks".to_owned()))
}

fn dash_without_blank(line: &Line<'_>) -> Option<Slip> {
    let item = line.rest.strip_prefix('-')?;
    item.starts_with(|it: char| it.is_ascii_alphabetic()).then(|| {
        let item = item.split(" #").next().unwrap_or(item).trim_end();
        let help = format!("an item of a list has a blank behind its dash: `- {}`", key_of(item));
        (mark(line, 0), "no blank behind the `-`".to_owned(), help)
    })
}

fn colon_without_blank(line: &Line<'_>) -> Option<Slip> {
    let entry = line.rest.trim_start_matches("- ").trim_start();
    let (key, value) = entry.split_once(':')?;
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
    let is_key = !key.is_empty() && key.chars().all(is_word);
    // Values have colons, too: of an address, a path, a time.
    let is_value = !value.is_empty() && !value.starts_with([' ', '\t', '/', ':']);
    (is_key && is_value && !entry.contains(": ")).then(|| {
        let before = line.rest.len() - entry.len() + key.len();
        let help = format!("a value has a blank before it: `{key}: …`");
        (mark(line, before), "no blank behind the `:`".to_owned(), help)
    })
}

/// A key with what is its value left out, which may be secret.
fn key_of(item: &str) -> String {
    match item.split_once(':') {
        Some((key, _)) => format!("{key}: …"),
        None => "…".to_owned(),
    }
}

/// Marks the character so many bytes behind the indentation.
fn mark(line: &Line<'_>, behind: usize) -> Mark {
    let column = line.indent.chars().count() + line.rest[..behind].chars().count() + 1;
    Mark::new(Position { line: line.number, column }, 1, "")
}

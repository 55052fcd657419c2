//! From bytes to a tree, and what is said where there is none.

use std::rc::Rc;

use dclass::input::{CONFLICT, UTF_16, conflict, is_utf_16, without_mark};

use super::report::Report;
use super::slips;
use crate::finding::Mark;
use crate::yaml::{self, Node, Position};

/// A configuration needs six levels of lists and maps.
const RULES: yaml::Rules = yaml::Rules { depth_max: 32, aliases: true, other_documents: true };

/// The tree of a file, or `None` if it is reported why there is none.
pub(super) fn parse(bytes: &[u8], report: &Report) -> Option<Rc<Node>> {
    if is_utf_16(bytes) {
        report.error_at(Vec::new(), format!("the file {UTF_16}"));
        return None;
    }
    let bytes = without_mark(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            report.set_text(&String::from_utf8_lossy(bytes), None);
            let place = place(bytes, error.valid_up_to());
            report.error_at(vec![Mark::new(place, 1, "")], "the file is not UTF-8 text");
            return None;
        }
    };
    match yaml::parse(text, RULES) {
        Ok(yaml::Content { root: Some(root), second }) if !root.is_null() => {
            report.set_text(text, Some(&root));
            if let Some(at) = second {
                let message = "a second document begins here, and is not read, as in Astron";
                let node = Node { position: at, end: at, ..Node::clone(&root) };
                report.warning(&node, "", message);
            }
            Some(root)
        }
        Ok(_) => {
            let message = match text.trim().is_empty() {
                true => "the file is empty",
                false => "the file has no keys: nothing but comments",
            };
            report.error_at(Vec::new(), message);
            None
        }
        Err(error) => {
            report.set_text(text, None);
            let (marks, message, help) = describe(&error, text);
            report.error_with_help(marks, message, help);
            None
        }
    }
}

/// Where a mistake is, what it is, and what to do.
type Description = (Vec<Mark>, String, Option<String>);

fn describe(error: &yaml::Error, text: &str) -> Description {
    if let Some(at) = conflict(text) {
        let position = Position { line: text[..at].matches('\n').count() + 1, column: 1 };
        return (vec![Mark::new(position, usize::MAX, "")], CONFLICT.to_owned(), None);
    }
    let (at, message) = match error {
        yaml::Error::Syntax { error, open } => {
            let (at, info) = (yaml::position(error.marker()), error.info());
            return match open {
                Some(open) => in_brackets(at, info, *open, text),
                None => in_a_block(at, info, text),
            };
        }
        yaml::Error::TooDeep(at) => (at, "lists and maps are nested too deeply"),
        yaml::Error::Alias(at) => (at, "an alias within its own anchor"),
        yaml::Error::SecondDocument(at) => (at, "a second document begins here"),
    };
    (vec![Mark::new(*at, 1, "")], message.to_owned(), None)
}

/// Outside of brackets, where the parser notices late what is wrong.
fn in_a_block(at: Position, info: &str, text: &str) -> Description {
    if let Some((mark, message, help)) = slips::find(text, at) {
        return (vec![mark], format!("this is not YAML: {message}"), Some(help));
    }
    (vec![Mark::new(at, 1, "")], format!("this is not YAML: {info}"), slips::advise(info))
}

/// In brackets a value ends before a bracket, which references have.
fn unquoted_reference(at: Position, text: &str) -> Option<String> {
    let line = text.lines().nth(at.line - 1)?;
    let before: String = line.chars().take(at.column).collect();
    before.ends_with("${").then(|| "in brackets a value with `${…}` needs quotes".to_owned())
}

/// What is open when the parser gives up was probably meant to end before.
fn in_brackets(at: Position, info: &str, open: Position, text: &str) -> Description {
    let help = unquoted_reference(at, text);
    let bracket = text.lines().nth(open.line - 1).and_then(|it| it.chars().nth(open.column - 1));
    let bracket = bracket.unwrap_or('{');
    let is_end = text.lines().count() < at.line || at.line > open.line;
    if is_end {
        let mut marks = vec![Mark::new(open, 1, "")];
        if at.line <= text.lines().count() {
            marks.push(Mark::new(at, 1, "what follows here does not belong into it"));
        }
        return (marks, format!("this `{bracket}` is not closed"), help);
    }
    let marks = vec![Mark::new(at, 1, ""), Mark::new(open, 1, "this one is open")];
    (marks, format!("this is not YAML: {info}"), help)
}

/// Line and column of a byte.
fn place(bytes: &[u8], index: usize) -> Position {
    let before = String::from_utf8_lossy(&bytes[..index]);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

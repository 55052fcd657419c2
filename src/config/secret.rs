//! What of a configuration is nobody's business but the daemon's: it is not shown when a line of the file is.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::yaml::{Node, Position, Value};

/// Parts of the names of keys that have such values.
const PARTS: [&str; 5] = ["pass", "pwd", "secret", "token", "credential"];
/// Such names, and with how many slips of the keyboard they are still known.
const NAMES: [(&str, usize); 4] =
    [("password", 3), ("passphrase", 3), ("secret", 2), ("credential", 3)];

/// What stands in the place of a secret, however long that is.
const MASK: &str = "***";

/// A text without its secrets.
#[derive(Default)]
pub(super) struct Masked {
    /// What can be shown.
    pub text: String,
    /// What has been left out, in the order of the text.
    cuts: Vec<Cut>,
}

/// Characters of a line that are not shown.
struct Cut {
    line: usize,
    /// Their columns; the last one is not included.
    from: usize,
    to: usize,
}

impl Masked {
    /// In which column of the text that is shown a place stands.
    pub fn column(&self, at: Position) -> usize {
        let mut column = at.column;
        // A file may have as many of them as lines, and be asked about each.
        let first = self.cuts.partition_point(|cut| cut.line < at.line);
        let here = self.cuts[first..].iter().take_while(|cut| cut.line == at.line);
        for cut in here.filter(|cut| cut.from < at.column) {
            let is_behind = cut.to <= at.column;
            // Within the mask, all places are its beginning.
            column -= if is_behind { cut.to - cut.from } else { at.column - cut.from };
            column += if is_behind { MASK.len() } else { 0 };
        }
        column
    }
}

/// The text with a mask instead of each secret. Without a tree it is no YAML, and more than the secrets may be hidden.
pub(super) fn masked(text: &str, root: Option<&Rc<Node>>) -> Masked {
    let mut hidden = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    match root {
        Some(root) => collect(root, &lines, &mut HashSet::new(), &mut hidden),
        None => hidden.extend(lines.iter().enumerate().filter_map(behind_a_name)),
    }
    let has_tree = root.is_some();
    hidden.extend(lines.iter().enumerate().flat_map(|(line, text)| in_urls(line, text, has_tree)));
    hide(text, &hidden)
}

/// Whether a value may have a secret in it that messages must not repeat.
pub(super) fn may_hold_one(text: &str) -> bool {
    text.contains("://") && text.contains('@') || behind_equals(text).is_some()
}

/// Places from and to, the latter not included.
type Part = (Position, Position);

fn hide(text: &str, hidden: &[Part]) -> Masked {
    let mut masked = Masked::default();
    let mut by_line: HashMap<usize, Vec<&Part>> = HashMap::new();
    for part in hidden {
        for line in part.0.line..=part.1.line {
            by_line.entry(line).or_default().push(part);
        }
    }
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let Some(here) = by_line.get(&(i + 1)) else {
            masked.text.push_str(line);
            continue;
        };
        let chars: Vec<char> = line.chars().collect();
        let is_hidden = |j: usize| {
            let at = Position { line: i + 1, column: j + 1 };
            here.iter().any(|(from, to)| *from <= at && at < *to)
        };
        let mut j = 0;
        while j < chars.len() {
            let end = (j..chars.len()).find(|j| !is_hidden(*j)).unwrap_or(chars.len());
            // How lines begin and end is no secret.
            let blank = (j..end).take_while(|j| chars[*j].is_whitespace()).count();
            let from = j + blank;
            let to = (from..end).rfind(|j| !chars[*j].is_whitespace()).map_or(from, |j| j + 1);
            masked.text.extend(&chars[j..from]);
            if from < to {
                masked.text.push_str(MASK);
                masked.cuts.push(Cut { line: i + 1, from: from + 1, to: to + 1 });
            }
            masked.text.extend(&chars[to..end]);
            let next = (end..chars.len()).find(|j| is_hidden(*j)).unwrap_or(chars.len());
            masked.text.extend(&chars[end..next]);
            j = next;
        }
    }
    masked
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let is_like = |&(name, slips): &(&str, usize)| strsim::damerau_levenshtein(&key, name) <= slips;
    // A file with a secret is none.
    !key.ends_with("_file")
        && (PARTS.iter().any(|part| key.contains(part)) || NAMES.iter().any(is_like))
}

/// Where the names of secrets end in a text that may be no YAML.
fn ends_of_names(text: &str) -> impl Iterator<Item = usize> {
    let is_between = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'));
    let mut at = 0;
    text.split_inclusive(is_between).filter_map(move |piece| {
        let word = piece.trim_end_matches(is_between);
        let end = at + word.len();
        at += piece.len();
        is_secret(word).then_some(end)
    })
}

/// Whether somebody may have meant a URL with a password.
fn is_broken_url(key: &str, value: &Node) -> bool {
    let is_url = ["url", "uri", "server", "address", "host"].iter().any(|name| key.contains(name));
    is_url && value.text().is_some_and(|text| text.contains('@') && !text.contains("://"))
}

/// The values of keys that are secret, and secret parts of others. An alias leads to a node that was visited before.
fn collect(
    node: &Rc<Node>,
    lines: &[&str],
    visited: &mut HashSet<*const Node>,
    hidden: &mut Vec<Part>,
) {
    if visited.contains(&Rc::as_ptr(node)) {
        return;
    }
    match &node.value {
        Value::Scalar { text, .. } if may_hold_one(text) => hidden.extend(in_scalar(node, lines)),
        Value::Scalar { .. } => {}
        Value::List(items) => {
            visited.insert(Rc::as_ptr(node));
            items.iter().for_each(|item| collect(item, lines, visited, hidden));
        }
        Value::Map(entries) => {
            visited.insert(Rc::as_ptr(node));
            for (key, value) in entries {
                match key.text() {
                    Some(name) if is_secret(name) || is_broken_url(name, value) => {
                        hidden.push((value.position, value.end));
                    }
                    _ => collect(value, lines, visited, hidden),
                }
            }
        }
    }
}

/// What is secret in a value: of a URL what stands between the user's name and the last `@`, and what is given as
/// `password=…`; all of it if it has several lines.
fn in_scalar(node: &Node, lines: &[&str]) -> Vec<Part> {
    let (from, end) = (node.position, node.end);
    let line = lines.get(from.line - 1).filter(|_| from.line == end.line);
    let Some(line) = line else { return vec![(from, end)] };
    let byte = |column: usize| line.char_indices().nth(column - 1).map_or(line.len(), |(at, _)| at);
    let (begin, end) = (byte(from.column), byte(end.column));
    let written = &line[begin..end];
    let found = [in_url(written), behind_equals(written).map(|at| (at, written.len()))];
    let found = found.into_iter().flatten();
    found.map(|(from_byte, to)| part(from.line - 1, line, begin + from_byte, begin + to)).collect()
}

/// What stands behind the name of a secret, up to the end of the line.
fn behind_a_name((line, text): (usize, &&str)) -> Option<Part> {
    let name = ends_of_names(text).next()?;
    let colon = name + text[name..].find(':')? + 1;
    Some(part(line, text, colon, text.len()))
}

/// Where the value of `password=…` begins.
fn behind_equals(text: &str) -> Option<usize> {
    let mut values = ends_of_names(text).filter_map(|end| {
        let value = text[end..].trim_start().strip_prefix('=')?;
        Some(text.len() - value.len())
    });
    values.next()
}

/// What stands between the user's name and the last `@` of a URL, as bytes of it.
fn in_url(text: &str) -> Option<(usize, usize)> {
    let begin = text.find("://")? + 3;
    let at = begin + text[begin..].rfind('@')?;
    let from = begin + text[begin..at].find(':')? + 1;
    Some((from, at))
}

/// The same of the URLs in a line, which may be a comment: of each up to the next space, or of the first up to the end of the line.
fn in_urls(line: usize, text: &str, by_word: bool) -> Vec<Part> {
    let begins = text.match_indices("://").map(|(at, _)| at);
    let found = begins.filter_map(|begin| {
        let rest = &text[begin..];
        let end = rest.find(char::is_whitespace).filter(|_| by_word).unwrap_or(rest.len());
        let (from, to) = in_url(&rest[..end])?;
        Some(part(line, text, begin + from, begin + to))
    });
    found.collect()
}

/// Bytes of a line as places.
fn part(line: usize, text: &str, from: usize, to: usize) -> Part {
    let place = |byte: usize| Position { line: line + 1, column: text[..byte].chars().count() + 1 };
    (place(from), place(to))
}

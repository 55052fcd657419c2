//! What of a configuration is nobody's business but the daemon's: it is not shown when a line of the file is.

use std::rc::Rc;

use crate::yaml::{Node, Position, Value};

/// Parts of the names of keys, right or mistyped, that have such values.
const NAMES: [&str; 6] = ["passw", "passphrase", "pwd", "secret", "token", "credential"];

/// The text with asterisks instead of secrets. Without a tree it is no YAML, and more than the secrets may be hidden.
pub(super) fn masked(text: &str, root: Option<&Rc<Node>>) -> String {
    let mut hidden = Vec::new();
    match root {
        Some(root) => collect(root, &mut Vec::new(), &mut hidden),
        None => hidden.extend(text.lines().enumerate().filter_map(behind_a_name)),
    }
    hidden.extend(text.lines().enumerate().flat_map(in_urls));
    hide(text, &hidden)
}

/// Places from and to, the latter not included.
type Part = (Position, Position);

fn hide(text: &str, hidden: &[Part]) -> String {
    if hidden.is_empty() {
        return text.to_owned();
    }
    let mut masked = String::with_capacity(text.len());
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let here: Vec<&Part> =
            hidden.iter().filter(|(from, to)| (from.line..=to.line).contains(&(i + 1))).collect();
        for (j, char) in line.chars().enumerate() {
            let at = Position { line: i + 1, column: j + 1 };
            let is_hidden = here.iter().any(|(from, to)| *from <= at && at < *to);
            masked.push(if is_hidden && !char.is_whitespace() { '*' } else { char });
        }
    }
    masked
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    // A file with a secret is none.
    !key.ends_with("_file") && NAMES.iter().any(|name| key.contains(name))
}

/// Whether somebody may have meant a URL with a password.
fn is_broken_url(key: &str, value: &Node) -> bool {
    let is_url = ["url", "uri", "server"].iter().any(|name| key.contains(name));
    is_url && value.text().is_some_and(|text| text.contains('@') && !text.contains("://"))
}

/// The values of keys that are secret. An alias leads to a node that was visited before.
fn collect(node: &Rc<Node>, visited: &mut Vec<*const Node>, hidden: &mut Vec<Part>) {
    if visited.contains(&Rc::as_ptr(node)) {
        return;
    }
    match &node.value {
        Value::Scalar { .. } => {}
        Value::List(items) => {
            visited.push(Rc::as_ptr(node));
            items.iter().for_each(|item| collect(item, visited, hidden));
        }
        Value::Map(entries) => {
            visited.push(Rc::as_ptr(node));
            for (key, value) in entries {
                match key.text() {
                    Some(name) if is_secret(name) || is_broken_url(name, value) => {
                        hidden.push((value.position, value.end));
                    }
                    _ => collect(value, visited, hidden),
                }
            }
        }
    }
}

/// What stands behind the name of a secret, up to the end of the line.
fn behind_a_name((line, text): (usize, &str)) -> Option<Part> {
    let lower = text.to_ascii_lowercase();
    let name = NAMES.iter().filter_map(|name| lower.find(name)).min()?;
    let colon = name + text.get(name..)?.find(':')? + 1;
    Some(part(line, text, colon, text.len()))
}

/// What stands between the user's name and the `@` of URLs.
fn in_urls((line, text): (usize, &str)) -> Vec<Part> {
    let begins = text.match_indices("://").map(|(at, slashes)| at + slashes.len());
    let found = begins.filter_map(|begin| {
        let rest = &text[begin..];
        let word = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
        let at = word.rfind('@')?;
        let from = word[..at].find(':')? + 1;
        Some(part(line, text, begin + from, begin + at))
    });
    found.collect()
}

/// Bytes of a line as places.
fn part(line: usize, text: &str, from: usize, to: usize) -> Part {
    let place = |byte: usize| Position { line: line + 1, column: text[..byte].chars().count() + 1 };
    (place(from), place(to))
}

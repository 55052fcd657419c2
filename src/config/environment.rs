//! `${NAME}` in values: what the environment has under that name.

use std::collections::HashMap;
use std::ffi::OsString;
use std::rc::Rc;

use super::report::Report;
use super::section::join;
use crate::finding::{Finding, Severity};
use crate::yaml::{Node, Value};

/// Looks a variable up.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The tree with all references replaced. Those that cannot be are reported, and stay.
pub(super) fn expand(report: &Report, root: &Rc<Node>, lookup: Lookup<'_>) -> Rc<Node> {
    Expansion { report, lookup, done: HashMap::new() }.node(root, "")
}

struct Expansion<'a> {
    report: &'a Report,
    lookup: Lookup<'a>,
    /// A node may stand in several places.
    done: HashMap<*const Node, Rc<Node>>,
}

/// Why a reference stands for nothing.
enum Failure {
    Unset(String),
    NotText(String),
}

impl Expansion<'_> {
    fn node(&mut self, node: &Rc<Node>, path: &str) -> Rc<Node> {
        if let Some(done) = self.done.get(&Rc::as_ptr(node)) {
            return Rc::clone(done);
        }
        let expanded = match &node.value {
            Value::Scalar { text, .. } if !text.contains("${") => Rc::clone(node),
            Value::Scalar { text, .. } => Rc::new(self.scalar(node, text, path)),
            Value::List(items) => {
                let item = |(i, item)| self.node(item, &format!("{path}[{i}]"));
                let value = Value::List(items.iter().enumerate().map(item).collect());
                Rc::new(Node { value, ..Node::clone(node) })
            }
            Value::Map(entries) => {
                let entry = |(key, value): &(Rc<Node>, Rc<Node>)| {
                    let path = join(path, key.text().unwrap_or_default());
                    (Rc::clone(key), self.node(value, &path))
                };
                let value = Value::Map(entries.iter().map(entry).collect());
                Rc::new(Node { value, ..Node::clone(node) })
            }
        };
        self.done.insert(Rc::as_ptr(node), Rc::clone(&expanded));
        expanded
    }

    fn scalar(&self, node: &Node, text: &str, path: &str) -> Node {
        match replace(text, self.lookup) {
            Ok(Replaced { text, is_foreign, stays }) => {
                if let Some(why) = stays {
                    self.report.warning(node, path, format!("{why}, and stays as it is; {FORMS}"));
                }
                Node {
                    value: Value::Scalar { text, plain: false },
                    written: is_foreign.then(|| node.text().unwrap_or_default().to_owned()),
                    ..node.clone()
                }
            }
            Err(failure) => {
                let (message, name) = match failure {
                    Failure::Unset(name) => {
                        (format!("the environment variable `{name}` is not set"), name)
                    }
                    Failure::NotText(name) => {
                        (format!("the environment variable `{name}` is not UTF-8 text"), name)
                    }
                };
                let finding = self.report.about(Severity::Error, node, path, message);
                let help = format!(
                    "`${{{name}:-text}}` has a default; for the characters themselves write `$${{{name}}}`"
                );
                self.report.push(Finding { help: vec![help], ..finding });
                node.clone()
            }
        }
    }
}

/// What a `${` may be the beginning of. What it is not is not repeated: it may be of a password.
const FORMS: &str =
    "a reference is `${NAME}` or `${NAME:-text}`, and `$${` stands for the characters themselves";

/// A text in which references have been replaced.
struct Replaced {
    text: String,
    /// Whether there were any.
    is_foreign: bool,
    /// Why something that looks like one is none.
    stays: Option<&'static str>,
}

fn replace(text: &str, lookup: Lookup<'_>) -> Result<Replaced, Failure> {
    let mut replaced = String::new();
    let mut is_foreign = false;
    let mut stays = None;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            replaced.push_str(before);
            replaced.push_str("${");
            rest = &from[2..];
            continue;
        }
        replaced.push_str(before);
        let Some((name, default, after)) = reference(&from[2..]) else {
            // What is no reference is text, as it has always been.
            stays = stays.or(Some(match from.contains('}') {
                true => "what stands between `${` and `}` is no name of a variable",
                false => "a `${` is not closed",
            }));
            replaced.push_str("${");
            rest = &from[2..];
            continue;
        };
        let value = lookup(name).map(OsString::into_string).transpose();
        let value = value.map_err(|_| Failure::NotText(name.to_owned()))?;
        match (value, default) {
            (Some(value), Some(default)) if value.is_empty() => replaced.push_str(default),
            (Some(value), _) => replaced.push_str(&value),
            (None, Some(default)) => replaced.push_str(default),
            (None, None) => return Err(Failure::Unset(name.to_owned())),
        }
        is_foreign = true;
        rest = after;
    }
    replaced.push_str(rest);
    Ok(Replaced { text: replaced, is_foreign, stays })
}

/// Splits `NAME}…` or `NAME:-default}…` into name, default and what follows.
fn reference(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (name, rest) = text.split_at(text.find(|c| !is_of_name(c))?);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match rest.strip_prefix('}') {
        Some(after) => Some((name, None, after)),
        None => {
            let (default, after) = rest.strip_prefix(":-")?.split_once('}')?;
            Some((name, Some(default), after))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let lookup = |name: &str| match name {
            "NAME" => Some("value".into()),
            "_X1" => Some("${NAME}".into()),
            "EMPTY" => Some(OsString::new()),
            _ => None,
        };
        let replaced = match replace(text, &lookup) {
            Ok(replaced) => replaced.text,
            Err(Failure::Unset(name) | Failure::NotText(name)) => format!("no {name}"),
        };
        assert_eq!(replaced, expected, "{text}");
    }

    #[test]
    fn references_are_replaced() {
        check("${NAME}", "value");
        check("a ${NAME}, ${NAME}.", "a value, value.");
        check("ä${NAME}ö", "ävalueö");
        check("${NAME:-other}", "value");
        check("${UNSET:-other text}", "other text");
        check("${UNSET:-}", "");
        check("${EMPTY}", "");
        check("${EMPTY:-other}", "other");
        check("${UNSET}", "no UNSET");
        // What the environment has is not looked at again.
        check("${_X1}", "${NAME}");
    }

    #[test]
    fn what_is_no_reference_is_text() {
        for text in [
            "$NAME", "$", "$$", "pa$$word", "${", "${}", "${1A}", "${A-B}", "${A:+B}", "${A",
            "$ {A}",
        ] {
            check(text, text);
        }
        check("$${NAME}", "${NAME}");
        check("$$${NAME}", "$${NAME}");
        check("$${", "${");
        check("$${NAME}${NAME}", "${NAME}value");
    }
}

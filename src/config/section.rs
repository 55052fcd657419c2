//! Reading a map key by key: what is asked for is what is known, all else is a mistake.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Position};
use crate::yaml::{Node, Value};

/// Collects what is wrong with one file while it is read.
pub(super) struct Report {
    file: PathBuf,
    errors: RefCell<Vec<Diagnostic>>,
    warnings: RefCell<Vec<Diagnostic>>,
}

impl Report {
    pub fn new(file: &Path) -> Self {
        Report { file: file.to_owned(), errors: RefCell::default(), warnings: RefCell::default() }
    }

    pub fn error(&self, position: Option<Position>, key: &str, message: impl Into<String>) {
        let diagnostic = self.diagnostic(position, key, message.into());
        self.errors.borrow_mut().push(diagnostic);
    }

    pub fn warning(&self, position: Option<Position>, key: &str, message: impl Into<String>) {
        let diagnostic = self.diagnostic(position, key, message.into());
        self.warnings.borrow_mut().push(diagnostic);
    }

    /// Errors, in the order of the file, and warnings.
    pub fn into_parts(self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let mut parts = (self.errors.into_inner(), self.warnings.into_inner());
        parts.0.sort_by_key(|diagnostic| diagnostic.position);
        parts
    }

    fn diagnostic(&self, position: Option<Position>, key: &str, message: String) -> Diagnostic {
        Diagnostic { file: self.file.clone(), position, key: key.to_owned(), message }
    }
}

/// A value together with its key path.
struct Item<'a> {
    path: String,
    node: &'a Node,
}

/// A map that is being read.
pub(super) struct Section<'a> {
    report: &'a Report,
    path: String,
    position: Position,
    entries: Vec<Entry<'a>>,
    asked: Vec<&'static str>,
}

struct Entry<'a> {
    key: &'a str,
    key_position: Position,
    node: &'a Node,
}

impl<'a> Section<'a> {
    /// Begins to read the root of a file, if it is a map.
    pub fn root(report: &'a Report, node: &'a Node) -> Option<Self> {
        let path = String::new();
        Section::open(report, Item { path, node })
    }

    fn open(report: &'a Report, item: Item<'a>) -> Option<Self> {
        let Value::Map(pairs) = &item.node.value else {
            let message = expected(item.node, "a map (lines of the form `key: value`)");
            report.error(Some(item.node.position), &item.path, message);
            return None;
        };
        let mut entries: Vec<Entry<'a>> = Vec::with_capacity(pairs.len());
        for (key, node) in pairs {
            let Some(text) = key.text() else {
                let message = expected(key, "the name of a key");
                report.error(Some(key.position), &item.path, message);
                continue;
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == text) {
                let message = format!(
                    "the key stands here for the second time; its value in line {} holds",
                    first.key_position.line
                );
                report.warning(Some(key.position), &join(&item.path, text), message);
                continue;
            }
            entries.push(Entry { key: text, key_position: key.position, node });
        }
        Some(Section {
            report,
            path: item.path,
            position: item.node.position,
            entries,
            asked: Vec::new(),
        })
    }

    /// The value of `key` as `read` understands it. `None` if it is absent, or wrong and reported.
    pub fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<T> {
        let item = self.item(key)?;
        match read(item.node) {
            Ok(value) => Some(value),
            Err(message) => {
                self.report.error(Some(item.node.position), &item.path, message);
                None
            }
        }
    }

    /// The value of `key`, or the values in the list under it. An empty list is reported, and warned of what
    /// stands in it twice. `None` if the key is absent, or nothing under it is right.
    pub fn one_or_more<T: PartialEq>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Node) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let item = self.item(key)?;
        let Value::List(nodes) = &item.node.value else {
            let only = read(item.node);
            let report = |message| self.report.error(Some(item.node.position), &item.path, message);
            return only.map_err(report).ok().map(|value| vec![value]);
        };
        if nodes.is_empty() {
            let message = "found an empty list, expected at least one value";
            self.report.error(Some(item.node.position), &item.path, message);
        }
        let mut values: Vec<T> = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let (at, path) = (Some(node.position), format!("{}[{index}]", item.path));
            match read(node) {
                Ok(value) if values.contains(&value) => {
                    let message = format!("{} stands in this list already", node.describe());
                    self.report.warning(at, &path, message);
                }
                Ok(value) => values.push(value),
                Err(message) => self.report.error(at, &path, message),
            }
        }
        (!values.is_empty()).then_some(values)
    }

    /// As [`Section::optional`], and reports an absent key; `what` says what its value would be.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        what: &str,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.optional(key, read);
        if value.is_none() && !self.has(key) {
            self.missing(key, what);
        }
        value
    }

    /// The map under `key`, if there is one.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let item = self.item(key)?;
        Section::open(self.report, item)
    }

    /// The maps in the list under `key`; items that are no maps are reported.
    pub fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let report = self.report;
        self.list(key).filter_map(|item| Section::open(report, item)).collect()
    }

    /// The values in the list under `key`; items that `read` does not understand are reported.
    pub fn values<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Node) -> Result<T, String>,
    ) -> Vec<T> {
        let report = self.report;
        self.list(key)
            .filter_map(|item| {
                read(item.node)
                    .map_err(|message| report.error(Some(item.node.position), &item.path, message))
                    .ok()
            })
            .collect()
    }

    /// Whether `key` is present, right or wrong.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Reports that `key` is absent.
    pub fn missing(&self, key: &str, what: &str) {
        let path = join(&self.path, key);
        let message = format!("the key is missing; expected {what}");
        self.report.error(Some(self.position), &path, message);
    }

    /// Reports something about `key`, at its value if it is present.
    pub fn error(&self, key: &str, message: impl Into<String>) {
        let path = join(&self.path, key);
        self.report.error(Some(self.place(key)), &path, message);
    }

    /// Warns of something about `key`, at its value if it is present.
    pub fn warning(&self, key: &str, message: impl Into<String>) {
        let path = join(&self.path, key);
        self.report.warning(Some(self.place(key)), &path, message);
    }

    /// Ends reading: keys that nobody asked for are mistakes.
    pub fn finish(self) {
        for entry in &self.entries {
            if self.asked.contains(&entry.key) {
                continue;
            }
            let hint = did_you_mean(entry.key, self.asked.iter().copied())
                .unwrap_or_else(|| format!("; known are {}", list_of(&self.asked)));
            let path = join(&self.path, entry.key);
            let message = format!("there is no such key{hint}");
            self.report.error(Some(entry.key_position), &path, message);
        }
    }

    fn item(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.asked.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(Item { path: join(&self.path, key), node: entry.node })
    }

    /// The items of the list under `key`; none if it is absent, or no list and reported.
    fn list(&mut self, key: &'static str) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let item = self.item(key);
        let nodes = item.as_ref().map_or(&[][..], |item| match &item.node.value {
            Value::List(nodes) => nodes,
            Value::Scalar { .. } | Value::Map(_) => {
                let message = expected(item.node, "a list (lines that begin with `- `)");
                self.report.error(Some(item.node.position), &item.path, message);
                &[]
            }
        });
        let path = item.map(|item| item.path).unwrap_or_default();
        nodes
            .iter()
            .enumerate()
            .map(move |(index, node)| Item { path: format!("{path}[{index}]"), node })
    }

    fn place(&self, key: &str) -> Position {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map_or(self.position, |entry| entry.node.position)
    }
}

/// "found …, expected …"
pub(super) fn expected(found: &Node, what: &str) -> String {
    format!("found {}, expected {what}", found.describe())
}

/// The known name that was probably meant by `found`, as the end of a message.
pub(super) fn did_you_mean<'a>(
    found: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let found = found.to_lowercase();
    let (distance, name) =
        known.map(|name| (strsim::damerau_levenshtein(&found, name), name)).min()?;
    // A third of the letters wrong is a slip; more is another word.
    (distance <= name.len().div_ceil(3)).then(|| format!("; did you mean `{name}`?"))
}

/// "`a`, `b` and `c`"
pub(super) fn list_of(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => format!("`{one}`"),
        [first @ .., last] => format!("`{}` and `{last}`", first.join("`, `")),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

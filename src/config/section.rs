//! Reading a map key by key: what is asked for is what is known, all else is a mistake.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::ops::Deref;

use super::report::Report;
use super::secret;
use crate::finding::{Finding, Severity, near};
use crate::yaml::{Node, Value};

/// So many places are marked beside the one that a finding is about.
const MARKS_MAX: usize = 5;

/// A value that is being read. Whoever reads it may find that it is hardly meant as it is written.
pub(super) struct Found<'a> {
    node: &'a Node,
    doubts: RefCell<Vec<String>>,
}

impl Found<'_> {
    /// Says something about the value that keeps nobody from using it.
    pub fn doubt(&self, message: String) {
        self.doubts.borrow_mut().push(message);
    }
}

impl Deref for Found<'_> {
    type Target = Node;

    fn deref(&self) -> &Node {
        self.node
    }
}

/// A value together with its key path.
struct Item<'a> {
    path: String,
    node: &'a Node,
}

impl Item<'_> {
    fn read<T>(
        &self,
        report: &Report,
        read: impl FnOnce(&Found<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let found = Found { node: self.node, doubts: RefCell::default() };
        let value = read(&found);
        for doubt in found.doubts.into_inner() {
            report.warning(self.node, &self.path, doubt);
        }
        value.map_err(|message| report.error(self.node, &self.path, message)).ok()
    }
}

/// A map that is being read.
pub(super) struct Section<'a> {
    report: &'a Report,
    path: String,
    node: &'a Node,
    entries: Vec<Entry<'a>>,
    /// Keys that are told to whoever writes an unknown one.
    known: Vec<&'static str>,
    /// Others that have been dealt with.
    settled: Vec<&'static str>,
}

struct Entry<'a> {
    key: &'a str,
    key_node: &'a Node,
    node: &'a Node,
}

impl<'a> Section<'a> {
    /// Begins to read the root of a file, if it is a map.
    pub fn root(report: &'a Report, node: &'a Node) -> Option<Self> {
        let path = String::new();
        Section::open(report, Item { path, node })
    }

    fn open(report: &'a Report, item: Item<'a>) -> Option<Self> {
        let Item { path, node } = item;
        let Value::Map(pairs) = &node.value else {
            let message = expected(node, "a map (lines of the form `key: value`)");
            report.error(node, &path, message);
            return None;
        };
        let mut entries: Vec<Entry<'a>> = Vec::with_capacity(pairs.len());
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(pairs.len());
        for (key_node, node) in pairs {
            let Some(key) = key_node.text() else {
                report.error(key_node, &path, expected(key_node, "the name of a key"));
                continue;
            };
            match places.get(key) {
                Some(first) => report_twice(report, &entries[*first], key_node, &join(&path, key)),
                None => {
                    places.insert(key, entries.len());
                    entries.push(Entry { key, key_node, node });
                }
            }
        }
        let (known, settled) = (Vec::new(), Vec::new());
        Some(Section { report, path, node, entries, known, settled })
    }

    /// Its own key, from the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How many mistakes have been found in the file so far.
    pub fn errors(&self) -> usize {
        self.report.errors()
    }

    /// The value of `key` as `read` understands it. `None` if it is absent, or wrong and reported.
    pub fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Found<'_>) -> Result<T, String>,
    ) -> Option<T> {
        self.item(key)?.read(self.report, read)
    }

    /// The value of `key`, or the values in the list under it. An empty list is reported, and warned of what
    /// stands in it twice. `None` if the key is absent, or nothing under it is right.
    pub fn one_or_more<T: Clone + Eq + Hash>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Found<'_>) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let item = self.item(key)?;
        let Value::List(nodes) = &item.node.value else {
            return item.read(self.report, read).map(|value| vec![value]);
        };
        if nodes.is_empty() {
            let message = "found an empty list, expected at least one value";
            self.report.error(item.node, &item.path, message);
        }
        let mut values: Vec<T> = Vec::with_capacity(nodes.len());
        let mut known = HashSet::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let path = format!("{}[{index}]", item.path);
            match (Item { path: path.clone(), node }).read(self.report, &read) {
                Some(value) if !known.insert(value.clone()) => {
                    let message = format!("{} stands in this list already", describe(node));
                    self.report.warning(node, &path, message);
                }
                value => values.extend(value),
            }
        }
        (!values.is_empty()).then_some(values)
    }

    /// As [`Section::optional`], and reports an absent key; `what` says what its value would be.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        what: &str,
        read: impl FnOnce(&Found<'_>) -> Result<T, String>,
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

    /// The maps in the list under `key`, as `read` understands them, each with its number in the list. Items that are no
    /// maps are reported. Those with mistakes are left out: with a default in the place of a mistake they would be others.
    pub fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(Section<'a>) -> Option<T>,
    ) -> Vec<(usize, T)> {
        let report = self.report;
        let read = |(i, item)| {
            let before = report.errors();
            let read = Section::open(report, item).and_then(&mut read);
            read.filter(|_| report.errors() == before).map(|read| (i, read))
        };
        self.list(key).enumerate().filter_map(read).collect()
    }

    /// The maps that stand by their names in the map under `key`, as `read` understands them. Names that `check` finds
    /// something wrong with are reported, and maps with mistakes left out.
    pub fn named<T>(
        &mut self,
        key: &'static str,
        check: impl Fn(&str) -> Result<(), String>,
        mut read: impl FnMut(Section<'a>) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let report = self.report;
        let Some(all) = self.section(key) else { return BTreeMap::new() };
        let read = |entry: &Entry<'a>| {
            let path = join(&all.path, entry.key);
            check(entry.key).map_err(|why| report.error(entry.key_node, &path, why)).ok()?;
            let before = report.errors();
            let value = Section::open(report, Item { path, node: entry.node }).and_then(&mut read);
            value.filter(|_| report.errors() == before).map(|value| (entry.key.to_owned(), value))
        };
        all.entries.iter().filter_map(read).collect()
    }

    /// The values that stand by their names in the map under `key`. Names that `check` finds something wrong with are reported,
    /// as values are that `read` does not understand.
    pub fn named_values<T>(
        &mut self,
        key: &'static str,
        check: impl Fn(&str) -> Result<(), String>,
        read: impl Fn(&Found<'_>) -> Result<T, String>,
    ) -> BTreeMap<String, T> {
        let report = self.report;
        let Some(all) = self.section(key) else { return BTreeMap::new() };
        let read = |entry: &Entry<'a>| {
            let path = join(&all.path, entry.key);
            check(entry.key).map_err(|why| report.error(entry.key_node, &path, why)).ok()?;
            let value = Item { path, node: entry.node }.read(report, &read)?;
            Some((entry.key.to_owned(), value))
        };
        all.entries.iter().filter_map(read).collect()
    }

    /// The values in the list under `key`; items that `read` does not understand are reported.
    pub fn values<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Found<'_>) -> Result<T, String>,
    ) -> Vec<T> {
        let report = self.report;
        self.list(key).filter_map(|item| item.read(report, &read)).collect()
    }

    /// The keys that nobody has asked for.
    pub fn unknown(&self) -> impl Iterator<Item = &'a str> {
        let unknown = self.entries.iter().filter(|entry| !self.is_known(entry.key));
        unknown.map(|entry| entry.key)
    }

    /// Whether there are any.
    pub fn has_unknown(&self) -> bool {
        self.unknown().next().is_some()
    }

    /// The paths of the items in the list under `key` that are none of these, by their numbers: those that could not be read.
    pub fn others(&self, key: &str, read: &[usize]) -> Vec<String> {
        let path = join(&self.path, key);
        match self.entry(key).map(|entry| &entry.node.value) {
            None => Vec::new(),
            Some(Value::List(items)) => {
                let read: HashSet<usize> = read.iter().copied().collect();
                let others = (0..items.len()).filter(|i| !read.contains(i));
                others.map(|i| format!("{path}[{i}]")).collect()
            }
            Some(Value::Scalar { .. } | Value::Map(_)) => vec![path],
        }
    }

    /// Whether there is a list under `key`, and nothing in it.
    pub fn is_empty_list(&self, key: &str) -> bool {
        let node = self.entry(key).map(|entry| &entry.node.value);
        matches!(node, Some(Value::List(items)) if items.is_empty())
    }

    /// Whether `key` is present, right or wrong.
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The scalar under `key`, if it is one.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.entry(key)?.node.text()
    }

    /// Reads a key that had another name once as if it had the one of today.
    pub fn renamed(&mut self, old: &'static str, new: &'static str) {
        let Some(i) = self.entries.iter().position(|entry| entry.key == old) else {
            return;
        };
        let (key, path) = (self.entries[i].key_node, join(&self.path, old));
        if let Some(other) = self.entry(new) {
            let message = format!("this is an old name of `{new}`; give one of them");
            let mut finding = self.report.about(Severity::Error, key, &path, message);
            finding.marks.push(self.report.mark(other.key_node, "the other one"));
            self.report.push(finding);
            self.settled.push(old);
            return;
        }
        self.report.warning(key, &path, format!("this is an old name; read as `{new}`"));
        self.entries[i].key = new;
    }

    /// Leaves a key alone that means nothing here, and says why.
    pub fn ignored(&mut self, key: &'static str, why: &str) {
        if let Some(entry) = self.entry(key) {
            self.report.warning(entry.key_node, &join(&self.path, key), why);
        }
        self.settled.push(key);
    }

    /// Reports a key that somebody else, or a former version, has.
    pub fn foreign(&mut self, key: &'static str, message: &str) {
        if let Some(entry) = self.entry(key) {
            self.report.error(entry.key_node, &join(&self.path, key), message);
        }
        self.settled.push(key);
    }

    /// Reports that `key` is absent.
    pub fn missing(&self, key: &str, what: &str) {
        let message = format!("the key is missing; expected {what}");
        self.report.error(self.node, &join(&self.path, key), message);
    }

    /// Reports something about `key`, at its value if it is present.
    pub fn error(&self, key: &str, message: impl Into<String>) {
        self.push(self.about(Severity::Error, key, message));
    }

    /// Warns of something about `key`, at its value if it is present.
    pub fn warning(&self, key: &str, message: impl Into<String>) {
        self.push(self.about(Severity::Warning, key, message));
    }

    /// Something about `key`, at its value if it is present, to be completed and then pushed.
    pub fn about(&self, severity: Severity, key: &str, message: impl Into<String>) -> Finding {
        let node = self.entry(key).map_or(self.node, |entry| entry.node);
        self.report.about(severity, node, &join(&self.path, key), message)
    }

    /// Something about `key`, with another one that has to do with it.
    pub fn error_beside(&self, key: &str, message: impl Into<String>, other: &str, label: &str) {
        let mut finding = self.about(Severity::Error, key, message);
        finding.marks.extend(self.entry(other).map(|it| self.report.mark(it.node, label)));
        self.push(finding);
    }

    /// Warns once of several items of the list under `key` that have no `absent`.
    pub fn warning_of_items(
        &self,
        key: &str,
        absent: &str,
        (first, others): (usize, &[usize]),
        message: &str,
    ) {
        let path = join(&self.path, key);
        let item = |i: usize| self.node.at(&format!("{key}[{i}]"));
        let mut finding = self.report.about(
            Severity::Warning,
            item(first),
            &format!("{path}[{first}].{absent}"),
            message,
        );
        // Each of them is drawn.
        let others = others.iter().take(MARKS_MAX);
        finding.marks.extend(others.map(|i| self.report.mark(item(*i), "this one, too")));
        self.push(finding);
    }

    pub fn push(&self, finding: Finding) {
        self.report.push(finding);
    }

    /// Ends reading: keys that nobody asked for are mistakes.
    pub fn finish(self) {
        for entry in self.entries.iter().filter(|entry| !self.is_known(entry.key)) {
            let known = || self.known.iter().copied();
            let hint = did_you_mean(entry.key, known())
                .or_else(|| begun(entry.key, known()))
                .unwrap_or_else(|| format!("; known are {}", list_of(&self.known)));
            let path = join(&self.path, entry.key);
            let message = format!("there is no such key{hint}");
            self.report.error(entry.key_node, &path, message);
        }
    }

    fn is_known(&self, key: &str) -> bool {
        self.known.contains(&key) || self.settled.contains(&key)
    }

    fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn item(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.known.push(key);
        let node = self.entry(key)?.node;
        Some(Item { path: join(&self.path, key), node })
    }

    /// The items of the list under `key`; none if it is absent, or no list and reported.
    fn list(&mut self, key: &'static str) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let item = self.item(key);
        let nodes = item.as_ref().map_or(&[][..], |item| match &item.node.value {
            Value::List(nodes) => nodes,
            Value::Scalar { .. } | Value::Map(_) => {
                let message = expected(item.node, "a list (lines that begin with `- `)");
                self.report.error(item.node, &item.path, message);
                &[]
            }
        });
        let path = item.map(|item| item.path).unwrap_or_default();
        nodes
            .iter()
            .enumerate()
            .map(move |(index, node)| Item { path: format!("{path}[{index}]"), node })
    }
}

fn report_twice(report: &Report, first: &Entry<'_>, again: &Node, path: &str) {
    let line = first.key_node.position.line;
    let message =
        format!("the key stands here for the second time; its value in line {line} holds");
    let mut finding = report.about(Severity::Warning, again, path, message);
    finding.marks.push(report.mark(first.key_node, "this one holds"));
    report.push(finding);
}

/// "found …, expected …"
pub(super) fn expected(found: &Node, what: &str) -> String {
    format!("found {}, expected {what}", describe(found))
}

fn describe(node: &Node) -> String {
    match node.written.as_deref().or(node.text()) {
        Some(text) if secret::may_hold_one(text) => "a text with a password".to_owned(),
        _ => node.describe(),
    }
}

/// The known name that was probably meant by `found`, as the end of a message.
pub(super) fn did_you_mean<'a>(
    found: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<String> {
    near(found, known).map(|name| format!("; did you mean `{name}`?"))
}

/// A name of which only the beginning was written, such as `user` of `username`.
fn begun<'a>(found: &str, mut known: impl Iterator<Item = &'a str>) -> Option<String> {
    /// Of less, nobody knows what is meant.
    const LENGTH_MIN: usize = 3;
    let is_begun = |name: &&str| found.len() >= LENGTH_MIN && name.starts_with(found);
    known.find(is_begun).map(|name| format!("; did you mean `{name}`?"))
}

/// "`a`, `b` and `c`"
pub(super) fn list_of(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => format!("`{one}`"),
        [first @ .., last] => format!("`{}` and `{last}`", first.join("`, `")),
    }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

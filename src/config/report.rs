//! What has been found while a file is read.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::secret::{self, Masked};
use crate::finding::{Finding, Mark, Severity, Source};
use crate::yaml::{Node, Position, Value};

/// Collects what is wrong with one file while it is read.
pub(super) struct Report {
    file: String,
    /// What of the text can be shown.
    masked: RefCell<Masked>,
    source: RefCell<Arc<Source>>,
    findings: RefCell<Vec<Finding>>,
    /// Places and keys of which an error has been found.
    known: RefCell<HashSet<(Position, String)>>,
    /// Errors and warnings that are only counted.
    left_out: [Cell<usize>; 2],
}

/// So many errors are shown, and so many warnings: nobody reads more at once.
const SHOWN_MAX: usize = 100;

impl Report {
    pub fn new(file: String) -> Self {
        let source = Source { first_line: 1, text: String::new() };
        Report {
            file,
            masked: RefCell::default(),
            source: RefCell::new(Arc::new(source)),
            findings: RefCell::default(),
            known: RefCell::default(),
            left_out: [const { Cell::new(0) }; 2],
        }
    }

    /// The file as it is called.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Takes the text of the file, which is what findings from now on show, but for what is secret in it.
    pub fn set_text(&self, text: &str, root: Option<&Rc<Node>>) {
        let mut masked = secret::masked(text, root);
        let text = std::mem::take(&mut masked.text);
        *self.source.borrow_mut() = Arc::new(Source { first_line: 1, text });
        *self.masked.borrow_mut() = masked;
    }

    /// Something about a node, to be completed and then pushed.
    pub fn about(
        &self,
        severity: Severity,
        node: &Node,
        key: &str,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            key: key.to_owned(),
            marks: vec![self.mark(node, "")],
            source: Arc::clone(&self.source.borrow()),
            ..Finding::of_file(severity, self.file.clone(), message.into())
        }
    }

    /// Where a node begins: all of it if it is in one line, and what is in the first line of the others.
    pub fn mark(&self, node: &Node, label: &str) -> Mark {
        let (from, to) = first_part(node);
        let masked = self.masked.borrow();
        let offset = masked.column(from) - 1;
        let width = match from.line == to.line {
            true => masked.column(to) - 1 - offset,
            false => usize::MAX,
        };
        Mark { offset, ..Mark::new(from, width, label) }
    }

    /// Whether a finding is about this file.
    pub fn is_about(&self, finding: &Finding) -> bool {
        finding.file == self.file
    }

    pub fn push(&self, finding: Finding) {
        if self.is_to_be_shown(finding.severity, finding.position(), &finding.key) {
            self.findings.borrow_mut().push(finding);
        }
    }

    /// Whether something is to be said, or it is known already, or only counted.
    fn is_to_be_shown(&self, severity: Severity, at: Option<Position>, key: &str) -> bool {
        // One mistake in a value is enough: the second comes of the first.
        if let (Severity::Error, Some(at)) = (severity, at)
            && !self.known.borrow_mut().insert((at, key.to_owned()))
        {
            return false;
        }
        if self.shown(severity) < SHOWN_MAX {
            return true;
        }
        let left_out = &self.left_out[severity as usize];
        left_out.set(left_out.get() + 1);
        false
    }

    fn say(&self, severity: Severity, node: &Node, key: &str, message: impl Into<String>) {
        // To show it takes a look at the text around it.
        if self.is_to_be_shown(severity, Some(node.position), key) {
            self.findings.borrow_mut().push(self.about(severity, node, key, message));
        }
    }

    pub fn error(&self, node: &Node, key: &str, message: impl Into<String>) {
        self.say(Severity::Error, node, key, message);
    }

    pub fn warning(&self, node: &Node, key: &str, message: impl Into<String>) {
        self.say(Severity::Warning, node, key, message);
    }

    /// Something that is wrong at places, of which there may be none: then the file as a whole is.
    pub fn error_at(&self, marks: Vec<Mark>, message: impl Into<String>) {
        self.error_with_help(marks, message, None);
    }

    /// The same, and what to do about it.
    pub fn error_with_help(
        &self,
        mut marks: Vec<Mark>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        for mark in &mut marks {
            mark.offset = self.masked.borrow().column(mark.position) - 1;
        }
        let source = Arc::clone(&self.source.borrow());
        let finding = Finding::of_file(Severity::Error, self.file.clone(), message.into());
        self.push(Finding { marks, source, help: help.into_iter().collect(), ..finding });
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.shown(Severity::Error) + self.left_out[Severity::Error as usize].get()
    }

    fn shown(&self, severity: Severity) -> usize {
        let findings = self.findings.borrow();
        findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Whether something has been said about a key or what is below it.
    pub fn has_about(&self, key: &str) -> bool {
        self.findings.borrow().iter().any(|finding| finding.key.starts_with(key))
    }

    /// Takes everything, in the order of the file, and at the end how much more there is.
    pub fn take_findings(&self) -> Vec<Finding> {
        let mut findings = self.findings.take();
        findings.sort_by_key(Finding::position);
        for (severity, word) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
            let more = self.left_out[severity as usize].take();
            let words = if more == 1 { word.to_owned() } else { format!("{word}s") };
            let message = format!("… and {more} more {words}");
            let finding = Finding::of_file(severity, self.file.clone(), message);
            findings.extend((more > 0).then_some(Finding { stands_for: more, ..finding }));
        }
        findings
    }
}

/// What of a node is marked: a map of several lines would be too much.
fn first_part(node: &Node) -> (Position, Position) {
    let one = |at: Position| (at, Position { column: at.column + 1, ..at });
    if node.position.line == node.end.line {
        return (node.position, node.end);
    }
    match &node.value {
        Value::Map(entries) => match entries.first() {
            Some((key, _)) if key.position == node.position => first_part(key),
            // In braces.
            _ => one(node.position),
        },
        Value::List(_) => one(node.position),
        Value::Scalar { .. } => (node.position, node.end),
    }
}

//! What has been found while a file is read.

use std::cell::RefCell;
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
}

impl Report {
    pub fn new(file: String) -> Self {
        let source = Source { first_line: 1, text: String::new() };
        Report {
            file,
            masked: RefCell::default(),
            source: RefCell::new(Arc::new(source)),
            findings: RefCell::default(),
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
        let mut findings = self.findings.borrow_mut();
        // One mistake in a value is enough: the second comes of the first.
        let is_known = finding.severity == Severity::Error
            && finding.position().is_some()
            && findings.iter().any(|known| {
                known.severity == finding.severity
                    && known.position() == finding.position()
                    && known.key == finding.key
            });
        if !is_known {
            findings.push(finding);
        }
    }

    pub fn error(&self, node: &Node, key: &str, message: impl Into<String>) {
        self.push(self.about(Severity::Error, node, key, message));
    }

    pub fn warning(&self, node: &Node, key: &str, message: impl Into<String>) {
        self.push(self.about(Severity::Warning, node, key, message));
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
        let findings = self.findings.borrow();
        findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// Whether something has been said about a key or what is below it.
    pub fn has_about(&self, key: &str) -> bool {
        self.findings.borrow().iter().any(|finding| finding.key.starts_with(key))
    }

    /// Takes everything, in the order of the file.
    pub fn take_findings(&self) -> Vec<Finding> {
        let mut findings = self.findings.take();
        findings.sort_by_key(Finding::position);
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

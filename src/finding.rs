//! What is wrong or odd in a file that somebody has written: where, what, and how it is shown.
//!
//! Configurations and DC files are shown alike. People see the line and what in it is meant; programs get the
//! parts one by one.

use std::fmt;
use std::io::{IsTerminal, Write as _, stderr};
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use dclass::visible;
use serde::Serialize;

use crate::yaml::Position;

/// How bad a [`Finding`] is.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; something in it is hardly meant so.
    Warning,
}

/// The text that a finding is about, or the part of it that matters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// The number of its first line.
    pub first_line: usize,
    /// Its lines.
    pub text: String,
}

/// A place in a [`Source`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Where it is in the file.
    pub position: Position,
    /// Where it stands in the source's line, in characters from 0. A long line may have lost its beginning.
    pub offset: usize,
    /// How many characters it has.
    pub width: usize,
    /// What is said beside it; may be empty.
    pub label: String,
}

impl Mark {
    /// Some characters of a whole line.
    pub fn new(position: Position, width: usize, label: impl Into<String>) -> Self {
        Mark { position, offset: position.column - 1, width, label: label.into() }
    }
}

/// One thing that is wrong or odd. `Display` shows it with its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Whether the file can be used nevertheless.
    pub severity: Severity,
    /// The file as its reader calls it; may be empty.
    pub file: String,
    /// The key that is concerned, from the root, e.g. `roles[1].channels.min`; empty where there is none.
    pub key: String,
    /// What is wrong, what was found, and what would be right.
    pub message: String,
    /// What to do about it, each in a sentence.
    pub help: Vec<String>,
    /// The place, and then others that have to do with it; none if the file as a whole is meant.
    pub marks: Vec<Mark>,
    /// Where the lines of the marks are.
    pub source: Arc<Source>,
    /// How many it stands for: one, or those that it counts.
    pub stands_for: usize,
    /// Another place that has to do with it, with its own line: it may be far away, or in another file.
    pub beside: Option<Box<Beside>>,
}

/// Another place that has to do with a finding, for programs.
#[derive(Serialize)]
struct Related<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
}

impl fmt::Display for Related<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Related { file, line, column, message } = self;
        write!(f, "{file}:{line}:{column}: {message}")
    }
}

/// A place in a file, and its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beside {
    /// The file.
    pub file: String,
    /// The place.
    pub mark: Mark,
    /// Where its line is.
    pub source: Source,
}

/// What is wrong, and what to do about it: what an error says in its first line, and in those that follow.
pub fn parts_of_error(text: &str) -> (&str, Vec<String>) {
    let (message, rest) = text.split_once('\n').unwrap_or((text, ""));
    (message, rest.lines().map(|line| line.trim().to_owned()).collect())
}

impl Finding {
    /// Something about a file as a whole.
    pub fn of_file(severity: Severity, file: String, message: String) -> Self {
        let source = Arc::new(Source { first_line: 1, text: String::new() });
        let (key, help, marks) = (String::new(), Vec::new(), Vec::new());
        Finding { severity, file, key, message, help, marks, source, stands_for: 1, beside: None }
    }

    /// Where it is in the file.
    pub fn position(&self) -> Option<Position> {
        self.marks.first().map(|mark| mark.position)
    }

    /// What is said beside the place.
    fn label(&self) -> Option<&str> {
        self.marks.first().map(|mark| mark.label.as_str()).filter(|label| !label.is_empty())
    }

    /// In one line: `file:line:column: key: what is wrong`.
    pub fn headline(&self) -> String {
        let mut line = self.place();
        if !line.is_empty() {
            line.push_str(": ");
        }
        line + &self.title()
    }

    /// The headline, and what to do about it: all that there is without the lines of the file.
    pub fn lines(&self) -> Vec<String> {
        let help = self.help.iter().map(|help| format!("help: {help}"));
        [self.headline()].into_iter().chain(help).collect()
    }

    /// The lines in question, and what to do.
    pub fn excerpt(&self, renderer: &Renderer) -> String {
        let mut group = Group::with_level(self.level());
        if !self.marks.is_empty() {
            group = group.element(self.snippet());
        }
        if let Some(beside) = self.beside.as_deref() {
            group = group.element(beside.snippet());
        }
        let help = self.help.iter().map(|help| Level::HELP.message(seen(help)));
        let group = group.elements(help);
        if group.is_empty() { String::new() } else { renderer.render(&[group]) }
    }

    /// As a record for programs: one line of JSON. What does not apply is null.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Record<'a> {
            file: Option<&'a str>,
            line: Option<usize>,
            column: Option<usize>,
            key: Option<&'a str>,
            severity: Severity,
            message: &'a str,
            label: Option<&'a str>,
            help: Option<&'a [String]>,
            related: Option<Vec<Related<'a>>>,
        }
        let position = self.position();
        let record = Record {
            file: Some(self.file.as_str()).filter(|file| !file.is_empty()),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            key: Some(self.key.as_str()).filter(|key| !key.is_empty()),
            severity: self.severity,
            message: &self.message,
            label: self.label(),
            help: Some(self.help.as_slice()).filter(|help| !help.is_empty()),
            related: Some(self.related()).filter(|related| !related.is_empty()),
        };
        serde_json::to_string(&record).expect("texts and numbers have a form in JSON")
    }

    /// The other places that have to do with it.
    fn related<'f>(&'f self) -> Vec<Related<'f>> {
        let own = self.marks.iter().skip(1).map(|mark| (self.file.as_str(), mark));
        let beside = self.beside.iter().map(|beside| (beside.file.as_str(), &beside.mark));
        let place = |(file, mark): (&'f str, &'f Mark)| {
            let Position { line, column } = mark.position;
            Related { file, line, column, message: &mark.label }
        };
        own.chain(beside).map(place).collect()
    }

    /// Writes it to standard error, in colours if that is a terminal that has them.
    pub fn print(&self) {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb")
            || !stderr().is_terminal();
        let renderer = if is_plain { Renderer::plain() } else { Renderer::styled() };
        // Whoever reads may have read enough.
        let _ = writeln!(stderr(), "{}", self.render(&renderer));
    }

    /// Logs it: for people line by line, for programs as one record with its parts as fields.
    pub fn log(&self, for_programs: bool) {
        macro_rules! say {
            ($($arguments:tt)+) => {
                match self.severity {
                    Severity::Error => tracing::error!(target: LOG_TARGET, $($arguments)+),
                    Severity::Warning => tracing::warn!(target: LOG_TARGET, $($arguments)+),
                }
            };
        }
        if for_programs {
            let place = self.position();
            let (line, column) = (place.map(|place| place.line), place.map(|place| place.column));
            let key = Some(self.key.as_str()).filter(|key| !key.is_empty());
            let help = Some(self.help.join("; ")).filter(|help| !help.is_empty());
            let (file, label) = (&self.file, self.label());
            let related: Vec<String> = self.related().iter().map(Related::to_string).collect();
            let related = Some(related.join("; ")).filter(|related| !related.is_empty());
            say!(file, line, column, key, label, help, related, "{}", self.message);
            return;
        }
        say!("{}", self.headline());
        for line in self.excerpt(&Renderer::plain()).lines() {
            say!("{line}");
        }
    }

    fn render(&self, renderer: &Renderer) -> String {
        let title = [Group::with_title(self.level().primary_title(seen(&self.title())))];
        let mut text = renderer.render(&title);
        if !self.file.is_empty() {
            text.push_str(&format!("\n{}--> {}", " ".repeat(self.margin()), seen(&self.place())));
        }
        let excerpt = self.excerpt(renderer);
        if !excerpt.is_empty() {
            text.push('\n');
            text.push_str(&excerpt);
        }
        text
    }

    fn level(&self) -> Level<'static> {
        match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        }
    }

    /// What it is about, and what is wrong.
    fn title(&self) -> String {
        match self.key.as_str() {
            "" => self.message.clone(),
            key => format!("{key}: {}", self.message),
        }
    }

    fn place(&self) -> String {
        match self.position() {
            Some(Position { line, column }) => format!("{}:{line}:{column}", self.file),
            None => self.file.clone(),
        }
    }

    /// How wide the numbers beside the excerpt are.
    fn margin(&self) -> usize {
        let beside = self.beside.iter().map(|beside| &beside.mark);
        let last = self.marks.iter().chain(beside).map(|mark| mark.position.line).max();
        last.map_or(1, |line| line.to_string().len())
    }

    fn snippet(&self) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let lines = || self.marks.iter().map(|mark| mark.position.line);
        let first = lines().min().unwrap_or(1).max(self.source.first_line);
        let last = lines().max().unwrap_or(1);
        let text = self.source.lines(first, last);
        let spans = self.marks.iter().map(|mark| span(text, mark.position.line - first, mark));
        let mut spans: Vec<Range<usize>> = spans.collect();
        let mut places: Vec<&mut usize> =
            spans.iter_mut().flat_map(|Range { start, end }| [start, end]).collect();
        places.sort_unstable();
        let text = visible(text, &mut places);
        let annotations = self.marks.iter().zip(spans).enumerate().map(|(i, (mark, span))| {
            let kind = if i == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let label = Some(seen(&mark.label)).filter(|label| !label.is_empty());
            kind.span(span).label(label)
        });
        let annotations: Vec<_> = annotations.collect();
        Snippet::source(text).line_start(first).annotations(annotations)
    }
}

impl Beside {
    fn snippet(&self) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let line = self.mark.position.line;
        let text = self.source.lines(line, line);
        let Range { mut start, mut end } = span(text, 0, &self.mark);
        let text = visible(text, &mut [&mut start, &mut end]);
        let mark = AnnotationKind::Context.span(start..end).label(Some(seen(&self.mark.label)));
        Snippet::source(text).line_start(line).path(seen(&self.file)).annotation(mark)
    }
}

/// What of a text can be seen, and none of it steers a terminal.
fn seen(text: &str) -> String {
    visible(text, &mut []).into_owned()
}

/// Whose lines they are in the log.
const LOG_TARGET: &str = "donet::config";

impl Source {
    /// The lines from the one to the other, both included.
    fn lines(&self, first: usize, last: usize) -> &str {
        let begin = |line: usize| {
            let before = line.saturating_sub(self.first_line);
            let mut ends = self.text.match_indices('\n').map(|(at, _)| at + 1);
            match before {
                0 => 0,
                _ => ends.nth(before - 1).unwrap_or(self.text.len()),
            }
        };
        &self.text[begin(first)..begin(last + 1)]
    }
}

/// The bytes of a mark in the line of this index.
fn span(text: &str, line: usize, mark: &Mark) -> Range<usize> {
    let mut begin = 0;
    for before in text.split_inclusive('\n').take(line) {
        begin += before.len();
    }
    let line = text[begin..].lines().next().unwrap_or_default();
    let byte = |chars: usize| {
        let found = line.char_indices().nth(chars);
        begin + found.map_or(line.len(), |(at, _)| at)
    };
    byte(mark.offset)..byte(mark.offset.saturating_add(mark.width.max(1)))
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl From<&dclass::Diagnostic> for Finding {
    fn from(found: &dclass::Diagnostic) -> Self {
        let Beside { file, mark, source } = Beside::from(&found.place);
        Finding {
            severity: match found.severity {
                dclass::Severity::Error => Severity::Error,
                dclass::Severity::Warning => Severity::Warning,
            },
            file,
            key: String::new(),
            message: found.message.clone(),
            help: found.help.iter().cloned().collect(),
            marks: (found.place.line > 0).then_some(mark).into_iter().collect(),
            source: Arc::new(source),
            stands_for: found.stands_for,
            beside: found.beside.as_deref().map(|beside| Box::new(beside.into())),
        }
    }
}

impl From<&dclass::Place> for Beside {
    fn from(found: &dclass::Place) -> Self {
        let position = Position { line: found.line as usize, column: found.column as usize };
        let (offset, width, label) = (found.caret, found.width, found.label.clone());
        Beside {
            file: found.file.clone(),
            mark: Mark { position, offset, width, label },
            source: Source { first_line: position.line, text: found.excerpt.clone() },
        }
    }
}

/// The known name that was probably meant by `found`.
pub fn near<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Of shorter names, any is nearly any other.
    const SHORT: usize = 2;
    /// Nobody mistypes a longer one, and comparing takes as long as it is.
    const LONG: usize = 200;
    if found.len() > LONG {
        return None;
    }
    let found = found.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&found, &name.to_lowercase());
    let (distance, name) = known.map(|name| (distance(name), name)).min()?;
    let is_like = match found.chars().count().min(name.chars().count()) {
        0..SHORT => distance == 0,
        SHORT => distance <= 1 && found.chars().next() == name.chars().next(),
        // A third of the letters wrong is a slip; more is another word.
        _ => distance <= name.len().div_ceil(3),
    };
    is_like.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_below_what_is_shown() {
        let text = "\u{feff}a: [\u{200b}界, e\u{301}x, \u{9b}y]";
        let mark = |offset: usize, width, label: &str| {
            let position = Position { line: 1, column: offset + 1 };
            Mark::new(position, width, label)
        };
        let about = Finding::of_file(Severity::Error, "a\u{7f}.yml".into(), "odd \u{1b}[2J".into());
        let finding = Finding {
            help: vec!["not \u{202e}".into()],
            marks: vec![mark(15, 1, "last \u{1b}"), mark(6, 1, "first"), mark(9, 3, "then")],
            source: Arc::new(Source { first_line: 1, text: text.to_owned() }),
            ..about
        };
        let shown = [
            r"error: odd \u{1b}[2J",
            r" --> a\u{7f}.yml:1:16",
            r"  |",
            r"1 | \u{feff}a: [\u{200b}界, e\u{301}x, \u{9b}y]",
            r"  |                     --  --------- then   ^ last \u{1b}",
            r"  |                     |",
            r"  |                     first",
            r"  |",
            r"  = help: not \u{202e}",
        ];
        assert_eq!(finding.to_string(), shown.join("\n"));
    }

    #[test]
    fn what_is_like_a_name() {
        for (found, known, expected) in [
            ("contol", &["control", "type"][..], Some("control")),
            ("Check", &["check"], Some("check")),
            ("setname", &["setName"], Some("setName")),
            ("dv", &["db", "dc"], Some("db")),
            ("mx", &["min", "max"], Some("max")),
            ("S", &["B"], None),
            ("x", &["id", "db"], None),
            ("ab", &["db"], None),
            ("d", &["db"], None),
            ("foo", &["bind", "url"], None),
            ("pizza", &[], None),
        ] {
            assert_eq!(near(found, known.iter().copied()), expected, "{found}");
        }
    }
}

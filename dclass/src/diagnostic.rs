//! What is wrong with a DC file, where, and how it is shown.

use crate::input::{CONFLICT, UTF_16, conflict};
use crate::limits::{ERRORS_MAX, SHOWN_MAX};
use crate::load::Twice;
use crate::source::{Span, Text};
use crate::visible::visible;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;

/// How bad a [`Diagnostic`] is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; something in it is probably not meant so.
    Warning,
}

/// One finding about a DC file. `Display` shows it with the source line and a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the file can be used nevertheless.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where it is, and what was expected there.
    pub place: Place,
    /// A hint, such as a name that was probably meant.
    pub help: Option<String>,
    /// How many findings it stands for: one, or those that it counts, of which there may be none.
    pub stands_for: usize,
    /// Which of the files it is, if it is that this one has been named before.
    pub twice: Option<Twice>,
    /// Another place that has to do with it, such as the first declaration of a name.
    pub beside: Option<Box<Place>>,
}

/// A place in a file, with its line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The source's name; empty if no particular one is meant.
    pub file: String,
    /// Line, from 1; 0 if the file as a whole is meant.
    pub line: u32,
    /// Column in characters, from 1; 0 if the file as a whole is meant.
    pub column: u32,
    /// The line, or the part of a long line around the place.
    pub excerpt: String,
    /// Before how many of the excerpt's characters the marked part begins.
    pub caret: usize,
    /// How many characters are marked.
    pub width: usize,
    /// What to say beside the caret. May be empty.
    pub label: String,
}

impl Place {
    /// The line with its mark, without what steers a terminal.
    fn snippet(&self, kind: AnnotationKind) -> Snippet<'_, Annotation<'_>> {
        let byte = |chars: usize| {
            let found = self.excerpt.char_indices().nth(chars);
            found.map_or(self.excerpt.len(), |(at, _)| at)
        };
        let (mut from, mut to) = (byte(self.caret), byte(self.caret + self.width.max(1)));
        let line = visible(&self.excerpt, &mut [&mut from, &mut to]);
        let label = Some(seen(&self.label)).filter(|label| !label.is_empty());
        let mark = kind.span(from..to).label(label);
        Snippet::source(line).line_start(self.line as usize).annotation(mark)
    }
}

fn seen(text: &str) -> String {
    visible(text, &mut []).into_owned()
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let renderer = Renderer::plain();
        let title = Group::with_title(level.clone().primary_title(seen(&self.message)));
        f.write_str(&renderer.render(&[title]))?;
        let mut group = Group::with_level(level);
        let Place { file, line, column, .. } = &self.place;
        let file = seen(file);
        if *line > 0 {
            let last = self.beside.as_ref().map_or(0, |beside| beside.line).max(*line);
            let margin = last.to_string().len();
            write!(f, "\n{:margin$}--> {file}:{line}:{column}", "")?;
            group = group.element(self.place.snippet(AnnotationKind::Primary));
            if let Some(beside) = self.beside.as_deref() {
                let snippet = beside.snippet(AnnotationKind::Context);
                group = group.element(snippet.path(seen(&beside.file)));
            }
        } else if !file.is_empty() {
            write!(f, "\n --> {file}")?;
        }
        let group = group.elements(self.help.iter().map(|help| Level::HELP.message(seen(help))));
        if !group.is_empty() {
            write!(f, "\n{}", renderer.render(&[group]))?;
        }
        Ok(())
    }
}

/// All findings about a set of DC files, in the order of their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// The findings one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.items.iter()
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether one of the findings is an error.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Severity::Error)
    }

    /// How many errors and how many warnings there are, with those that are not shown.
    pub fn counts(&self) -> (usize, usize) {
        let count = |severity: Severity| {
            let items = self.items.iter().filter(|item| item.severity == severity);
            items.map(|item| item.stands_for).sum()
        };
        (count(Severity::Error), count(Severity::Warning))
    }

    /// That there are more than are shown.
    pub(crate) fn push_more(
        &mut self,
        file: &str,
        severity: Severity,
        message: String,
        more: usize,
    ) {
        self.push_of_file(file, severity, message, None);
        self.items.last_mut().expect("just pushed").stands_for = more;
    }

    pub(crate) fn of_file(file: &str, message: String) -> Diagnostics {
        let mut out = Diagnostics::default();
        out.push_whole(file, message);
        out
    }

    /// Appends what others say.
    pub(crate) fn append(&mut self, other: Diagnostics) {
        self.items.extend(other.items);
    }

    pub(crate) fn push_whole(&mut self, file: &str, message: String) {
        self.push_of_file(file, Severity::Error, message, None);
    }

    /// That a file, one of so many, is missing or none.
    pub(crate) fn push_missing(&mut self, file: &str, message: String, files: usize) {
        let help = "without it, only the grammar of the others can be checked".to_owned();
        self.push_of_file(file, Severity::Error, message, Some(help).filter(|_| files > 1));
    }

    /// That a file has been named before.
    pub(crate) fn push_twice(&mut self, file: &str, first: &str, twice: Twice) {
        let why = "all of it would be declared twice";
        let message = match file == first {
            true => format!("this file is given twice: {why}"),
            false => format!("this is the same file as {first}: {why}"),
        };
        self.push_whole(file, message);
        self.items.last_mut().expect("just pushed").twice = Some(twice);
    }

    /// Something about a file as a whole.
    pub(crate) fn push_of_file(
        &mut self,
        file: &str,
        severity: Severity,
        message: String,
        help: Option<String>,
    ) {
        self.items.push(Diagnostic {
            severity,
            message,
            place: Place { file: file.to_owned(), ..Place::default() },
            help,
            stands_for: 1,
            twice: None,
            beside: None,
        });
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, item) in self.items.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{item}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// A finding before its place is looked up.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    severity: Severity,
    span: Span,
    message: String,
    label: String,
    help: Option<String>,
    /// Another place, and what is said beside it.
    beside: Option<(Span, String)>,
}

impl Note {
    pub(crate) fn error(span: Span, message: impl Into<String>) -> Note {
        let severity = Severity::Error;
        let (label, message) = (String::new(), message.into());
        Note { severity, span, message, label, help: None, beside: None }
    }

    pub(crate) fn warning(span: Span, message: impl Into<String>) -> Note {
        Note { severity: Severity::Warning, ..Note::error(span, message) }
    }

    pub(crate) fn label(self, label: impl Into<String>) -> Note {
        Note { label: label.into(), ..self }
    }

    /// The first of two.
    pub(crate) fn first(self, first: Option<Span>) -> Note {
        Note { beside: first.map(|span| (span, "the first one is here".to_owned())), ..self }
    }

    pub(crate) fn help(self, help: impl Into<Option<String>>) -> Note {
        Note { help: help.into(), ..self }
    }
}

/// Collects findings while files are read.
#[derive(Default)]
pub(crate) struct Log {
    notes: Vec<Note>,
    errors: usize,
    warnings: usize,
    /// Files that are none of text, of which nothing else is said.
    binary: Vec<u32>,
}

impl Log {
    pub(crate) fn push(&mut self, note: Note) {
        let count = match note.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= ERRORS_MAX {
            self.notes.push(note);
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// The first error's message and where in its file it is.
    pub(crate) fn first_error(&self) -> Option<(String, usize)> {
        let error = self.notes.iter().find(|note| note.severity == Severity::Error)?;
        Some((error.message.clone(), error.span.start as usize))
    }

    /// Whether there are so many errors that more would help nobody.
    pub(crate) fn is_full(&self) -> bool {
        self.errors >= ERRORS_MAX
    }

    /// Whether a file, which has just been split into tokens, is none of text. Then this is all that is said of it: what a
    /// file of other bytes lacks to be a DC file would fill pages.
    pub(crate) fn is_binary(&mut self, file: u32, text: &Text<'_>) -> bool {
        if !self.has_errors_in(file) || !text.is_binary() {
            return false;
        }
        self.forget(file);
        // It counts as one.
        self.errors += 1;
        self.binary.push(file);
        true
    }

    /// Whether a file, which has just been read, has errors since two versions of it stand in it. Then this is all that is
    /// said of it, too.
    pub(crate) fn is_in_conflict(&mut self, file: u32, text: &str) -> bool {
        let mark = self.has_errors_in(file).then(|| conflict(text)).flatten();
        let Some(start) = mark else { return false };
        let length = text[start..].lines().next().map_or(0, str::len);
        self.forget(file);
        let span = Span { file, start: start as u32, end: (start + length) as u32 };
        self.push(Note::error(span, CONFLICT));
        true
    }

    fn has_errors_in(&self, file: u32) -> bool {
        let mut notes = self.notes.iter();
        notes.any(|note| note.span.file == file && note.severity == Severity::Error)
    }

    fn forget(&mut self, file: u32) {
        self.notes.retain(|note| note.span.file != file);
        let count = |severity| self.notes.iter().filter(|note| note.severity == severity).count();
        (self.errors, self.warnings) = (count(Severity::Error), count(Severity::Warning));
        self.errors += self.binary.len();
    }

    /// The findings with their places looked up in `texts`.
    pub(crate) fn render(mut self, texts: &[Text<'_>]) -> Diagnostics {
        self.notes.sort_by_key(|note| (note.span.file, note.span.start));
        let mut out = Diagnostics::default();
        let mut notes = self.notes.into_iter().peekable();
        for (file, text) in texts.iter().enumerate() {
            if self.binary.contains(&(file as u32)) {
                let message = match text.is_utf_16 {
                    true => format!("the file {UTF_16}"),
                    false => "this is no DC file: it has bytes that no text has".to_owned(),
                };
                out.push_missing(text.name, message, texts.len());
            }
            let mut walk = Walk::default();
            let mut counts = [(Severity::Error, "error", 0), (Severity::Warning, "warning", 0)];
            while let Some(note) = notes.next_if(|note| note.span.file as usize == file) {
                let (.., count) = &mut counts[usize::from(note.severity == Severity::Warning)];
                *count += 1;
                if *count <= SHOWN_MAX {
                    walk.advance(note.span, &text.text);
                    let beside =
                        note.beside.and_then(|(span, label)| beside_of(span, label, texts));
                    out.items.push(Diagnostic {
                        severity: note.severity,
                        message: note.message,
                        place: walk.place(note.span, note.label, text),
                        help: note.help,
                        stands_for: 1,
                        twice: None,
                        beside,
                    });
                }
            }
            for (severity, word, count) in counts {
                let more = count.saturating_sub(SHOWN_MAX);
                let message = match more {
                    0 => continue,
                    1 => format!("one more {word} of this file is not shown"),
                    more => format!("{more} more {word}s of this file are not shown"),
                };
                out.push_more(text.name, severity, message, more);
            }
        }
        if self.errors >= ERRORS_MAX {
            let message = format!("reading has ended after {ERRORS_MAX} errors");
            out.push_more("", Severity::Error, message, 0);
        } else if self.warnings > ERRORS_MAX {
            let more = self.warnings - ERRORS_MAX;
            let message = format!("there are {more} more warnings");
            out.push_more("", Severity::Warning, message, more);
        }
        out
    }
}

fn beside_of(span: Span, label: String, texts: &[Text<'_>]) -> Option<Box<Place>> {
    let text = texts.get(span.file as usize)?;
    let mut walk = Walk::default();
    walk.advance(span, &text.text);
    Some(Box::new(walk.place(span, label, text)))
}

/// A walk through a source that counts lines, so that each byte is looked at once.
#[derive(Default)]
struct Walk {
    /// The byte up to which lines are counted.
    at: usize,
    /// Lines ended before `at`.
    lines: u32,
    /// Where the line of `at` begins.
    line_start: usize,
}

/// How much of a long line is shown before and after the place, in bytes.
const EXCERPT_SIDE: usize = 100;

impl Walk {
    fn advance(&mut self, span: Span, text: &str) {
        let end = (span.start as usize).min(text.len());
        let passed = text.as_bytes().get(self.at..end).unwrap_or_default();
        for (i, _) in passed.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            self.lines += 1;
            self.line_start = self.at + i + 1;
        }
        self.at = end.max(self.at);
    }

    fn place(&self, span: Span, label: String, text: &Text<'_>) -> Place {
        let all: &str = &text.text;
        let start = floor_boundary(all, span.start as usize);
        let line_end = all[start..].find('\n').map_or(all.len(), |n| start + n);
        let end = floor_boundary(all, (span.end as usize).clamp(start, line_end));
        let from = floor_boundary(all, self.line_start.max(start.saturating_sub(EXCERPT_SIDE)));
        let to = floor_boundary(all, line_end.min(start + EXCERPT_SIDE));
        let mut excerpt = all[from..to].trim_end_matches('\r').to_owned();
        let mut caret = all[from..start].chars().count();
        if from > self.line_start {
            excerpt.insert(0, '…');
            caret += 1;
        }
        if to < line_end {
            excerpt.push('…');
        }
        Place {
            file: text.name.to_owned(),
            line: self.lines + 1,
            column: all[self.line_start.min(start)..start].chars().count() as u32 + 1,
            excerpt,
            caret,
            width: all[start..end.min(to).max(start)].chars().count().max(1),
            label,
        }
    }
}

/// The last character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The name in `names` that is most like `name`, if one is like it at all. Case does not count.
pub(crate) fn did_you_mean<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    const LONGEST: usize = 48;
    if name.len() > LONGEST {
        return None;
    }
    // Any short name is like any other.
    let limit = match name.len() {
        0..=2 => 0,
        length => 1 + length / 4,
    };
    let wanted = name.to_ascii_lowercase();
    let distance = |other: &str| strsim::osa_distance(&wanted, &other.to_ascii_lowercase());
    names
        .filter(|other| other.len() <= LONGEST && other.len().abs_diff(name.len()) <= limit)
        .map(|other| (distance(other), other.len().abs_diff(name.len()), other))
        .filter(|(distance, ..)| *distance <= limit)
        .min()
        .map(|(.., other)| format!("did you mean `{other}`?"))
}

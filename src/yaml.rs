//! YAML text → a tree in which each value knows its place.
//!
//! The configuration is read from it, and the objects of Astron's YAML directory. Deserialising straight
//! into structs would stop at the first mistake and lose the place of every value that is well-formed
//! but wrong, and the author of a file wants all mistakes with their lines. Scalars keep their text:
//! what it means is for the key to say (`version: 1.0` is a string).

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

/// A place in a file; both numbers count from 1.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub position: Position,
    /// Behind its last character.
    pub end: Position,
    /// What it is.
    pub value: Value,
    /// What the file says in its place, if the value comes from elsewhere.
    pub written: Option<String>,
}

/// What a [`Node`] is. Nodes are shared, since an alias is the same node once more.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text, a number, or nothing.
    Scalar {
        /// What is written, without quotes.
        text: String,
        /// Whether it is written without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Rc<Node>>),
    /// Keys and values in the order of the file.
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

/// What a kind of file may be made of.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// How deep lists and maps may be nested.
    pub depth_max: usize,
    /// Whether a value may be written once and used again.
    pub aliases: bool,
    /// Whether others may follow the first document. They are not read.
    pub other_documents: bool,
}

/// What a text holds.
#[derive(Clone, Debug)]
pub struct Content {
    /// The first document; `None` if there is none.
    pub root: Option<Rc<Node>>,
    /// Where a second one begins, of a kind of file in which others may follow.
    pub second: Option<Position>,
}

/// What makes a text no file of its kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// It is not YAML.
    Syntax {
        /// What the parser says, and where.
        error: ScanError,
        /// Where the innermost `{` or `[` stands that is open there.
        open: Option<Position>,
    },
    /// Lists and maps are nested too deeply.
    TooDeep(Position),
    /// An alias within its own anchor, or where no alias may be.
    Alias(Position),
    /// A second document.
    SecondDocument(Position),
}

/// Whether a step of a path ends before this.
fn is_end(rest: &&str) -> bool {
    rest.is_empty() || rest.starts_with(['.', '['])
}

impl Node {
    /// The text of a scalar, quoted or not.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether a key has no value at all, or one of YAML's words for that.
    pub fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain } => {
                *plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Value::List(_) | Value::Map(_) => false,
        }
    }

    /// The value at a path, such as `roles[1].channels.min`; if it is not written, what it would stand in. A key may have
    /// dots in it.
    pub fn at(&self, path: &str) -> &Node {
        let (mut node, mut path) = (self, path);
        while !path.is_empty() {
            let next = match &node.value {
                Value::Map(pairs) => {
                    let rest = |key: &Node| path.strip_prefix(key.text()?).filter(is_end);
                    let found = pairs.iter().filter_map(|(key, value)| Some((rest(key)?, value)));
                    found.min_by_key(|(rest, _)| rest.len())
                }
                Value::List(items) => path.split_once(']').and_then(|(number, rest)| {
                    let number: usize = number.parse().ok()?;
                    Some((rest, items.get(number)?))
                }),
                Value::Scalar { .. } => None,
            };
            let Some((rest, value)) = next else { break };
            (node, path) = (value, rest.strip_prefix(['.', '[']).unwrap_or(rest));
        }
        node
    }

    /// What the author of the file would call this value.
    pub fn describe(&self) -> String {
        const SHOWN_CHARS_MAX: usize = 60;
        if let Some(written) = &self.written {
            // Not the value itself: what is kept out of the file is not for the log.
            return format!("what `{written}` stands for");
        }
        match &self.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Scalar { .. } if self.is_null() => "nothing".to_owned(),
            Value::Scalar { text, .. } => {
                let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
                if shown.len() < text.len() {
                    shown.push('…');
                }
                format!("`{}`", shown.escape_debug())
            }
        }
    }
}

/// Reads the first document of `text`.
///
/// # Errors
/// See [`Error`].
pub fn parse(text: &str, rules: Rules) -> Result<Content, Error> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder { rules, open: Vec::new(), anchors: HashMap::new(), root: None };
    while let Some(event) = parser.next_event() {
        let (event, span) =
            event.map_err(|error| Error::Syntax { open: builder.open_in_flow(text), error })?;
        if rules.other_documents && event == Event::DocumentEnd {
            break;
        }
        builder.take(event, span)?;
    }
    // Whatever is wrong there does not matter.
    let next = if rules.other_documents { parser.next_event() } else { None };
    let second = match next {
        Some(Ok((Event::DocumentStart(_), span))) => Some(position(&span.start)),
        _ => None,
    };
    Ok(Content { root: builder.root, second })
}

/// The place that a parser's error is about.
pub fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// A list or map whose end has not been read yet.
struct Open {
    position: Position,
    anchor: usize,
    /// Keys and values of a map take turns here.
    children: Vec<Rc<Node>>,
}

struct Builder {
    rules: Rules,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Error> {
        let (at, end) = (position(&span.start), position(&span.end));
        match event {
            Event::Scalar(text, style, anchor, _tag) => {
                let value =
                    Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.place(at, end, anchor, value);
            }
            Event::SequenceStart(anchor, _tag) | Event::MappingStart(anchor, _tag) => {
                if self.open.len() == self.rules.depth_max {
                    return Err(Error::TooDeep(at));
                }
                self.open.push(Open { position: at, anchor, children: Vec::new() });
            }
            Event::SequenceEnd => self.close(end, Value::List),
            Event::MappingEnd => self.close(end, |children| {
                let mut children = children.into_iter();
                let mut entries = Vec::with_capacity(children.len() / 2);
                while let (Some(key), Some(value)) = (children.next(), children.next()) {
                    entries.push((key, value));
                }
                Value::Map(entries)
            }),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).filter(|_| self.rules.aliases);
                let node = Rc::clone(node.ok_or(Error::Alias(at))?);
                self.add(node);
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                return Err(Error::SecondDocument(at));
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => {}
        }
        Ok(())
    }

    /// Where the innermost list or map that is open begins, if it is written in brackets.
    fn open_in_flow(&self, text: &str) -> Option<Position> {
        let Position { line, column } = self.open.last()?.position;
        let first = text.lines().nth(line - 1)?.chars().nth(column - 1)?;
        matches!(first, '{' | '[').then_some(Position { line, column })
    }

    fn close(&mut self, end: Position, value: impl FnOnce(Vec<Rc<Node>>) -> Value) {
        let open = self.open.pop().expect("the parser ends what it has begun");
        self.place(open.position, end, open.anchor, value(open.children));
    }

    fn place(&mut self, position: Position, end: Position, anchor: usize, value: Value) {
        let node = Rc::new(Node { position, end, value, written: None });
        // The parser numbers anchors from 1.
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.add(node);
    }

    fn add(&mut self, node: Rc<Node>) {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.root = Some(node),
        }
    }
}

//! YAML text → a tree in which each value knows its place.
//!
//! Deserialising straight into structs would stop at the first mistake and lose the place of every
//! value that is well-formed but wrong, and the author of a file wants all mistakes with their
//! lines. Scalars keep their text: what it means is for the key to say (`version: 1.0` is a string).

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::diagnostic::Position;

/// How deep lists and maps may be nested. The configuration needs six levels.
const DEPTH_MAX: usize = 32;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub position: Position,
    pub value: Value,
}

/// What a [`Node`] is. Nodes are shared, since an alias is the same node once more.
#[derive(Debug)]
pub(super) enum Value {
    Scalar { text: String, plain: bool },
    List(Vec<Rc<Node>>),
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

/// What makes a text no YAML document of ours.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct SyntaxError {
    pub position: Option<Position>,
    pub message: String,
}

impl Node {
    /// The text of a scalar, quoted or not.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether a key has no value at all.
    pub fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain } => {
                *plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Value::List(_) | Value::Map(_) => false,
        }
    }

    /// What the author of the file would call this value.
    pub fn describe(&self) -> String {
        const SHOWN_CHARS_MAX: usize = 60;
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

/// Reads the one document of `text`.
pub(super) fn parse(text: &str) -> Result<Rc<Node>, SyntaxError> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let message = format!("this is not YAML: {}", error.info());
            syntax_error(position(error.marker()), message)
        })?;
        builder.take(event, span)?;
    }
    match builder.root {
        Some(root) if !root.is_null() => Ok(root),
        _ => Err(SyntaxError { position: None, message: "the file is empty".to_owned() }),
    }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

fn syntax_error(position: Position, message: impl Into<String>) -> SyntaxError {
    SyntaxError { position: Some(position), message: message.into() }
}

/// A list or map whose end has not been read yet.
struct Open {
    position: Position,
    anchor: usize,
    /// Keys and values of a map take turns here.
    children: Vec<Rc<Node>>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let at = position(&span.start);
        match event {
            Event::Scalar(text, style, anchor, _tag) => {
                let value =
                    Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.place(at, anchor, value);
            }
            Event::SequenceStart(anchor, _tag) | Event::MappingStart(anchor, _tag) => {
                if self.open.len() == DEPTH_MAX {
                    return Err(syntax_error(at, "lists and maps are nested too deeply"));
                }
                self.open.push(Open { position: at, anchor, children: Vec::new() });
            }
            Event::SequenceEnd => self.close(Value::List),
            Event::MappingEnd => self.close(|children| {
                let mut children = children.into_iter();
                let mut entries = Vec::with_capacity(children.len() / 2);
                while let (Some(key), Some(value)) = (children.next(), children.next()) {
                    entries.push((key, value));
                }
                Value::Map(entries)
            }),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(syntax_error(at, "an alias within its own anchor"));
                };
                let node = Rc::clone(node);
                self.add(node);
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                return Err(syntax_error(
                    at,
                    "a second document begins here; a configuration is one document",
                ));
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => {}
        }
        Ok(())
    }

    fn close(&mut self, value: impl FnOnce(Vec<Rc<Node>>) -> Value) {
        let open = self.open.pop().expect("the parser ends what it has begun");
        self.place(open.position, open.anchor, value(open.children));
    }

    fn place(&mut self, position: Position, anchor: usize, value: Value) {
        let node = Rc::new(Node { position, value });
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

//! Source texts and positions in them.

use crate::input::is_utf_16;
use std::borrow::Cow;

/// One DC file as bytes, with the name under which diagnostics mention it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name, as diagnostics print it.
    pub name: String,
    /// The file's content. It should be UTF-8; other bytes are diagnosed.
    pub text: Vec<u8>,
}

impl Source {
    /// A source with this name and content.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Source {
        Source { name: name.into(), text: text.into() }
    }
}

/// A range of bytes in the file with the index `file`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub file: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The span from the start of `self` to the end of `other`, of the same file.
    pub(crate) fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start, end: other.end.max(self.start) }
    }
}

/// A source's text as UTF-8. Invalid bytes have become U+FFFD, and `lossy` says that there were any.
pub(crate) struct Text<'a> {
    pub name: &'a str,
    pub text: Cow<'a, str>,
    pub lossy: bool,
    pub is_utf_16: bool,
}

impl<'a> Text<'a> {
    pub(crate) fn new(source: &'a Source) -> Text<'a> {
        let text = String::from_utf8_lossy(&source.text);
        let lossy = matches!(text, Cow::Owned(_));
        Text { name: &source.name, text, lossy, is_utf_16: is_utf_16(&source.text) }
    }

    /// Whether it looks like no text: of its characters, many are for control.
    pub(crate) fn is_binary(&self) -> bool {
        let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
        let controls = self.text.bytes().filter(is_control).count();
        self.is_utf_16 || controls > 3 && controls > self.text.len() / 20
    }
}

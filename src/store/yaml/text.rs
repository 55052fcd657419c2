//! The files of Astron's YAML directory: text ↔ what it says.
//!
//! Written exactly as Astron writes them, so that tools which compare files see no difference. Read
//! more leniently: any order, any way to quote. A scalar is always taken as text, never as a YAML type.

use std::fmt::Write as _;
use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::ids::{DoId, DoIdRepr};
use crate::yaml::{self, Node, Rules, Value};

/// Why a file is not what it should be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// It is no YAML.
    #[error("no YAML: {0}")]
    Syntax(String),
    /// Two versions of it stand in the file, as a version control system leaves them.
    #[error(
        "line {0} has the mark of a conflict between two versions of the file: keep one of them"
    )]
    Conflict(usize),
    /// It is YAML, but something else than expected.
    #[error("{0}")]
    Shape(&'static str),
    /// A value is no scalar.
    #[error("value of `{0}` is no scalar")]
    NoScalar(String),
    /// A list or map has more in it than an object can have.
    #[error("value of `{0}` is too large")]
    TooLarge(String),
    /// A number is none.
    #[error("`{0}` is no doId")]
    NoDoId(String),
}

/// What a file says under a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// One scalar, without the quotes it may have.
    Scalar(String),
    /// A list or map, which no field has, as YAML on one line. It goes back as it came.
    Tree(String),
}

/// The file of one object: everything is text still.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Document {
    /// Name of the class.
    pub class: String,
    /// Names and values of the fields, in the order of the file. A name comes once.
    pub fields: Vec<(String, Written)>,
    /// Keys beside `id`, `class` and `fields`, which somebody has added.
    pub extra: Vec<(String, Written)>,
}

/// `info.yaml`: which ids are free.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Info {
    /// The next id that was never given, if the file says.
    pub next: Option<u64>,
    /// Ids of deleted objects, oldest first.
    pub free: Vec<u64>,
}

impl Document {
    /// Reads the file of an object.
    ///
    /// # Errors
    /// If it is no such file.
    pub fn read(text: &str) -> Result<Document, Error> {
        let root = parse(text)?;
        let Some(Value::Map(entries)) = root.as_deref().map(|root| &root.value) else {
            return Err(Error::Shape("not a map"));
        };
        let mut document = Document::default();
        let (mut has_class, mut has_fields) = (false, false);
        for (name, node) in entries {
            let name = key(name)?;
            match (name, &node.value) {
                ("id", _) => {}
                ("class" | "fields", _) if is_absent(node) => {}
                ("class", Value::Scalar { text, .. }) => {
                    document.class = text.clone();
                    has_class = true;
                }
                ("fields", Value::Map(fields)) => {
                    document.fields = read_fields(fields)?;
                    has_fields = true;
                }
                ("class", _) => return Err(Error::NoScalar(name.to_owned())),
                ("fields", _) => return Err(Error::Shape("`fields` is no map")),
                _ => document.extra.push((name.to_owned(), written(name, node)?)),
            }
        }
        match (has_class, has_fields) {
            (true, true) => Ok(document),
            (false, _) => Err(Error::Shape("no key `class`")),
            (true, false) => Err(Error::Shape("no key `fields`")),
        }
    }

    /// Writes the file of the object `do_id`.
    pub fn write(&self, do_id: impl std::fmt::Display) -> String {
        let mut text = String::with_capacity(64 + 32 * self.fields.len());
        write!(text, "id: {do_id}\nclass: ").expect("a string takes everything");
        write_scalar(&mut text, &self.class);
        text.push_str("\nfields:");
        if self.fields.is_empty() {
            text.push_str("\n  {}");
        }
        for (name, value) in &self.fields {
            text.push_str("\n  ");
            write_entry(&mut text, name, value);
        }
        for (name, value) in &self.extra {
            text.push('\n');
            write_entry(&mut text, name, value);
        }
        text
    }
}

/// What the file of the object `do_id` says that does not count. Nothing of a file that cannot be read.
pub fn oddities(text: &str, do_id: DoId) -> Vec<String> {
    let root = parse(text).ok().flatten();
    let Some(Value::Map(entries)) = root.as_deref().map(|root| &root.value) else {
        return Vec::new();
    };
    let mut odd = Vec::new();
    let find = |name: &str| entries.iter().rfind(|(key, _)| key.text() == Some(name));
    if let Some((_, id)) = find("id").filter(|(_, id)| !is_absent(id)) {
        let id = id.text().unwrap_or("something else");
        if id != do_id.to_string() {
            odd.push(format!("its file says `id: {id}`; what counts is the name of the file"));
        }
    }
    let mut twice = |entries: &[(Rc<Node>, Rc<Node>)], what: &str| {
        let names: Vec<&str> = entries.iter().filter_map(|(key, _)| key.text()).collect();
        for (at, name) in names.iter().enumerate() {
            // Told at the second of however many.
            if names[..at].iter().filter(|other| *other == name).count() == 1 {
                odd.push(format!(
                    "{what} `{name}` stands in its file more than once; the last one counts"
                ));
            }
        }
    };
    twice(entries, "the key");
    if let Some(Value::Map(fields)) = find("fields").map(|(_, fields)| &fields.value) {
        twice(fields, "the field");
    }
    odd
}

/// Of a name that comes twice, the last value holds.
fn read_fields(entries: &[(Rc<Node>, Rc<Node>)]) -> Result<Vec<(String, Written)>, Error> {
    let mut fields: Vec<(String, Written)> = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        let name = key(name)?;
        let value = written(name, value)?;
        fields.retain(|(other, _)| other != name);
        fields.push((name.to_owned(), value));
    }
    Ok(fields)
}

fn written(name: &str, node: &Node) -> Result<Written, Error> {
    if let Some(text) = node.text() {
        return Ok(Written::Scalar(text.to_owned()));
    }
    let mut text = String::new();
    match flow(node, &mut text) {
        Some(()) => Ok(Written::Tree(text)),
        None => Err(Error::TooLarge(name.to_owned())),
    }
}

impl Info {
    /// Reads `info.yaml`.
    ///
    /// # Errors
    /// If it is no such file.
    pub fn read(text: &str) -> Result<Info, Error> {
        let root = parse(text)?;
        let Some(root) = root.filter(|root| !is_absent(root)) else {
            return Ok(Info::default());
        };
        let Value::Map(entries) = &root.value else {
            return Err(Error::Shape("not a map"));
        };
        let id = |text: &str| text.parse().map_err(|_| Error::NoDoId(text.to_owned()));
        let mut info = Info::default();
        for (name, node) in entries {
            match (key(name)?, &node.value) {
                ("next" | "free", _) if is_absent(node) => {}
                ("next", Value::Scalar { text, .. }) => info.next = Some(id(text)?),
                ("free", Value::List(free)) => {
                    for node in free {
                        let text = node.text().filter(|_| !is_absent(node));
                        info.free.push(id(text.ok_or(Error::NoScalar("free".to_owned()))?)?);
                    }
                }
                ("next" | "free", _) => return Err(Error::Shape("`next` or `free` is malformed")),
                _ => {}
            }
        }
        Ok(info)
    }

    /// What it says of ids that cannot be: those of objects that are there are neither free nor still to come, and none is free
    /// twice.
    pub fn oddities(&self, highest: Option<DoId>, is_there: impl Fn(DoId) -> bool) -> Vec<String> {
        /// So many are named; the others are counted.
        const NAMED: usize = 20;
        let mut known = FxHashSet::default();
        let mut odd: Vec<String> = Vec::new();
        for id in &self.free {
            let what = match DoIdRepr::try_from(*id) {
                Err(_) | Ok(0) => "is no id of an object",
                Ok(id) if is_there(DoId(id)) => "is the id of an object that is there",
                Ok(_) if !known.insert(*id) => "stands there more than once",
                Ok(_) => continue,
            };
            odd.push(format!("info.yaml, `free`: {id} {what}"));
        }
        let behind = |id: DoId| u64::from(id.0) >= self.next.unwrap_or(u64::MAX);
        let highest = highest.filter(|id| behind(*id));
        let more = odd.len().saturating_sub(NAMED);
        if more > 0 {
            odd.truncate(NAMED);
            odd.push(format!("info.yaml, `free`: … and {more} more that are not free"));
        }
        if let (Some(next), Some(highest)) = (self.next, highest) {
            odd.push(format!("info.yaml: {next} is not `next`, as there is the object {highest}"));
        }
        odd
    }

    /// Writes `info.yaml`.
    pub fn write(next: u64, free: impl ExactSizeIterator<Item = u64>) -> String {
        let mut text = format!("next: {next}");
        if free.len() > 0 {
            text.push_str("\nfree:");
        }
        for id in free {
            write!(text, "\n  - {id}").expect("a string takes everything");
        }
        text
    }
}

fn write_entry(text: &mut String, name: &str, value: &Written) {
    write_scalar(text, name);
    text.push_str(": ");
    match value {
        Written::Scalar(value) => write_scalar(text, value),
        Written::Tree(tree) => text.push_str(tree),
    }
}

/// Writes a tree on one line. An alias is the same once more, so it may become much larger than the file: then there is
/// nothing.
fn flow(node: &Node, out: &mut String) -> Option<()> {
    match &node.value {
        Value::Scalar { text, plain } if *plain && is_word(text) => out.push_str(text),
        Value::Scalar { text, .. } => write_quoted(out, text),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                flow(item, out)?;
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                flow(key, out)?;
                out.push_str(": ");
                flow(value, out)?;
            }
            out.push('}');
        }
    }
    (out.len() <= TREE_BYTES_MAX).then_some(())
}

/// Whether a plain scalar is the same within brackets.
fn is_word(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+".contains(&byte);
    !text.is_empty() && text.bytes().all(is_letter)
}

/// Writes one scalar in a block: plain if YAML allows it and Astron does it, else in double quotes.
fn write_scalar(text: &mut String, value: &str) {
    if is_plain(value) {
        text.push_str(value);
    } else {
        write_quoted(text, value);
    }
}

/// Any text as a key or a value, in double quotes unless it is a word.
pub fn quoted(value: &str) -> String {
    let mut text = String::new();
    write_scalar(&mut text, value);
    text
}

fn write_quoted(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\0'..='\x1f' | '\x7f'..='\u{a0}' => {
                write!(text, "\\x{:02x}", u32::from(c)).expect("a string takes everything");
            }
            '\u{feff}' => text.push_str("\\ufeff"),
            _ => text.push(c),
        }
    }
    text.push('"');
}

fn is_plain(value: &str) -> bool {
    if matches!(value, "" | "~" | "null" | "Null" | "NULL") || value.ends_with(' ') {
        return false;
    }
    let bytes = value.as_bytes();
    let blank_or_end = |at: usize| bytes.get(at).is_none_or(|byte| matches!(byte, b' ' | b'\t'));
    let begins_badly = match bytes[0] {
        b' ' | b'\t' => true,
        b'-' | b'?' | b':' => blank_or_end(1),
        byte => b",[]{}#&*!|>'\"%@`".contains(&byte),
    };
    let is_bad = |(at, byte): (usize, &u8)| match byte {
        b':' => blank_or_end(at + 1),
        b' ' => bytes.get(at + 1) == Some(&b'#'),
        b'&' => true,
        byte => !(0x20..0x7f).contains(byte),
    };
    !begins_badly && !bytes.iter().enumerate().any(is_bad)
}

/// What may follow the document of an object or of `info.yaml` is left alone.
const RULES: Rules = Rules { depth_max: 64, aliases: true, other_documents: true };
/// More than any value's text.
const TREE_BYTES_MAX: usize = 1 << 20;

fn parse(text: &str) -> Result<Option<Rc<Node>>, Error> {
    let content = yaml::parse(text, RULES).map_err(|error| match error {
        yaml::Error::Syntax { error, .. } => match conflict(text) {
            Some(line) => Error::Conflict(line),
            None => Error::Syntax(error.to_string()),
        },
        yaml::Error::TooDeep(_) => Error::Shape("nested too deeply"),
        yaml::Error::Alias(_) => Error::Shape("an alias of nothing"),
        yaml::Error::SecondDocument(_) => Error::Shape("more than one document"),
    })?;
    Ok(content.root)
}

/// The line with the first mark of a conflict.
pub fn conflict(text: &str) -> Option<usize> {
    dclass::input::conflict(text).map(|at| text[..at].matches('\n').count() + 1)
}

fn key(node: &Node) -> Result<&str, Error> {
    node.text().ok_or(Error::Shape("a key is no scalar"))
}

/// Whether nothing is written, not even quotes. Any word is text, `null` as well.
fn is_absent(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, plain: true } if text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Astron.
    const OBJECT: &str = r#"id: 1000
class: T
fields:
  u: 7
  i: -5
  f: 3.14159
  c: "'\\''"
  s: "\"He said \\\"hi\\\" \\\\ \\x01\\x0a:#\""
  b: <020000ff>
  fb: <010203>
  arr: "[1, 65535]"
  st: "{1, \"x\"}"
  m: (1, "yes")
  ca: "['a', 'b']"
  dv: -25"#;

    fn document(fields: &[(&str, &str)]) -> Document {
        let owned = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), Written::Scalar((*value).to_owned()))
        };
        Document {
            class: "T".to_owned(),
            fields: fields.iter().map(owned).collect(),
            extra: Vec::new(),
        }
    }

    #[test]
    fn an_object_is_written_as_astron_writes_it() {
        let fields = [
            ("u", "7"),
            ("i", "-5"),
            ("f", "3.14159"),
            ("c", r"'\''"),
            ("s", r#""He said \"hi\" \\ \x01\x0a:#""#),
            ("b", "<020000ff>"),
            ("fb", "<010203>"),
            ("arr", "[1, 65535]"),
            ("st", r#"{1, "x"}"#),
            ("m", r#"(1, "yes")"#),
            ("ca", "['a', 'b']"),
            ("dv", "-25"),
        ];
        assert_eq!(document(&fields).write(1000), OBJECT);
        assert_eq!(Document::read(OBJECT), Ok(document(&fields)));
    }

    #[test]
    fn an_object_without_fields() {
        let text = "id: 5\nclass: T\nfields:\n  {}";
        assert_eq!(document(&[]).write(5), text);
        assert_eq!(Document::read(text), Ok(document(&[])));
    }

    #[test]
    fn scalars_are_text_however_they_are_written() {
        let text = "fields: {n: ('true'), t: ~, x: 0x10, y: 'a''b', e: }\nclass: 'T'\nnote: mine\n";
        let read = Document::read(text).expect("an object");
        let expected = [("n", "('true')"), ("t", "~"), ("x", "0x10"), ("y", "a'b"), ("e", "")];
        assert_eq!(read.fields, document(&expected).fields);
        assert_eq!(read.extra, [("note".to_owned(), Written::Scalar("mine".to_owned()))]);
    }

    /// Astron reads what is beside them, and looks at no other keys.
    #[test]
    fn lists_and_maps_stay_as_they_are() {
        let text = "class: &c T\nfields:\n  a: [1, 'x y', {k: ~, '': \"\\n\"}]\n  b: (1)\n  c:\n    - 7\n    - -1\n\
                    tags: [*c, old]\nnotes: {by: [me]}\n";
        let read = Document::read(text).expect("an object");
        let tree = |name: &str, text: &str| (name.to_owned(), Written::Tree(text.to_owned()));
        let fields = [
            tree("a", r#"[1, "x y", {k: "~", "": "\n"}]"#),
            ("b".to_owned(), Written::Scalar("(1)".to_owned())),
            tree("c", r#"[7, "-1"]"#),
        ];
        assert_eq!(read.fields, fields);
        assert_eq!(read.extra, [tree("tags", "[T, old]"), tree("notes", "{by: [me]}")]);
        assert_eq!(Document::read(&read.write(5)), Ok(read));
        let bomb = (0..30).fold("class: T\nfields: {}\nx0: &x0 [a, b]\n".to_owned(), |text, n| {
            format!("{text}x{}: &x{} [*x{n}, *x{n}]\n", n + 1, n + 1)
        });
        let error = Document::read(&bomb).expect_err("a gigabyte").to_string();
        assert!(error.ends_with("is too large"), "{error}");
    }

    #[test]
    fn any_scalar_survives() {
        for value in [
            "",
            "~",
            "null",
            "- x",
            "-",
            "-x",
            "? x",
            "a: b",
            "a:b",
            "a #b",
            "a&b",
            "x ",
            " x",
            "a\tb",
            "\u{1}\n\r\u{8}\u{c}\u{7f}\u{85}\u{a0}\u{feff}é",
            "[",
            "%",
            "\\\"",
            "{}",
            "x:",
        ] {
            let written = document(&[("f", value)]);
            assert_eq!(Document::read(&written.write(1)), Ok(written), "{value:?}");
        }
    }

    #[test]
    fn what_is_no_object() {
        for (text, expected) in [
            ("", "not a map"),
            ("- 1", "not a map"),
            ("fields: {}", "no key `class`"),
            ("class: T", "no key `fields`"),
            ("class: T\nfields:", "no key `fields`"),
            ("class: [T]\nfields: {}", "value of `class` is no scalar"),
            ("class: T\nfields: [a]", "`fields` is no map"),
            ("class: &a [*a]\nfields: {}", "an alias of nothing"),
        ] {
            let error = Document::read(text).expect_err(text);
            assert_eq!(error.to_string(), expected, "{text}");
        }
        assert!(matches!(Document::read("a: [b"), Err(Error::Syntax(_))));
        for (text, line) in [
            ("id: 7\nclass: T\nfields:\n<<<<<<< HEAD\n  a: 1\n=======\n  a: 2\n>>>>>>> other", 4),
            ("id: 7\n<<<<<<< HEAD\nclass: T\n=======\nclass: S\n>>>>>>> other\nfields: {}", 2),
            ("<<<<<<< HEAD\nid: 7\n=======\nid: 8\n>>>>>>> other\nclass: T\nfields: {}", 1),
        ] {
            assert_eq!(Document::read(text), Err(Error::Conflict(line)), "{text}");
        }
    }

    #[test]
    fn what_does_not_count_is_told() {
        for (text, expected) in [
            (OBJECT, &[][..]),
            ("class: T\nfields: {a: 1}", &[]),
            ("id: '1000'\nclass: T\nfields: {}", &[]),
            (
                "id: 1001\nclass: T\nfields: {}",
                &["its file says `id: 1001`; what counts is the name of the file"],
            ),
            (
                "id: [1000]\nclass: T\nfields: {}",
                &["its file says `id: something else`; what counts is the name of the file"],
            ),
            (
                "class: S\nclass: T\nfields: {a: 1, b: 2, a: 3, a: 4}",
                &[
                    "the key `class` stands in its file more than once; the last one counts",
                    "the field `a` stands in its file more than once; the last one counts",
                ],
            ),
            ("<<<<<<< HEAD", &[]),
        ] {
            assert_eq!(oddities(text, DoId(1000)), expected, "{text}");
        }
        let read = Document::read("class: S\nclass: T\nfields: {a: 1, a: 3}").expect("an object");
        assert_eq!(read, document(&[("a", "3")]));
    }

    #[test]
    fn which_ids_are_free() {
        let text = "next: 1004\nfree:\n  - 1001\n  - 1000";
        let info = Info { next: Some(1004), free: vec![1001, 1000] };
        assert_eq!(Info::read(text), Ok(info));
        assert_eq!(Info::write(1004, [1001, 1000].into_iter()), text);
        assert_eq!(Info::write(7, [].into_iter()), "next: 7");
        assert_eq!(Info::read(""), Ok(Info::default()));
        assert!(Info::read("next: x").is_err() && Info::read("free: 1").is_err());
    }
}

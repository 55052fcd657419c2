//! `donet dc wireshark`: a dissector in Lua, made of the message table and DC files.

use std::fmt::Write as _;

use dclass::{DcFile, Field, FieldKind, Layout};

use super::{Done, Files, read};
use crate::cli::out::write;
use crate::message::{Family, Other, Row, Shape, Shown, Values};

/// What is the same for all DC files.
const DISSECTOR: &str = include_str!("dissector.lua");

/// Prints the dissector.
pub(super) fn run(files: &Files) -> Done {
    let dc = read(&files.files)?;
    let mut text = format!(
        "-- A dissector for Wireshark, made by `donet dc wireshark` of DC files with the hash {:#010x}.\n\
         -- Ports: 7199 for links, 7198 for clients; others by \"Decode As\".\n\n",
        dc.hash()
    );
    let servers = [Family::Control, Family::ClientAgent, Family::StateServer];
    let stores = [Family::DbStateServer, Family::Database];
    messages(&mut text, "SERVERS", &[&servers[..], &stores].concat());
    messages(&mut text, "CLIENT", &[Family::Client]);
    messages(&mut text, "PANDA3D", &[Family::Panda3d]);
    messages(&mut text, "OTP", &[Family::Otp]);
    fields(&mut text, &dc);
    classes(&mut text, &dc);
    write(format_args!("{text}\n{DISSECTOR}"));
    Ok(0)
}

/// Appends a formatted line, which cannot fail.
macro_rules! line {
    ($text:expr, $($arguments:tt)*) => {{ let _ = writeln!($text, $($arguments)*); }};
}

fn messages(text: &mut String, table: &str, families: &[Family]) {
    line!(text, "local {table} = {{");
    for Row { number, name, arguments, .. } in families.iter().flat_map(|family| family.rows()) {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|argument| format!("{{{}, {}}}", quoted(argument.name), shape(argument.shape)))
            .collect();
        line!(
            text,
            "  [{number}] = {{name = {}, arguments = {{{}}}}},",
            quoted(name),
            arguments.join(", ")
        );
    }
    line!(text, "}}");
}

fn shape(of: Shape) -> String {
    let name = quoted(match of {
        // What is told of its values says whether there are others.
        Shape::Object(_) => "object",
        Shape::Pair(..) => "record",
        shape => shape.name(),
    });
    match of {
        Shape::Object(Values { required, other }) | Shape::Values(Values { required, other }) => {
            let required = match required {
                Shown::Nothing => "nothing",
                Shown::All => "all",
                Shown::Clients => "clients",
                Shown::Owner => "owner",
                Shown::PandaAll => "panda_all",
                Shown::PandaBroadcast => "panda_broadcast",
            };
            let other = match other {
                Other::No => "no",
                Other::Yes => "yes",
                Other::Said => "said",
            };
            format!("{{{name}, \"{required}\", \"{other}\"}}")
        }
        Shape::List(inner)
        | Shape::Run(inner)
        | Shape::Option(inner)
        | Shape::UnlessEmpty(inner) => {
            format!("{{{name}, {}}}", shape(*inner))
        }
        Shape::Record(parts) => {
            let parts = parts
                .iter()
                .map(|part| format!("{{{}, {}}}", quoted(part.name), shape(part.shape)));
            format!("{{{name}, {{{}}}}}", parts.collect::<Vec<_>>().join(", "))
        }
        Shape::Pair(first, second) => {
            let part = |it: &Shape| format!("{{{}, {}}}", quoted(it.name()), shape(*it));
            format!("{{{name}, {{{}, {}}}}}", part(first), part(second))
        }
        _ => format!("{{{name}}}"),
    }
}

fn fields(text: &mut String, dc: &DcFile) {
    line!(text, "local FIELDS = {{}}");
    for class in dc.classes().chain(dc.structs()) {
        for field in class.own_fields() {
            let name = match field.name() {
                "" => format!("{}.#{}", class.name(), field.id().0),
                name => format!("{}.{name}", class.name()),
            };
            line!(
                text,
                "FIELDS[{}] = {{name = {}, s = {}, l = {}}}",
                field.id().0,
                quoted(&name),
                seen(field),
                layout(&field.layout())
            );
        }
    }
}

/// Who sees it: 0 is no client, 1 each one that sees the object, 2 the same by `broadcast`, 3 its owner.
fn seen(field: &Field) -> u8 {
    let keywords = field.keywords();
    match () {
        () if keywords.broadcast() => 2,
        () if keywords.clrecv() => 1,
        () if keywords.ownrecv() => 3,
        () => 0,
    }
}

fn classes(text: &mut String, dc: &DcFile) {
    line!(text, "local CLASSES = {{}}");
    let ids = |fields: &mut dyn Iterator<Item = &Field>| {
        fields.map(|field| field.id().0.to_string()).collect::<Vec<_>>().join(", ")
    };
    for class in dc.classes() {
        let required = ids(&mut class.required().iter().map(|field| &**field));
        let inherited = dc.fields_as_inherited(class);
        let is_told =
            |field: &&Field| field.kind() != FieldKind::Molecular && field.keywords().required();
        let panda = ids(&mut inherited.iter().map(|field| &**field).filter(is_told));
        let panda =
            if panda == required { String::new() } else { format!(", panda = {{{panda}}}") };
        line!(
            text,
            "CLASSES[{}] = {{name = {}, required = {{{required}}}{panda}}}",
            class.id().0,
            quoted(class.name())
        );
    }
}

fn layout(of: &Layout) -> String {
    let fixed =
        |count: &Option<u32>| count.map_or_else(String::new, |count| format!(", fixed = {count}"));
    match of {
        Layout::Integer { bytes, signed, divisor } => {
            let kind = if *signed { "i" } else { "u" };
            let divisor = if *divisor > 1 { format!(", d = {divisor}") } else { String::new() };
            format!("{{k = \"{kind}\", n = {bytes}{divisor}}}")
        }
        Layout::Float { bytes } => format!("{{k = \"f\", n = {bytes}}}"),
        Layout::Char => "{k = \"c\"}".to_owned(),
        Layout::Bytes { fixed: count, tag, is_text } => {
            let kind = if *is_text { "s" } else { "b" };
            format!("{{k = \"{kind}\", n = {tag}{}}}", fixed(count))
        }
        Layout::Array { element, fixed: count } => {
            format!("{{k = \"a\", e = {}{}}}", layout(element), fixed(count))
        }
        Layout::Row(parts) => format!("{{k = \"r\"{}}}", row(parts)),
        Layout::Method(parts) => format!("{{k = \"m\"{}}}", row(parts)),
        Layout::Switch { key, cases, default } => {
            let cases = cases.iter().map(|(value, parts)| {
                let value: String = value.iter().map(|byte| format!("\\{byte:03}")).collect();
                format!("[\"{value}\"] = {{{}}}", row(parts).trim_start_matches(", "))
            });
            let default = default
                .as_ref()
                .map(|parts| format!(", default = {{{}}}", row(parts).trim_start_matches(", ")));
            format!(
                "{{k = \"w\", key = {}, cases = {{{}}}{}}}",
                layout(&key.1),
                cases.collect::<Vec<_>>().join(", "),
                default.unwrap_or_default()
            )
        }
        _ => "{k = \"?\"}".to_owned(),
    }
}

fn row(parts: &[(String, Layout)]) -> String {
    let parts =
        parts.iter().map(|(name, part)| format!(", {{{}, {}}}", quoted(name), layout(part)));
    parts.collect()
}

/// A text in Lua. Names in DC files are letters, digits and underlines; others are made harmless all the same.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | 0..=31 | 127..=255 => format!("\\{byte:03}"),
            byte => char::from(byte).to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

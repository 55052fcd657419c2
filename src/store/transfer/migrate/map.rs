//! The map: a YAML file that says what is called otherwise now.

use std::path::Path;

use dclass::DcFile;
use dclass::diff::Renames;
use dclass::input::read_file;

use crate::yaml::{self, Node, Position, Rules, Value};

const RULES: Rules = Rules { depth_max: 4, aliases: false, other_documents: false };

/// A line for each class and each field that a DC file can have.
const BYTES_MAX: u64 = 16 << 20;

/// Reads a map and holds it against the files. Its lines are `OldClass: NewClass` and `OldClass.oldField: newField`.
///
/// # Errors
/// All that is wrong with it, each in a line with its place.
pub fn read_map(path: &Path, old: &DcFile, new: &DcFile) -> Result<Renames, String> {
    let name = path.display();
    let text = read_file(path, BYTES_MAX)
        .map_err(|error| format!("{name}: the map cannot be read: {error}"))?;
    let text = String::from_utf8(text)
        .map_err(|_| format!("{name}: the map cannot be read: it is no UTF-8 text"))?;
    read(&text, old, new).map_err(|problems| {
        let line = |(at, problem): &(Option<Position>, String)| match at {
            Some(Position { line, column }) => format!("{name}:{line}:{column}: {problem}"),
            None => format!("{name}: {problem}"),
        };
        problems.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

type Problems = Vec<(Option<Position>, String)>;

fn read(text: &str, old: &DcFile, new: &DcFile) -> Result<Renames, Problems> {
    let whole = |problem: &str| vec![(None, problem.to_owned())];
    let content = yaml::parse(text, RULES).map_err(|error| match error {
        yaml::Error::Syntax { error, .. } => whole(&format!("this is no YAML: {error}")),
        yaml::Error::TooDeep(at) => vec![(Some(at), "nested too deeply".to_owned())],
        yaml::Error::Alias(at) => vec![(Some(at), "aliases are not supported".to_owned())],
        yaml::Error::SecondDocument(at) => vec![(Some(at), "a second document".to_owned())],
    })?;
    let Some(root) = content.root.filter(|root| !root.is_null()) else {
        return Ok(Renames::default());
    };
    let Value::Map(entries) = &root.value else {
        return Err(whole("expected lines of the form `Class.oldField: newField`"));
    };
    let mut renames = Renames::default();
    let mut problems = Vec::new();
    let mut places: Vec<(&str, Position)> = Vec::new();
    for (key, value) in entries {
        match entry(key, value) {
            Ok((key_text, _)) if places.iter().any(|(other, _)| *other == key_text) => {
                problems.push((Some(key.position), format!("`{key_text}` stands here twice")));
            }
            Ok((key_text, name)) => {
                places.push((key_text, key.position));
                match key_text.split_once('.') {
                    Some((class, field)) => renames.field(class, field, name),
                    None => renames.class(key_text, name),
                }
            }
            Err(problem) => problems.push((Some(value.position), problem)),
        }
    }
    for (key, problem) in renames.problems(old, new) {
        let place = places.iter().find(|(other, _)| *other == key).map(|(_, place)| *place);
        problems.push((place, format!("{key}: {problem}")));
    }
    problems.sort();
    if problems.is_empty() { Ok(renames) } else { Err(problems) }
}

/// The old name, and the new one. A field's may be written with its class.
fn entry<'n>(key: &'n Node, value: &'n Node) -> Result<(&'n str, &'n str), String> {
    let Some(old) = key.text() else {
        return Err("a key is the name of a class, or of a field with its class".to_owned());
    };
    let Some(new) = value.text().filter(|_| !value.is_null()) else {
        return Err(format!("{old}: expected the new name, got {}", value.describe()));
    };
    match (old.contains('.'), new.rsplit_once('.')) {
        (_, None) => Ok((old, new)),
        (true, Some((_, field))) => Ok((old, field)),
        (false, Some(_)) => Err(format!("{old}: a class becomes a class, not `{new}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dclass::{Source, parse};

    fn dc(text: &str) -> DcFile {
        parse(&[Source::new("test.dc", text)]).expect("a DC file")
    }

    #[test]
    fn what_is_wrong_with_a_map_is_said_at_once() {
        let old = dc("dclass A { a(uint8) db; b(uint8) db; };");
        let new = dc("dclass B { x(uint8) db; b(uint8) db; };");
        let problems = |text: &str| -> Vec<String> {
            let problems = read(text, &old, &new).expect_err(text);
            let line = |at: Option<Position>| at.map_or(0, |at| at.line);
            problems.into_iter().map(|(at, text)| format!("{}: {text}", line(at))).collect()
        };
        let text = "A: B\nA.c: x\nA.a: y\nC: B\nA.b: [1]\nA.a: x\n";
        let expected = [
            "2: A.c: `A` has no field `c` in the old files",
            "3: A.a: `B` has no field `y` in the new files",
            "4: C: the old files have no class or struct `C`",
            "5: A.b: expected the new name, got a list",
            "6: `A.a` stands here twice",
        ];
        assert_eq!(problems(text), expected);
        let stays = "2: A.a: `b` stays, as far as the map says";
        assert_eq!(problems("A: B\nA.a: b\n"), [stays]);
        assert_eq!(problems("A: B.x"), ["1: A: a class becomes a class, not `B.x`"]);
        assert_eq!(problems("- A"), ["0: expected lines of the form `Class.oldField: newField`"]);
    }

    #[test]
    fn a_map_names_classes_and_fields() {
        let (old, new) = (dc("dclass A { a(uint8) db; };"), dc("dclass B { x(uint8) db; };"));
        let mut expected = Renames::default();
        expected.class("A", "B");
        expected.field("A", "a", "x");
        assert_eq!(read("A: B\nA.a: x", &old, &new), Ok(expected.clone()));
        assert_eq!(read("# renamed\nA: B\nA.a: B.x", &old, &new), Ok(expected));
        assert_eq!(read("", &old, &new), Ok(Renames::default()));
    }
}

//! What Panda3D's own parser makes of the same files and values, and how Astron's hashes them. The data
//! files were written with Panda3D's Python module, `DCFile.getHash` and `DCField.getDefaultValue`, and
//! with Astron's library.

use dclass::{Class, ClassId, DcFile, FieldId, Source, parse};

fn read(text: &str) -> Result<DcFile, String> {
    parse(&[Source::new("test.dc", text)]).map_err(|error| error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hashes_of_small_files() {
    let mut wrong = Vec::new();
    let lines = include_str!("data/golden/hashes.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let (hash, text) = line.split_once(' ').unwrap_or((line, ""));
        match read(text).map(|file| format!("{:#010x}", file.hash())) {
            Ok(found) if found == hash => {}
            Ok(found) => wrong.push(format!("{found} instead of {line}")),
            Err(error) => wrong.push(format!("{line}\n{error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hashes_of_astron() {
    let mut wrong = Vec::new();
    let lines = include_str!("data/golden/astron.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let (hash, text) = line.split_once(' ').unwrap();
        let file = read(text).unwrap_or_else(|error| panic!("{line}\n{error}"));
        dclass::fuzz(text.as_bytes());
        let found = format!("{:#010x}", file.astron_hash().unwrap_or(file.hash()));
        if found != hash {
            wrong.push(format!("{found} instead of {line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_in_dc_files() {
    let mut wrong = Vec::new();
    let lines = include_str!("data/golden/values.txt").lines();
    for line in lines.filter(|line| !line.starts_with('!')) {
        let (field, packed) = line.split_once("  ->  ").unwrap();
        let found = match read(&format!("dclass A {{ {field}; }};")) {
            Ok(file) => {
                let class = file.classes().next().unwrap();
                hex(class.fields()[0].default_value().unwrap())
            }
            Err(_) => "-".to_owned(),
        };
        if found != packed {
            wrong.push(format!("{found} instead of {line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks one random file against the lines that Panda3D said about it.
fn check_file(hash: &str, facts: &[&str], text: &str) -> Result<(), String> {
    let file = read(text)?;
    let found = format!("{:#010x}", file.hash());
    if found != hash {
        return Err(format!("hash {found} instead of {hash}"));
    }
    let mut classes = (0..).map_while(|id| file.class_or_struct(ClassId(id)));
    for fact in facts {
        let words: Vec<&str> = fact.split(' ').collect();
        match words.as_slice() {
            ["#", "class", name, ":", ids @ ..] => {
                let class = classes.next().ok_or("a class is missing")?;
                check_class(class, name, ids)?;
            }
            ["#", "field", id, sign, value] => {
                let id = FieldId(id.parse().map_err(|_| "no id")?);
                let field = file.field(id).ok_or("a field is missing")?;
                let explicit = field.default_value().is_some();
                if explicit != (*sign == "=") || hex(field.implicit_value()) != *value {
                    let found = hex(field.implicit_value());
                    return Err(format!("{fact}, but found {explicit} {found}"));
                }
            }
            _ => return Err(format!("what is {fact}?")),
        }
    }
    Ok(())
}

fn check_class(class: &Class, name: &str, ids: &[&str]) -> Result<(), String> {
    let found: Vec<String> = class.fields().iter().map(|field| field.id().0.to_string()).collect();
    if class.name() == name && found == ids {
        return Ok(());
    }
    Err(format!("class {} has the fields {found:?}, not {ids:?}", class.name()))
}

#[test]
fn random_files() {
    let mut wrong = Vec::new();
    let text = include_str!("data/golden/files.txt");
    let files: Vec<&str> = text.split("\n@ ").skip(1).collect();
    assert!(files.len() >= 80);
    for file in files {
        let mut lines = file.lines();
        let hash = lines.next().unwrap();
        let (facts, text): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("# "));
        let text = text.join("\n");
        dclass::fuzz(text.as_bytes());
        if let Err(error) = check_file(hash, &facts, &text) {
            wrong.push(format!("{error}\nin {text}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

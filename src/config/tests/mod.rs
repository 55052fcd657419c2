//! Files in, types or diagnostics out.

mod file;
mod rule;
mod section;
mod value;

use super::*;

fn read(text: &str) -> Result<Loaded, ConfigErrors> {
    read_raw(text.as_bytes())
}

fn read_raw(bytes: &[u8]) -> Result<Loaded, ConfigErrors> {
    let file = Path::new("game.yml");
    let report = Report::new(file);
    let read = read_bytes(bytes, Path::new("/srv/game"), &report);
    outcome(file, read, report)
}

fn valid(text: &str) -> Config {
    loaded(text).config
}

fn loaded(text: &str) -> Loaded {
    match read(text) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("this is valid:\n{text}\nbut the errors are:\n{errors}"),
    }
}

/// The diagnostics of an invalid file, one a line, without the file's name.
fn errors(text: &str) -> String {
    match read(text) {
        Ok(loaded) => panic!("this is invalid:\n{text}\nbut is read as:\n{loaded:#?}"),
        Err(errors) => errors.to_string().replace("game.yml:", ""),
    }
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    assert_eq!(errors(text), expected, "\nin\n{text}");
}

fn database(keys: &str) -> String {
    format!("roles:\n  - type: database\n    control: 75757\n    generate: {{min: 1000}}\n{keys}")
}

fn backend(keys: &str) -> String {
    database(&format!("    backend: {keys}"))
}

/// The message for `value` at `key`, whatever its place.
fn value_error(before: &str, value: &str) -> String {
    let errors = errors(&format!("{before}{value}"));
    let (_, message) = errors.split_once(": ").expect("a place");
    message.to_owned()
}

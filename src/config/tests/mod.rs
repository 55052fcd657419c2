//! Files in, types or diagnostics out.

mod astron;
mod field_rules;
mod file;
mod foreign;
mod intercepts;
mod interest_rules;
mod merge;
mod offences;
mod otp;
mod panda3d;
mod parenting;
mod password;
mod rule;
mod section;
mod tls;
mod value;
mod web;
mod websocket;

use std::ffi::OsString;

use super::*;

fn read(text: &str) -> Result<Loaded, ConfigErrors> {
    read_raw(text.as_bytes())
}

fn read_raw(bytes: &[u8]) -> Result<Loaded, ConfigErrors> {
    read_in(Path::new("/srv/game"), bytes)
}

/// As if the file was in this folder.
fn read_in(folder: &Path, bytes: &[u8]) -> Result<Loaded, ConfigErrors> {
    let report = Report::new("game.yml".to_owned());
    let read = read_bytes(bytes, folder, &report, &environment);
    match outcome(read, report) {
        (Some(loaded), findings) if findings.iter().all(is_warning) => {
            Ok(Loaded { warnings: findings, ..loaded })
        }
        (_, findings) => Err(ConfigErrors(findings)),
    }
}

fn environment(name: &str) -> Option<OsString> {
    match name {
        "CONTROL" => Some("4003".into()),
        "SECRET" => Some("hunter2".into()),
        _ => None,
    }
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

/// What is wrong with an invalid file, one a line, without the file's name.
fn errors(text: &str) -> String {
    match read(text) {
        Ok(loaded) => panic!("this is invalid:\n{text}\nbut is read as:\n{:#?}", loaded.config),
        Err(errors) => headlines(errors.0.iter().filter(|finding| !is_warning(finding))),
    }
}

/// What is odd in a valid file, one a line, without the file's name.
fn warnings(text: &str) -> String {
    headlines(loaded(text).warnings.iter())
}

fn headlines<'f>(findings: impl Iterator<Item = &'f Finding>) -> String {
    let lines: Vec<String> =
        findings.map(|finding| finding.headline().replace("game.yml:", "")).collect();
    lines.join("\n")
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

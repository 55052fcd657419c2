//! What is noted beside the objects: `info.yaml`, `types.yaml`, `migrations.yaml`.
//!
//! A note that is missing says nothing, as in a directory of Astron's. One that was emptied or cut has said something that
//! nobody knows any more, which must not be taken for the same.

use std::fmt::Write as _;
use std::io;

use super::files::{Directory, INFO};
use super::staging::{self, PAST};
use super::text::{Error, Info, conflict};
use super::types::TYPES;
use crate::store::OpenError;
use crate::store::rewrite::Migration;
use crate::yaml::{self, Rules, Value};

const RULES: Rules = Rules { depth_max: 4, aliases: false, other_documents: true };
const PAST_HEAD: &str = "# Written by `donet db migrate`, by which it knows what it has done.\n";
/// Stands in the place of a migration of which some files may have been moved and others not.
const UNFINISHED: &str = "unfinished";

/// Which migrations were carried out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Past {
    /// Oldest first.
    pub done: Vec<Migration>,
    /// Whether another one has begun to count.
    pub is_unfinished: bool,
}

/// What `info.yaml` says.
///
/// # Errors
/// If it cannot be read, or does not say which id is next although there are objects.
pub fn info(directory: &Directory, has_objects: bool) -> Result<Info, OpenError> {
    let path = directory.path().display();
    let text = directory.read_info();
    let text = text.map_err(|error| cannot_read(directory, INFO, error))?;
    let Some(text) = text else { return Ok(Info::default()) };
    let info = Info::read(&text)
        .map_err(|error| OpenError::Damaged(format!("{INFO} in {path}: {error}")))?;
    match info.next {
        None if has_objects => Err(OpenError::Damaged(format!(
            "{INFO} in {path}: it does not say which id is `next`, as one that was emptied or cut: put back that of a backup, or delete \
             it, and ids go on behind the highest of the objects"
        ))),
        _ => Ok(info),
    }
}

/// What `migrations.yaml` says. Of what is unfinished the rest has to be there.
///
/// # Errors
/// If it cannot be read, or is not what donet has written.
pub fn past(directory: &Directory) -> Result<Past, OpenError> {
    let path = directory.path();
    let text = directory.read_past();
    let Some(text) = text.map_err(|error| cannot_read(directory, PAST, error))? else {
        return Ok(Past::default());
    };
    let parsed = parse_past(&text).filter(|past| past.is_unfinished || !past.done.is_empty());
    let past = judge(directory, PAST, &text, parsed).map_err(|why| {
        let what_to_do = "put back that of a backup; without it nobody knows which migrations were carried out, so delete it only if none of \
             them will be given again";
        OpenError::Damaged(format!("{why}: {what_to_do}"))
    })?;
    if past.is_unfinished && !staging::is_unfinished(path) {
        return Err(OpenError::Damaged(format!(
            "a migration of the YAML directory {} was interrupted when some of its files were changed already, and the folder {} with the \
             rest of them is gone: put the folder back, or a backup in the place of the directory",
            path.display(),
            staging::FOLDER
        )));
    }
    Ok(past)
}

/// Refuses a note of donet's own that was not left as donet writes it.
///
/// # Errors
/// In words, if nothing was read from it, or something is missing of its text.
pub fn judge<T>(
    directory: &Directory,
    name: &str,
    text: &str,
    parsed: Option<T>,
) -> Result<T, String> {
    let why = match (conflict(text), parsed) {
        (Some(line), _) => Error::Conflict(line).to_string(),
        (None, _) if text.trim().is_empty() => "it is empty".to_owned(),
        (None, _) if text.contains('\0') => "it has NUL bytes in it".to_owned(),
        // donet ends each line.
        (None, _) if !text.ends_with('\n') => {
            "its last line has no end, as if it was cut".to_owned()
        }
        (None, None) => "expected lines that donet has written".to_owned(),
        (None, Some(parsed)) => return Ok(parsed),
    };
    Err(format!("{name} in {}: {why}", directory.path().display()))
}

/// An error while a note is read.
pub fn cannot_read(directory: &Directory, name: &str, error: io::Error) -> OpenError {
    let what = format!("cannot read {name} in {}", directory.path().display());
    OpenError::Io { what, error }
}

/// Refuses a directory whose `types.yaml` was emptied or cut.
pub fn lost_types(why: &str) -> OpenError {
    OpenError::Damaged(format!(
        "{why}: put back {TYPES} of a backup; if there is none, delete it before a start with the DC files by which the values were \
         stored, which writes it anew"
    ))
}

impl Past {
    /// The text of the file.
    pub fn write(&self) -> String {
        let mut text = PAST_HEAD.to_owned();
        for Migration { old, new, done } in &self.done {
            writeln!(text, "- {{old: {old:016x}, new: {new:016x}, done: {done}}}")
                .expect("a string takes everything");
        }
        if self.is_unfinished {
            writeln!(text, "- {UNFINISHED}").expect("a string takes everything");
        }
        text
    }
}

fn parse_past(text: &str) -> Option<Past> {
    let root = yaml::parse(text, RULES).ok()?.root?;
    let Value::List(items) = &root.value else { return None };
    let mut past = Past::default();
    for node in items {
        match node.text() {
            Some(UNFINISHED) => past.is_unfinished = true,
            _ => past.done.push(migration(node)?),
        }
    }
    Some(past)
}

fn migration(node: &yaml::Node) -> Option<Migration> {
    let Value::Map(entries) = &node.value else { return None };
    let value = |name: &str| {
        let entry = entries.iter().find(|(key, _)| key.text() == Some(name));
        entry.and_then(|(_, node)| node.text())
    };
    let number = |name| u64::from_str_radix(value(name)?, 16).ok();
    Some(Migration { old: number("old")?, new: number("new")?, done: value("done")?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_read_as_it_was_written() {
        let done = vec![
            Migration { old: 1, new: u64::MAX, done: 5 },
            Migration { old: u64::MAX, new: 0, done: 6 },
        ];
        for is_unfinished in [false, true] {
            let past = Past { done: done.clone(), is_unfinished };
            assert_eq!(parse_past(&past.write()), Some(past));
        }
        assert_eq!(parse_past(""), None);
        assert_eq!(parse_past("- {old: x}"), None);
    }
}

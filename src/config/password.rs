//! The password of a database: in the configuration, or in a file of its own.

use std::fs;
use std::path::Path;

use dclass::input::{self, Unread};

use super::path::tidy;
use super::section::Section;
use super::value;
use crate::platform::files;

/// No password is that long.
const BYTES_MAX: u64 = 64 * 1024;

/// A password, if there is one.
pub(super) struct Password(pub Option<String>);

/// Reads `password` or `password_file`.
pub(super) fn read(section: &mut Section<'_>, base_dir: &Path) -> Password {
    let given = section.optional("password", value::string);
    let file = section.optional("password_file", value::name("the path of a file"));
    let Some(file) = file.map(|file| tidy(&base_dir.join(file))) else {
        return Password(given);
    };
    if section.has("password") {
        let message = "there is a `password`, too; give one of them";
        section.error_beside("password_file", message, "password", "the other one");
        return Password(None);
    }
    match read_file(&file) {
        Ok((password, is_open)) => {
            if is_open {
                let message = format!(
                    "{} can be read by everybody on this machine; `chmod 600` keeps it to its owner",
                    file.display()
                );
                section.warning("password_file", message);
            }
            Password(Some(password))
        }
        Err(why) => {
            section.error("password_file", format!("{}: {why}", file.display()));
            Password(None)
        }
    }
}

/// What is in the file, without the end of its line, and whether everybody can read it.
fn read_file(path: &Path) -> Result<(String, bool), String> {
    const OTHERS: u32 = 0o004;
    let unreadable = |error: Unread| format!("the file cannot be read: {error}");
    let metadata = fs::metadata(path).map_err(|error| unreadable(error.into()))?;
    let mode = files::mode(&metadata);
    let bytes = input::read_file(path, BYTES_MAX).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text")?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    // Whatever is odd in it would be taken for a part of the password, and refused by the database without a reason.
    let why = if password.is_empty() {
        "the file is empty"
    } else if password.starts_with('\u{feff}') {
        "the file begins with a byte order mark (BOM), which would be a part of the password; save it without"
    } else if password.contains(['\n', '\r']) {
        "the file has several lines; a password is one, and the end of that line is not a part of it"
    } else if password.contains('\0') {
        "there is a NUL character in the file, which no password can have"
    } else {
        return Ok((password.to_owned(), mode & OTHERS != 0));
    };
    Err(why.to_owned())
}

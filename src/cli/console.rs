//! `donet console`: what proves who somebody is, for section `web` of a configuration.

use std::fmt;
use std::io::{self, IsTerminal as _, Read as _};

use clap::Subcommand;

use super::out::{complain, lament, say};
use crate::credentials::{PASSWORD_BYTES_MAX, PasswordProof, TokenProof, new_token};
use crate::platform::terminal::Dark;

/// What is to be made.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Print the hash of a password for `web.users`: asks for it twice, or reads a line from standard input
    Password,
    /// Print a new token for a program, and its hash for `web.tokens`
    Token,
}

/// Makes it, and returns the exit code.
pub(super) fn run(command: &Command) -> u8 {
    match command {
        Command::Password => match password() {
            Ok(password) => {
                say!("{}", PasswordProof::of(&password));
                0
            }
            Err(why) => {
                complain!("{why}");
                1
            }
        },
        Command::Token => {
            token();
            0
        }
    }
}

fn token() {
    let token = new_token();
    complain!("The token, for whoever uses it (`Authorization: Bearer …`); it is shown only now:");
    say!("{token}");
    complain!(
        "Its hash, for the configuration (`web: {{tokens: {{NAME: {{hash: HASH, role: view}}}}}}`):"
    );
    say!("{}", TokenProof::of(&token));
}

/// Why there is no password.
#[derive(Debug)]
enum Unfit {
    Unread(io::Error),
    NotText,
    Empty,
    Long,
    Different,
    Aborted,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Unread(error) => write!(f, "cannot read a password: {error}"),
            Unfit::NotText => f.write_str("a password is text (UTF-8) in one line"),
            Unfit::Empty => f.write_str("an empty password is none"),
            Unfit::Long => write!(f, "a password has at most {PASSWORD_BYTES_MAX} bytes"),
            Unfit::Different => f.write_str("the two are different: nothing is printed"),
            Unfit::Aborted => f.write_str("nothing is printed"),
        }
    }
}

impl From<io::Error> for Unfit {
    fn from(error: io::Error) -> Self {
        Unfit::Unread(error)
    }
}

/// From a terminal twice, without showing it; from anything else one line.
fn password() -> Result<String, Unfit> {
    if !io::stdin().is_terminal() {
        return checked(line()?);
    }
    let first = checked(hidden("Password: ")?)?;
    if hidden("Again: ")? != first.as_bytes() {
        return Err(Unfit::Different);
    }
    Ok(first)
}

/// What stands before the end of the first line.
fn line() -> io::Result<Vec<u8>> {
    // Longer ones are none, and only that has to be seen.
    let limit = PASSWORD_BYTES_MAX as u64 + 3;
    let mut bytes = Vec::new();
    for byte in io::stdin().lock().take(limit).bytes() {
        match byte? {
            b'\n' => break,
            byte => bytes.push(byte),
        }
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes)
}

fn checked(bytes: Vec<u8>) -> Result<String, Unfit> {
    if bytes.len() > PASSWORD_BYTES_MAX {
        return Err(Unfit::Long);
    }
    let text = String::from_utf8(bytes).map_err(|_| Unfit::NotText)?;
    if text.is_empty() {
        return Err(Unfit::Empty);
    }
    Ok(text)
}

/// Asks at the terminal, and shows nothing of what is typed.
fn hidden(question: &str) -> Result<Vec<u8>, Unfit> {
    lament(format_args!("{question}"));
    let typed = {
        let _dark = Dark::new()?;
        typed(io::stdin().lock().bytes())
    };
    complain!("");
    typed
}

/// What somebody has typed until the end of the line, who may have taken back some of it.
fn typed(bytes: impl Iterator<Item = io::Result<u8>>) -> Result<Vec<u8>, Unfit> {
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    const BACKSPACE: u8 = 8;
    const KILL: u8 = 21;
    const DELETE: u8 = 127;
    let mut typed: Vec<u8> = Vec::new();
    for byte in bytes {
        match byte? {
            b'\n' | b'\r' => return Ok(typed),
            INTERRUPT => return Err(Unfit::Aborted),
            END if typed.is_empty() => return Err(Unfit::Aborted),
            KILL => typed.clear(),
            // A whole character, which may have several bytes.
            BACKSPACE | DELETE => while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            byte if typed.len() <= PASSWORD_BYTES_MAX => typed.push(byte),
            _ => {}
        }
    }
    Ok(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_can_be_taken_back() {
        let typed = |text: &str| typed(text.bytes().map(Ok)).ok();
        assert_eq!(typed("secret\nmore").as_deref(), Some(&b"secret"[..]));
        assert_eq!(typed("aü\u{7f}b\u{8}c\r").as_deref(), Some(&b"ac"[..]));
        assert_eq!(typed("wrong\u{15}right\n").as_deref(), Some(&b"right"[..]));
        assert_eq!(typed("\u{7f}a\u{4}\n").as_deref(), Some(&b"a\x04"[..]));
        assert_eq!([typed("a\u{3}"), typed("\u{4}")], [None, None]);
        assert_eq!(
            typed(&"a".repeat(5_000)).map(|bytes| bytes.len()),
            Some(PASSWORD_BYTES_MAX + 1)
        );
    }

    #[test]
    fn what_is_no_password_is_refused() {
        assert!(matches!(checked(Vec::new()), Err(Unfit::Empty)));
        assert!(matches!(checked(vec![0xff]), Err(Unfit::NotText)));
        assert!(matches!(checked(vec![b'a'; PASSWORD_BYTES_MAX + 1]), Err(Unfit::Long)));
        assert_eq!(
            checked(vec![b'a'; PASSWORD_BYTES_MAX]).map(|text| text.len()).ok(),
            Some(PASSWORD_BYTES_MAX)
        );
    }
}

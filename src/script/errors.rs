//! Lua's errors: what they say, and where the script was.

use std::fmt;

use mlua::{Error, Lua};

use super::Fault;
use super::fault::TEXT_BYTES_MAX;

/// What the chunk of [`super::sandbox`] is called in errors, where it must not appear.
pub(super) const PRELUDE: &str = "lua";
/// What Lua puts after an error that nobody has caught.
const TRACEBACK: &str = "\nstack traceback:\n";

impl Fault {
    /// An error as Lua tells it.
    pub(super) fn of(error: &Error) -> Fault {
        let whole = whole_text(error);
        let (text, trace) = whole.rsplit_once(TRACEBACK).unwrap_or((&whole, ""));
        let (place, text) = match split(text) {
            Some((place, text)) if place.0 != PRELUDE => (Some(place), text),
            // A library complains: who has called it?
            found => {
                let callers = trace.lines().filter_map(|line| split(line.trim_start()));
                let mut callers = callers.map(|(place, _)| place);
                (callers.find(|(file, _)| file != PRELUDE), found.map_or(text, |(_, text)| text))
            }
        };
        Fault { place, text: one_line(text, TEXT_BYTES_MAX) }
    }

    /// An error in a file, which is said at least if Lua does not know where in it.
    pub(super) fn in_file(self, name: &str) -> Fault {
        match self.place {
            Some(_) => self,
            None => Fault { place: None, text: format!("{name}: {}", self.text) },
        }
    }

    /// An error that stands at a place of which only the text is known.
    pub(super) fn with_text(text: &str) -> Fault {
        Fault::of(&Error::runtime(text))
    }
}

/// `game.lua:12: text` taken apart.
fn split(text: &str) -> Option<((String, u32), &str)> {
    /// Where a text is to have been at the latest, which may be a client's and have colons everywhere.
    const NAME_BYTES_MAX: usize = 100;
    let line = text.split('\n').next()?;
    // A file's name may have a colon of its own.
    let head = &line[..line.floor_char_boundary(NAME_BYTES_MAX)];
    head.match_indices(':').find_map(|(at, _)| {
        let after = &line[at + 1..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let rest = after[digits..].strip_prefix(": ")?;
        let file = one_line(&line[..at], NAME_BYTES_MAX);
        Some(((file, after[..digits].parse().ok()?), &text[line.len() - rest.len()..]))
    })
}

/// What an error says, without what Lua's callers have wrapped it in.
fn whole_text(error: &Error) -> String {
    match error {
        Error::CallbackError { cause, .. } | Error::BadArgument { cause, .. } => whole_text(cause),
        Error::RuntimeError(text) | Error::MemoryError(text) => text.clone(),
        Error::SyntaxError { message, .. } => message.clone(),
        error => error.to_string(),
    }
}

/// Whether this is what Lua says, or one of its libraries, when there is no memory left.
pub(super) fn is_no_memory(text: &str) -> bool {
    let first = text.split('\n').next().unwrap_or_default();
    first == "not enough memory" || first.ends_with("not enough memory for buffer allocation")
}

/// Whether there was no memory left.
pub(super) fn is_of_memory(error: &Error) -> bool {
    match error {
        Error::MemoryError(_) => true,
        Error::RuntimeError(text) => is_no_memory(text),
        Error::CallbackError { cause, .. } | Error::BadArgument { cause, .. } => {
            is_of_memory(cause)
        }
        _ => false,
    }
}

/// What a `pcall` hands to a script, which is text where Lua's own is.
pub(super) fn caught(error: &Error) -> String {
    let whole = whole_text(error);
    let text = whole.rsplit_once(TRACEBACK).map_or(&*whole, |(text, _)| text);
    without_prelude(text).to_owned()
}

/// A library's complaint without a place that nobody knows.
pub(super) fn without_prelude(text: &str) -> &str {
    match split(text) {
        Some(((file, _), rest)) if file == PRELUDE => rest,
        _ => text,
    }
}

/// Where the script is, as errors begin.
pub(super) fn place(lua: &Lua) -> String {
    /// Functions of ours that stand between it and whoever asks.
    const LEVELS: usize = 16;
    let at = |level| {
        lua.inspect_stack(level, |debug| {
            let source = debug.source();
            let file = source.short_src.filter(|file| file != PRELUDE)?;
            Some(format!("{file}:{}: ", debug.current_line()?))
        })
    };
    (0..LEVELS).map_while(at).flatten().next().unwrap_or_default()
}

/// An error at the place where the script is.
pub(super) fn fail(lua: &Lua, text: impl fmt::Display) -> Error {
    Error::runtime(format!("{}{text}", place(lua)))
}

/// A text as one line of bounded length.
pub(super) fn one_line(text: &str, bytes_max: usize) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if dclass::is_printable(character) {
            line.push(character);
        } else {
            line.extend(character.escape_debug());
        }
        if line.len() > bytes_max {
            line.truncate(line.floor_char_boundary(bytes_max));
            line.push('…');
            break;
        }
    }
    line
}

//! `donet init NAME`: the folder of a new game, with everything that it needs to be played.

mod files;
mod folder;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use self::files::{FILES, NAME_IN_FILES};
use crate::cli::out::{complain, one_line, say};

/// How long a game's name may be.
const NAME_LENGTH_MAX: usize = 32;
/// So much of what somebody has written is shown to him again.
const SHOWN_CHARS_MAX: usize = 80;

/// Where the new game is to be.
#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The game's folder, to be made; its last part is the game's name. `.` is this folder, if it is empty
    // An empty one is told what the others are told.
    #[arg(value_name = "NAME", value_parser = clap::builder::OsStringValueParser::new())]
    folder: OsString,
}

/// Makes it, and returns the exit code.
pub(super) fn run(arguments: &Arguments) -> u8 {
    let made = Place::named(&arguments.folder).and_then(|place| {
        let text_of = |text: &str| text.replace(NAME_IN_FILES, &place.name);
        let files = FILES.iter().map(|(path, text)| (*path, text_of(text)));
        folder::make(&place.folder, files).map_err(|failure| failure.to_string())?;
        Ok(place)
    });
    match made {
        Ok(place) => {
            say!("{}", what_next(&place, cfg!(windows)));
            0
        }
        Err(why) => {
            complain!("error: {why}");
            1
        }
    }
}

/// Where a game is, and what it is called.
#[derive(PartialEq, Eq, Debug)]
struct Place {
    folder: PathBuf,
    /// It goes into files of several languages and into a window's title.
    name: String,
    /// Whoever makes it is there already.
    is_here: bool,
}

impl Place {
    /// What somebody means by the path that he writes.
    fn named(path: &OsStr) -> Result<Place, String> {
        // Without what says nothing: `./mygame/.` is `./mygame`.
        let folder: PathBuf = Path::new(path).components().collect();
        let is_here = folder == Path::new(".");
        let whole = match is_here {
            true => folder.canonicalize().map_err(|error| format!("this folder: {error}"))?,
            false => folder.clone(),
        };
        let shown = if is_here { whole.as_os_str() } else { path };
        let shown = cut(&one_line(&shown.to_string_lossy()));
        let name = whole.file_name().ok_or_else(|| {
            format!(
                "a game needs a name, and `{shown}` ends with none: write `donet init mygame`, say"
            )
        })?;
        let Some(name) = name.to_str().filter(|name| is_name(name)) else {
            return Err(format!(
                "`{shown}`: a game's name has letters from a to z, digits, `-` and `_`, begins with a letter, and has at most \
                 {NAME_LENGTH_MAX} of them; take `{}`, say",
                like(&name.to_string_lossy())
            ));
        };
        if is_device(name) {
            return Err(format!(
                "`{shown}`: Windows has a device of this name, and no folder can have it there; take `{name}-game`, say"
            ));
        }
        let name = name.to_owned();
        Ok(Place { folder, name, is_here })
    }
}

/// The beginning of what may be very long.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn is_in_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(is_in_names)
        && name.len() <= NAME_LENGTH_MAX
}

/// A game made with this name on one system could not be had on another. As Windows has them, upper case or not.
fn is_device(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_numbered = |port: &str| {
        name.strip_prefix(port).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
    };
    matches!(&*name, "con" | "prn" | "aux" | "nul") || is_numbered("com") || is_numbered("lpt")
}

/// A name that could be meant by one that is none.
fn like(name: &str) -> String {
    let only_right = name.replace(|c| !is_in_names(c), "_");
    let name = only_right.trim_matches(['-', '_']);
    let begins_right = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let name = if begins_right { name.to_owned() } else { format!("game-{name}") };
    let name: String = name.chars().take(NAME_LENGTH_MAX).collect();
    let name = name.trim_end_matches(['-', '_']);
    if name == "game" || is_device(name) { NAME_IN_FILES.to_owned() } else { name.to_owned() }
}

/// What to type next.
fn what_next(place: &Place, is_windows: bool) -> String {
    let (make, bin) = match is_windows {
        true => ("py -m venv venv", "venv\\Scripts\\"),
        false => ("python3 -m venv venv", "venv/bin/"),
    };
    let Place { folder, name, is_here } = place;
    let folder = quoted(&folder.display().to_string(), is_windows);
    let (go, place) = match is_here {
        true => (String::new(), "here"),
        false => (format!("  cd {folder}\n"), "there"),
    };
    format!(
        "{name} is a game that runs. First, once:

{go}  {make}
  {bin}pip install -r requirements.txt

Then, each in a terminal of its own:

  donet cluster.yml                # the daemon
  {bin}python uberdog.py       # lets players in
  {bin}python ai.py            # makes the world
  {bin}python client.py Ann    # a player
  {bin}python client.py Bob    # another one

Or all of it at once, without a window:

  {bin}python test.py

README.md {place} says what is what."
    )
}

/// A path as a shell takes it for one word.
fn quoted(path: &str, is_windows: bool) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./\\:~".contains(c);
    match (path.chars().all(is_plain), is_windows) {
        (true, _) => path.to_owned(),
        (false, true) => format!("\"{path}\""),
        (false, false) => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Result<Place, String> {
        Place::named(OsStr::new(path))
    }

    #[test]
    fn a_name_is_a_word() {
        for (path, folder, name) in [
            ("mygame", "mygame", "mygame"),
            ("a/b/My_game-2/", "a/b/My_game-2", "My_game-2"),
            ("../x", "../x", "x"),
            ("./z/.", "./z", "z"),
            ("con/x", "con/x", "x"),
            ("console", "console", "console"),
            ("com10", "com10", "com10"),
        ] {
            let place = place(path).expect(path);
            // Two paths are alike by their parts; this is about what is shown.
            let shown = place.folder.to_string_lossy().replace('\\', "/");
            assert_eq!(shown, folder, "{path}");
            assert_eq!((&*place.name, place.is_here), (name, false), "{path}");
        }
        for path in ["", "..", "a/..", "/", "./.."] {
            let why = place(path).expect_err(path);
            assert!(why.contains(&format!("a name, and `{path}` ends with none")), "{why}");
        }
        for path in ["con", "NUL", "a/aux", "prn", "com1", "LPT9"] {
            let why = place(path).expect_err(path);
            assert!(why.starts_with(&format!("`{path}`: Windows has a device")), "{why}");
        }
    }

    #[test]
    fn what_is_no_name_is_answered_with_one() {
        let long = "a".repeat(NAME_LENGTH_MAX + 1);
        for (path, say) in [
            ("2nd", "game-2nd"),
            ("-x", "x"),
            ("my game", "my_game"),
            ("games/my.game", "my_game"),
            ("spiel\"", "spiel"),
            ("a\u{1b}[2J", "a__2J"),
            ("con!", NAME_IN_FILES),
            ("игра", NAME_IN_FILES),
            (&long, &long[1..]),
        ] {
            let why = place(path).expect_err(path);
            assert!(why.contains(": a game's name has "), "{why}");
            assert!(why.ends_with(&format!("; take `{say}`, say")), "{path}: {why}");
            assert!(place(say).is_ok(), "{say}");
        }
        let why = place(&"a".repeat(5000)).expect_err("it is long");
        assert!(why.len() < 300, "{why}");
    }

    #[test]
    fn a_path_with_blanks_is_one_word() {
        assert_eq!(quoted("a/b", false), "a/b");
        assert_eq!(quoted("my games/it's", false), "'my games/it'\\''s'");
        assert_eq!(quoted("C:\\my games\\x", true), "\"C:\\my games\\x\"");
    }

    #[test]
    fn the_columns_of_what_to_type_are_straight() {
        for is_windows in [false, true] {
            let place = place("x").expect("a name");
            let text = what_next(&place, is_windows);
            let columns =
                text.lines().filter(|line| line.contains(".py ")).map(|line| line.find('#'));
            let columns: Vec<_> = columns.collect();
            assert!(columns.len() == 4 && columns.iter().all(|it| *it == columns[0]), "{text}");
        }
    }
}

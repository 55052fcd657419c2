//! `donet init NAME`: the folder of a new game, with everything that it needs to be played.

mod files;
mod folder;

use std::path::{Path, PathBuf};

use self::files::{FILES, NAME_IN_FILES};
use crate::cli::out::{complain, say};

/// How long a game's name may be.
const NAME_LENGTH_MAX: usize = 32;

/// Where the new game is to be.
#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The game's folder, to be made; its last part is the game's name
    #[arg(value_name = "NAME")]
    folder: PathBuf,
}

/// Makes it, and returns the exit code.
pub(super) fn run(arguments: &Arguments) -> u8 {
    let folder = &arguments.folder;
    let name = match name_of(folder) {
        Ok(name) => name,
        Err(why) => {
            complain!("error: {}: {why}", folder.display());
            return 1;
        }
    };
    let files = FILES.iter().map(|(path, text)| (*path, text.replace(NAME_IN_FILES, name)));
    match folder::make(folder, files) {
        Ok(()) => {
            say!("{}", what_next(name, folder, cfg!(windows)));
            0
        }
        Err(failure) => {
            complain!("error: {failure}");
            1
        }
    }
}

/// The game's name, which goes into files of several languages and into a window's title.
fn name_of(folder: &Path) -> Result<&str, String> {
    let name = folder.file_name().ok_or("a game needs a name: write a path that ends with one")?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_right = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(is_allowed)
            && name.len() <= NAME_LENGTH_MAX
    };
    name.to_str().filter(is_right).ok_or_else(|| {
        format!(
            "a game's name has letters from a to z, digits, `-` and `_`, begins with a letter, \
             and has at most {NAME_LENGTH_MAX} of them"
        )
    })
}

/// What to type next.
fn what_next(name: &str, folder: &Path, is_windows: bool) -> String {
    let (make, bin) = match is_windows {
        true => ("py -m venv venv", "venv\\Scripts\\"),
        false => ("python3 -m venv venv", "venv/bin/"),
    };
    let folder = quoted(&folder.display().to_string(), is_windows);
    format!(
        "{name} is a game that runs. First, once:

  cd {folder}
  {make}
  {bin}pip install -r requirements.txt

Then, each in a terminal of its own:

  donet cluster.yml                # the daemon
  {bin}python uberdog.py       # lets players in
  {bin}python ai.py            # makes the world
  {bin}python client.py Ann    # a player
  {bin}python client.py Bob    # another one

Or all of it at once, without a window:

  {bin}python test.py

README.md there says what is what."
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

    #[test]
    fn a_name_is_a_word() {
        for (path, name) in [("mygame", "mygame"), ("a/b/My_game-2/", "My_game-2"), ("../x", "x")] {
            assert_eq!(name_of(Path::new(path)).as_deref(), Ok(name));
        }
        let long = "a".repeat(NAME_LENGTH_MAX + 1);
        for path in
            ["", ".", "a/..", "/", "2nd", "-x", "my game", "my.game", "spiel\"", "grün", &long]
        {
            name_of(Path::new(path)).expect_err(path);
        }
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
            let text = what_next("x", Path::new("x"), is_windows);
            let columns =
                text.lines().filter(|line| line.contains(".py ")).map(|line| line.find('#'));
            let columns: Vec<_> = columns.collect();
            assert!(columns.len() == 4 && columns.iter().all(|it| *it == columns[0]), "{text}");
        }
    }
}

//! The game's folder: written whole, or not at all, and over nothing.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// So many names of what is in the way are told.
const NAMES_TOLD: usize = 3;

/// Why there is no new game.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{} is there and is no folder; nothing is overwritten", .0.display())]
    NoFolder(PathBuf),
    #[error("{} is not empty: it has {what}; nothing is overwritten", .folder.display())]
    NotEmpty { folder: PathBuf, what: String },
    #[error("cannot read {}: {error}", .path.display())]
    Unread { path: PathBuf, error: io::Error },
    #[error("cannot make {}: {error}", .path.display())]
    Unmade { path: PathBuf, error: io::Error },
    #[error("{failure}; and of what had been made before there is still {left}")]
    Left { failure: Box<Failure>, left: String },
}

/// Makes the folder with these files. After a failure there is what there was before.
pub(super) fn make(
    folder: &Path,
    files: impl Iterator<Item = (&'static str, String)>,
) -> Result<(), Failure> {
    look(folder)?;
    let mut made = Vec::new();
    fill(folder, files, &mut made).map_err(|failure| clear_away(failure, &made))
}

/// Whether the folder can be made, or is there and is empty.
fn look(folder: &Path) -> Result<(), Failure> {
    let unread = |error| Failure::Unread { path: folder.into(), error };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Of a link that leads nowhere, too; it cannot be made then, which is told.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Failure::NoFolder(folder.into()));
        }
        Err(error) => return Err(unread(error)),
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
    };
    let mut names = entries.map(name).collect::<io::Result<Vec<String>>>().map_err(unread)?;
    names.sort();
    match names.len() {
        0 => Ok(()),
        count => {
            let more = count.saturating_sub(NAMES_TOLD);
            names.truncate(NAMES_TOLD);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let what = names.join(", ") + &more;
            Err(Failure::NotEmpty { folder: folder.into(), what })
        }
    }
}

fn fill(
    folder: &Path,
    files: impl Iterator<Item = (&'static str, String)>,
    made: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    make_folders(folder, made)?;
    for (path, text) in files {
        let path = folder.join(path);
        make_folders(path.parent().expect("it is in the folder"), made)?;
        let unmade = |error| Failure::Unmade { path: path.clone(), error };
        // Also what somebody else has just made is not overwritten.
        let mut file = File::create_new(&path).map_err(unmade)?;
        made.push(path.clone());
        file.write_all(text.as_bytes()).map_err(unmade)?;
    }
    Ok(())
}

/// Makes a folder and those that it is in, as far as they are missing.
fn make_folders(folder: &Path, made: &mut Vec<PathBuf>) -> Result<(), Failure> {
    // The empty path is what a single name is in.
    let missing = folder.ancestors().take_while(|path| *path != Path::new("") && !path.is_dir());
    let mut missing: Vec<&Path> = missing.collect();
    while let Some(path) = missing.pop() {
        DirBuilder::new()
            .create(path)
            .map_err(|error| Failure::Unmade { path: path.into(), error })?;
        made.push(path.into());
    }
    Ok(())
}

/// Takes back what has been made, and says what is left of it.
fn clear_away(failure: Failure, made: &[PathBuf]) -> Failure {
    let remove = |path: &Path| match path.is_dir() {
        true => fs::remove_dir(path),
        false => fs::remove_file(path),
    };
    let left = made.iter().rev().filter(|path| remove(path).is_err());
    let left: Vec<String> = left.map(|path| path.display().to_string()).collect();
    match left.is_empty() {
        true => failure,
        false => Failure::Left { failure: Box::new(failure), left: left.join(", ") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&'static str]) -> impl Iterator<Item = (&'static str, String)> {
        paths.iter().map(|path| (*path, "text".to_owned()))
    }

    #[test]
    fn what_was_made_before_a_failure_goes() {
        let place = tempfile::tempdir().expect("a folder");
        let game = place.path().join("games/new");
        // A file cannot be a folder, too.
        let failure = make(&game, files(&["one", "objects/two", "one/three"]));
        assert!(matches!(failure, Err(Failure::Unmade { .. })), "{failure:?}");
        assert!(!place.path().join("games").exists());
    }

    #[test]
    fn what_cannot_be_cleared_away_is_named() {
        let place = tempfile::tempdir().expect("a folder");
        fs::write(place.path().join("of somebody else"), "").expect("a file");
        let gone = place.path().join("gone");
        let failure =
            clear_away(Failure::NoFolder(gone.clone()), &[place.path().into(), gone.clone()]);
        let text = failure.to_string();
        let left = format!("still {}, {}", gone.display(), place.path().display());
        assert!(text.ends_with(&left), "{text}");
    }

    #[test]
    fn an_empty_folder_is_filled_and_stays_after_a_failure() {
        let place = tempfile::tempdir().expect("a folder");
        make(place.path(), files(&["a", "a"])).expect_err("it is there twice");
        assert_eq!(fs::read_dir(place.path()).expect("it is still there").count(), 0);
        make(place.path(), files(&["a"])).expect("it is empty");
    }
}

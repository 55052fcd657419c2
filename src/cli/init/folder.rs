//! The game's folder: written whole, or not at all, and over nothing.
//!
//! What is made gets its name when it is complete. So whoever is ended in the middle, by a plug that is pulled, say, leaves a folder
//! that says itself what it is, and no game of which some files are missing.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// So many names of what is in the way are told.
const NAMES_TOLD: usize = 3;
/// What is not complete yet is in a folder whose name has this in it.
const UNFINISHED: &str = "unfinished-";
/// Who has a repository before there is anything in it has no game yet.
const REPOSITORY: &str = ".git";

/// Why there is no new game.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{} is there and is no folder; nothing is overwritten", .0.display())]
    NoFolder(PathBuf),
    #[error("{} is not empty: it has {what}; nothing is overwritten", .folder.display())]
    NotEmpty { folder: PathBuf, what: String },
    #[error(
        "{} is what is left of a `donet init` that was ended before its game was complete: delete it, and try again",
        .0.display()
    )]
    Unfinished(PathBuf),
    #[error(
        "{} is what is left of a `donet init` that was ended before its game was complete: delete it, and what it had put here already \
         ({others}), and try again",
        .unfinished.display()
    )]
    HalfMoved { unfinished: PathBuf, others: String },
    #[error("{} has come meanwhile; nothing is overwritten", .0.display())]
    Taken(PathBuf),
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
    let mut made = Vec::new();
    let outcome = match look(folder)? {
        Place::Free => make_beside(folder, files, &mut made),
        Place::Empty => make_inside(folder, files, &mut made),
    };
    outcome.map_err(|failure| clear_away(failure, &made))
}

/// Where the game can be.
#[derive(PartialEq, Eq, Debug)]
enum Place {
    /// There is nothing of this name.
    Free,
    /// There is a folder, with nothing in it that is in the way.
    Empty,
}

/// Whether the folder can be made, or is there and is empty.
fn look(folder: &Path) -> Result<Place, Failure> {
    let unread = |error| Failure::Unread { path: folder.into(), error };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Of a link that leads nowhere, too; it cannot be made then, which is told.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Place::Free),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Failure::NoFolder(folder.into()));
        }
        Err(error) => return Err(unread(error)),
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
    };
    let mut names = entries.map(name).collect::<io::Result<Vec<String>>>().map_err(unread)?;
    names.retain(|name| name != REPOSITORY);
    names.sort();
    match names.iter().find(|name| name.starts_with(UNFINISHED)) {
        _ if names.is_empty() => Ok(Place::Empty),
        Some(unfinished) => {
            let others: Vec<&str> =
                names.iter().filter(|name| *name != unfinished).map(|name| &**name).collect();
            let unfinished = folder.join(unfinished);
            Err(match others.is_empty() {
                true => Failure::Unfinished(unfinished),
                // It was ended when it had begun to move what it had made.
                false => Failure::HalfMoved { unfinished, others: others.join(", ") },
            })
        }
        None => {
            let more = names.len().saturating_sub(NAMES_TOLD);
            names.truncate(NAMES_TOLD);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let what = names.join(", ") + &more;
            Err(Failure::NotEmpty { folder: folder.into(), what })
        }
    }
}

/// Makes the whole folder under another name, and gives it its own.
fn make_beside(
    folder: &Path,
    files: impl Iterator<Item = (&'static str, String)>,
    made: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", unfinished()));
    let stage = folder.with_file_name(name);
    fill(&stage, folder, files, made)?;
    // If somebody else has made it meanwhile, it is not replaced, unless it is empty.
    fs::rename(&stage, folder).map_err(|error| Failure::Unmade { path: folder.into(), error })
}

/// Makes all of it in a folder of its own in there, and moves it to its place piece by piece, which takes no time.
fn make_inside(
    folder: &Path,
    files: impl Iterator<Item = (&'static str, String)>,
    made: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let stage = folder.join(unfinished());
    fill(&stage, folder, files, made)?;
    let unread = |error| Failure::Unread { path: stage.clone(), error };
    for entry in fs::read_dir(&stage).map_err(unread)? {
        let from = entry.map_err(unread)?.path();
        let to = moved(&from, &stage, folder);
        if to.symlink_metadata().is_ok() {
            return Err(Failure::Taken(to));
        }
        fs::rename(&from, &to).map_err(|error| Failure::Unmade { path: to.clone(), error })?;
        made.iter_mut().for_each(|path| *path = moved(path, &from, &to));
    }
    fs::remove_dir(&stage).map_err(|error| Failure::Unmade { path: stage, error })
}

/// Where a path is when a folder or file that it leads through has been moved.
fn moved(path: &Path, from: &Path, to: &Path) -> PathBuf {
    match path.strip_prefix(from) {
        Err(_) => path.into(),
        // Joined with nothing, it would end as a folder's does.
        Ok(rest) if rest == Path::new("") => to.into(),
        Ok(rest) => to.join(rest),
    }
}

/// Two at a time do not get into each other's way.
fn unfinished() -> String {
    format!("{UNFINISHED}{}", std::process::id())
}

/// Makes `stage` with these files; whoever reads of a failure knows it as `folder`.
fn fill(
    stage: &Path,
    folder: &Path,
    files: impl Iterator<Item = (&'static str, String)>,
    made: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    make_folders(stage.parent().expect("it has a name"), made)?;
    DirBuilder::new().create(stage).map_err(|error| match error.kind() {
        // In containers, numbers of processes are the same each time.
        ErrorKind::AlreadyExists => Failure::Unfinished(stage.into()),
        _ => Failure::Unmade { path: folder.into(), error },
    })?;
    made.push(stage.into());
    for (path, text) in files {
        let unmade = |error| Failure::Unmade { path: folder.join(path), error };
        let path = stage.join(path);
        make_folders(path.parent().expect("it is in the folder"), made)?;
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

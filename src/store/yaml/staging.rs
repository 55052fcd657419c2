//! Changing all files of a directory at once.
//!
//! New files are written into a folder within the directory. When the folder is complete it gets a list that says so, and
//! from then on the change counts: the files are moved to where they belong, which can be interrupted and gone on with, by
//! the same command and with the same files only. As long as the list is there, nobody may use the directory; and
//! `migrations.yaml`, in which the change is noted last, says that one is unfinished, in case the folder gets lost.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use dclass::diff::fnv;
use dclass::input::open_file;

use super::files::{Directory, object_name};
use super::notes;
use crate::ids::{DoId, DoIdRepr};
use crate::platform;
use crate::store::rewrite::Command;
use crate::store::{OpenError, files, half_imported};

/// The folder's name.
pub const FOLDER: &str = ".donet-migration";
/// The list of all that is in the folder. It has this name from when it is complete.
const COMPLETE: &str = "complete";
/// Its name before.
const LIST: &str = "list";
/// Begins the list's first line, which says which change it is.
const HEAD: &str = "donet-migration 1";
/// Begins its last line, with the number of those before.
const END: &str = "end";

/// Is there while objects are moved in.
const IMPORT: &str = ".donet-import";

/// Says which changes were carried out in a directory.
pub const PAST: &str = "migrations.yaml";

/// The folder in which a change is prepared.
#[derive(Debug)]
pub struct Staging {
    directory: PathBuf,
    folder: PathBuf,
    /// Open to have all that is in it made durable.
    handle: File,
    file_mode: u32,
    list: BufWriter<File>,
    listed: u64,
    removed: Vec<DoId>,
}

/// What a line of the list says.
enum Entry {
    /// A file is moved: its name, length and checksum.
    Move(String, u64, u64),
    /// The file of an object goes.
    Remove(DoId),
}

/// Whether a change of all files has begun to count, and is not finished.
pub fn is_unfinished(directory: &Path) -> bool {
    directory.join(FOLDER).join(COMPLETE).exists()
}

/// Refuses a directory in which some files are changed and others are not.
///
/// # Errors
/// If it is one.
pub fn refuse_unfinished(directory: &Path) -> Result<(), OpenError> {
    if !is_unfinished(directory) {
        return Ok(());
    }
    let command = read_command(directory)?;
    Err(OpenError::Refused(format!(
        "a migration of the YAML directory {} was interrupted when some of its files were changed already; \
         to finish it, give the same command again: `donet db migrate {} --apply`, \
         with the DC files and the map as they were then",
        directory.display(),
        command.words
    )))
}

/// Refuses a command that is not that of the change which is unfinished.
///
/// # Errors
/// If it is another, or nobody knows.
pub fn refuse_another(directory: &Path, command: &Command) -> Result<(), OpenError> {
    match read_command(directory)?.is_as(command) {
        true => Ok(()),
        false => refuse_unfinished(directory),
    }
}

fn read_command(directory: &Path) -> Result<Command, OpenError> {
    let path = directory.join(FOLDER).join(COMPLETE);
    let mut line = String::new();
    let read = open_file(&path).and_then(|file| BufReader::new(file).read_line(&mut line));
    let command = read.ok().and_then(|_| parse_head(&line));
    command.ok_or_else(|| {
        OpenError::Damaged(format!(
            "a migration of the YAML directory {} was interrupted when some of its files were changed already, and {} does not say which: \
             put a backup in the place of the directory",
            directory.display(),
            path.display()
        ))
    })
}

fn parse_head(line: &str) -> Option<Command> {
    let mut parts = line.strip_suffix('\n')?.strip_prefix(HEAD)?.trim_start().splitn(4, ' ');
    let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
    let (old, new, map) = (number()?, number()?, number()?);
    Some(Command { old, new, map, words: parts.next()?.to_owned() })
}

/// Notes that objects are being moved into a directory, or that this is done.
///
/// # Errors
/// What the system says.
pub fn set_half_imported(directory: &Path, is_unfinished: bool) -> io::Result<()> {
    let path = directory.join(IMPORT);
    match is_unfinished {
        true => File::create(&path)?.sync_all()?,
        false => files::remove_if_there(&path)?,
    }
    sync(directory)
}

/// Refuses a directory of which objects are missing, since they were being moved in.
///
/// # Errors
/// If it is one.
pub fn refuse_half_imported(directory: &Path) -> Result<(), OpenError> {
    match directory.join(IMPORT).exists() {
        true => Err(half_imported(&format!("the YAML directory {}", directory.display()))),
        false => Ok(()),
    }
}

/// Goes on with a change that counts already. Whether there was one. Nothing is moved unless all that is to be is there.
///
/// # Errors
/// What the system says, or if something is missing or damaged. It can be gone on with later.
pub fn go_on(directory: &Directory) -> io::Result<bool> {
    let path = directory.path();
    if !is_unfinished(path) {
        return Ok(false);
    }
    let folder = path.join(FOLDER);
    for entry in entries(&folder)? {
        check_entry(path, &folder, &entry?)?;
    }
    let mut past = notes::past(directory).map_err(io::Error::other)?;
    if !past.is_unfinished && folder.join(PAST).exists() {
        past.is_unfinished = true;
        directory.write_past(&past.write())?;
    }
    for entry in entries(&folder)? {
        match entry? {
            Entry::Remove(do_id) => files::remove_if_there(&directory.object_path(do_id))?,
            Entry::Move(name, ..) => {
                if name == PAST {
                    directory.sync()?;
                }
                let staged = folder.join(&name);
                if staged.exists() {
                    fs::rename(staged, path.join(&name))?;
                }
            }
        }
    }
    directory.sync()?;
    // What is left says only that all is done.
    fs::remove_file(folder.join(COMPLETE))?;
    fs::remove_dir_all(&folder)?;
    directory.sync()?;
    Ok(true)
}

/// What the list says, in its order.
fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<Entry>>> {
    let mut lines = BufReader::new(open_file(&folder.join(COMPLETE))?).lines();
    lines.next().transpose()?;
    let (mut count, mut has_ended) = (0, false);
    Ok(std::iter::from_fn(move || {
        if has_ended {
            return None;
        }
        let damaged =
            || io::Error::other(format!("the list {COMPLETE} in {FOLDER} was cut or changed"));
        let line = match lines.next() {
            Some(Ok(line)) => line,
            Some(Err(error)) => return Some(Err(error)),
            None => {
                has_ended = true;
                return Some(Err(damaged()));
            }
        };
        if line == format!("{END} {count}") {
            has_ended = true;
            return None;
        }
        count += 1;
        Some(parse_entry(&line).ok_or_else(damaged))
    }))
}

fn parse_entry(line: &str) -> Option<Entry> {
    let parts: Vec<&str> = line.split(' ').collect();
    match parts[..] {
        ["move", name, length, checksum] => {
            let checksum = u64::from_str_radix(checksum, 16).ok()?;
            let is_name = !name.contains('/') && name.ends_with(".yaml");
            is_name.then_some(Entry::Move(name.to_owned(), length.parse().ok()?, checksum))
        }
        ["remove", do_id] => Some(Entry::Remove(DoId(do_id.parse::<DoIdRepr>().ok()?))),
        _ => None,
    }
}

/// Looks whether what is to be moved is there, or was moved already.
fn check_entry(directory: &Path, folder: &Path, entry: &Entry) -> io::Result<()> {
    let Entry::Move(name, length, checksum) = entry else { return Ok(()) };
    let is_it = |path: PathBuf| {
        let bytes = open_file(&path).and_then(|mut file| {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut file, &mut bytes).map(|_| bytes)
        });
        match bytes {
            Ok(bytes) => Ok(Some(bytes.len() as u64 == *length && fnv(&bytes) == *checksum)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    };
    let what = match is_it(folder.join(name))? {
        Some(true) => return Ok(()),
        Some(false) => "was changed since it was written",
        None if is_it(directory.join(name))? == Some(true) => return Ok(()),
        None => "is missing",
    };
    Err(io::Error::other(format!(
        "{FOLDER}/{name} {what}: put the folder back as it was, or a backup in the place of the directory"
    )))
}

fn sync(directory: &Path) -> io::Result<()> {
    platform::files::sync_folder(directory)
}

impl Staging {
    /// Begins; what was begun and never counted is forgotten.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(directory: &Directory, command: &Command) -> io::Result<Staging> {
        let folder = directory.path().join(FOLDER);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir(&folder)?;
        let mut list = BufWriter::new(File::create(folder.join(LIST))?);
        let Command { old, new, map, words } = command;
        writeln!(list, "{HEAD} {old:016x} {new:016x} {map:016x} {words}")?;
        Ok(Staging {
            directory: directory.path().to_owned(),
            handle: platform::files::open_folder(&folder)?,
            folder,
            file_mode: directory.file_mode(),
            list,
            listed: 0,
            removed: Vec::new(),
        })
    }

    /// Writes what is to take the place of a file, with its mode and owner. What is written first is moved first.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, name: &str, text: &str) -> io::Result<()> {
        let old = files::metadata_at(&self.directory.join(name))?;
        let path = self.folder.join(name);
        let mut file = files::create_in_place_of(old.as_ref(), &path, self.file_mode)?;
        file.write_all(text.as_bytes())?;
        platform::files::sync_one_of_many(&file)?;
        let (length, checksum) = (text.len(), fnv(text.as_bytes()));
        self.listed += 1;
        writeln!(self.list, "move {name} {length} {checksum:016x}")
    }

    /// As [`Staging::write`], for an object.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_object(&mut self, do_id: DoId, text: &str) -> io::Result<()> {
        self.write(&object_name(do_id), text)
    }

    /// Notes that the file of an object goes.
    pub fn remove_object(&mut self, do_id: DoId) {
        self.removed.push(do_id);
    }

    /// The objects whose files go.
    pub fn removed(&self) -> &[DoId] {
        &self.removed
    }

    /// Makes the change count, and carries it out.
    ///
    /// # Errors
    /// What the system says. If the change counts, it can be gone on with.
    pub fn finish(mut self, directory: &Directory) -> io::Result<()> {
        self.complete()?;
        go_on(directory)?;
        Ok(())
    }

    fn complete(&mut self) -> io::Result<()> {
        for do_id in &self.removed {
            writeln!(self.list, "remove {do_id}")?;
        }
        writeln!(self.list, "{END} {}", self.listed + self.removed.len() as u64)?;
        self.list.flush()?;
        platform::files::sync_one_of_many(self.list.get_ref())?;
        platform::files::sync_file_system(&self.handle)?;
        fs::rename(self.folder.join(LIST), self.folder.join(COMPLETE))?;
        sync(&self.folder)?;
        sync(&self.directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path();
        let directory = Directory::open(path, 0o600).expect("opens");
        let read = |name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
        for (name, text) in [("1.yaml", "one"), ("2.yaml", "two"), ("3.yaml", "three")] {
            fs::write(path.join(name), text).expect("written");
        }
        let command = Command { old: 1, new: 2, map: 3, words: "--from old.dc".to_owned() };
        let staged = || {
            let mut staging = Staging::begin(&directory, &command).expect("begun");
            staging.write_object(DoId(1), "ONE").expect("written");
            staging.write("info.yaml", "next: 4").expect("written");
            staging.remove_object(DoId(2));
            staging
        };
        // Killed before it is complete.
        drop(staged());
        assert!(!is_unfinished(path) && !go_on(&directory).expect("nothing to go on with"));
        assert_eq!((read("1.yaml"), read("2.yaml")), ("one".into(), "two".into()));
        // Killed when it was complete, and half of it was done.
        let mut staging = staged();
        staging.complete().expect("complete");
        fs::rename(staging.folder.join("1.yaml"), path.join("1.yaml")).expect("moved");
        assert!(is_unfinished(path));
        assert_eq!(read_command(path).expect("a command"), command);
        // What is not as it was written is not moved, and nothing else is then.
        let next = staging.folder.join("info.yaml");
        for damage in [Some(""), Some("next: 5"), None] {
            match damage {
                Some(text) => fs::write(&next, text).expect("written"),
                None => fs::remove_file(&next).expect("removed"),
            }
            let error = go_on(&directory).expect_err("damaged").to_string();
            assert!(error.contains("info.yaml"), "{error}");
            assert_eq!((read("2.yaml"), read("info.yaml")), ("two".into(), String::new()));
        }
        fs::write(&next, "next: 4").expect("written");
        let list = staging.folder.join(COMPLETE);
        let whole = fs::read_to_string(&list).expect("a list");
        fs::write(&list, whole.lines().take(2).collect::<Vec<_>>().join("\n")).expect("cut");
        go_on(&directory).expect_err("the list is cut");
        fs::write(&list, whole).expect("written");
        assert!(go_on(&directory).expect("gone on"));
        assert_eq!((read("1.yaml"), read("2.yaml")), ("ONE".into(), String::new()));
        assert_eq!((read("3.yaml"), read("info.yaml")), ("three".into(), "next: 4".into()));
        assert!(!path.join(FOLDER).exists());
    }
}

//! The files of a YAML directory, replaced so that a crash leaves either the old or the new one.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use dclass::input::{UTF_16, is_utf_16, open_file};

use super::staging::PAST;
use super::types::TYPES;
use crate::ids::{DoId, DoIdRepr};
use crate::platform;
use crate::store::files::{self, Identity, PRIVATE};

/// The file that says which ids are free.
pub const INFO: &str = "info.yaml";
const EXTENSION: &str = ".yaml";
/// Files that are not complete yet begin and end like this; no reader takes them for objects.
const TEMPORARY: (&str, &str) = (".", ".donet-new");

/// A directory that is ours alone.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Open for its lock, and to have renames made durable.
    handle: File,
    identity: Identity,
    /// The mode of new files.
    file_mode: u32,
}

impl Directory {
    /// Opens a directory and locks out other processes; creates it if it is not there. New files get
    /// `file_mode`.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::WouldBlock`] if another process has it.
    pub fn open(path: &Path, file_mode: u32) -> io::Result<Directory> {
        fs::create_dir_all(path)?;
        let directory = Directory::opened(path, file_mode)?;
        platform::files::lock(&directory.handle).map_err(io::Error::from)?;
        directory.remove_temporary()?;
        Ok(directory)
    }

    /// Opens a directory to read it, whoever else is using it.
    ///
    /// # Errors
    /// What the system says.
    pub fn open_shared(path: &Path) -> io::Result<Directory> {
        fs::read_dir(path)?;
        Directory::opened(path, PRIVATE)
    }

    fn opened(path: &Path, file_mode: u32) -> io::Result<Directory> {
        let handle = platform::files::open_folder(path)?;
        let identity = Identity::of(&handle.metadata()?);
        Ok(Directory { path: path.to_owned(), handle, identity, file_mode })
    }

    /// Whether its path still leads to it. If somebody has moved or removed it, everything that is not found
    /// there would be taken for deleted, and what is written for stored.
    ///
    /// # Errors
    /// If it does not, or what the system says.
    pub fn check(&self) -> io::Result<()> {
        match Identity::at(&self.path)? {
            Some(identity) if identity == self.identity => Ok(()),
            Some(_) => Err(io::Error::other("another directory has taken its place")),
            None => Err(io::Error::other("it was moved or deleted")),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where an object's file is.
    pub fn object_path(&self, do_id: DoId) -> PathBuf {
        self.path.join(object_name(do_id))
    }

    /// The ids of all objects, in no order.
    ///
    /// # Errors
    /// What the system says.
    pub fn objects(&self) -> io::Result<impl Iterator<Item = io::Result<DoId>>> {
        let entries = fs::read_dir(&self.path)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => object_id(entry.file_name().to_str()?).map(Ok),
            Err(error) => Some(Err(error)),
        }))
    }

    /// Names of files that look like those of objects and are not read.
    ///
    /// # Errors
    /// What the system says.
    pub fn strays(&self) -> io::Result<Vec<String>> {
        let is_stray = |name: &String| {
            let name = name.to_ascii_lowercase();
            let stem = name.strip_suffix(EXTENSION).or_else(|| name.strip_suffix(".yml"));
            stem.is_some_and(|stem| !stem.is_empty() && stem.bytes().all(|c| c.is_ascii_digit()))
        };
        let mut strays = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name().into_string();
            strays.extend(name.ok().filter(|name| object_id(name).is_none() && is_stray(name)));
        }
        strays.sort_unstable();
        Ok(strays)
    }

    /// Whether there is a file for an object.
    ///
    /// # Errors
    /// What the system says.
    pub fn has_object(&self, do_id: DoId) -> io::Result<bool> {
        self.object_path(do_id).try_exists()
    }

    /// The file of an object, if there is one.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_object(&self, do_id: DoId) -> io::Result<Option<String>> {
        read(&self.object_path(do_id))
    }

    /// The file of an object as it is, if there is one.
    ///
    /// # Errors
    /// What the system says.
    pub fn object_bytes(&self, do_id: DoId) -> io::Result<Option<Vec<u8>>> {
        read_bytes(&self.object_path(do_id))
    }

    /// `info.yaml`, if there is one.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_info(&self) -> io::Result<Option<String>> {
        read(&self.path.join(INFO))
    }

    /// Replaces the file of an object. [`Directory::sync`] makes that durable.
    ///
    /// # Errors
    /// What the system says. The old file is there still.
    pub fn write_object(&self, do_id: DoId, text: &str) -> io::Result<()> {
        self.replace(&object_name(do_id), text)
    }

    /// Replaces the files of objects, each as a whole. [`Directory::sync`] makes that durable.
    ///
    /// # Errors
    /// What the system says. Each file is the old one then, or the new one.
    pub fn write_objects(&self, objects: &[(DoId, String)]) -> io::Result<()> {
        let names = || objects.iter().map(|(do_id, _)| object_name(*do_id));
        let replaced = || {
            for (do_id, text) in objects {
                self.prepare(&object_name(*do_id), text)?;
            }
            // What takes a file's place must be there before.
            platform::files::sync_file_system(&self.handle)?;
            names().try_for_each(|name| fs::rename(self.temporary(&name), self.path.join(name)))
        };
        replaced().inspect_err(|_| {
            for name in names() {
                // On a full disk it would only take room.
                let _ = fs::remove_file(self.temporary(&name));
            }
        })
    }

    /// Replaces `info.yaml`. [`Directory::sync`] makes that durable.
    ///
    /// # Errors
    /// What the system says. The old file is there still.
    pub fn write_info(&self, text: &str) -> io::Result<()> {
        self.replace(INFO, text)
    }

    /// Removes `info.yaml`, if it is there. [`Directory::sync`] makes that durable.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_info(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join(INFO)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Replaces `types.yaml`, durably.
    ///
    /// # Errors
    /// What the system says. The old file is there still.
    pub fn write_types(&self, text: &str) -> io::Result<()> {
        self.replace(TYPES, text)?;
        self.sync()
    }

    /// `types.yaml`, if there is one.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_types(&self) -> io::Result<Option<String>> {
        read(&self.path.join(TYPES))
    }

    /// Which migrations were carried out, if any were.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_past(&self) -> io::Result<Option<String>> {
        read(&self.path.join(PAST))
    }

    /// Notes which migrations were carried out, durably.
    ///
    /// # Errors
    /// What the system says. The old file is there still.
    pub fn write_past(&self, text: &str) -> io::Result<()> {
        self.replace(PAST, text)?;
        self.sync()
    }

    /// Forgets which migrations were carried out, and the types of what was stored. [`Directory::sync`] makes that durable.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_past(&self) -> io::Result<()> {
        files::remove_if_there(&self.path.join(PAST))?;
        files::remove_if_there(&self.path.join(TYPES))
    }

    /// The mode of new files.
    pub fn file_mode(&self) -> u32 {
        self.file_mode
    }

    /// Removes the file of an object. [`Directory::sync`] makes that durable.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_object(&self, do_id: DoId) -> io::Result<()> {
        fs::remove_file(self.object_path(do_id))
    }

    /// Returns when everything that was replaced and removed is durable.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let replaced = || {
            self.prepare(name, text)?.sync_data()?;
            fs::rename(self.temporary(name), self.path.join(name))
        };
        replaced().inspect_err(|_| {
            // On a full disk it would only take room.
            let _ = fs::remove_file(self.temporary(name));
        })
    }

    /// Writes what is to take the place of a file.
    fn prepare(&self, name: &str, text: &str) -> io::Result<File> {
        let old = files::metadata_at(&self.path.join(name))?;
        let mut file =
            files::create_in_place_of(old.as_ref(), &self.temporary(name), self.file_mode)?;
        file.write_all(text.as_bytes())?;
        platform::files::sync_one_of_many(&file)?;
        Ok(file)
    }

    fn temporary(&self, name: &str) -> PathBuf {
        let (prefix, suffix) = TEMPORARY;
        self.path.join(format!("{prefix}{name}{suffix}"))
    }

    /// What a crash left behind was never acknowledged.
    fn remove_temporary(&self) -> io::Result<()> {
        for path in self.temporaries()? {
            fs::remove_file(&path).map_err(|error| in_the_way(&path, &error))?;
        }
        Ok(())
    }

    /// Looks whether what a crash seems to have left behind can be removed.
    ///
    /// # Errors
    /// If it cannot: it is in the way of what is written.
    pub fn check_temporary(&self) -> io::Result<()> {
        for path in self.temporaries()? {
            if fs::symlink_metadata(&path)?.is_dir() {
                return Err(in_the_way(&path, &io::ErrorKind::IsADirectory.into()));
            }
        }
        Ok(())
    }

    fn temporaries(&self) -> io::Result<Vec<PathBuf>> {
        let (prefix, suffix) = TEMPORARY;
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let is_ours = |name: &str| name.starts_with(prefix) && name.ends_with(suffix);
            found.extend(name.to_str().is_some_and(is_ours).then(|| self.path.join(&name)));
        }
        Ok(found)
    }
}

fn in_the_way(path: &Path, error: &io::Error) -> io::Error {
    let name = path.file_name().unwrap_or_default().display();
    io::Error::other(format!("{name} is in the way, and cannot be removed: {error}"))
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let Some(bytes) = read_bytes(path)? else { return Ok(None) };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let what = match is_utf_16(error.as_bytes()) {
            true => format!("it {UTF_16}"),
            false => "it is no text: not UTF-8".to_owned(),
        };
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

/// A pipe would have a server wait, and a device never end.
fn read_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let read = open_file(path).and_then(|mut file| {
        let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        // A link is there, even if what it leads to is not.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            files::refuse_dangling(path).map(|()| None)
        }
        Err(error) => Err(error),
    }
}

/// The name of an object's file.
pub fn object_name(do_id: DoId) -> String {
    format!("{do_id}{EXTENSION}")
}

/// The object whose file has this name: decimal, without leading zeros.
fn object_id(name: &str) -> Option<DoId> {
    let do_id = DoId(name.strip_suffix(EXTENSION)?.parse::<DoIdRepr>().ok()?);
    (object_name(do_id) == name).then_some(do_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_user_and_forgets_what_was_not_finished() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join(".5.yaml.donet-new"), "half").expect("written");
        fs::write(dir.path().join("007.yaml"), "not ours").expect("written");
        let directory = Directory::open(dir.path(), PRIVATE).expect("opens");
        let second = Directory::open(dir.path(), PRIVATE).expect_err("locked");
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
        directory.write_object(DoId(5), "five").expect("written");
        directory.write_info("next: 6").expect("written");
        directory.sync().expect("synced");
        let objects: io::Result<Vec<DoId>> = directory.objects().expect("listed").collect();
        assert_eq!(objects.expect("listed"), [DoId(5)]);
        assert_eq!(directory.read_object(DoId(6)).expect("no error"), None);
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .expect("listed")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["007.yaml", "5.yaml", "info.yaml"]);
    }

    #[test]
    fn many_files_are_replaced_when_all_of_them_are_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let directory = Directory::open(dir.path(), PRIVATE).expect("opens");
        directory.write_object(DoId(5), "old").expect("written");
        let new = [(DoId(5), "five".to_owned()), (DoId(6), "six".to_owned())];
        // Something is in the way of the second.
        let obstacle = dir.path().join(".6.yaml.donet-new");
        fs::create_dir(&obstacle).expect("made");
        directory.write_objects(&new).expect_err("it cannot be written");
        assert_eq!(directory.read_object(DoId(5)).expect("read").as_deref(), Some("old"));
        assert!(!dir.path().join(".5.yaml.donet-new").exists());
        fs::remove_dir(&obstacle).expect("removed");
        directory.write_objects(&new).expect("written");
        assert_eq!(directory.read_object(DoId(5)).expect("read").as_deref(), Some("five"));
        assert_eq!(directory.read_object(DoId(6)).expect("read").as_deref(), Some("six"));
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 2);
    }
}

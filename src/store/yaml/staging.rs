//! Changing all files of a directory at once.
//!
//! New files are written into a folder within the directory. When the folder is complete it gets a file that says so, and
//! from then on the change counts: the files are moved to where they belong, which can be interrupted and gone on with.
//! As long as that file is there, nobody may use the directory.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::ids::{DoId, DoIdRepr};
use crate::store::{OpenError, files, half_imported};

const FOLDER: &str = ".donet-migration";
/// Says that the folder is complete.
const COMPLETE: &str = "complete";
/// Names files that go.
const REMOVED: &str = "removed";

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
    removed: Vec<DoId>,
}

/// Whether a change of all files has begun to count, and is not finished.
fn is_unfinished(directory: &Path) -> bool {
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
    Err(OpenError::Refused(format!(
        "a migration of the YAML directory {} was interrupted when some of its files were changed already; \
         to finish it, give the same `donet db migrate … --apply` again",
        directory.display()
    )))
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

/// Goes on with a change that counts already. Whether there was one.
///
/// # Errors
/// What the system says. It can be gone on with later.
pub fn go_on(directory: &Path) -> io::Result<bool> {
    if !is_unfinished(directory) {
        return Ok(false);
    }
    let folder = directory.join(FOLDER);
    let removed = fs::read_to_string(folder.join(REMOVED))?;
    for do_id in removed.lines().filter_map(|line| line.parse::<DoIdRepr>().ok()) {
        files::remove_if_there(&directory.join(object_name(DoId(do_id))))?;
    }
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name();
        if name != COMPLETE && name != REMOVED {
            fs::rename(folder.join(&name), directory.join(&name))?;
        }
    }
    sync(directory)?;
    // What is left says only that all is done.
    fs::remove_file(folder.join(COMPLETE))?;
    fs::remove_dir_all(&folder)?;
    sync(directory)?;
    Ok(true)
}

fn object_name(do_id: DoId) -> String {
    format!("{do_id}.yaml")
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

impl Staging {
    /// Begins; what was begun and never counted is forgotten. New files get `file_mode`.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(directory: &Path, file_mode: u32) -> io::Result<Staging> {
        let folder = directory.join(FOLDER);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir(&folder)?;
        let (directory, handle) = (directory.to_owned(), File::open(&folder)?);
        Ok(Staging { directory, folder, handle, file_mode, removed: Vec::new() })
    }

    /// Writes what is to take the place of a file, with its mode and owner.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let old = files::metadata_at(&self.directory.join(name))?;
        let path = self.folder.join(name);
        let mut file = files::create_in_place_of(old.as_ref(), &path, self.file_mode)?;
        file.write_all(text.as_bytes())
    }

    /// As [`Staging::write`], for an object.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_object(&self, do_id: DoId, text: &str) -> io::Result<()> {
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
    pub fn finish(self) -> io::Result<()> {
        let lines: Vec<String> = self.removed.iter().map(DoId::to_string).collect();
        fs::write(self.folder.join(REMOVED), lines.join("\n"))?;
        files::sync_file_system(&self.handle)?;
        File::create(self.folder.join(COMPLETE))?.sync_all()?;
        sync(&self.folder)?;
        sync(&self.directory)?;
        go_on(&self.directory)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_as_a_whole_or_not_at_all() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        let read = |name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
        for (name, text) in [("1.yaml", "one"), ("2.yaml", "two"), ("3.yaml", "three")] {
            fs::write(path.join(name), text).expect("written");
        }
        let staged = || {
            let mut staging = Staging::begin(path, 0o600).expect("begun");
            staging.write_object(DoId(1), "ONE").expect("written");
            staging.write("info.yaml", "next: 4").expect("written");
            staging.remove_object(DoId(2));
            staging
        };
        // Killed before it is complete.
        drop(staged());
        assert!(!is_unfinished(path) && !go_on(path).expect("nothing to go on with"));
        assert_eq!((read("1.yaml"), read("2.yaml")), ("one".into(), "two".into()));
        // Killed when it was complete, and half of it was done.
        let staging = staged();
        fs::write(staging.folder.join(REMOVED), "2").expect("written");
        fs::write(staging.folder.join(COMPLETE), "").expect("written");
        fs::rename(staging.folder.join("1.yaml"), path.join("1.yaml")).expect("moved");
        assert!(is_unfinished(path));
        assert!(go_on(path).expect("gone on"));
        assert_eq!((read("1.yaml"), read("2.yaml")), ("ONE".into(), String::new()));
        assert_eq!((read("3.yaml"), read("info.yaml")), ("three".into(), "next: 4".into()));
        assert!(!path.join(FOLDER).exists());
    }
}

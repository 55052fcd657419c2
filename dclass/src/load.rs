//! Files and sources → schema.

use crate::diagnostic::{Diagnostics, Log, Severity};
use crate::input::{Unread, read_file};
use crate::lexer::{Mode, lex};
use crate::limits::{SHOWN_MAX, SOURCE_BYTES_MAX};
use crate::parser;
use crate::resolve::{Options, Resolver};
use crate::schema::DcFile;
use crate::source::{Source, Text};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Reads DC sources, in their order, into one schema.
///
/// # Errors
/// What is wrong with the sources, with all errors that could be found.
pub fn parse(sources: &[Source]) -> Result<DcFile, Diagnostics> {
    parse_with(sources, Options::default())
}

/// As [`parse`], with options.
///
/// # Errors
/// As for [`parse`].
pub fn parse_with(sources: &[Source], options: Options) -> Result<DcFile, Diagnostics> {
    let sources: Vec<&Source> = sources.iter().collect();
    check_size(&sources)?;
    parse_all(&sources, options, Diagnostics::default())
}

/// Reads sources of a set in which others have the `problems`. Then what they declare is missing, so that of these only the
/// grammar is judged.
fn parse_all(
    sources: &[&Source],
    options: Options,
    mut problems: Diagnostics,
) -> Result<DcFile, Diagnostics> {
    let mut log = Log::default();
    let texts: Vec<Text<'_>> = sources.iter().map(|source| Text::new(source)).collect();
    let mut resolver = Resolver::new(options, &mut log);
    let mut is_whole = problems.is_empty();
    for (index, text) in texts.iter().enumerate() {
        if resolver.log().is_full() {
            break;
        }
        let index = index as u32;
        let mode = Mode { lossy: text.lossy, ..Mode::default() };
        let lexed = lex(&text.text, index, mode, resolver.log());
        if resolver.log().is_binary(index, text) {
            is_whole = false;
            continue;
        }
        let items = parser::file(&text.text, index, &lexed.tokens, resolver.log());
        if resolver.log().is_in_conflict(index, &text.text) {
            is_whole = false;
            continue;
        }
        if is_whole {
            resolver.add(&items);
        }
    }
    match resolver.finish().filter(|_| is_whole) {
        Some(mut file) => {
            file.warnings = log.render(&texts);
            Ok(file)
        }
        None => {
            problems.append(log.render(&texts));
            Err(problems)
        }
    }
}

/// Reads DC files, in their order, into one schema.
///
/// # Errors
/// As for [`parse`]; that a file cannot be read is among them.
pub fn read(paths: &[impl AsRef<Path>]) -> Result<DcFile, Diagnostics> {
    read_with(paths, Options::default())
}

/// As [`read`], with options.
///
/// # Errors
/// As for [`read`].
pub fn read_with(paths: &[impl AsRef<Path>], options: Options) -> Result<DcFile, Diagnostics> {
    let mut files = Files::read(paths);
    let found = match files.parse(options) {
        Ok(file) => return Ok(file),
        Err(found) => found,
    };
    let repeated = repeated(paths);
    if repeated.is_empty() {
        return Err(found);
    }
    // Whatever such a file declares is declared twice.
    for twice in &repeated {
        files.0[twice.index] = None;
    }
    let mut problems = say_twice(paths, &repeated);
    match files.parse(options) {
        Ok(file) => problems.append(file.warnings),
        Err(others) => problems.append(others),
    }
    Err(problems)
}

/// Where a path leads to, if that is known.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn name_of(path: &Path) -> String {
    path.display().to_string()
}

/// What has been read of each file, or why it could not be: [`None`] for one that is left out. Those that are given
/// again, by whatever path, are not read again.
struct Files(Vec<Option<Rc<Content>>>);

/// What is in a file, or its name and why that cannot be read.
type Content = Result<Source, (String, Unread)>;

impl Files {
    fn read(paths: &[impl AsRef<Path>]) -> Files {
        let read = |path: &Path| {
            let name = name_of(path);
            match read_file(path, SOURCE_BYTES_MAX as u64) {
                Ok(text) => Ok(Source { name, text }),
                Err(error) => Err((name, error)),
            }
        };
        let mut known = HashMap::new();
        let mut once =
            |path: &Path| Rc::clone(known.entry(real(path)).or_insert_with(|| Rc::new(read(path))));
        Files(paths.iter().map(|path| Some(once(path.as_ref()))).collect())
    }

    fn parse(&self, options: Options) -> Result<DcFile, Diagnostics> {
        let count = self.0.iter().flatten().count();
        let mut problems = Diagnostics::default();
        let mut unread = HashSet::new();
        let failed = self.0.iter().flatten().filter(|read| read.is_err());
        // Of one that is given again, this is said once.
        let failed = failed.filter(|read| unread.insert(Rc::as_ptr(read)));
        let failed: Vec<_> = failed.filter_map(|read| read.as_ref().as_ref().err()).collect();
        if let Some((name, _)) = failed.iter().find(|(_, it)| matches!(it, Unread::TooLarge(_))) {
            return Err(too_large(name));
        }
        for (name, error) in failed.iter().take(SHOWN_MAX) {
            problems.push_missing(name, format!("cannot read the file: {error}"), count);
        }
        if let Some(more) = failed.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let message = format!("{more} more of the files cannot be read");
            problems.push_more("", Severity::Error, message, more);
        }
        let sources: Vec<&Source> =
            self.0.iter().flatten().filter_map(|read| read.as_ref().as_ref().ok()).collect();
        check_size(&sources)?;
        parse_all(&sources, options, problems)
    }
}

/// A file that has been named before, perhaps by another path.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Twice {
    /// Which of the files it is, from 0.
    pub index: usize,
    /// Which is the same.
    pub first: usize,
}

/// Says of each file that has been named before, perhaps by another path, that it has.
pub fn given_twice(paths: &[impl AsRef<Path>]) -> Diagnostics {
    say_twice(paths, &repeated(paths))
}

fn repeated(paths: &[impl AsRef<Path>]) -> Vec<Twice> {
    let mut known = HashMap::new();
    let twice = |(index, path)| {
        let first = *known.entry(real(path)).or_insert(index);
        (first != index).then_some(Twice { index, first })
    };
    paths.iter().map(AsRef::as_ref).enumerate().filter_map(twice).collect()
}

fn say_twice(paths: &[impl AsRef<Path>], repeated: &[Twice]) -> Diagnostics {
    let mut problems = Diagnostics::default();
    let name = |index: usize| name_of(paths[index].as_ref());
    for twice in repeated.iter().take(SHOWN_MAX) {
        problems.push_twice(&name(twice.index), &name(twice.first), *twice);
    }
    if let Some(more) = repeated.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        let message = format!("{more} more files are given twice");
        problems.push_more("", Severity::Error, message, more);
    }
    problems
}

fn check_size(sources: &[&Source]) -> Result<(), Diagnostics> {
    let size: usize = sources.iter().map(|source| source.text.len()).sum();
    if size > SOURCE_BYTES_MAX {
        let name = sources.iter().max_by_key(|source| source.text.len());
        return Err(too_large(name.map_or("", |source| &source.name)));
    }
    Ok(())
}

fn too_large(name: &str) -> Diagnostics {
    let message = format!("the DC files are larger than {SOURCE_BYTES_MAX} bytes together");
    Diagnostics::of_file(name, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read each time it is given, this takes minutes, and more memory than there is.
    #[test]
    fn a_file_that_is_given_very_often_is_read_once() {
        const COUNT: usize = 50_000;
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("dclass A {{}}; //{}\n", " ".repeat(4 << 20));
        let (file, none) = (folder.path().join("a.dc"), folder.path().join("none.dc"));
        std::fs::write(&file, text).expect("a file");
        for (path, first) in [(&file, 0), (&none, 1)] {
            let found = read(&vec![path; COUNT]).expect_err("it is given twice");
            assert_eq!(found.counts(), (COUNT - 1 + first, 0), "{}", path.display());
            assert_eq!(found.len(), SHOWN_MAX + 1 + first);
        }
        let many: Vec<_> = (0..COUNT).map(|i| folder.path().join(format!("none{i}.dc"))).collect();
        let found = read(&many).expect_err("there are none");
        assert_eq!((found.counts(), found.len()), ((COUNT, 0), SHOWN_MAX + 1));
    }
}

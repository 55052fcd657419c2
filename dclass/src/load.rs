//! Files and sources → schema.

use crate::diagnostic::{Diagnostics, Log};
use crate::input::{Unread, read_file};
use crate::lexer::{Mode, lex};
use crate::limits::SOURCE_BYTES_MAX;
use crate::parser;
use crate::resolve::{Options, Resolver};
use crate::schema::DcFile;
use crate::source::{Source, Text};
use std::collections::HashMap;
use std::path::Path;

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
    let mut problems = given_twice(paths);
    if problems.is_empty() {
        return Err(found);
    }
    // Whatever such a file declares is declared twice.
    for twice in problems.iter().filter_map(|problem| problem.twice) {
        files.0[twice.index] = None;
    }
    match files.parse(options) {
        Ok(file) => problems.append(file.warnings),
        Err(others) => problems.append(others),
    }
    Err(problems)
}

fn name_of(path: &Path) -> String {
    path.display().to_string()
}

/// What has been read of each file, or why it could not be: [`None`] for one that is left out.
struct Files(Vec<Option<Result<Source, (String, Unread)>>>);

impl Files {
    fn read(paths: &[impl AsRef<Path>]) -> Files {
        let read = |path: &Path| {
            let name = name_of(path);
            match read_file(path, SOURCE_BYTES_MAX as u64) {
                Ok(text) => Ok(Source { name, text }),
                Err(error) => Err((name, error)),
            }
        };
        Files(paths.iter().map(|path| Some(read(path.as_ref()))).collect())
    }

    fn parse(&self, options: Options) -> Result<DcFile, Diagnostics> {
        let count = self.0.iter().flatten().count();
        let mut problems = Diagnostics::default();
        for (name, error) in self.0.iter().flatten().filter_map(|read| read.as_ref().err()) {
            match error {
                Unread::TooLarge(_) => return Err(too_large(name)),
                error => {
                    problems.push_missing(name, format!("cannot read the file: {error}"), count)
                }
            }
        }
        let sources: Vec<&Source> = self.0.iter().flatten().flatten().collect();
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
    let mut known = HashMap::new();
    let mut problems = Diagnostics::default();
    for (index, path) in paths.iter().map(AsRef::as_ref).enumerate() {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let first = *known.entry(real).or_insert(index);
        if first != index {
            let (name, named) = (name_of(path), name_of(paths[first].as_ref()));
            problems.push_twice(&name, &named, Twice { index, first });
        }
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

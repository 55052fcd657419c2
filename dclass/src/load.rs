//! Files and sources → schema.

use crate::diagnostic::{Diagnostics, Log};
use crate::input::{Unread, read_file};
use crate::lexer::{Mode, lex};
use crate::limits::SOURCE_BYTES_MAX;
use crate::parser;
use crate::resolve::{Options, Resolver};
use crate::schema::DcFile;
use crate::source::{Source, Text};
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
    check_size(sources)?;
    parse_all(sources, options, Diagnostics::default())
}

/// Reads sources of a set in which others have the `problems`. Then what they declare is missing, so that of these only the
/// grammar is judged.
fn parse_all(
    sources: &[Source],
    options: Options,
    mut problems: Diagnostics,
) -> Result<DcFile, Diagnostics> {
    let mut log = Log::default();
    let texts: Vec<Text<'_>> = sources.iter().map(Text::new).collect();
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
    let mut sources = Vec::with_capacity(paths.len());
    let mut problems = Diagnostics::default();
    for path in paths {
        let path = path.as_ref();
        let name = path.display().to_string();
        match read_file(path, SOURCE_BYTES_MAX as u64) {
            Err(Unread::TooLarge(_)) => return Err(too_large(&name)),
            Ok(text) => sources.push(Source { name, text }),
            Err(error) => {
                problems.push_missing(&name, format!("cannot read the file: {error}"), paths.len());
            }
        }
    }
    if problems.is_empty() {
        parse_with(&sources, options)
    } else {
        check_size(&sources)?;
        parse_all(&sources, options, problems)
    }
}

fn check_size(sources: &[Source]) -> Result<(), Diagnostics> {
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

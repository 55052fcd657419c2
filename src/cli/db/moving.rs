//! `donet db export` and `donet db import`: all objects from one place to another.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::progress::Bar;
use super::{Database, Opened, PROBLEMS_SHOWN, open_config, warn_of_oddity};
use crate::cli::out::{complain, number_of, one_line};
use crate::config::BackendConfig;
use crate::platform::files;
use crate::store::archive::{Archive, ArchiveMut};
use crate::store::transfer::{
    self, CopyError, JsonLines, JsonStream, Mode, Moved, Options, Problem, refuse_others,
};
use crate::store::{OpenError, Schema, open_archive, open_archive_mut};

/// The name that stands for standard output.
const STDOUT: &str = "-";
/// The exit code of a process that a broken pipe ends, as a shell has it: what is written is not whole.
const NOT_READ: u8 = 128 + 13;

/// Options of `donet db export`.
#[derive(Args, Debug)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    database: Database,

    /// The file to write; without one, or with `-`, standard output. A pipe or a device is written to as that is
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Begin the file anew if there is one
    #[arg(long, conflicts_with = "resume")]
    replace: bool,

    /// Go on with a file that was cut short: leave alone the objects that it has
    #[arg(long)]
    resume: bool,

    /// Leave out values that the DC files do not allow, instead of writing nothing
    #[arg(long)]
    drop_unreadable: bool,

    /// Do not compare the file with the database at the end
    #[arg(long)]
    no_verify: bool,
}

/// Options of `donet db import`.
#[derive(Args, Debug)]
pub(in crate::cli) struct Import {
    #[command(flatten)]
    database: Database,

    /// An export, a configuration (.yml), a YAML directory of Astron's, or a MongoDB dump. A
    /// configuration with Astron's SQL backend stands for Astron's tables.
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// Remove what the database has before anything is moved
    #[arg(long, conflicts_with = "resume")]
    replace: bool,

    /// Go on after an interruption: leave alone what is the same already
    #[arg(long)]
    resume: bool,

    /// Leave out values and objects that the DC files do not allow, instead of moving nothing
    #[arg(long)]
    drop_unreadable: bool,

    /// Do not compare everything at the end
    #[arg(long)]
    no_verify: bool,
}

/// What a command calls what it does.
struct Words {
    done: &'static str,
    /// What to do about a target that has objects.
    ways: &'static str,
}

const EXPORT: Words = Words {
    done: "written",
    ways: "--replace begins it anew, --resume adds those that it does not have",
};
const IMPORT: Words = Words {
    done: "moved",
    ways: "--replace removes them first, --resume adds those that it does not have",
};

const fn mode(replace: bool, resume: bool) -> Mode {
    match (replace, resume) {
        (true, _) => Mode::Replace,
        (false, true) => Mode::Resume,
        (false, false) => Mode::New,
    }
}

async fn run(
    words: &Words,
    source: &mut dyn Archive,
    target: &mut dyn ArchiveMut,
    schema: &Schema,
    options: Options,
) -> anyhow::Result<()> {
    let done = words.done;
    let mut bar = Bar::new();
    let progress = &mut |step, done, total| bar.show(step, done, total);
    let copied = transfer::copy(source, target, schema, options, progress).await;
    bar.finish();
    let moved = match copied {
        Ok(moved) => moved,
        Err(CopyError::Unreadable(moved)) => {
            print_problems(&moved);
            if moved.problem_count == 0 {
                bail!(
                    "nothing was {done}: not everything can be read; --drop-unreadable takes what can"
                );
            }
            let (are_not, them) = match moved.problem_count {
                1 => ("is not", "it"),
                _ => ("are not", "them"),
            };
            let way = match moved.problems.iter().any(Problem::is_of_another_type) {
                true => {
                    "\nto keep what is stored of another type: take the DC files by which it was stored, and then \
                         `donet db migrate`"
                }
                false => "",
            };
            bail!(
                "nothing was {done}: {} {are_not} allowed by the DC files; --drop-unreadable leaves {them} out{way}",
                left_out(&moved)
            );
        }
        Err(error @ CopyError::NotEmpty { .. }) => bail!("{error}: {}", words.ways),
        Err(error) => return Err(error.into()),
    };
    print_problems(&moved);
    let Moved { objects, values, skipped, problem_count, outside, .. } = moved;
    if let Some(range) = options.range.filter(|_| outside > 0) {
        let have = if outside == 1 { "has an id" } else { "have ids" };
        complain!(
            "warning: {} {have} outside of `generate`, {range}: they can be used, but their ids are not given again",
            number_of(outside, "object", "objects")
        );
    }
    complain!(
        "{} with {} {done} from {} to {}{}{}{}",
        number_of(objects, "object", "objects"),
        number_of(values, "value", "values"),
        source.describe(),
        target.describe(),
        match skipped {
            0 => String::new(),
            1 => ", 1 was there already".to_owned(),
            skipped => format!(", {skipped} were there already"),
        },
        if problem_count > 0 { format!(", {} left out", left_out(&moved)) } else { String::new() },
        match (options.verify, moved.lost.is_empty()) {
            (true, true) => "; all compared",
            (true, false) => "; all that can be read compared",
            (false, _) => "",
        },
    );
    Ok(())
}

fn print_problems(moved: &Moved) {
    for problem in moved.problems.iter().take(PROBLEMS_SHOWN) {
        complain!("{problem}");
    }
    let hidden = moved.problem_count.saturating_sub(PROBLEMS_SHOWN as u64);
    if hidden > 0 {
        complain!("… and {hidden} more");
    }
    for lost in &moved.lost {
        complain!("{}", one_line(lost));
    }
}

/// How much the DC files do not allow.
fn left_out(moved: &Moved) -> String {
    let objects = || number_of(moved.problem_objects, "object", "objects");
    let values = moved.problem_count - moved.problem_objects;
    match (moved.problem_objects, values) {
        (0, values) => number_of(values, "value", "values"),
        (_, 0) => objects(),
        (_, values) => format!("{} and {}", objects(), number_of(values, "value", "values")),
    }
}

impl Export {
    pub(super) async fn run(&self) -> anyhow::Result<u8> {
        let stream = self.stream_name();
        if let Some(name) = &stream
            && (self.replace || self.resume)
        {
            bail!("--replace and --resume are about a FILE, and {name} is none");
        }
        let Opened { config, schema } = self.database.open()?;
        // Nothing of the database is held while a pipe waits for its reader.
        let stream = stream.map(|name| self.open_stream(name, &schema)).transpose()?;
        let mut source = open_archive(&config.backend, &schema).await?;
        warn_of_oddity(&*source);
        refuse_half_imported(&mut *source, self.drop_unreadable).await?;
        let is_stream = stream.is_some();
        let options = Options {
            mode: mode(self.replace, self.resume),
            drop_unreadable: self.drop_unreadable,
            // What has gone through a pipe does not come back.
            verify: !self.no_verify && !is_stream,
            range: None,
        };
        let mut target: Box<dyn ArchiveMut> = match (stream, self.file.as_deref()) {
            (None, Some(file)) => Box::new(JsonLines::open_mut(file)?.of(&schema)),
            (stream, _) => stream.expect("without a file, there is one"),
        };
        let written = run(&EXPORT, &mut *source, &mut *target, &schema, options).await;
        source.close().await;
        match written {
            // Whoever reads has read enough.
            Err(error) if is_stream && is_broken_pipe(&error) => Ok(NOT_READ),
            written => written.map(|()| 0),
        }
    }

    /// What the export goes to, if that is nothing that could be read again.
    fn stream_name(&self) -> Option<String> {
        let file = self.file.as_deref().filter(|file| *file != Path::new(STDOUT));
        let Some(file) = file else { return Some("standard output".to_owned()) };
        // Of a folder it is said that it is one.
        let is_stream = |kind: Metadata| !kind.is_file() && !kind.is_dir();
        std::fs::metadata(file).is_ok_and(is_stream).then(|| file.display().to_string())
    }

    fn open_stream(&self, name: String, schema: &Schema) -> anyhow::Result<Box<dyn ArchiveMut>> {
        let to: Box<dyn Write + Send> = match self.file.as_deref() {
            Some(file) if file != Path::new(STDOUT) => {
                let opened = OpenOptions::new().write(true).open(file);
                Box::new(opened.with_context(|| format!("cannot open {name}"))?)
            }
            _ => Box::new(io::stdout()),
        };
        Ok(Box::new(JsonStream::new(to, name).of(schema)))
    }
}

/// An export of what was moved in only in part would look whole. Whoever has nothing else may still have what is there.
async fn refuse_half_imported(
    source: &mut dyn Archive,
    takes_what_is_there: bool,
) -> anyhow::Result<()> {
    match source.half_imported().await? {
        Some(error) if takes_what_is_there => complain!("{error}"),
        Some(error) => bail!("{error}\n--drop-unreadable takes what is there"),
        None => {}
    }
    Ok(())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(CopyError::Store(OpenError::Io { error, .. }))
            if error.kind() == io::ErrorKind::BrokenPipe
    )
}

impl Import {
    pub(super) async fn run(&self) -> anyhow::Result<u8> {
        let Opened { config, schema } = self.database.open()?;
        refuse_a_running_daemon(&config.backend, &schema).await?;
        let mut source = self.open_source(&config.backend, &schema).await?;
        warn_of_oddity(&*source);
        refuse_half_imported(&mut *source, self.drop_unreadable).await?;
        // With --replace, whoever names the wrong place would lose what is there.
        if !source.knows_that_it_is_empty() && source.count().await? == 0 {
            bail!("nothing was moved: there are no objects in {}", source.describe());
        }
        let mut target = open_archive_mut(&config.backend, &schema).await?;
        let options = Options {
            mode: mode(self.replace, self.resume),
            drop_unreadable: self.drop_unreadable,
            verify: !self.no_verify,
            range: Some(config.generate),
        };
        let moved = run(&IMPORT, &mut *source, &mut *target, &schema, options).await;
        source.close().await;
        target.close().await;
        moved.map(|()| 0)
    }

    async fn open_source(
        &self,
        target: &BackendConfig,
        schema: &Schema,
    ) -> anyhow::Result<Box<dyn Archive>> {
        let is_config = self.source.extension().is_some_and(|e| e == "yml" || e == "yaml");
        if !is_config || !self.source.is_file() {
            refuse_itself(place_of(target).is_some_and(|at| is_same_file(at, &self.source)))?;
            return Ok(transfer::open_path(&self.source, schema)?);
        }
        let other = open_config(&self.source, None)?;
        // That of Astron's SQL backend are its own tables, unless ours have been filled already.
        let may_be_astrons = matches!(other.config.backend, BackendConfig::Soci { .. });
        let is_itself = is_same(&other.config.backend, target);
        refuse_itself(is_itself && (self.replace || !may_be_astrons))?;
        Ok(open_archive(&other.config.backend, &other.schema).await?)
    }
}

/// A daemon would go on with what it knows of ids and classes. It is looked for before the source is opened, which may be
/// tables of Astron's in the same database.
async fn refuse_a_running_daemon(backend: &BackendConfig, schema: &Schema) -> anyhow::Result<()> {
    // What is not there yet is not made for this.
    if place_of(backend).is_none_or(Path::exists) {
        let mut target = open_archive_mut(backend, schema).await?;
        let refused = refuse_others(&mut *target).await;
        target.close().await;
        refused?;
    }
    Ok(())
}

/// With `--replace`, a database that is moved to itself would be emptied before it is read.
fn refuse_itself(is_itself: bool) -> anyhow::Result<()> {
    if is_itself {
        bail!("nothing was moved: the source is the database itself that it is to be moved to");
    }
    Ok(())
}

/// Whether two backends keep the same objects, or have their tables in the same database.
fn is_same(source: &BackendConfig, target: &BackendConfig) -> bool {
    match (place_of(source), place_of(target)) {
        (Some(source), Some(target)) => is_same_file(source, target),
        _ => source == target,
    }
}

/// The file or folder of a backend that has one.
fn place_of(backend: &BackendConfig) -> Option<&Path> {
    match backend {
        BackendConfig::Sqlite { file: path, .. } | BackendConfig::Yaml { directory: path, .. } => {
            Some(path)
        }
        BackendConfig::Soci { driver, database, .. } if driver == "sqlite3" => {
            Some(Path::new(database))
        }
        _ => None,
    }
}

/// Whether two paths lead to the same file, which is there, also by links.
fn is_same_file(left: &Path, right: &Path) -> bool {
    let id = |path: &Path| std::fs::metadata(path).map(|is| files::identity(&is));
    matches!((id(left), id(right)), (Ok(left), Ok(right)) if left == right)
}

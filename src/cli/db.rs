//! `donet db …`: the objects of a database server, without the server.

mod migrate;
mod progress;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};

use self::progress::Bar;
use crate::config::{self, BackendConfig, Config, DatabaseConfig, RoleConfig};
use crate::ids::{Channel, ChannelRepr, DoId, DoIdRepr};
use crate::store::archive::{Archive, ArchiveMut};
use crate::store::transfer::{self, CopyError, JsonLines, JsonStream, Mode, Moved, Options, Step};
use crate::store::{self, Schema, check_start, open_archive, open_archive_mut};

/// How many problems are printed; the others are counted.
const PROBLEMS_SHOWN: usize = 20;

/// What to do with the objects of a database.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Write all objects into a file of JSON lines
    Export(Export),
    /// Take in objects from an export, another configuration's database, or Astron's formats
    Import(Import),
    /// Carry all objects from old DC files to new ones; says what it would do unless there is --apply
    Migrate(migrate::Migrate),
    /// Check every stored object against the DC files
    Verify(Database),
    /// Count objects by class
    Stats(Database),
    /// Print one object with its fields as DC text
    Show(Show),
    /// Copy a SQLite file or YAML directory while the daemon runs
    Backup(Backup),
}

/// A database of a configuration.
#[derive(Args, Debug)]
pub(super) struct Database {
    /// The configuration file
    #[arg(value_name = "CONFIG")]
    config: PathBuf,

    /// The control channel of the database, if the configuration has several
    #[arg(long, value_name = "CHANNEL")]
    control: Option<ChannelRepr>,
}

/// How objects are moved.
#[derive(Args, Debug)]
struct Moving {
    /// Remove what the target has before anything is moved
    #[arg(long, conflicts_with = "resume")]
    replace: bool,

    /// Go on after an interruption: leave alone what is the same already
    #[arg(long)]
    resume: bool,

    /// Leave out values that the DC files do not allow, instead of moving nothing
    #[arg(long)]
    drop_unreadable: bool,

    /// Do not compare everything at the end
    #[arg(long)]
    no_verify: bool,
}

/// Options of `donet db export`.
#[derive(Args, Debug)]
pub(super) struct Export {
    #[command(flatten)]
    database: Database,

    /// The file to write; without one, standard output
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    moving: Moving,
}

/// Options of `donet db import`.
#[derive(Args, Debug)]
pub(super) struct Import {
    #[command(flatten)]
    database: Database,

    /// An export, a configuration (.yml), a YAML directory of Astron's, or a MongoDB dump. A
    /// configuration with Astron's SQL backend stands for Astron's tables.
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    #[command(flatten)]
    moving: Moving,
}

/// Options of `donet db show`.
#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    database: Database,

    /// The id of the object
    #[arg(value_name = "DOID")]
    do_id: DoIdRepr,
}

/// Options of `donet db backup`.
#[derive(Args, Debug)]
pub(super) struct Backup {
    #[command(flatten)]
    database: Database,

    /// The file (SQLite) or directory (YAML) to make; it must not be there
    #[arg(value_name = "TARGET")]
    target: PathBuf,
}

/// Carries out the command; returns the exit code.
pub(super) fn run(command: &Command) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.context("cannot begin").and_then(|runtime| {
        runtime.block_on(async {
            match command {
                Command::Export(export) => export.run().await,
                Command::Import(import) => import.run().await,
                Command::Migrate(migrate) => migrate.run().await,
                Command::Verify(database) => verify(database).await,
                Command::Stats(database) => stats(database).await,
                Command::Show(show) => show.run().await,
                Command::Backup(backup) => backup.run().await,
            }
        })
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            1
        }
    }
}

/// A database role and the DC files that go with it.
struct Opened {
    config: DatabaseConfig,
    schema: Schema,
}

impl Database {
    fn open(&self) -> anyhow::Result<Opened> {
        open_config(&self.config, self.control.map(Channel))
    }
}

fn open_config(path: &Path, control: Option<Channel>) -> anyhow::Result<Opened> {
    let config = config::load(path).map_err(|errors| anyhow!("{errors}"))?;
    let options = dclass::Options { string_encoding: config.general.string_encoding };
    let dc = dclass::read_with(&config.general.dc_files, options)
        .map_err(|diagnostics| anyhow!("could not read the DC files\n{diagnostics}"))?;
    let config = choose(&config, path, control)?;
    Ok(Opened { config, schema: Schema::new(Arc::new(dc)) })
}

fn choose(
    config: &Config,
    path: &Path,
    control: Option<Channel>,
) -> anyhow::Result<DatabaseConfig> {
    let databases = config.roles.iter().filter_map(|role| match role {
        RoleConfig::Database(database) => Some(database),
        _ => None,
    });
    let databases: Vec<_> = databases
        .filter(|database| control.is_none_or(|control| database.control == control))
        .collect();
    match databases[..] {
        [database] => Ok(database.clone()),
        [] => bail!("{}: no such database among the roles", path.display()),
        _ => {
            let controls = databases.iter().map(|database| database.control.to_string());
            let controls: Vec<_> = controls.collect();
            bail!(
                "{} has several databases: choose one with --control {}",
                path.display(),
                controls.join(" or ")
            )
        }
    }
}

impl Moving {
    const fn options(&self) -> Options {
        Options {
            mode: match (self.replace, self.resume) {
                (true, _) => Mode::Replace,
                (false, true) => Mode::Resume,
                (false, false) => Mode::New,
            },
            drop_unreadable: self.drop_unreadable,
            verify: !self.no_verify,
        }
    }

    async fn run(
        &self,
        source: &mut dyn Archive,
        target: &mut dyn ArchiveMut,
        schema: &Schema,
        options: Options,
    ) -> anyhow::Result<u8> {
        let mut bar = Bar::new();
        let progress = &mut |step, done, total| bar.show(step, done, total);
        let copied = transfer::copy(source, target, schema, options, progress).await;
        bar.finish();
        let moved = match copied {
            Ok(moved) => moved,
            Err(CopyError::Unreadable(moved)) => {
                print_problems(&moved);
                bail!(
                    "nothing was moved: {} cannot be; --drop-unreadable leaves it out",
                    count(moved.problem_count, "value or object", "values and objects")
                );
            }
            Err(error @ CopyError::NotEmpty { .. }) => bail!(
                "{error}: --replace removes them first, --resume adds those that it does not have"
            ),
            Err(error) => return Err(error.into()),
        };
        print_problems(&moved);
        let Moved { objects, values, skipped, problem_count, .. } = moved;
        eprintln!(
            "{} with {} moved from {} to {}{}{}{}",
            count(objects, "object", "objects"),
            count(values, "value", "values"),
            source.describe(),
            target.describe(),
            if skipped > 0 { format!(", {skipped} were there already") } else { String::new() },
            if problem_count > 0 { format!(", {problem_count} left out") } else { String::new() },
            if options.verify { "; all compared" } else { "" },
        );
        Ok(0)
    }
}

fn print_problems(moved: &Moved) {
    for problem in moved.problems.iter().take(PROBLEMS_SHOWN) {
        eprintln!("{problem}");
    }
    let hidden = moved.problem_count.saturating_sub(PROBLEMS_SHOWN as u64);
    if hidden > 0 {
        eprintln!("… and {hidden} more");
    }
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

impl Export {
    async fn run(&self) -> anyhow::Result<u8> {
        let Opened { config, schema } = self.database.open()?;
        let mut source = open_archive(&config.backend, &schema).await?;
        let mut options = self.moving.options();
        match &self.file {
            Some(file) => {
                let mut target = JsonLines::open_mut(file)?;
                self.moving.run(&mut *source, &mut target, &schema, options).await
            }
            None => {
                let mut target = JsonStream::new(std::io::stdout());
                options.verify = false;
                self.moving.run(&mut *source, &mut target, &schema, options).await
            }
        }
    }
}

impl Import {
    async fn run(&self) -> anyhow::Result<u8> {
        let Opened { config, schema } = self.database.open()?;
        let is_config = self.source.extension().is_some_and(|e| e == "yml" || e == "yaml");
        let mut source = if is_config && self.source.is_file() {
            let other = open_config(&self.source, None)?;
            let is_itself = is_same(&other.config.backend, &config.backend);
            // That of Astron's SQL backend are its own tables, unless ours have been filled already.
            let may_be_astrons = matches!(other.config.backend, BackendConfig::Soci { .. });
            refuse_itself(is_itself && (self.moving.replace || !may_be_astrons))?;
            open_archive(&other.config.backend, &other.schema).await?
        } else {
            refuse_itself(
                place_of(&config.backend).is_some_and(|at| is_same_file(at, &self.source)),
            )?;
            transfer::open_path(&self.source, &schema)?
        };
        let mut target = open_archive_mut(&config.backend, &schema).await?;
        let moved =
            self.moving.run(&mut *source, &mut *target, &schema, self.moving.options()).await;
        source.close().await;
        target.close().await;
        moved
    }
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
        _ => None,
    }
}

/// Whether two paths lead to the same file, which is there, also by links.
fn is_same_file(left: &Path, right: &Path) -> bool {
    let id = |path: &Path| rustix::fs::stat(path).map(|is| (is.st_dev, is.st_ino));
    matches!((id(left), id(right)), (Ok(left), Ok(right)) if left == right)
}

async fn verify(database: &Database) -> anyhow::Result<u8> {
    let Opened { config, schema } = database.open()?;
    let mut source = open_archive(&config.backend, &schema).await?;
    let mut bar = Bar::new();
    let mut problems = 0_u64;
    let progress = &mut |step, done, total| bar.show(step, done, total);
    let objects = transfer::verify(&mut *source, &schema, progress, &mut |problem| {
        problems += 1;
        println!("{problem}");
    })
    .await?;
    bar.finish();
    if let Err(why) = check_start(&config, &schema).await {
        problems += 1;
        println!("the daemon would not start: {why}");
    }
    eprintln!(
        "{} in {}, {}",
        count(objects, "object", "objects"),
        source.describe(),
        count(problems, "problem", "problems")
    );
    Ok(u8::from(problems > 0))
}

async fn stats(database: &Database) -> anyhow::Result<u8> {
    let Opened { config, schema } = database.open()?;
    let mut source = open_archive(&config.backend, &schema).await?;
    let mut bar = Bar::new();
    let progress = &mut |step, done, total| bar.show(step, done, total);
    let stats = transfer::stats(&mut *source, progress).await?;
    bar.finish();
    println!("{}", source.describe());
    println!("{:>12} {:>12} {:>14}  class", "objects", "values", "bytes");
    let mut total = 0;
    for (class, stats) in &stats.classes {
        total += stats.objects;
        let name = if class.is_empty() { "(unreadable)" } else { class };
        println!("{:>12} {:>12} {:>14}  {name}", stats.objects, stats.values, stats.bytes);
    }
    println!("{total:>12} objects");
    if let Some((lowest, highest)) = stats.ids {
        println!("ids {lowest} to {highest}, of the range {}", config.generate);
    }
    println!("{} freed", count(stats.free.free.len() as u64, "id", "ids"));
    Ok(0)
}

impl Show {
    async fn run(&self) -> anyhow::Result<u8> {
        let Opened { config, schema } = self.database.open()?;
        let mut source = open_archive(&config.backend, &schema).await?;
        let do_id = DoId(self.do_id);
        let Some(shown) = transfer::show(&mut *source, &schema, do_id).await? else {
            bail!("{} has no object {do_id}", source.describe());
        };
        println!("{do_id}: {}", shown.class);
        let mut code = 0;
        for (name, text) in shown.fields {
            match text {
                Ok(text) => println!("  {name} = {text}"),
                Err(why) => {
                    println!("  {name}: {why}");
                    code = 1;
                }
            }
        }
        Ok(code)
    }
}

impl Backup {
    async fn run(&self) -> anyhow::Result<u8> {
        let Opened { config, .. } = self.database.open()?;
        let mut bar = Bar::new();
        let progress = &mut |done, total| bar.show(Step::Copying, done, total);
        let copied = store::backup(&config, &self.target, progress).await;
        bar.finish();
        eprintln!("{} copied to {}", count(copied?, "object", "objects"), self.target.display());
        Ok(0)
    }
}

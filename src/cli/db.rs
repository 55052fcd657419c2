//! `donet db …`: the objects of a database server, without the server.

mod list;
mod migrate;
mod moving;
mod progress;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};

use self::progress::Bar;
use crate::cli::out::{complain, number_of, one_line, say};
use crate::config::{self, Config, DatabaseConfig, RoleConfig};
use crate::ids::{Channel, ChannelRepr, DoId, DoIdRepr};
use crate::store::archive::Archive;
use crate::store::transfer::{self, Step};
use crate::store::{self, OpenError, Schema, check_start, open_archive};

/// How many problems are printed; the others are counted.
const PROBLEMS_SHOWN: usize = 20;

/// What to do with the objects of a database.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Write all objects into a file of JSON lines
    Export(moving::Export),
    /// Take in objects from an export, another configuration's database, or Astron's formats
    Import(moving::Import),
    /// Carry all objects from old DC files to new ones; says what it would do unless there is --apply
    Migrate(migrate::Migrate),
    /// Check every stored object against the DC files
    Verify(Database),
    /// Count objects by class
    Stats(Database),
    /// List the objects of a class, or all of them
    List(list::List),
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

/// Options of `donet db show`.
#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    database: Database,

    /// The id of the object
    #[arg(value_name = "DOID")]
    do_id: String,
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
                Command::List(list) => list.run().await,
                Command::Show(show) => show.run().await,
                Command::Backup(backup) => backup.run().await,
            }
        })
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            complain!("{error:#}");
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
    let databases: Vec<_> = databases.collect();
    let path = path.display();
    let controls: Vec<_> =
        databases.iter().map(|database| format!("--control {}", database.control)).collect();
    let controls = controls.join(" or ");
    let is_meant = |database: &&&DatabaseConfig| control.is_none_or(|it| database.control == it);
    match (&databases.iter().filter(is_meant).collect::<Vec<_>>()[..], control) {
        ([database], _) => Ok((**database).clone()),
        ([], _) if databases.is_empty() => {
            bail!("{path}: it has no database: none of its roles is of `type: database`")
        }
        ([], Some(control)) => {
            bail!("{path}: it has no database with the control channel {control}, but {controls}")
        }
        _ => bail!("{path}: it has several databases: choose one with {controls}"),
    }
}

async fn verify(database: &Database) -> anyhow::Result<u8> {
    let Opened { config, schema } = database.open()?;
    let mut source = open_archive(&config.backend, &schema).await?;
    warn_of_oddity(&*source);
    let mut bar = Bar::new();
    let mut problems = 0_u64;
    let progress = &mut |step, done, total| bar.show(step, done, total);
    let objects = transfer::verify(&mut *source, &schema, progress, &mut |problem, stands_for| {
        problems += stands_for;
        say!("{}", one_line(&problem));
    })
    .await;
    bar.finish();
    let name = source.describe();
    source.close().await;
    let objects = objects?;
    if let Err(why) = check_start(&config, &schema).await {
        problems += 1;
        say!("the daemon would not start: {why}");
    }
    complain!(
        "{} in {name}, {}",
        number_of(objects, "object", "objects"),
        number_of(problems, "problem", "problems")
    );
    Ok(u8::from(problems > 0))
}

async fn stats(database: &Database) -> anyhow::Result<u8> {
    let Opened { config, schema } = database.open()?;
    let mut source = open_archive(&config.backend, &schema).await?;
    warn_of_oddity(&*source);
    let mut bar = Bar::new();
    let progress = &mut |step, done, total| bar.show(step, done, total);
    let half_imported = source.half_imported().await;
    let damage = source.damage().await;
    let stats = transfer::stats(&mut *source, progress).await;
    bar.finish();
    let name = source.describe();
    source.close().await;
    let stats = stats?;
    say!("{name}");
    say!("{:>12} {:>12} {:>14}  class", "objects", "values", "bytes");
    let mut total = 0;
    for (class, stats) in &stats.classes {
        total += stats.objects;
        let name = if class.is_empty() { "(unreadable)" } else { &one_line(class) };
        say!("{:>12} {:>12} {:>14}  {name}", stats.objects, stats.values, stats.bytes);
    }
    say!("{total:>12} {}", if total == 1 { "object" } else { "objects" });
    if let Some((lowest, highest)) = stats.ids {
        say!("ids {lowest} to {highest}, of the range {}", config.generate);
    }
    say!("{} freed", number_of(stats.free.free.len() as u64, "id", "ids"));
    for lost in &stats.lost {
        complain!("{}", one_line(lost));
    }
    warn_of(half_imported?);
    let is_damaged = warn_of_damage(&name, &damage?);
    Ok(u8::from(is_damaged || !stats.lost.is_empty()))
}

/// A store without objects may not be the one that is meant, or not be what it was.
fn warn_of_oddity(source: &(impl Archive + ?Sized)) {
    if let Some(odd) = source.oddity() {
        complain!("warning: {odd}");
    }
}

/// What is shown is right, and not all that there should be.
fn warn_of(half_imported: Option<OpenError>) {
    if let Some(error) = half_imported {
        complain!("{error}");
    }
}

/// Where SQLite takes a damaged page for the end of a table, nothing else shows that there was more. Whether there is damage.
fn warn_of_damage(name: &str, damage: &[String]) -> bool {
    for line in damage {
        complain!("{}", one_line(line));
    }
    if !damage.is_empty() {
        complain!("{name} is damaged: objects or values may be missing from what is shown");
    }
    !damage.is_empty()
}

impl Show {
    /// The id, or what to do to find one.
    fn do_id(&self) -> anyhow::Result<DoId> {
        if let Ok(do_id) = self.do_id.parse::<DoIdRepr>() {
            return Ok(DoId(do_id));
        }
        let is_name = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let class = match is_name(&self.do_id) {
            true => &self.do_id,
            false => "[CLASS]",
        };
        let config = self.database.config.display();
        bail!(
            "`{}` is no id of an object: expected a number from 0 to {}\n\
             `donet db list {config} {class}` lists the objects of a class, and `donet db stats {config}` counts them",
            self.do_id,
            DoIdRepr::MAX
        )
    }

    async fn run(&self) -> anyhow::Result<u8> {
        let do_id = self.do_id()?;
        let Opened { config, schema } = self.database.open()?;
        let mut source = open_archive(&config.backend, &schema).await?;
        warn_of_oddity(&*source);
        let half_imported = source.half_imported().await;
        let damage = source.damage().await;
        let found = transfer::show(&mut *source, &schema, do_id).await;
        let name = source.describe();
        source.close().await;
        warn_of(half_imported?);
        let is_damaged = warn_of_damage(&name, &damage?);
        let Some(shown) = found? else {
            bail!("{name} has no object {do_id}");
        };
        let unknown = if shown.is_known { "" } else { ": the DC files have no such class" };
        say!("{do_id}: {}{unknown}", one_line(&shown.class));
        let mut code = u8::from(!shown.is_known || is_damaged);
        for (name, text) in shown.fields {
            let name = one_line(&name);
            match text {
                Ok(text) => say!("  {name} = {}", one_line(&text)),
                Err(why) => {
                    say!("  {name}: {}", one_line(&why));
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
        complain!(
            "{} copied to {}",
            number_of(copied?, "object", "objects"),
            self.target.display()
        );
        Ok(0)
    }
}

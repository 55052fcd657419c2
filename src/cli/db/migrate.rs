//! `donet db migrate`: all objects of a database from old DC files to new ones.

mod report;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use clap::Args;
use dclass::diff::{Renames, compare};

use super::progress::Bar;
use super::{choose, warn_of_oddity};
use crate::cli::dc::files_of;
use crate::cli::out::{complain, number_of, one_line, say, write};
use crate::config::{self, BackendConfig, Config, DatabaseConfig};
use crate::ids::{Channel, ChannelRepr};
use crate::store::transfer::{
    Migrator, Permissions, Problems, Report, Step, read_map, refuse_others,
};
use crate::store::{Rewrite, Schema, backup, check_backup, is_stored_alike, open_rewrite};

/// Options of `donet db migrate`.
#[derive(Args, Debug)]
pub(in crate::cli) struct Migrate {
    /// The configuration file
    #[arg(value_name = "CONFIG", default_value = crate::cli::DEFAULT_CONFIG)]
    config: PathBuf,

    /// The control channel of the database, if the configuration has several
    #[arg(long, value_name = "CHANNEL")]
    control: Option<ChannelRepr>,

    /// The DC file by which the objects are stored; several with commas, or with --from again
    #[arg(long, value_name = "FILE", required = true)]
    from: Vec<String>,

    /// The DC file that they are to go with; without it, the files of the configuration
    #[arg(long, value_name = "FILE")]
    to: Vec<String>,

    /// What is called otherwise now: a YAML file of lines `Class.oldField: newField` and `OldClass: NewClass`
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,

    /// Leave out values that the new files have no place for, instead of refusing
    #[arg(long)]
    drop: bool,

    /// Round numbers that have more digits than the new type can hold, instead of refusing
    #[arg(long)]
    round: bool,

    /// Name every value that is lost, instead of one of each field with a count
    #[arg(long)]
    all: bool,

    /// Do it; otherwise it is only said what would be done
    #[arg(long)]
    apply: bool,

    /// Where the backup goes that is made first; without it, beside the database
    #[arg(long, value_name = "PATH", conflicts_with = "no_backup")]
    backup: Option<PathBuf>,

    /// Make no backup; with PostgreSQL and MySQL, to say that there is one
    #[arg(long)]
    no_backup: bool,
}

impl Migrate {
    pub(super) async fn run(&self) -> anyhow::Result<u8> {
        let loaded = config::load(&self.config).map_err(|errors| anyhow!("{errors}"))?;
        let database = choose(&loaded, &self.config, self.control.map(Channel))?;
        let (old, new) = self.schemas(&loaded)?;
        let renames = match &self.map {
            Some(map) => read_map(map, old.dc(), new.dc()).map_err(|why| anyhow!(why))?,
            None => Renames::default(),
        };
        let permissions = Permissions { drop: self.drop, round: self.round };
        let migrator = Migrator::new(&old, &new, &renames, permissions).naming_all(self.all);
        let command = self.apply.then(|| migrator.command(self.words()));
        let (mut store, was_unfinished) =
            open_rewrite(&database.backend, &old, command.as_ref()).await?;
        warn_of_oddity(&*store);
        if was_unfinished {
            say!("the migration that was interrupted has been finished");
        }
        if migrator.done_before(&mut *store).await?.is_none() {
            self.warn_of_names(&renames);
            self.check_before(&database, &mut *store).await?;
        }
        let report = self.look(&migrator, &mut *store).await?;
        if report.since.count > 0 {
            return Err(stored_since(&report));
        }
        if was_unfinished && report.done_before.is_some() {
            // Nothing else is to be done, and that alone would sound as if nothing had been.
            say!("{}: all its objects go with the new files now", store.describe());
            return Ok(0);
        }
        if !report.is_from_right_files() {
            return Err(self.wrong_files(&report));
        }
        let is_dropped = self.apply && permissions.allow(&report);
        let files = [old.dc(), new.dc()];
        write(format_args!("{}", report::page(&store.describe(), files, &report, is_dropped)));
        if report.done_before.is_some() && self.map.is_some() {
            say!("what --map says is not looked at again");
        }
        if report.done_before.is_some() || report.is_empty() && report.lost.count == 0 {
            return Ok(0);
        }
        print_problems(&[&report.lost, &report.rounded]);
        if !permissions.allow(&report) {
            let guesses = compare(old.dc(), new.dc(), &renames, is_stored_alike).guesses();
            return Err(self.refusal(&report, &guesses));
        }
        if !self.apply {
            say!("nothing is written: this was a dry run, --apply does it");
            return Ok(0);
        }
        refuse_others(&mut *store).await?;
        self.make_backup(&database).await?;
        let now = jiff::Timestamp::now().as_second();
        let mut bar = Bar::new();
        let progress = &mut |step, done, total| bar.show(step, done, total);
        let done = migrator.apply(&mut *store, now, progress).await;
        bar.finish();
        store.close().await;
        let done = done?;
        let left_out = match done.lost.count {
            0 => String::new(),
            lost => {
                format!(", {} left out", number_of(lost, "value or object", "values or objects"))
            }
        };
        say!("{} changed{left_out}", number_of(done.changed, "object is", "objects are"));
        Ok(0)
    }

    /// How it was given, but for what may be lost and where a backup goes.
    fn words(&self) -> String {
        let mut words = vec![self.config.display().to_string()];
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
        self.control.iter().for_each(|control| option("--control", control.to_string()));
        self.from.iter().for_each(|files| option("--from", files.clone()));
        self.to.iter().for_each(|files| option("--to", files.clone()));
        self.map.iter().for_each(|map| option("--map", map.display().to_string()));
        one_line(&words.join(" ")).to_string()
    }

    /// Names that are handed on say nothing of who has stored a value.
    fn warn_of_names(&self, renames: &Renames) {
        let names = renames.handed_on();
        if let (Some(map), [_, ..]) = (&self.map, &names[..]) {
            complain!(
                "warning: {}: names that are handed on to others ({}): if a daemon with the new files has stored objects already, nobody can tell \
                 them from old ones, and their values change places, too",
                map.display(),
                names.join(", ")
            );
        }
    }

    fn schemas(&self, config: &Config) -> anyhow::Result<(Schema, Schema)> {
        let options = dclass::Options { string_encoding: config.general.string_encoding };
        let read = |files: &[PathBuf]| match dclass::read_with(files, options) {
            Ok(dc) => Ok(Schema::new(Arc::new(dc))),
            Err(diagnostics) => Err(anyhow!("could not read the DC files\n{diagnostics}")),
        };
        let named = |names: &[String]| -> Vec<PathBuf> {
            names.iter().flat_map(|name| files_of(name)).collect()
        };
        let new = match &self.to[..] {
            [] => config.general.dc_files.clone(),
            names => named(names),
        };
        if new.is_empty() {
            bail!(
                "the configuration has no DC files that the objects could go with: name them with --to"
            );
        }
        Ok((read(&named(&self.from))?, read(&new)?))
    }

    /// Refuses what can be refused without looking at any object.
    async fn check_before(
        &self,
        database: &DatabaseConfig,
        store: &mut dyn Rewrite,
    ) -> anyhow::Result<()> {
        if let Some(target) = &self.backup {
            check_backup(database, target)?;
        }
        if self.apply {
            refuse_others(store).await?;
            self.backup_target(database)?;
        }
        Ok(())
    }

    async fn look(
        &self,
        migrator: &Migrator<'_>,
        store: &mut dyn Rewrite,
    ) -> anyhow::Result<Report> {
        let mut bar = Bar::new();
        let progress = &mut |step, done, total| bar.show(step, done, total);
        let report = migrator.look(store, progress).await;
        bar.finish();
        Ok(report?)
    }

    /// The old files are not those of the objects: whatever may be dropped, nothing is.
    fn wrong_files(&self, report: &Report) -> anyhow::Error {
        print_problems(&[&report.stale]);
        let files =
            "the files of --from, which are to be those that the database was last used with";
        match report.stale.count {
            0 => anyhow!("nothing is written: no object is of a class of {files}"),
            count => {
                let values = number_of(count, "value is", "values are");
                anyhow!("nothing is written: {values} not stored by {files}")
            }
        }
    }

    fn refusal(&self, report: &Report, guesses: &[String]) -> anyhow::Error {
        let mut ways = Vec::new();
        if report.lost.count > 0 && !self.drop {
            ways.push(format!(
                "--drop leaves out {}",
                match report.lost.count {
                    1 => "what has no place".to_owned(),
                    count => format!("the {count} values or objects that have no place"),
                }
            ));
        }
        if report.rounded.count > 0 && !self.round {
            ways.push("--round rounds numbers".to_owned());
        }
        let renamed = match guesses {
            [] => "; if something is called otherwise now, --map says so".to_owned(),
            _ => format!("\nwhat looks renamed, for --map:\n  {}", guesses.join("\n  ")),
        };
        anyhow!("nothing is written: {}{renamed}", ways.join(", "))
    }

    async fn make_backup(&self, database: &DatabaseConfig) -> anyhow::Result<()> {
        let Some(target) = self.backup_target(database)? else { return Ok(()) };
        let mut bar = Bar::new();
        let progress = &mut |done, total| bar.show(Step::Copying, done, total);
        let copied = backup(database, &target, progress).await;
        bar.finish();
        copied?;
        say!("the backup is {}", target.display());
        Ok(())
    }

    /// Where the backup goes, if there is to be one.
    fn backup_target(&self, database: &DatabaseConfig) -> anyhow::Result<Option<PathBuf>> {
        if self.no_backup {
            return Ok(None);
        }
        let time = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let mut target = match &database.backend {
            BackendConfig::Sqlite { file: path, .. }
            | BackendConfig::Yaml { directory: path, .. } => {
                // A slash at the end would make it a file within.
                path.components().collect::<PathBuf>().into_os_string()
            }
            _ => bail!(
                "nothing is written: make a backup with the database's own tool, such as pg_dump or mysqldump, \
                 and go on with --no-backup"
            ),
        };
        target.push(format!(".before-migration-{time}"));
        let target = self.backup.clone().unwrap_or(target.into());
        check_backup(database, &target)?;
        Ok(Some(target))
    }
}

/// It was carried out, and there is something to be done again.
fn stored_since(report: &Report) -> anyhow::Error {
    print_problems(&[&report.since]);
    let count = number_of(report.since.count, "value or object", "values or objects");
    anyhow!(
        "nothing is written: this very migration was carried out before, and the old files have stored {count} since, which cannot be \
         migrated along with what was migrated already: go back to a backup, or delete them and store them again by the new files"
    )
}

fn print_problems(all: &[&Problems]) {
    for line in all.iter().flat_map(|problems| problems.lines()) {
        complain!("{line}");
    }
    if all.iter().any(|problems| problems.is_short()) {
        complain!("--all names every one");
    }
}

//! Stored objects from old DC files to new ones.
//!
//! `plan` says what becomes of each class and field, `edits` what becomes of an object, `fate` of a value, `evidence` whether
//! the old files are those of the objects, `since` whether they are again, `report` counts it. The store does all of it at once ([`Rewrite`]), or nothing.
//! Whether this very migration was carried out before is noted in the store, since text does not say under which type it was
//! written, and since names may have changed places.

mod edits;
mod evidence;
mod fate;
mod map;
mod plan;
mod problems;
mod report;
mod since;

use dclass::DcFile;
use dclass::diff::{Renames, fingerprint};

use self::edits::{Decision, Editor};
use self::evidence::Evidence;
pub use self::map::read_map;
use self::plan::Plan;
pub use self::problems::Problems;
pub use self::report::{ClassReport, FieldReport, Report};
use super::copy::{Progress, Step};
use super::translate::Problem;
use crate::store::archive::{Archive, id_of};
use crate::store::rewrite::{Command, Migration, Rewrite};
use crate::store::{OpenError, Schema};

/// Objects that are read at a time.
const PAGE: usize = 500;

/// What may be lost.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Permissions {
    /// Values that the new files have no place for.
    pub drop: bool,
    /// Digits.
    pub round: bool,
}

impl Permissions {
    /// Whether all that a report says may be done. With old files that are not those of the objects, nothing may.
    pub fn allow(self, report: &Report) -> bool {
        report.is_from_right_files()
            && (self.drop || report.lost.count == 0)
            && (self.round || report.rounded.count == 0)
    }
}

/// Refuses a store that somebody else seems to use.
///
/// # Errors
/// If it is so, or that cannot be found out.
pub async fn refuse_others(store: &mut dyn Archive) -> Result<(), OpenError> {
    match store.others().await? {
        None => Ok(()),
        Some(who) => Err(OpenError::Refused(format!(
            "{} is in use by {who}: stop the daemon first; `donet db backup` makes a copy while it runs",
            store.describe()
        ))),
    }
}

/// From which DC files to which.
pub struct Migrator<'a> {
    old: &'a DcFile,
    new: &'a Schema,
    plan: Plan<'a>,
    permissions: Permissions,
    are_all_kept: bool,
}

impl<'a> Migrator<'a> {
    /// Looks at what becomes of classes and fields.
    pub fn new(
        old: &'a Schema,
        new: &'a Schema,
        renames: &'a Renames,
        permissions: Permissions,
    ) -> Self {
        let plan = Plan::new(old.dc(), new.dc(), renames);
        Migrator { old: old.dc(), new, plan, permissions, are_all_kept: false }
    }

    /// Has the report name all that is lost, instead of an example of each kind.
    #[must_use]
    pub fn naming_all(self, are_all_kept: bool) -> Self {
        Migrator { are_all_kept, ..self }
    }

    /// Says what would be done.
    ///
    /// # Errors
    /// As [`Migrator::done_before`].
    pub async fn look(
        &self,
        store: &mut dyn Rewrite,
        progress: Progress<'_>,
    ) -> Result<Report, OpenError> {
        if let Some(done_before) = self.done_before(store).await? {
            let mut report = self.since(store, progress).await?;
            report.done_before = Some(done_before);
            return Ok(report);
        }
        let mut report = self.run(store, progress, false).await?;
        let stored = store.noted();
        let noted = self.plan.noted(&stored, store.form());
        let is_stored = |(old, _): &(String, String)| stored.iter().any(|(class, ..)| class == old);
        report.is_noted = !noted.fields.is_empty() || noted.classes.iter().any(is_stored);
        Ok(report)
    }

    /// Looks for what the old files have stored since this migration was carried out.
    async fn since(
        &self,
        store: &mut dyn Rewrite,
        progress: Progress<'_>,
    ) -> Result<Report, OpenError> {
        let mut report = Report::default();
        let (total, mut after) = (store.count().await?, None);
        loop {
            let page = store.page(after, PAGE).await?;
            let Some(last) = page.last().map(id_of) else { return Ok(report) };
            after = Some(last);
            report.objects += page.len() as u64;
            for entry in &page {
                since::note(&self.plan, entry, self.are_all_kept, &mut report.since);
            }
            progress(Step::Checking, report.objects, total);
        }
    }

    /// Which migration it is, and how it was given.
    pub fn command(&self, words: String) -> Command {
        let (old, new) = (fingerprint(self.old), fingerprint(self.new.dc()));
        Command { old, new, map: self.plan.carrier.renames.fingerprint(), words }
    }

    /// Does it. Nothing is changed unless all of it is.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn apply(
        &self,
        store: &mut dyn Rewrite,
        now: i64,
        progress: Progress<'_>,
    ) -> Result<Report, OpenError> {
        let noted = self.plan.noted(&store.noted(), store.form());
        store.begin(&noted, self.new).await?;
        // From now on nobody can come who writes, but somebody may be there.
        refuse_others(store).await?;
        let report = self.run(store, progress, true).await?;
        let (old, new) = (fingerprint(self.old), fingerprint(self.new.dc()));
        store.finish(Migration { old, new, done: now }).await?;
        Ok(report)
    }

    /// When this migration was carried out, if it was.
    ///
    /// # Errors
    /// If the store cannot be read, or was migrated from these files to others.
    pub async fn done_before(&self, store: &mut dyn Rewrite) -> Result<Option<i64>, OpenError> {
        let (old, new) = (fingerprint(self.old), fingerprint(self.new.dc()));
        let past = store.past().await?;
        let Some(at) = past.iter().rposition(|done| done.old == old) else {
            return Ok(None);
        };
        if old == new || past[at..].iter().any(|done| done.new == old) {
            return Ok(None);
        }
        if past[at].new == new {
            return Ok(Some(past[at].done));
        }
        Err(OpenError::Refused(format!(
            "{} was migrated from these old files to others than these new ones: \
             its values are no longer what the old files say",
            store.describe()
        )))
    }

    async fn run(
        &self,
        store: &mut dyn Rewrite,
        progress: Progress<'_>,
        is_writing: bool,
    ) -> Result<Report, OpenError> {
        let mut editor = Editor {
            plan: &self.plan,
            form: store.form(),
            permissions: self.permissions,
            are_all_kept: self.are_all_kept,
            joined: self.plan.joined(&store.noted(), store.form()),
            evidence: Evidence::new(self.are_all_kept),
            report: Report::default(),
        };
        let step = if is_writing { Step::Moving } else { Step::Checking };
        let (total, mut after) = (store.count().await?, None);
        loop {
            let page = store.page(after, PAGE).await?;
            let Some(last) = page.last().map(id_of) else {
                return Ok(editor.report());
            };
            after = Some(last);
            editor.report.objects += page.len() as u64;
            let (mut changes, mut removed) = (Vec::new(), Vec::new());
            for entry in &page {
                let record = match entry {
                    Ok(record) => record,
                    Err(broken) => {
                        let (class, field) = (String::new(), None);
                        let why = format!("{}; it stays as it is", broken.why);
                        let problem = Problem { do_id: broken.do_id, class, field, why };
                        editor.report.lost.note(problem, self.are_all_kept);
                        continue;
                    }
                };
                match editor.decide(record) {
                    Decision::Keep => {}
                    Decision::Change(change) => changes.push(change),
                    Decision::Remove => removed.push(record.do_id),
                }
            }
            if is_writing {
                store.change(&changes).await?;
                store.remove(&removed).await?;
            }
            progress(step, editor.report.objects, total);
        }
    }
}

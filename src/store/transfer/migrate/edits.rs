//! One object from old DC files to new ones.

use std::fmt::Display;

use dclass::Field;
use dclass::diff::{Carried, given};

use super::Permissions;
use super::plan::{ClassPlan, FieldPlan, Plan, Work};
use super::report::Report;
use crate::ids::DoId;
use crate::store::archive::{Form, Raw, Record};
use crate::store::hex;
use crate::store::layout::{is_compatible, is_read_alike};
use crate::store::rewrite::{Change, Edit};
use crate::store::transfer::translate::short;
use crate::store::transfer::{Problem, translate};

/// Looks at objects, says what is to be done with them, and counts it.
pub struct Editor<'a> {
    pub plan: &'a Plan<'a>,
    pub form: Form,
    pub permissions: Permissions,
    /// Whether all that is lost is named.
    pub are_all_kept: bool,
    pub report: Report,
}

/// What is to be done with an object.
pub enum Decision {
    Keep,
    Change(Change),
    Remove,
}

/// What becomes of a value.
enum Fate {
    Keep,
    Rename,
    Set(Vec<u8>, Carried),
}

/// Why a value cannot be carried.
struct Misfit {
    why: String,
    /// The old files are not those by which it is stored.
    is_stale: bool,
}

impl From<String> for Misfit {
    fn from(why: String) -> Self {
        Misfit { why, is_stale: false }
    }
}

impl Editor<'_> {
    /// Decides about an object. What is lost without permission is noted in the report.
    pub fn decide(&mut self, record: &Record) -> Decision {
        let plan = self.plan;
        let Some(class) = plan.classes.get(record.class.as_str()) else {
            // What the old files do not know stays as it is.
            return Decision::Keep;
        };
        self.report.class(&record.class).objects += 1;
        let Some(new) = class.new else {
            self.report.class(&record.class).is_gone = true;
            self.lose(record, None, "the new files have no such class".to_owned());
            self.report.changed += 1;
            return Decision::Remove;
        };
        let mut edits = Vec::new();
        for (name, raw) in &record.values {
            match class.fields.get(name.as_str()) {
                Some(field) => edits.extend(self.value(record, field, raw)),
                None => edits.extend(self.unknown(record, class, name, raw)),
            }
        }
        for (field, value) in &class.filled {
            let is_of = |(name, _): &(String, Raw)| {
                let plan = class.fields.get(name.as_str());
                name == field.name() || plan.is_some_and(|plan| plan.becomes(field))
            };
            if !record.values.iter().any(is_of) {
                let is_new = !class.fields.values().any(|plan| plan.becomes(field));
                edits.push(self.fill(record, None, field, value));
                self.report.field(&record.class, field.name()).is_new = is_new;
            }
        }
        let names = (record.class.clone(), new.name().to_owned());
        if names.0 != names.1 {
            self.report.class(&names.0).renamed = Some(names.1.clone());
        }
        if edits.is_empty() && names.0 == names.1 {
            return Decision::Keep;
        }
        self.report.changed += 1;
        Decision::Change(Change { do_id: record.do_id, class: names, edits })
    }

    fn value(&mut self, record: &Record, plan: &FieldPlan<'_>, raw: &Raw) -> Option<Edit> {
        let name = plan.old.name();
        let drop = || Some(Edit::Drop { old: name.to_owned() });
        let Some(new) = plan.new else {
            if !plan.old.keywords().db() {
                return None;
            }
            let why = "the new files do not store such a field".to_owned();
            self.lose(record, Some(name), format!("{why}: {}", short(&shown(plan.old, raw))));
            return drop();
        };
        let fate = match self.fate(plan, new, raw) {
            Ok(fate) => fate,
            Err(Misfit { why, is_stale }) => {
                self.report.stale_count += u64::from(is_stale);
                self.lose(record, Some(name), why);
                return Some(self.in_place_of(record, name, new));
            }
        };
        if plan.is_renamed() {
            self.report.field(&record.class, name).renamed = Some(new.name().to_owned());
        }
        match fate {
            Fate::Keep => None,
            Fate::Rename => {
                self.report.field(&record.class, name).carried += 1;
                Some(Edit::Rename { old: name.to_owned(), new: new.name().to_owned() })
            }
            Fate::Set(before, carried) => {
                self.note_losses(record, plan.old, &before, &carried);
                let value = self.raw(new, &carried.value);
                let report = self.report.field(&record.class, name);
                report.carried += 1;
                report.types = Some((plan.old.type_text(), new.type_text()));
                report.rounded += u64::from(!carried.rounded.is_empty());
                report.cut += u64::from(!carried.left_out.is_empty());
                report
                    .example(record.do_id, || (text(plan.old, &before), text(new, &carried.value)));
                let new = new.name().to_owned();
                Some(Edit::Set { old: Some(name.to_owned()), new, value })
            }
        }
    }

    /// What becomes of a value whose field is there still.
    fn fate(&self, plan: &FieldPlan<'_>, new: &Field, raw: &Raw) -> Result<Fate, Misfit> {
        let untouched = if plan.is_renamed() { Fate::Rename } else { Fate::Keep };
        if !is_of_old(plan, new, raw)? {
            return Ok(untouched);
        }
        if plan.work == Work::Nothing {
            return Ok(untouched);
        }
        let before = match raw {
            Raw::Text { text, type_text } => {
                let is_told = type_text.is_some();
                plan.old.parse(text).map_err(|error| unreadable(new, text, is_told, &error))?
            }
            Raw::Packed { value, .. } => {
                plan.old.validate_all(value).map_err(|error| error.to_string())?;
                value.to_vec()
            }
            Raw::Foreign { why } => return Err(why.clone().into()),
        };
        if before.is_empty() {
            return Ok(untouched);
        }
        let carried = self.plan.carrier.carry(plan.old, new, &before);
        let carried = carried.map_err(|misfit| {
            let whole = misfit.path == plan.old.name();
            let part = misfit.path.strip_prefix(plan.old.name()).unwrap_or(&misfit.path);
            match whole {
                true => misfit.reason,
                false => format!("{}: {}", part.trim_start_matches('.'), misfit.reason),
            }
        })?;
        let is_same = match self.form {
            // What is written alike may mean something else; what means the same may be written otherwise.
            Form::Text | Form::Either => text(plan.old, &before) == text(new, &carried.value),
            Form::Packed => plan.work == Work::Check,
        };
        // What is lost is named, also if the rest happens to be written as the whole was.
        let is_whole = carried.left_out.is_empty() && carried.rounded.is_empty();
        Ok(if is_same && is_whole { untouched } else { Fate::Set(before, carried) })
    }

    /// Notes what a value loses.
    fn note_losses(&mut self, record: &Record, field: &Field, before: &[u8], carried: &Carried) {
        if !carried.rounded.is_empty() && !self.permissions.round {
            let value = short(&text(field, before));
            let why = format!("{value} has digits that the new type cannot hold");
            let problem = self.problem(record, Some(field.name()), why);
            self.report.rounded.note(problem, self.are_all_kept);
        }
        if !carried.left_out.is_empty() {
            let parts: Vec<String> =
                carried.left_out.iter().map(|part| format!("`{part}`")).collect();
            let have = if parts.len() == 1 { "has" } else { "have" };
            let (parts, value) = (parts.join(", "), short(&text(field, before)));
            let why = format!("{parts} of {value} {have} no place in the new type");
            let problem = self.problem(record, Some(field.name()), why);
            self.report.lost.note(problem, self.are_all_kept);
        }
    }

    /// A value whose field the old files do not have. It was out of reach; it stays, unless the new files have a use for
    /// its name.
    fn unknown(
        &mut self,
        record: &Record,
        class: &ClassPlan<'_>,
        name: &str,
        raw: &Raw,
    ) -> Option<Edit> {
        let becomes_it = |plan: &FieldPlan<'_>| {
            plan.is_renamed() && plan.new.is_some_and(|new| new.name() == name)
        };
        let is_taken = class.fields.values().any(becomes_it);
        let why = if is_taken {
            "the old files have no such field, and another one gets its name".to_owned()
        } else {
            let returns = class.new.and_then(|class| class.field_by_name(name))?;
            match translate::packed(returns, raw) {
                Ok(_) => return None,
                Err(why) => format!("the old files have no such field; {why}"),
            }
        };
        self.lose(record, Some(name), why);
        Some(match class.new.and_then(|class| class.field_by_name(name)) {
            Some(returns) if !is_taken => self.in_place_of(record, name, returns),
            _ => Edit::Drop { old: name.to_owned() },
        })
    }

    /// What comes in the place of a value that is left out: nothing, unless the object has to have one.
    fn in_place_of(&mut self, record: &Record, old: &str, field: &Field) -> Edit {
        match given(field).filter(|_| field.keywords().required()) {
            Some(value) => self.fill(record, Some(old), field, value),
            None => Edit::Drop { old: old.to_owned() },
        }
    }

    /// Gives an object the value that it has of a field if it has no other, in the place of an `old` one.
    fn fill(&mut self, record: &Record, old: Option<&str>, field: &Field, value: &[u8]) -> Edit {
        let report = self.report.field(&record.class, old.unwrap_or(field.name()));
        let count = if old.is_some() { &mut report.replaced } else { &mut report.filled };
        *count += 1;
        report.default.get_or_insert_with(|| text(field, value));
        let (old, new) = (old.map(str::to_owned), field.name().to_owned());
        Edit::Set { old, new, value: self.raw(field, value) }
    }

    fn raw(&self, field: &Field, value: &[u8]) -> Raw {
        let type_text = Some(field.named_type_text().into());
        match self.form {
            Form::Text | Form::Either => Raw::Text { text: text(field, value), type_text },
            Form::Packed => Raw::Packed { value: value.to_vec().into(), type_text },
        }
    }

    fn lose(&mut self, record: &Record, field: Option<&str>, why: String) {
        if let Some(field) = field {
            self.report.field(&record.class, field).dropped += 1;
        }
        let problem = self.problem(record, field, why);
        self.report.lost.note(problem, self.are_all_kept);
    }

    fn problem(&self, record: &Record, field: Option<&str>, why: String) -> Problem {
        let (do_id, class): (DoId, String) = (record.do_id, record.class.clone());
        let field = field.map(str::to_owned);
        match field {
            Some(_) => Problem { do_id, class, field, why },
            None => Problem { do_id, why: format!("{class}: {why}"), class, field },
        }
    }
}

/// Whether a value is one of the old files, as far as the store knows; otherwise it is one of the new ones already.
fn is_of_old(plan: &FieldPlan<'_>, new: &Field, raw: &Raw) -> Result<bool, Misfit> {
    let (stored, is_alike): (_, fn(&str, &str) -> bool) = match raw {
        Raw::Packed { type_text: Some(stored), .. } => (stored, is_compatible),
        Raw::Text { type_text: Some(stored), .. } => (stored, is_read_alike),
        _ => return Ok(true),
    };
    let is = |field: &Field| is_alike(stored, &field.named_type_text());
    match (is(plan.old), is(new)) {
        (true, _) => Ok(true),
        (false, true) => {
            translate::packed(new, raw)?;
            Ok(false)
        }
        (false, false) => {
            let old = plan.old.named_type_text();
            let why = format!("it is stored as `{stored}`, and is `{old}` in the old files");
            Err(Misfit { why, is_stale: true })
        }
    }
}

/// What is wrong with text that the old files cannot read. If the store does not tell its type and the new files can read
/// it, the old ones are not those that it was written by.
fn unreadable(new: &Field, text: &str, is_told: bool, error: &dyn Display) -> Misfit {
    let is_stale = !is_told && new.parse(text).is_ok();
    let which = if is_stale { "in the old files, not in the new ones: " } else { "" };
    Misfit { why: format!("`{}`: {which}{error}", short(text)), is_stale }
}

/// A value as text, or its bytes if it is none.
fn text(field: &Field, value: &[u8]) -> String {
    field.format(value).unwrap_or_else(|_| format!("<{}>", hex(value)))
}

fn shown(field: &Field, raw: &Raw) -> String {
    match raw {
        Raw::Text { text, .. } => text.clone(),
        Raw::Packed { value, .. } => text(field, value),
        Raw::Foreign { why } => why.clone(),
    }
}

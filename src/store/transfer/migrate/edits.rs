//! One object from old DC files to new ones.

use std::collections::BTreeSet;

use dclass::Field;
use dclass::diff::given;

use super::Permissions;
use super::evidence::{Evidence, Told};
use super::fate::{Carry, Fate};
use super::plan::{ClassPlan, FieldPlan, Plan};
use super::report::Report;
use crate::ids::DoId;
use crate::store::archive::{Form, Raw, Record};
use crate::store::hex;
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
    /// See [`Plan::joined`].
    pub joined: BTreeSet<(&'a str, &'a str)>,
    pub evidence: Evidence,
    pub report: Report,
}

/// What is to be done with an object.
pub enum Decision {
    Keep,
    Change(Change),
    Remove,
}

impl Editor<'_> {
    /// What there is to say when all objects have been looked at.
    pub fn report(self) -> Report {
        let mut report = self.report;
        self.evidence.judge(&mut report);
        report
    }

    /// Decides about an object. What is lost without permission is noted in the report.
    pub fn decide(&mut self, record: &Record) -> Decision {
        let plan = self.plan;
        let Some(class) = plan.classes.get(record.class.as_str()) else {
            self.evidence.object(false);
            self.look_at_stranger(record);
            // What the old files do not know stays as it is.
            return Decision::Keep;
        };
        self.evidence.object(true);
        self.report.class(&record.class).objects += 1;
        let Some(new) = class.new else {
            self.evidence.speaks_for_old();
            for (name, raw) in &record.values {
                if let Some(field) = class.fields.get(name.as_str()) {
                    self.told(record, field, raw);
                }
            }
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
            self.evidence.speaks_for_old();
            self.report.class(&names.0).renamed = Some(names.1.clone());
        }
        if edits.is_empty() && names.0 == names.1 {
            return Decision::Keep;
        }
        self.report.changed += 1;
        Decision::Change(Change { do_id: record.do_id, class: names, edits })
    }

    /// An object of a class that the old files do not have stays. If it is not stored as the new files have it either, the old
    /// ones are older than those that it was stored by.
    fn look_at_stranger(&mut self, record: &Record) {
        let Some(class) = self.plan.new.class_by_name(&record.class) else { return };
        for (name, raw) in &record.values {
            let Some(field) = class.field_by_name(name) else { continue };
            let current = field.named_type_text();
            if let (Told::Neither, Some(stored)) =
                (Told::of(raw, None, Some(&current)), type_of(raw))
            {
                let why =
                    format!("it is stored as `{stored}`, and the old files have no such class");
                self.note_stale(record, name, why);
            }
        }
    }

    fn value(&mut self, record: &Record, plan: &FieldPlan<'_>, raw: &Raw) -> Option<Edit> {
        let name = plan.old.name();
        let told = self.told(record, plan, raw)?;
        let Some(new) = plan.new else {
            if !plan.old.keywords().db() {
                return None;
            }
            let why = "the new files do not store such a field".to_owned();
            self.lose(record, Some(name), format!("{why}: {}", short(&shown(plan.old, raw))));
            return Some(Edit::Drop { old: name.to_owned() });
        };
        if let Some(newer) = newer(record, plan, new) {
            let (new, old) = (new.name(), short(&shown(plan.old, raw)));
            let why = format!(
                "{old} has no place, since `{new}` has been stored by the new files: {}",
                short(&newer)
            );
            self.lose(record, Some(name), why);
            return Some(Edit::Drop { old: name.to_owned() });
        }
        let fate = match self.fate(record, plan, new, raw, told) {
            Ok(fate) => fate,
            Err(why) => {
                self.lose(record, Some(name), why);
                return Some(self.in_place_of(record, name, new));
            }
        };
        if plan.is_renamed() {
            self.report.field(&record.class, name).renamed = Some(new.name().to_owned());
        }
        match fate {
            Fate::Keep => self.untouched(record, plan, new, raw),
            Fate::Newer => {
                self.report.field(&record.class, name).newer += 1;
                self.untouched(record, plan, new, raw)
            }
            Fate::Set(carry) => {
                self.note_losses(record, &carry);
                let Carry { field, before, carried } = carry;
                let value = self.raw(new, &carried.value);
                let report = self.report.field(&record.class, name);
                report.carried += 1;
                report.types = Some((plan.old.type_text(), new.type_text()));
                report.rounded += u64::from(!carried.rounded.is_empty());
                report.cut += u64::from(!carried.left_out.is_empty());
                report.example(record.do_id, || (text(field, &before), text(new, &carried.value)));
                let new = new.name().to_owned();
                Some(Edit::Set { old: Some(name.to_owned()), new, value })
            }
        }
    }

    /// A value that stays as it is, but may get another name.
    fn untouched(
        &mut self,
        record: &Record,
        plan: &FieldPlan<'_>,
        new: &Field,
        raw: &Raw,
    ) -> Option<Edit> {
        if !plan.is_renamed() {
            return None;
        }
        let (old, new) = (plan.old.name().to_owned(), new.name().to_owned());
        self.report.field(&record.class, &old).carried += 1;
        Some(match self.joined.contains(&(record.class.as_str(), new.as_str())) {
            true => Edit::Set { old: Some(old), new, value: raw.clone() },
            false => Edit::Rename { old, new },
        })
    }

    /// Notes what the store tells of the type of a value; nothing if that is neither the old nor the new one.
    fn told(&mut self, record: &Record, plan: &FieldPlan<'_>, raw: &Raw) -> Option<Told> {
        let (old, new) = (plan.types.0.as_str(), plan.types.1.as_deref());
        let told = Told::of(raw, Some(old), new);
        let stored = type_of(raw).map_or("", |text| text);
        match told {
            Told::Neither => {
                let why = format!("it is stored as `{stored}`, and is `{old}` in the old files");
                self.note_stale(record, plan.old.name(), why);
                return None;
            }
            Told::New => {
                let why = format!(
                    "it is stored as `{stored}`, as in the new files, and is `{old}` in the old ones"
                );
                let problem = self.problem(record, Some(plan.old.name()), why);
                self.evidence.speaks_for_new(problem);
            }
            Told::Old => self.evidence.speaks_for_old(),
            Told::Both | Told::Nothing if plan.is_renamed() || plan.new.is_none() => {
                self.evidence.speaks_for_old();
            }
            Told::Both | Told::Nothing => {}
        }
        Some(told)
    }

    /// Notes what a value loses.
    fn note_losses(&mut self, record: &Record, carry: &Carry<'_>) {
        let Carry { field, before, carried } = carry;
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

    /// A value whose field the old files do not have. It was out of reach, or a daemon with the new files has stored it; it
    /// stays, if these have a use for its name.
    fn unknown(
        &mut self,
        record: &Record,
        class: &ClassPlan<'_>,
        name: &str,
        raw: &Raw,
    ) -> Option<Edit> {
        let is_taken = class.is_taken(name);
        let field = class.new.and_then(|class| class.field_by_name(name))?;
        let why = match (translate::packed(field, raw), type_of(raw)) {
            (Ok(_), _) => {
                self.evidence.has_new_name();
                self.report.field(&record.class, name).newer += 1;
                return None;
            }
            (Err(_), Some(stored))
                if !is_taken
                    && Told::of(raw, None, Some(&field.named_type_text())) == Told::Neither =>
            {
                let why =
                    format!("it is stored as `{stored}`, and the old files have no such field");
                self.note_stale(record, name, why);
                return None;
            }
            (Err(_), _) if is_taken => {
                "the old files have no such field, and another one gets its name".to_owned()
            }
            (Err(why), _) => format!("the old files have no such field; {why}"),
        };
        self.lose(record, Some(name), why);
        Some(match is_taken {
            true => Edit::Drop { old: name.to_owned() },
            false => self.in_place_of(record, name, field),
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

    /// A value that the old files do not describe.
    fn note_stale(&mut self, record: &Record, field: &str, why: String) {
        let problem = self.problem(record, Some(field), why);
        self.report.stale.note(problem, self.are_all_kept);
    }

    fn lose(&mut self, record: &Record, field: Option<&str>, why: String) {
        if let Some(field) = field {
            self.report.field(&record.class, field).dropped += 1;
        }
        let problem = self.problem(record, field, why);
        self.report.lost.note(problem, self.are_all_kept);
    }

    pub(super) fn problem(&self, record: &Record, field: Option<&str>, why: String) -> Problem {
        let (do_id, class): (DoId, String) = (record.do_id, record.class.clone());
        let field = field.map(str::to_owned);
        match field {
            Some(_) => Problem { do_id, class, field, why },
            None => Problem { do_id, why: format!("{class}: {why}"), class, field },
        }
    }
}

/// What a daemon with the new files has stored under the new name of a field that is called otherwise in the old ones. That one
/// ran last.
fn newer(record: &Record, plan: &FieldPlan<'_>, new: &Field) -> Option<String> {
    let (_, raw) = record.values.iter().find(|(name, _)| name == new.name())?;
    (plan.takes_new_name && translate::packed(new, raw).is_ok()).then(|| shown(new, raw))
}

/// The type under which a value is stored, if the store says.
fn type_of(raw: &Raw) -> Option<&str> {
    match raw {
        Raw::Packed { type_text, .. } | Raw::Text { type_text, .. } => type_text.as_deref(),
        Raw::Foreign { .. } => None,
    }
}

/// A value as text, or its bytes if it is none.
pub(super) fn text(field: &Field, value: &[u8]) -> String {
    field.format(value).unwrap_or_else(|_| format!("<{}>", hex(value)))
}

fn shown(field: &Field, raw: &Raw) -> String {
    match raw {
        Raw::Text { text, .. } => text.clone(),
        Raw::Packed { value, .. } => text(field, value),
        Raw::Foreign { why } => why.clone(),
    }
}

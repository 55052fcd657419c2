//! What becomes of one value whose field is there still.

use dclass::Field;
use dclass::diff::{Carried, Stored};

use super::edits::{Editor, text};
use super::evidence::{Reading, Told};
use super::plan::{FieldPlan, Work};
use crate::store::archive::{Form, Raw, Record};
use crate::store::transfer::translate::short;

/// What becomes of a value.
pub enum Fate<'p> {
    /// It is the same by both files.
    Keep,
    /// It is one of the new files already.
    Newer,
    Set(Carry<'p>),
}

/// A packed value, or why there is none.
type Bytes = Result<Vec<u8>, String>;

/// A value of the old files that becomes another one.
pub struct Carry<'p> {
    /// By which it is read.
    pub field: &'p Field,
    pub before: Vec<u8>,
    pub carried: Carried,
}

impl Editor<'_> {
    /// What becomes of a value whose field is there still.
    pub(super) fn fate<'p>(
        &mut self,
        record: &Record,
        plan: &'p FieldPlan<'_>,
        new: &Field,
        raw: &Raw,
        told: Told,
    ) -> Result<Fate<'p>, String> {
        match raw {
            // What nobody can read stays as well.
            _ if plan.work == Work::Nothing => Ok(Fate::Keep),
            Raw::Foreign { why } => Err(why.clone()),
            Raw::Packed { value, .. } => self.fate_of_packed(plan, new, value, told),
            Raw::Text { text, type_text } => {
                // Under another text of the type others may have stored what the old field does not hold.
                let stored = type_text.as_deref().filter(|stored| *stored != plan.types.0);
                self.fate_of_text(record, plan, new, text, (told, stored.is_some()))
            }
        }
    }

    fn fate_of_packed<'p>(
        &self,
        plan: &'p FieldPlan<'_>,
        new: &Field,
        value: &[u8],
        told: Told,
    ) -> Result<Fate<'p>, String> {
        let is_newer = told == Told::New;
        if is_newer || plan.work != Work::Carry {
            // Its bytes are those of the new field, whatever limits the old one has.
            new.validate_all(value).map_err(|error| error.to_string())?;
            return Ok(if is_newer { Fate::Newer } else { Fate::Keep });
        }
        let field = plan.wide(Stored::Packed);
        field.validate_all(value).map_err(|error| error.to_string())?;
        self.carry(plan, field, new, value.to_vec())
    }

    fn fate_of_text<'p>(
        &mut self,
        record: &Record,
        plan: &'p FieldPlan<'_>,
        new: &Field,
        written: &str,
        (told, is_widened): (Told, bool),
    ) -> Result<Fate<'p>, String> {
        let current = new.parse(written).map_err(|error| format!("`{}`: {error}", short(written)));
        if told == Told::New {
            return current.map(|_| Fate::Newer);
        }
        let (is_alike, wide) = (plan.is_read_alike, plan.wide(Stored::Text));
        // What is read alike is read by none of the old limits: they may not have been those of whoever wrote it.
        let [first, second] = if is_alike { [wide, plan.old] } else { [plan.old, wide] };
        let (field, before) = match first.parse(written) {
            Err(_) if is_alike || is_widened || current.is_err() => (second, second.parse(written)),
            before => (first, before),
        };
        let before = before.map_err(|error| format!("`{}`: {error}", short(written)));
        let carried = before.clone().and_then(|before| self.carry(plan, field, new, before));
        if told == Told::Nothing {
            self.note_reading(record, plan, written, (&before, &carried, &current));
        }
        match (before, current) {
            (Err(_), Ok(_)) if is_alike => Ok(Fate::Keep),
            (Err(_), Ok(_)) => Ok(Fate::Newer),
            _ => carried,
        }
    }

    /// Notes what text says by itself of the files that it was written by: what it is by the old ones, what that becomes, and
    /// what it is by the new ones.
    fn note_reading(
        &mut self,
        record: &Record,
        plan: &FieldPlan<'_>,
        written: &str,
        (before, carried, current): (&Bytes, &Result<Fate<'_>, String>, &Bytes),
    ) {
        let (reading, why) = match (before, carried, current) {
            (Err(why), _, Err(_)) => (Reading::Neither, why.as_str()),
            (_, _, Ok(_)) if plan.is_read_alike => (Reading::Same, ""),
            (Err(why), _, Ok(_)) => (Reading::New, why.as_str()),
            (_, Ok(_), Ok(current)) if current.iter().all(|byte| *byte == 0) => (Reading::Zero, ""),
            (Ok(_), _, Err(_)) => (Reading::Old, ""),
            (Ok(_), Ok(Fate::Set(carry)), Ok(current)) if carry.carried.value != *current => {
                (Reading::Either, "it is another value by the old files than by the new ones")
            }
            (Ok(_), Ok(_), Ok(_)) => (Reading::Same, ""),
            (Ok(_), Err(why), Ok(_)) => (Reading::EitherButMisfit, why.as_str()),
        };
        let name = plan.old.name();
        let written = short(written);
        let why = match (reading, why.strip_prefix(&format!("`{written}`: "))) {
            (Reading::New, Some(why)) => {
                format!("`{written}`: in the old files, not in the new ones: {why}")
            }
            (_, Some(_)) => why.to_owned(),
            (_, None) => format!("`{written}`: {why}"),
        };
        let problem = self.problem(record, Some(name), why);
        self.evidence.reading(reading, problem);
    }

    /// A value of the old files in its new form. `field` is the old one, or as that is without limits.
    fn carry<'p>(
        &self,
        plan: &FieldPlan<'_>,
        field: &'p Field,
        new: &Field,
        before: Vec<u8>,
    ) -> Result<Fate<'p>, String> {
        if before.is_empty() {
            return Ok(Fate::Keep);
        }
        let carried = self.plan.carrier.carry(field, new, &before);
        let carried = carried.map_err(|misfit| {
            let whole = misfit.path == plan.old.name();
            let part = misfit.path.strip_prefix(plan.old.name()).unwrap_or(&misfit.path);
            match whole {
                true => misfit.reason,
                false => format!("{}: {}", part.trim_start_matches('.'), misfit.reason),
            }
        })?;
        // What is written alike may mean something else; what means the same may be written otherwise.
        let is_same =
            self.form != Form::Packed && text(field, &before) == text(new, &carried.value);
        // What is lost is named, also if the rest happens to be written as the whole was.
        let is_whole = carried.left_out.is_empty() && carried.rounded.is_empty();
        Ok(if is_same && is_whole {
            Fate::Keep
        } else {
            Fate::Set(Carry { field, before, carried })
        })
    }
}

//! What the old files have stored since a migration was carried out.

use super::evidence::Told;
use super::plan::Plan;
use super::problems::Problems;
use crate::store::archive::{Entry, Record};
use crate::store::transfer::Problem;

/// Notes what is called or stored as only the old files have it. Names that changed places say nothing.
pub fn note(plan: &Plan<'_>, entry: &Entry, are_all_kept: bool, since: &mut Problems) {
    let Ok(record) = entry else { return };
    let Some(old) = plan.carrier.old.class_by_name(&record.class) else { return };
    let Some(new) = plan.new.class_by_name(&record.class) else {
        let why = format!("{}: only the old files have this class", record.class);
        return since.note(problem(record, None, why), are_all_kept);
    };
    for (name, raw) in &record.values {
        let Some(before) = old.field_by_name(name).filter(|field| field.keywords().db()) else {
            continue;
        };
        let Some(after) = new.field_by_name(name).filter(|field| field.keywords().db()) else {
            let why = "only the old files store such a field".to_owned();
            since.note(problem(record, Some(name), why), are_all_kept);
            continue;
        };
        let (before, after) = (before.named_type_text(), after.named_type_text());
        if Told::of(raw, Some(&before), Some(&after)) == Told::Old {
            let why = format!("it is stored as `{before}`, and is `{after}` in the new files");
            since.note(problem(record, Some(name), why), are_all_kept);
        }
    }
}

fn problem(record: &Record, field: Option<&str>, why: String) -> Problem {
    let (do_id, class) = (record.do_id, record.class.clone());
    Problem { do_id, class, field: field.map(str::to_owned), why }
}

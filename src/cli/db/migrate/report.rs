//! What a migration does, for people.

use std::fmt::Write;

use dclass::DcFile;

use crate::cli::out::{number_of, one_line};
use crate::store::transfer::{ClassReport, FieldReport, Report};

/// The whole page. What has no place is left out if that `is_dropped`.
pub(super) fn page(
    store: &str,
    [old, new]: [&DcFile; 2],
    report: &Report,
    is_dropped: bool,
) -> String {
    let mut out = String::new();
    let hashes = format!("from hash {:#010x} to {:#010x}", old.hash(), new.hash());
    if let Some(done) = report.done_before {
        let when =
            jiff::Timestamp::from_second(done).map_or(String::new(), |at| format!(" at {at}"));
        return format!("{store}: nothing is to be done, it was migrated {hashes}{when}\n");
    }
    let objects = number_of(report.objects, "object", "objects");
    if report.is_empty() && report.lost.count == 0 {
        line(&mut out, format!("{store}: nothing is to be done for {objects}, {hashes}"));
        classes_text(&mut out, report, is_dropped);
        return out;
    }
    let changed = match report.changed {
        0 => "no object has values that change, but what the database knows of fields does"
            .to_owned(),
        changed => format!(
            "{changed} of {objects} {} to be changed",
            if changed == 1 { "is" } else { "are" }
        ),
    };
    line(&mut out, format!("{store}, {hashes}: {changed}"));
    classes_text(&mut out, report, is_dropped);
    out
}

fn classes_text(out: &mut String, report: &Report, is_dropped: bool) {
    for (name, class) in &report.classes {
        class_text(out, name, class, is_dropped);
    }
}

fn line(out: &mut String, text: String) {
    out.push_str(&text);
    out.push('\n');
}

fn class_text(out: &mut String, name: &str, class: &ClassReport, is_dropped: bool) {
    let is_changed = class.renamed.is_some() || class.is_gone || !class.fields.is_empty();
    if !is_changed || class.objects == 0 {
        return;
    }
    let objects = number_of(class.objects, "object", "objects");
    let head = match (&class.renamed, class.is_gone) {
        (_, true) => format!("{name}: gone, with {objects}"),
        (Some(new), _) => format!("{name} → {new}: {objects}"),
        (None, _) => format!("{name}: {objects}"),
    };
    line(out, head);
    for (name, field) in &class.fields {
        field_text(out, name, field, is_dropped);
    }
}

fn field_text(out: &mut String, name: &str, field: &FieldReport, is_dropped: bool) {
    let values = |number| number_of(number, "value", "values");
    let mut head = format!("  {name}");
    if let Some(new) = &field.renamed {
        let _ = write!(head, " → {new}");
    }
    let mut parts = Vec::new();
    if let Some((old, new)) = &field.types {
        let types = if old == new {
            "parts have other places or names".to_owned()
        } else {
            format!("{old} → {new}")
        };
        parts.push(format!("{types}, {}", values(field.carried)));
    } else if field.carried > 0 {
        parts.push(values(field.carried));
    }
    match field.newer {
        0 => {}
        1 => parts.push("1 value was stored by the new files already: it stays".to_owned()),
        newer => {
            parts.push(format!("{newer} values were stored by the new files already: they stay"))
        }
    }
    if field.rounded > 0 {
        parts.push(format!("{} rounded", field.rounded));
    }
    if field.cut > 0 {
        parts.push(format!("{} with parts that are left out", field.cut));
    }
    let default = short(field.default.as_deref().unwrap_or_default());
    let get = |count| match count {
        1 => format!("1 object gets {default}"),
        count => format!("{count} objects get {default}"),
    };
    match (field.filled, field.is_new) {
        (0, _) => {}
        (filled, true) => parts.push(format!("new, {}", get(filled))),
        (filled, false) => parts.push(format!("{} for want of a value", get(filled))),
    }
    if field.dropped > 0 {
        let are = match (is_dropped, field.dropped) {
            (true, 1) => "is left out",
            (true, _) => "are left out",
            (false, 1) => "has no place",
            (false, _) => "have no place",
        };
        parts.push(format!("{} {are}", values(field.dropped)));
    }
    if field.replaced > 0 {
        parts.push(format!("{} in its place, as the field is required", get(field.replaced)));
    }
    if parts.is_empty() {
        return;
    }
    line(out, format!("{head}: {}", parts.join("; ")));
    for (do_id, old, new) in &field.examples {
        line(out, format!("      object {do_id}: {} → {}", short(old), short(new)));
    }
}

/// The beginning of a value, if it is long.
fn short(text: &str) -> String {
    const CHARS: usize = 40;
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", one_line(&text[..at])),
        None => one_line(text),
    }
}

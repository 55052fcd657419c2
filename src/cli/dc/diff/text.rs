//! A comparison for people: what has changed class by class, and then who may stay.

use std::fmt::Write;

use dclass::diff::{
    Answer, Aspect, ClassChange, Comparison, Effects, Fate, FieldChange, Moved, Verdict, Who,
};

use super::Compared;

/// Columns that a line of prose may take.
const WIDTH: usize = 100;

/// The whole page.
pub(super) fn page(compared: &Compared) -> String {
    let Compared { sides: [old, new], comparison } = compared;
    let mut out = String::new();
    if comparison.is_empty() {
        line(&mut out, format!("nothing changes; hash {:#010x}", comparison.hashes.0));
        return out;
    }
    for (sign, side, hash) in [("-", old, comparison.hashes.0), ("+", new, comparison.hashes.1)] {
        let files = side.files.join(", ");
        let others = side.dc.astron_hash();
        let others = others.map_or(String::new(), |hash| format!(" (in Astron {hash:#010x})"));
        line(&mut out, format!("{sign} {hash:#010x}{others}  {files}"));
    }
    if comparison.hashes.0 == comparison.hashes.1 {
        line(&mut out, "the hash is the same".to_owned());
    }
    changes(&mut out, comparison);
    out.push('\n');
    verdicts(&mut out, &comparison.verdicts);
    let guesses = comparison.guesses();
    if !guesses.is_empty() {
        let text = "\nWhat looks renamed is new and gone for stored values, unless a map says otherwise:\n";
        out.push_str(text);
        guesses.iter().for_each(|guess| line(&mut out, format!("  {guess}")));
    }
    out
}

fn line(out: &mut String, text: String) {
    out.push_str(text.trim_end());
    out.push('\n');
}

fn changes(out: &mut String, comparison: &Comparison) {
    let (in_detail, moved): (Vec<_>, Vec<_>) =
        comparison.classes.iter().partition(|class| has_details(class));
    for class in in_detail {
        out.push('\n');
        class_text(out, class);
    }
    if comparison.moved.is_none() && moved.is_empty() {
        return;
    }
    out.push_str("\nother numbers on the wire\n");
    if let Some(moved) = &comparison.moved {
        line(out, format!("  classes: {}", numbers(moved)));
    }
    for class in moved {
        if let Some(moved) = &class.moved {
            line(out, format!("  {}: {}", class.name, numbers(moved)));
        }
    }
}

/// Whether there is more to say than that numbers have moved.
fn has_details(class: &ClassChange) -> bool {
    class.fate != Fate::Changed || class.parents.is_some() || !class.fields.is_empty()
}

/// `5 fields, setName 3 → 4 to setAge 7 → 8`
fn numbers(moved: &Moved) -> String {
    let one = |(name, old, new): &(String, u16, u16)| match name.is_empty() {
        true => format!("{old} → {new}"),
        false => format!("{name} {old} → {new}"),
    };
    match moved.count {
        1 => one(&moved.first),
        2 => format!("{}, {}", one(&moved.first), one(&moved.last)),
        count => format!("{} … {} ({count} in all)", one(&moved.first), one(&moved.last)),
    }
}

fn class_text(out: &mut String, class: &ClassChange) {
    let kind = if class.is_struct { "struct" } else { "dclass" };
    let about = match &class.fate {
        Fate::Added => ", new".to_owned(),
        Fate::Removed => ", gone".to_owned(),
        Fate::Renamed(old) => format!(", was {old}"),
        Fate::Guessed(old) => format!(", was {old} by the look of it"),
        Fate::Changed => String::new(),
    };
    line(out, format!("{kind} {}{about}", class.name));
    if let Some((old, new)) = &class.parents {
        let list = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        line(out, format!("    parents {} → {}: what it inherits changes", list(old), list(new)));
    }
    for field in &class.fields {
        field_text(out, field, &class.fate);
    }
    if let Some(moved) = &class.moved {
        line(out, format!("    numbers: {}", numbers(moved)));
    }
    if !class.used_by.is_empty() {
        let shown = class.used_by.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
        let more = class.used_by.len().saturating_sub(6);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        line(out, format!("    changes all fields that hold one: {shown}{more}"));
    }
}

fn field_text(out: &mut String, field: &FieldChange, class: &Fate) {
    let (old, new) = &field.declarations;
    let is_whole = matches!(class, Fate::Added | Fate::Removed);
    let tags = if is_whole { String::new() } else { tags(field.effects) };
    let head = |sign: &str, id: Option<u16>, declaration: &Option<String>| {
        let id = id.map_or(String::new(), |id| id.to_string());
        format!("  {sign} {id:>5}  {}", declaration.as_deref().unwrap_or_default())
    };
    match &field.fate {
        Fate::Added => line(out, head("+", field.id.1, new) + &tags),
        Fate::Removed => line(out, head("-", field.id.0, old) + &tags),
        fate => {
            line(out, head("-", field.id.0, old));
            line(out, head("+", field.id.1, new) + &tags);
            if let Fate::Renamed(old) = fate {
                line(out, format!("           was {old}"));
            }
            if let Fate::Guessed(old) = fate {
                line(out, format!("           was {old} by the look of it"));
            }
        }
    }
    for aspect in &field.aspects {
        let text = match (&field.fate, aspect) {
            // It had none before, since it was not there.
            (Fate::Added, Aspect::Default(_, Some(new))) => format!("default {new}"),
            _ => aspect_text(aspect),
        };
        line(out, format!("           {text}"));
    }
}

/// Where the change is seen.
fn tags(effects: Effects) -> String {
    let Effects { wire, hash, stored } = effects;
    let all = [(wire, "wire"), (hash, "hash"), (stored, "stored")];
    let named: Vec<&str> = all.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
    match named[..] {
        [] => "   [nothing else]".to_owned(),
        _ => format!("   [{}]", named.join(", ")),
    }
}

pub(super) fn aspect_text(aspect: &Aspect) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    match aspect {
        Aspect::Type(change) if change.part.is_empty() => change.text.clone(),
        Aspect::Type(change) => format!("{}: {}", change.part, change.text),
        Aspect::Gained(word, means) => format!("+ {word}: {means}"),
        Aspect::Lost(word, means) => format!("- {word}: {means}"),
        Aspect::Filled(value) => format!("stored objects without a value get {value}"),
        Aspect::Default(old, new) => format!("default {} → {}", text(old), text(new)),
        Aspect::Names(old, new) => {
            format!("names only: ({}) → ({})", old.join(", "), new.join(", "))
        }
    }
}

pub(super) const fn who_text(who: Who) -> &'static str {
    match who {
        Who::Clients => "old clients",
        Who::Servers => "old AIs, UberDOGs and daemons",
        Who::Sql => "values in SQLite, PostgreSQL, MySQL",
        Who::Yaml => "values in YAML",
    }
}

fn verdicts(out: &mut String, verdicts: &[Verdict]) {
    out.push_str("What can stay, with a daemon that has the new files\n");
    let width = verdicts.iter().map(|verdict| who_text(verdict.who).len()).max().unwrap_or(0);
    for Verdict { who, answer, reasons } in verdicts {
        let answer = match answer {
            Answer::Yes => "yes",
            Answer::Mind => "yes, if",
            Answer::No => "no",
        };
        line(out, format!("  {:width$}  {answer}", who_text(*who)));
        for reason in reasons {
            let mark = if reason.answer == Answer::No { "✗" } else { "·" };
            wrapped(out, &format!("      {mark} "), &reason.text);
        }
        if *who == Who::Servers && !reasons.is_empty() {
            wrapped(
                out,
                "      · ",
                "nobody compares the files of servers: they would misread each other without a word",
            );
        }
    }
    let needs = |verdict: &Verdict| {
        matches!(verdict.who, Who::Sql | Who::Yaml) && verdict.answer != Answer::Yes
    };
    if verdicts.iter().any(needs) {
        line(out, "  `donet db migrate` carries stored values over".to_owned());
    }
}

/// Writes a text in lines that are not too long; those that follow begin below the first.
fn wrapped(out: &mut String, head: &str, text: &str) {
    let indent = head.chars().count();
    let (mut column, mut is_first) = (indent, true);
    out.push_str(head);
    for word in text.split(' ') {
        let length = word.chars().count();
        if !is_first && column + 1 + length > WIDTH {
            let _ = write!(out, "\n{:indent$}", "");
            (column, is_first) = (indent, true);
        }
        if !is_first {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        (column, is_first) = (column + length, false);
    }
    out.push('\n');
}

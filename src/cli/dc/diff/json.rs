//! A comparison for programs.

use dclass::diff::{
    Answer, Aspect, ClassChange, Fate, FieldChange, Moved, TypeChange, Verdict, Who,
};
use serde_json::{Value, json};

use super::Compared;

pub(super) fn document(compared: &Compared) -> Value {
    let Compared { sides: [old, new], comparison } = compared;
    let side = |side: &super::Side, hash: u32| {
        let text = |hash: u32| format!("{hash:#010x}");
        let astron_hash = side.dc.astron_hash().map(text);
        json!({"files": side.files, "hash": text(hash), "astron_hash": astron_hash})
    };
    json!({
        "old": side(old, comparison.hashes.0),
        "new": side(new, comparison.hashes.1),
        "changed": !comparison.is_empty(),
        "classes": comparison.classes.iter().map(class).collect::<Vec<_>>(),
        "moved": comparison.moved.as_ref().map(moved),
        "verdicts": comparison.verdicts.iter().map(verdict).collect::<Vec<_>>(),
        "map": comparison.guesses(),
    })
}

fn moved(moved: &Moved) -> Value {
    let one = |(name, old, new): &(String, u16, u16)| json!({"name": name, "old": old, "new": new});
    json!({"count": moved.count, "first": one(&moved.first), "last": one(&moved.last)})
}

fn fate(fate: &Fate) -> (&'static str, Option<&str>) {
    match fate {
        Fate::Added => ("added", None),
        Fate::Removed => ("removed", None),
        Fate::Renamed(old) => ("renamed", Some(old)),
        Fate::Guessed(old) => ("renamed?", Some(old)),
        Fate::Changed => ("changed", None),
    }
}

fn class(class: &ClassChange) -> Value {
    let (change, was) = fate(&class.fate);
    json!({
        "name": class.name,
        "kind": if class.is_struct { "struct" } else { "dclass" },
        "change": change,
        "was": was,
        "id": {"old": class.id.0, "new": class.id.1},
        "parents": class.parents.as_ref().map(|(old, new)| json!({"old": old, "new": new})),
        "moved": class.moved.as_ref().map(moved),
        "fields": class.fields.iter().map(field).collect::<Vec<_>>(),
        "used_by": class.used_by,
    })
}

fn field(field: &FieldChange) -> Value {
    let (change, was) = fate(&field.fate);
    json!({
        "name": field.name,
        "change": change,
        "was": was,
        "id": {"old": field.id.0, "new": field.id.1},
        "old": field.declarations.0,
        "new": field.declarations.1,
        "aspects": field.aspects.iter().map(aspect).collect::<Vec<_>>(),
        "wire": field.effects.wire,
        "hash": field.effects.hash,
        "stored": field.effects.stored,
    })
}

fn aspect(aspect: &Aspect) -> Value {
    match aspect {
        Aspect::Type(TypeChange { part, text, is_narrower }) => {
            json!({"aspect": "type", "part": part, "text": text, "narrower": is_narrower})
        }
        Aspect::Gained(word, means) => {
            json!({"aspect": "keyword", "gained": word, "text": means})
        }
        Aspect::Lost(word, means) => json!({"aspect": "keyword", "lost": word, "text": means}),
        Aspect::Default(old, new) => json!({"aspect": "default", "old": old, "new": new}),
        Aspect::Filled(value) => json!({"aspect": "filled", "new": value}),
        Aspect::Names(old, new) => json!({"aspect": "names", "old": old, "new": new}),
    }
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::Mind => "if",
        Answer::No => "no",
    }
}

fn verdict(verdict: &Verdict) -> Value {
    let who = match verdict.who {
        Who::Clients => "clients",
        Who::Servers => "servers",
        Who::Sql => "sql",
        Who::Yaml => "yaml",
    };
    let reasons = verdict.reasons.iter();
    let reasons =
        reasons.map(|reason| json!({"answer": answer(reason.answer), "text": reason.text}));
    json!({
        "who": who,
        "can_stay": answer(verdict.answer),
        "reasons": reasons.collect::<Vec<_>>(),
    })
}

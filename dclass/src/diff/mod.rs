//! What has changed from one set of DC files to the next, and what may stay as it is.
//!
//! [`compare`] tells the changes class by class and judges who may stay; [`Carrier`] carries stored values over. Nothing
//! here knows a file or a database.

mod carry;
mod fingerprint;
mod judge;
mod likeness;
mod limits;
mod matching;
mod number;
mod pairs;
mod renames;
#[cfg(test)]
mod tests;
mod types;
mod unlimited;
mod uses;
mod work;

pub use carry::{Carried, Carrier, Misfit};
pub use fingerprint::{fingerprint, fnv};
pub use judge::{Answer, Reason, Verdict, Who};
pub use renames::Renames;
pub use types::TypeChange;
pub use unlimited::unlimited;

use crate::schema::{Class, DcFile, Field, Keywords};
use matching::{ClassPair, FieldPair, Matching};
use pairs::Sameness;
use types::Differ;
use uses::Uses;

/// All differences between two schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The legacy hash before and after.
    pub hashes: (u32, u32),
    /// Classes and structs in which something has changed: in the order of the new files, and then those that are gone.
    pub classes: Vec<ClassChange>,
    /// Classes and structs whose numbers have moved.
    pub moved: Option<Moved>,
    /// Who and what may stay.
    pub verdicts: Vec<Verdict>,
}

/// Numbers that are others now: how many, and the first and the last of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How many.
    pub count: usize,
    /// The first: its new name, its old number and its new one.
    pub first: (String, u16, u16),
    /// The last.
    pub last: (String, u16, u16),
}

/// What became of a class or struct, or of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is called otherwise, as the map says.
    Renamed(String),
    /// It seems to be called otherwise; the old name.
    Guessed(String),
    /// It has changed.
    Changed,
}

/// A class or struct in which something has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassChange {
    /// Its name; the new one if it has two.
    pub name: String,
    /// Whether it is a struct.
    pub is_struct: bool,
    /// What became of it.
    pub fate: Fate,
    /// Its number, before and after.
    pub id: (Option<u16>, Option<u16>),
    /// The names of its parents before and after, if they are not the same.
    pub parents: Option<(Vec<String>, Vec<String>)>,
    /// Own fields whose numbers have moved.
    pub moved: Option<Moved>,
    /// Own fields with whatever else is about them.
    pub fields: Vec<FieldChange>,
    /// Of a struct whose values have changed: which fields of others are made of it.
    pub used_by: Vec<String>,
}

/// A field that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// Its name; the new one if it has two.
    pub name: String,
    /// What became of it.
    pub fate: Fate,
    /// Its number, before and after.
    pub id: (Option<u16>, Option<u16>),
    /// Its declaration with keywords, before and after.
    pub declarations: (Option<String>, Option<String>),
    /// What has changed in it.
    pub aspects: Vec<Aspect>,
    /// Where the change is seen.
    pub effects: Effects,
}

/// Where a change is seen.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// In the bytes of messages, or in who sends and gets them.
    pub wire: bool,
    /// In the legacy hash.
    pub hash: bool,
    /// In what is stored.
    pub stored: bool,
}

/// Something about a field that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// A type.
    Type(TypeChange),
    /// A keyword came; what that means.
    Gained(String, &'static str),
    /// A keyword went; what that means.
    Lost(String, &'static str),
    /// The explicit default, as DC text.
    Default(Option<String>, Option<String>),
    /// What stored objects have in it that have no value of it, as DC text.
    Filled(String),
    /// The names of parameters.
    Names(Vec<String>, Vec<String>),
}

/// How a store keeps values.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// As on the wire.
    Packed,
    /// As DC text.
    Text,
}

/// Compares two schemas. `is_stored_alike` says whether values that were stored under one [named type
/// text](Field::named_type_text) can be read under another, as the stores see it.
pub fn compare(
    old: &DcFile,
    new: &DcFile,
    renames: &Renames,
    is_stored_alike: impl Fn(Stored, &str, &str) -> bool,
) -> Comparison {
    let matching = Matching::new(old, new, renames);
    let known = pairs::Known::default();
    let (renames, mode) = (&matching.renames, pairs::Mode::Meaning);
    let same = Sameness { old, renames, mode, known: &known };
    let uses = [Uses::new(old), Uses::new(new)];
    let change = |pair: &ClassPair<'_>| class_change(pair, old, new, same, &uses);
    let mut classes: Vec<ClassChange> = matching.classes.iter().filter_map(change).collect();
    let hashes = (old.hash(), new.hash());
    if hashes.0 == hashes.1 {
        // Parts that have changed places may leave it as it is.
        let fields = classes.iter_mut().flat_map(|class| &mut class.fields);
        fields.for_each(|field| field.effects.hash = false);
    }
    let named = matching
        .classes
        .iter()
        .filter_map(|pair| Some((pair.new?.name(), pair.old?.id().0, pair.new?.id().0)));
    let moved = moved(named);
    let scene = judge::Scene {
        old,
        new,
        matching: &matching,
        known: &known,
        is_stored_alike: &is_stored_alike,
        limits: limits::LimitChanges::default(),
    };
    Comparison { hashes, classes, moved, verdicts: scene.verdicts() }
}

impl Comparison {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.hashes.0 == self.hashes.1 && self.classes.is_empty() && self.moved.is_none()
    }

    /// What looks renamed, as lines of a map, for somebody to judge.
    pub fn guesses(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for class in &self.classes {
            let mut class_name = &class.name;
            if let Fate::Renamed(old) | Fate::Guessed(old) = &class.fate {
                class_name = old;
            }
            if let Fate::Guessed(old) = &class.fate {
                lines.push(format!("{old}: {}", class.name));
            }
            for field in &class.fields {
                if let Fate::Guessed(old) = &field.fate {
                    lines.push(format!("{class_name}.{old}: {}", field.name));
                }
            }
        }
        lines
    }
}

impl FieldChange {
    fn is_value_changed(&self) -> bool {
        self.fate != Fate::Changed
            || self.aspects.iter().any(|aspect| matches!(aspect, Aspect::Type(_)))
    }
}

fn moved<'n>(numbers: impl Iterator<Item = (&'n str, u16, u16)>) -> Option<Moved> {
    let moved: Vec<(String, u16, u16)> = numbers
        .filter(|(_, old, new)| old != new)
        .map(|(name, old, new)| (name.to_owned(), old, new))
        .collect();
    let (first, last) = (moved.first()?.clone(), moved.last()?.clone());
    Some(Moved { count: moved.len(), first, last })
}

fn class_change(
    pair: &ClassPair<'_>,
    old: &DcFile,
    new: &DcFile,
    same: Sameness<'_>,
    [old_uses, new_uses]: &[Uses<'_>; 2],
) -> Option<ClassChange> {
    let shown = pair.new.or(pair.old)?;
    let fate = fate(pair.old.map(Class::name), pair.new.map(Class::name), pair.is_guessed);
    let change = |field: &FieldPair<'_>| field_change(field, same);
    let mut fields: Vec<FieldChange> = pair.fields.iter().filter_map(change).collect();
    if pair.old.is_none() {
        // There are no objects of it yet.
        let is_now = |aspect: &Aspect| !matches!(aspect, Aspect::Filled(_));
        fields.iter_mut().for_each(|field| field.aspects.retain(is_now));
    }
    if is_part_stored(old_uses, pair.old) || is_part_stored(new_uses, pair.new) {
        fields.iter_mut().for_each(|field| field.effects.stored |= field.is_value_changed());
    }
    let moved = moved(
        pair.fields
            .iter()
            .filter_map(|field| Some((field.new?.name(), field.old?.id().0, field.new?.id().0))),
    );
    let parents = pair.old.zip(pair.new).and_then(|(before, after)| {
        let (before, after) = (parent_names(old, before), parent_names(new, after));
        let is_same = before.len() == after.len()
            && before
                .iter()
                .zip(&after)
                .all(|(before, after)| same.renames.new_class(before) == after);
        (!is_same).then_some((before, after))
    });
    if fate == Fate::Changed && fields.is_empty() && moved.is_none() && parents.is_none() {
        return None;
    }
    let is_value_changed = fields.iter().any(FieldChange::is_value_changed);
    let used_by = match pair.old {
        Some(class) if is_value_changed && pair.new.is_some() => old_uses
            .of(class)
            .iter()
            .map(|(class, field)| format!("{}.{}", class.name(), field.name()))
            .collect(),
        _ => Vec::new(),
    };
    Some(ClassChange {
        name: shown.name().to_owned(),
        is_struct: shown.is_struct(),
        fate,
        id: (pair.old.map(|class| class.id().0), pair.new.map(|class| class.id().0)),
        parents,
        moved,
        fields,
        used_by,
    })
}

fn fate(old: Option<&str>, new: Option<&str>, is_guessed: bool) -> Fate {
    match (old, new) {
        (None, _) => Fate::Added,
        (_, None) => Fate::Removed,
        (Some(old), Some(new)) if old == new => Fate::Changed,
        (Some(old), _) if is_guessed => Fate::Guessed(old.to_owned()),
        (Some(old), _) => Fate::Renamed(old.to_owned()),
    }
}

fn parent_names(dc: &DcFile, class: &Class) -> Vec<String> {
    let parents = class.parents().iter().filter_map(|id| dc.class_or_struct(*id));
    parents.map(|parent| parent.name().to_owned()).collect()
}

/// Whether there are values of a struct in what is stored.
fn is_part_stored(uses: &Uses<'_>, structure: Option<&Class>) -> bool {
    structure.is_some_and(|structure| uses.of(structure).iter().any(|(_, field)| is_db(field)))
}

fn field_change(pair: &FieldPair<'_>, same: Sameness<'_>) -> Option<FieldChange> {
    let shown = pair.new.or(pair.old)?;
    let fate = fate(pair.old.map(Field::name), pair.new.map(Field::name), pair.is_guessed);
    let mut aspects = Vec::new();
    let mut effects = Effects::default();
    match (pair.old, pair.new) {
        (Some(old), Some(new)) => {
            aspects = self::aspects(old, new, same);
            effects = Effects {
                wire: aspects.iter().any(Aspect::is_on_the_wire),
                hash: aspects.iter().any(Aspect::is_hashed)
                    || fate != Fate::Changed && new.kind() != crate::FieldKind::Parameter,
                stored: is_db(old)
                    && (fate != Fate::Changed || aspects.iter().any(Aspect::is_stored))
                    || is_db(old) != is_db(new),
            };
            if fate == Fate::Changed && aspects.is_empty() {
                return None;
            }
        }
        _ => {
            effects.hash = true;
            effects.wire = true;
            effects.stored = is_db(shown);
            let default = pair.new.and_then(default_text);
            aspects.extend(default.map(|new| Aspect::Default(None, Some(new))));
        }
    }
    let filled = pair.new.filter(|new| filled(pair.old, new).is_some());
    aspects.extend(filled.map(|new| Aspect::Filled(new.implicit_text())));
    Some(FieldChange {
        name: shown.name().to_owned(),
        fate,
        id: (pair.old.map(|field| field.id().0), pair.new.map(|field| field.id().0)),
        declarations: (pair.old.map(declaration), pair.new.map(declaration)),
        aspects,
        effects,
    })
}

fn is_db(field: &Field) -> bool {
    field.keywords().db()
}

fn default_text(field: &Field) -> Option<String> {
    field.default_value().map(|_| field.implicit_text())
}

/// Whether both have the same default, or none. Another divisor makes other bytes of the same default, and other
/// defaults of the same bytes.
fn is_same_default(old: &Field, new: &Field, same: Sameness<'_>) -> bool {
    let (Some(before), Some(after)) = (old.default_value(), new.default_value()) else {
        return old.default_value().is_none() && new.default_value().is_none();
    };
    // What nobody can read is only ever the bytes that it is.
    if old.unreadable.is_some() || new.unreadable.is_some() {
        return old.unreadable.is_some() && new.unreadable.is_some() && before == after;
    }
    let carrier = Carrier { old: same.old, renames: same.renames };
    carrier.carry(old, new, before).is_ok_and(|carried| carried.value == after)
}

/// What stored objects get that have no value of a field, which they did not get before: the explicit default, and in any
/// case something if it is required. Nothing if that is no value of the field.
pub fn filled<'a>(old: Option<&Field>, new: &'a Field) -> Option<&'a [u8]> {
    // Objects that were made with the new files had nothing to get by the old name.
    let is_same_name = |old: &&Field| old.name() == new.name() || !new.keywords().required();
    match old.filter(is_same_name).and_then(given) {
        Some(_) => None,
        None => given(new),
    }
}

/// What a stored object gets that has no value of a field.
pub fn given(field: &Field) -> Option<&[u8]> {
    let is_given = field.keywords().required() || field.default_value().is_some();
    let value = field.implicit_value();
    let is_value = is_db(field) && !value.is_empty() && field.validate_all(value).is_ok();
    (is_given && is_value).then_some(value)
}

fn words(field: &Field) -> Vec<String> {
    let standard = field.keywords().names().map(str::to_owned);
    standard.chain(field.custom_keywords().iter().cloned()).collect()
}

fn declaration(field: &Field) -> String {
    format!("{} {}", field.declaration(), words(field).join(" ")).trim_end().to_owned()
}

fn aspects(old: &Field, new: &Field, same: Sameness<'_>) -> Vec<Aspect> {
    let mut differ = Differ::new(same);
    differ.fields(old, new);
    let mut aspects: Vec<Aspect> = differ.found.into_iter().map(Aspect::Type).collect();
    // A molecular field has the keywords of its parts, where they are told.
    if !pairs::is_molecular(old) || !pairs::is_molecular(new) {
        let (before, after) = (words(old), words(new));
        let gained = after.iter().filter(|word| !before.contains(word));
        aspects.extend(gained.map(|word| Aspect::Gained(word.clone(), consequence(word, true))));
        let lost = before.iter().filter(|word| !after.contains(word));
        aspects.extend(lost.map(|word| Aspect::Lost(word.clone(), consequence(word, false))));
    }
    if !is_same_default(old, new, same) {
        aspects.push(Aspect::Default(default_text(old), default_text(new)));
    }
    let names = |field: &Field| -> Vec<String> {
        match field.kind() {
            crate::FieldKind::Atomic => {
                field.params().iter().map(|param| param.name.clone()).collect()
            }
            _ => Vec::new(),
        }
    };
    let (before, after) = (names(old), names(new));
    // Where one stands in another's place, that is more than its name.
    let is_in_place = || Sameness { mode: pairs::Mode::Places, ..same }.of_fields(old, new);
    if before.len() == after.len() && before != after && is_in_place() {
        aspects.push(Aspect::Names(before, after));
    }
    aspects
}

impl Aspect {
    fn is_on_the_wire(&self) -> bool {
        match self {
            Aspect::Type(_) => true,
            Aspect::Gained(word, _) | Aspect::Lost(word, _) => {
                Keywords::by_name(word).is_some_and(|keyword| keyword != Keywords::DB)
            }
            Aspect::Default(..) | Aspect::Filled(_) | Aspect::Names(..) => false,
        }
    }

    fn is_hashed(&self) -> bool {
        matches!(self, Aspect::Type(_) | Aspect::Gained(..) | Aspect::Lost(..))
    }

    fn is_stored(&self) -> bool {
        matches!(self, Aspect::Type(_))
    }
}

/// What it means that a field has a keyword now, or has it no more.
fn consequence(word: &str, is_gained: bool) -> &'static str {
    match (word, is_gained) {
        ("required", true) => "every object has a value, which creations and entries must hold",
        ("required", false) => "creations and entries do not hold it any more",
        ("ram", true) => "the state server keeps its value",
        ("ram", false) => "the state server keeps its value no more",
        ("db", true) => "it is stored",
        ("db", false) => "it is stored no more, and stored values are out of reach",
        ("broadcast", true) => "everybody who sees the object is told",
        ("broadcast", false) => "not everybody who sees the object is told any more",
        ("clrecv", true) => "clients that see the object get it with the object",
        ("clrecv", false) => "clients that see the object do not get it with the object any more",
        ("clsend", true) => "every client that sees the object may send it",
        ("clsend", false) => "a client that sends it is ejected, unless it may as the owner",
        ("ownsend", true) => "the owner may send it",
        ("ownsend", false) => "an owner that sends it is ejected, unless every client may",
        ("ownrecv", true) => "the owner is told",
        ("ownrecv", false) => "the owner is not told any more, unless it is broadcast",
        ("airecv", true) => "the AI is told",
        ("airecv", false) => "the AI is not told any more",
        _ => "donet does nothing with it",
    }
}

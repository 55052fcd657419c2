//! Who and what may stay as it is when the files of everybody else change.
//!
//! On the wire there are numbers and bytes, no names: programs with the old files do well with the new ones as long as
//! every number that they use still means the same, packed alike.

use super::Stored;
use super::limits::LimitChanges;
use super::matching::{ClassPair, FieldPair, Matching};
use super::pairs::{Known, Mode, Sameness};
use super::work::step;
use crate::schema::{Class, DcFile, Field, FieldId, Keywords};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many examples a reason has.
const EXAMPLES: usize = 3;

/// Who may stay or not.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Clients with the old files, at a daemon with the new ones.
    Clients,
    /// AIs, UberDOGs and daemons with the old files, linked to a daemon with the new ones.
    Servers,
    /// Values in SQLite, PostgreSQL, MySQL or MariaDB.
    Sql,
    /// Values in a YAML directory.
    Yaml,
}

/// Whether somebody may stay.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Yes.
    Yes,
    /// As long as the reasons are minded.
    Mind,
    /// No.
    No,
}

/// What is to be said of one of those who may stay or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Who it is about.
    pub who: Who,
    /// Whether they may stay.
    pub answer: Answer,
    /// Why not, and what to mind; the weightiest first.
    pub reasons: Vec<Reason>,
}

/// One reason of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Whether it alone is a no.
    pub answer: Answer,
    /// What it is.
    pub text: String,
}

/// Kinds of reasons, the weightiest first.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    ClassMoved,
    FieldMoved,
    Reused,
    Packed,
    Swapped,
    Entry,
    Unreadable,
    Misread,
    Hash,
    OutOfReach,
    Refused,
    Unread,
    Ejected,
    Removed,
    Untold,
    NewField,
    NewClass,
    Outside,
    Absent,
}

impl Kind {
    const fn answer(self) -> Answer {
        match self {
            Kind::ClassMoved
            | Kind::FieldMoved
            | Kind::Reused
            | Kind::Packed
            | Kind::Swapped
            | Kind::Entry
            | Kind::Unreadable
            | Kind::Misread => Answer::No,
            Kind::Absent => Answer::Yes,
            _ => Answer::Mind,
        }
    }

    const fn text(self, who: Who) -> &'static str {
        match self {
            Kind::ClassMoved => "classes have other numbers",
            Kind::FieldMoved => "fields have other numbers",
            Kind::Reused => "numbers mean something else now",
            Kind::Packed => "values are packed otherwise",
            Kind::Swapped => {
                "the same bytes are other parts of the value, which are taken for each other"
            }
            Kind::Entry => "objects are created and shown with other required values",
            Kind::Unreadable => "the daemon does not start where there are values of",
            Kind::Misread => "the text would be read as another value, or not at all",
            Kind::Hash => "the hash is another one",
            Kind::OutOfReach => "stored values are out of reach",
            Kind::Refused if matches!(who, Who::Clients) => {
                "values may be refused that were allowed, and clients that send one are ejected"
            }
            Kind::Refused => "values may be refused that were allowed",
            Kind::Unread => {
                "values outside of their limits, which they cannot read, must not be sent"
            }
            Kind::Ejected => "clients that send it are ejected",
            Kind::Removed => "nobody may send what is gone",
            Kind::Untold => "no longer told to everybody who was told",
            Kind::NewField => "they do not know, and must not be sent",
            Kind::NewClass => "they do not know, and must not be shown objects of",
            Kind::Outside => "values outside of the new limits fail when they are read",
            Kind::Absent => "objects that have no value get the default when they are loaded",
        }
    }
}

/// Reasons with examples, each kind once.
#[derive(Default)]
struct Findings(BTreeMap<Kind, Examples>);

/// Each once, in the order in which they were found.
#[derive(Default)]
struct Examples {
    shown: Vec<String>,
    known: HashSet<String>,
}

impl Findings {
    fn note(&mut self, kind: Kind, example: impl Into<String>) {
        step();
        let (example, examples) = (example.into(), self.0.entry(kind).or_default());
        if !example.is_empty()
            && examples.known.insert(example.clone())
            && examples.shown.len() < EXAMPLES
        {
            examples.shown.push(example);
        }
    }

    fn verdict(self, who: Who) -> Verdict {
        let answer = self.0.keys().map(|kind| kind.answer()).max().unwrap_or(Answer::Yes);
        let reason = |(kind, Examples { shown, known }): (Kind, Examples)| {
            let more = known.len() - shown.len();
            let mut text = kind.text(who).to_owned();
            // Who cannot stay must not be let in.
            if kind == Kind::Hash && answer < Answer::No {
                text += ": list both in `manual_dc_hash` of the client agent";
            }
            if !shown.is_empty() {
                text = format!("{text}: {}", shown.join(", "));
            }
            if more > 0 {
                text = format!("{text} and {more} more");
            }
            Reason { answer: kind.answer(), text }
        };
        Verdict { who, answer, reasons: self.0.into_iter().map(reason).collect() }
    }
}

/// What is judged.
pub(super) struct Scene<'a> {
    pub old: &'a DcFile,
    pub new: &'a DcFile,
    pub matching: &'a Matching<'a>,
    pub known: &'a Known,
    pub is_stored_alike: &'a dyn Fn(Stored, &str, &str) -> bool,
    pub limits: LimitChanges,
}

/// One who has the old files.
struct Peer {
    who: Who,
    /// Keywords of what it is sent; none if it is sent everything.
    hears: Keywords,
    sends: Keywords,
    /// Keywords of the required values that it gets with an object.
    entry: Keywords,
}

const CLIENT: Peer = Peer {
    who: Who::Clients,
    hears: Keywords::BROADCAST.union(Keywords::CLRECV).union(Keywords::OWNRECV),
    sends: Keywords::CLSEND.union(Keywords::OWNSEND),
    entry: Keywords::BROADCAST.union(Keywords::CLRECV).union(Keywords::OWNRECV),
};
const SERVER: Peer =
    Peer { who: Who::Servers, hears: Keywords::NONE, sends: Keywords::NONE, entry: Keywords::NONE };

impl Peer {
    fn is_among(keywords: Keywords, field: &Field) -> bool {
        keywords.is_empty() || field.keywords().intersects(keywords)
    }

    fn hears(&self, field: &Field) -> bool {
        Peer::is_among(self.hears, field)
    }

    fn sends(&self, field: &Field) -> bool {
        Peer::is_among(self.sends, field)
    }

    fn uses(&self, field: &Field) -> bool {
        self.hears(field) || self.sends(field)
    }
}

impl Scene<'_> {
    pub fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = vec![self.peer(&CLIENT), self.peer(&SERVER)];
        verdicts.extend([self.stored(Who::Sql), self.stored(Who::Yaml)]);
        verdicts
    }

    fn same(&self, mode: Mode) -> Sameness<'_> {
        Sameness { old: self.old, renames: &self.matching.renames, mode, known: self.known }
    }

    fn peer(&self, peer: &Peer) -> Verdict {
        let mut found = Findings::default();
        if peer.who == Who::Clients && self.old.hash() != self.new.hash() {
            found.note(Kind::Hash, "");
        }
        let mut numbers: HashMap<FieldId, FieldId> = HashMap::new();
        for pair in &self.matching.classes {
            numbers.extend(
                pair.fields.iter().filter_map(|field| Some((field.old?.id(), field.new?.id()))),
            );
        }
        for pair in &self.matching.classes {
            // Numbers of structs are on no wire.
            if pair.old.or(pair.new).is_some_and(Class::is_struct) {
                continue;
            }
            self.peer_class(peer, pair, &numbers, &mut found);
            for field in &pair.fields {
                self.peer_field(peer, pair, field, &mut found);
            }
        }
        found.verdict(peer.who)
    }

    fn peer_class(
        &self,
        peer: &Peer,
        pair: &ClassPair<'_>,
        numbers: &HashMap<FieldId, FieldId>,
        found: &mut Findings,
    ) {
        match (pair.old, pair.new) {
            // Whoever creates or is shown an object has its class's number, whatever fields that has.
            (Some(old), Some(new)) => {
                if old.id() != new.id() {
                    let (before, after) = (old.id().0, new.id().0);
                    found.note(Kind::ClassMoved, format!("{} {before} → {after}", new.name()));
                }
                let ids = |class: &Class| -> Vec<FieldId> {
                    let shown =
                        class.required().iter().filter(|field| Peer::is_among(peer.entry, field));
                    shown.map(|field| field.id()).collect()
                };
                let before = ids(old);
                let before: Vec<_> = before.iter().map(|id| numbers.get(id).copied()).collect();
                let after: Vec<_> = ids(new).into_iter().map(Some).collect();
                if before != after {
                    found.note(Kind::Entry, new.name());
                }
            }
            (Some(old), None) => {
                if let Some(other) = self.new.class_or_struct(old.id()) {
                    found.note(
                        Kind::Reused,
                        format!("{} was {} and is {}", old.id().0, old.name(), other.name()),
                    );
                }
            }
            (None, Some(new)) => found.note(Kind::NewClass, new.name()),
            (None, None) => {}
        }
    }

    fn peer_field(
        &self,
        peer: &Peer,
        class: &ClassPair<'_>,
        pair: &FieldPair<'_>,
        found: &mut Findings,
    ) {
        let place = |field: &Field| {
            let class = class.new.or(class.old).map_or("", Class::name);
            format!("{class}.{}", field.name())
        };
        match (pair.old, pair.new) {
            // What they are sent now counts, too, whatever they know of it.
            (Some(old), Some(new)) if peer.uses(old) || peer.hears(new) => {
                if old.id() != new.id() {
                    let (before, after) = (old.id().0, new.id().0);
                    found.note(Kind::FieldMoved, format!("{} {before} → {after}", place(new)));
                }
                if !self.same(Mode::Packing).of_fields(old, new) {
                    found.note(Kind::Packed, place(new));
                } else if !self.same(Mode::Places).of_fields(old, new) {
                    found.note(Kind::Swapped, place(new));
                } else {
                    let limits = self.limits.of_fields(old, new);
                    if peer.sends(old) && limits.is_narrower {
                        found.note(Kind::Refused, place(new));
                    }
                    if peer.hears(new) && limits.is_wider {
                        found.note(Kind::Unread, place(new));
                    }
                }
                if peer.who == Who::Clients && peer.sends(old) && !peer.sends(new) {
                    found.note(Kind::Ejected, place(new));
                }
                let lost = old.keywords() & Keywords::BROADCAST;
                let lost_ai = old.keywords() & Keywords::AIRECV;
                let is_lost = |lost: Keywords| !lost.is_empty() && !new.keywords().contains(lost);
                if is_lost(lost) || peer.who == Who::Servers && is_lost(lost_ai) {
                    found.note(Kind::Untold, place(new));
                }
            }
            (Some(old), None) if peer.uses(old) => match self.new.field(old.id()) {
                Some(other) if class.new.is_some() => {
                    let text = format!("{} was {} and is {}", old.id().0, place(old), other.name());
                    found.note(Kind::Reused, text);
                }
                _ if peer.sends(old) => found.note(Kind::Removed, place(old)),
                _ => {}
            },
            (None, Some(new)) if class.old.is_some() && peer.hears(new) => {
                // An AI is told only of what has the keyword, and by those who ask for all values.
                found.note(Kind::NewField, place(new));
            }
            _ => {}
        }
    }

    /// What becomes of stored values, if the daemon is started with the new files and nothing else is done.
    fn stored(&self, who: Who) -> Verdict {
        let mut found = Findings::default();
        // What many inherit is judged once.
        let mut known: HashSet<(FieldId, FieldId)> = HashSet::new();
        for old in self.old.classes() {
            let name = old.name();
            let stored: Vec<_> =
                old.fields().iter().filter(|field| field.keywords().db()).collect();
            let Some(new) = self.new.class_by_name(name) else {
                if !stored.is_empty() {
                    let hint = self.hint(self.matching.renames.new_class(name), name);
                    found.note(Kind::OutOfReach, format!("objects of {name}{hint}"));
                }
                continue;
            };
            for field in stored {
                let declared = self.old.class_or_struct(field.class_id()).map_or(name, Class::name);
                let place = format!("{declared}.{}", field.name());
                match new.field_by_name(field.name()).filter(|field| field.keywords().db()) {
                    Some(current) if known.insert((field.id(), current.id())) => {
                        self.stored_field(who, field, current, &place, &mut found);
                    }
                    Some(_) => {}
                    None => {
                        let current = self.matching.renames.new_field(self.old, declared, field);
                        found.note(Kind::OutOfReach, place + &self.hint(current, field.name()));
                    }
                }
            }
            let is_new = |field: &&std::sync::Arc<Field>| {
                let had =
                    old.field_by_name(field.name()).is_some_and(|field| field.keywords().db());
                field.keywords().required() && !had
            };
            for field in new.db_fields().iter().filter(is_new) {
                let declared = self.new.class_or_struct(field.class_id()).map_or(name, Class::name);
                found.note(Kind::Absent, format!("{declared}.{}", field.name()));
            }
        }
        found.verdict(who)
    }

    fn hint(&self, current: &str, name: &str) -> String {
        if current == name || current.is_empty() {
            return String::new();
        }
        format!(" (now `{current}`)")
    }

    fn stored_field(&self, who: Who, old: &Field, new: &Field, place: &str, found: &mut Findings) {
        let (form, kind) = match who {
            Who::Sql => (Stored::Packed, Kind::Unreadable),
            _ => (Stored::Text, Kind::Misread),
        };
        let (before, after) = (old.named_type_text(), new.named_type_text());
        if !(self.is_stored_alike)(form, &before, &after) {
            found.note(kind, place);
        } else if self.same(Mode::Packing).of_fields(old, new)
            && !self.same(Mode::Places).of_fields(old, new)
        {
            found.note(Kind::Swapped, place);
        } else if self.limits.of_fields(old, new).is_narrower {
            found.note(Kind::Outside, place);
        }
    }
}

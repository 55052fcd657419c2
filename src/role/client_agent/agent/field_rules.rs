//! The rules of `client.fields`, ready to be looked up at each update.
//!
//! An update of a field that nobody has named costs one look into a row, by the field's number. Where no field is named there is
//! no row.

use std::collections::HashMap;

use dclass::{DcFile, Field};

use super::ByField;
use crate::config::{ClientConfig, FieldRule, Place, Rate, Real, Step, places};
use crate::ids::{ClassId, FieldId};

/// The keyword of fields that clients of Panda3D's own type send to whoever owns the object.
const P2P: &str = "p2p";

/// All rules of a client agent.
#[derive(Debug)]
pub struct FieldRules {
    by_field: ByField<Holding>,
    checks: Vec<Check>,
    /// By a class's number: who of its objects' values has to be remembered.
    keeps: Box<[Keeps]>,
}

/// What holds for a field of a class.
#[derive(Clone, Debug)]
pub enum Holding {
    /// This.
    One(u16),
    /// These, or nothing, for the parts of a molecular field.
    Parts(Box<[Option<u16>]>),
}

/// Which clients' last values of an object are remembered.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Keeps {
    /// Nobody's.
    #[default]
    Nothing,
    /// Its owner's.
    Owners,
    /// That of all who know it: others can set it, too.
    All,
}

/// A rule for one field.
#[derive(Clone, Debug)]
pub struct Check {
    /// The field as which it is remembered: a field that was declared anew is one with that in whose place it is.
    pub of: FieldId,
    /// How often.
    pub rate: Option<Rate>,
    /// How far, in so many arguments.
    pub step: Option<(Real, usize)>,
    /// What each argument may be.
    pub ranges: Box<[Option<(Real, Real)>]>,
    /// Whether a client that is refused is told the last value.
    pub correct: bool,
    /// Whether others than the owner may set it.
    pub for_all: bool,
}

impl Check {
    fn new(rule: &FieldRule, of: FieldId, field: &Field, has_p2p: bool) -> Self {
        let FieldRule { rate, step, ref ranges, correct, .. } = *rule;
        let axes = |axes: Option<usize>| axes.unwrap_or_else(|| field.arguments().len());
        let step = step.map(|Step { max, axes: said }| (max, axes(said)));
        let is_p2p = has_p2p && field.custom_keywords().iter().any(|word| word == P2P);
        let for_all = field.keywords().clsend() || is_p2p;
        Check { of, rate, step, ranges: ranges[..].into(), correct, for_all }
    }

    /// Whether the last value is to be remembered.
    pub const fn keeps(&self) -> bool {
        self.step.is_some() || self.correct
    }
}

impl FieldRules {
    /// `None` if there is no rule that holds anywhere. With `has_p2p` whoever sees an object may set fields of it that are `p2p`.
    pub fn new(config: &ClientConfig, has_p2p: bool, dc: &DcFile) -> Option<Box<Self>> {
        let (places, _) = places(&config.fields, dc);
        if places.is_empty() {
            return None;
        }
        let mut rules =
            FieldRules { by_field: ByField::default(), checks: Vec::new(), keeps: Box::default() };
        let mut known = HashMap::new();
        let mut by_place = HashMap::new();
        for Place { class, of, field: id, rule } in places {
            let Some(field) = dc.field(id) else { continue };
            let check = *known.entry((rule, of, id)).or_insert_with(|| {
                rules.checks.push(Check::new(&config.fields[rule], of, field, has_p2p));
                // There are no more than fields.
                (rules.checks.len() - 1) as u16
            });
            by_place.insert((class, id), check);
        }
        rules.enter(dc, &by_place);
        Some(Box::new(rules))
    }

    /// Enters what holds for each field, and for each molecular field with such a part.
    fn enter(&mut self, dc: &DcFile, by_place: &HashMap<(ClassId, FieldId), u16>) {
        let mut keeps = Vec::new();
        for class in dc.classes() {
            let at = |field: &Field| by_place.get(&(class.id(), field.id())).copied();
            let kept = |check: u16| self.checks[usize::from(check)].keeps();
            let mut kept_here = Keeps::Nothing;
            for field in class.fields() {
                let parts: Box<[_]> = field.parts().iter().map(|part| at(part)).collect();
                let holding = match at(field) {
                    Some(check) => Holding::One(check),
                    None if parts.iter().any(Option::is_some) => Holding::Parts(parts),
                    None => continue,
                };
                for check in holding.checks().filter(|check| kept(*check)) {
                    let for_all = self.checks[usize::from(check)].for_all;
                    kept_here = kept_here.max(if for_all { Keeps::All } else { Keeps::Owners });
                }
                self.by_field.add(class.id(), field.id(), holding);
            }
            keeps.resize(usize::from(class.id().0) + 1, Keeps::Nothing);
            keeps[usize::from(class.id().0)] = kept_here;
        }
        self.keeps = keeps.into();
    }

    /// Whether anything holds for a field of some class.
    #[inline]
    pub fn has_some(&self, field: FieldId) -> bool {
        self.by_field.has_some(field)
    }

    /// What holds for a field of a class.
    #[inline]
    pub fn of(&self, class: ClassId, field: FieldId) -> Option<&Holding> {
        self.by_field.of(class, field)
    }

    /// A rule by its number.
    pub fn check(&self, number: u16) -> &Check {
        &self.checks[usize::from(number)]
    }

    /// Whose last values of objects of a class are remembered.
    #[inline]
    pub fn keeps(&self, class: ClassId) -> Keeps {
        self.keeps.get(usize::from(class.0)).copied().unwrap_or_default()
    }

    /// Whether the last value of a field may be remembered.
    pub fn may_keep(&self, field: FieldId) -> bool {
        self.checks.iter().any(|check| check.of == field && check.keeps())
    }
}

impl Holding {
    fn checks(&self) -> impl Iterator<Item = u16> {
        let (one, parts) = match self {
            Holding::One(one) => (Some(*one), &[][..]),
            Holding::Parts(parts) => (None, &parts[..]),
        };
        one.into_iter().chain(parts.iter().flatten().copied())
    }
}

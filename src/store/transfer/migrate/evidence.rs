//! By which files values are stored, as far as the store and the values themselves tell.
//!
//! Nobody can tell old files that are the wrong ones from the right ones by one value. So what speaks for and against them is
//! gathered from all, and judged at the end, before anything is written.

use std::collections::BTreeMap;

use super::problems::Problems;
use super::report::Report;
use crate::store::archive::Raw;
use crate::store::layout::{is_compatible, is_read_alike};
use crate::store::transfer::Problem;

/// Whether a value is stored as the old files and as the new ones have its field, if the store tells its type.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// The store does not tell.
    Nothing,
    /// As both have it, but for limits.
    Both,
    Old,
    New,
    Neither,
}

impl Told {
    /// What is told of a value, where the field has these types in the old and in the new files, if it is in them.
    pub fn of(raw: &Raw, old: Option<&str>, new: Option<&str>) -> Told {
        let (stored, is_alike): (_, fn(&str, &str) -> bool) = match raw {
            Raw::Packed { type_text: Some(stored), .. } => (stored, is_compatible),
            Raw::Text { type_text: Some(stored), .. } => (stored, is_read_alike),
            _ => return Told::Nothing,
        };
        let is = |text: Option<&str>| text.is_some_and(|text| is_alike(stored, text));
        match (is(old), is(new)) {
            (true, true) => Told::Both,
            (true, false) => Told::Old,
            (false, true) => Told::New,
            (false, false) => Told::Neither,
        }
    }
}

/// What text says by itself that the store tells no type of.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    /// Nothing but zeros, which would be the same by whatever files.
    Zero,
    /// The same value by both files.
    Same,
    /// Only the old files can read it.
    Old,
    /// Only the new files can read it.
    New,
    /// Both can read it, as other values.
    Either,
    /// As either, but what it is by the old files the new ones could not hold.
    EitherButMisfit,
    /// Neither can read it.
    Neither,
}

/// The values of a field.
#[derive(Default)]
struct Readings {
    zero: u64,
    same: u64,
    old: u64,
    new: Problems,
    either: Problems,
    misfit: Problems,
    neither: Problems,
}

/// What speaks for and against the old files.
#[derive(Default)]
pub struct Evidence {
    /// Whether all that is not of the old files is named.
    are_all_kept: bool,
    /// What is called or stored as in the old files, and not as in the new ones.
    old: u64,
    /// Values that are stored as the new files have their fields, and not as the old ones have them.
    new: Problems,
    /// Values of fields that only the new files have.
    new_names: u64,
    /// Of whose types the store tells nothing: by class and field.
    untold: BTreeMap<(String, String), Readings>,
    /// Objects of classes that the old files have.
    known: u64,
    /// Objects of others.
    strangers: u64,
}

impl Evidence {
    pub fn new(are_all_kept: bool) -> Self {
        Evidence { are_all_kept, ..Evidence::default() }
    }

    pub fn speaks_for_old(&mut self) {
        self.old += 1;
    }

    pub fn speaks_for_new(&mut self, problem: Problem) {
        self.new.note(problem, self.are_all_kept);
    }

    /// A value of a field that only the new files have.
    pub fn has_new_name(&mut self) {
        self.new_names += 1;
    }

    /// An object of a class that the old files have, or not.
    pub fn object(&mut self, is_known: bool) {
        let count = if is_known { &mut self.known } else { &mut self.strangers };
        *count += 1;
    }

    /// A value of whose type the store tells nothing. The problem is that it is none of the old files'.
    pub fn reading(&mut self, reading: Reading, problem: Problem) {
        let field = problem.field.clone().unwrap_or_default();
        let readings = self.untold.entry((problem.class.clone(), field)).or_default();
        match reading {
            Reading::Zero => readings.zero += 1,
            Reading::Same => readings.same += 1,
            Reading::Old => readings.old += 1,
            Reading::New => readings.new.note(problem, self.are_all_kept),
            Reading::Either => readings.either.note(problem, self.are_all_kept),
            Reading::EitherButMisfit => readings.misfit.note(problem, self.are_all_kept),
            Reading::Neither => readings.neither.note(problem, self.are_all_kept),
        }
    }

    /// Notes in the report what is not stored by the old files.
    pub fn judge(self, report: &mut Report) {
        report.are_all_strangers = self.known == 0 && self.strangers > 0;
        // A daemon with the new files stores as they have it where nothing was stored before, so some may be so. If all that
        // tells is so, the old files may be any.
        if self.old == 0 {
            report.stale.absorb(self.new);
        }
        let are_names_new = self.old == 0 && self.new_names > 0;
        for readings in self.untold.into_values() {
            readings.judge(are_names_new, report);
        }
    }
}

impl Readings {
    fn judge(self, are_names_new: bool, report: &mut Report) {
        let Readings { zero, same, old, new, either, misfit, neither } = self;
        let of_both = either.count + misfit.count;
        let is_readable = zero + same + old + new.count + of_both > 0;
        // None is only of the old files, and some seem to be of the new ones.
        let is_new = old + same == 0 && new.count + misfit.count > 0;
        // Some are of the old files and some of the new ones, and nobody can tell which.
        let is_mixed = of_both > 0 && (new.count > 0 || old == 0 && are_names_new);
        if is_new || is_mixed {
            [new, either, misfit].into_iter().for_each(|problems| report.stale.absorb(problems));
        } else if !is_readable {
            report.stale.absorb(neither);
        }
    }
}

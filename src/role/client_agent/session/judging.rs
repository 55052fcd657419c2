//! How values are judged for which there are rules.

use std::time::Instant;

use dclass::{DcFile, Field};
use smallvec::SmallVec;

use crate::ids::DoId;
use crate::role::client_agent::agent::Check;
use crate::role::client_agent::view::{Checked, Other, Value};

/// A value for which there is a rule.
#[derive(Copy, Clone)]
pub struct Ruled<'c> {
    /// The rule.
    pub check: &'c Check,
    /// The field.
    pub field: &'c Field,
    /// Its value, packed.
    pub value: &'c [u8],
}

/// What becomes of an update.
pub enum Verdict {
    /// It is as it should be.
    Right,
    /// It is outdated.
    Late,
    /// It breaks a rule, for this reason, which begins with the field's name.
    Wrong(String),
}

/// What values of an object are judged by.
pub struct Judge<'c> {
    /// What values are made of.
    pub dc: &'c DcFile,
    /// What is remembered.
    pub checked: &'c mut Checked,
    /// When they have come.
    pub now: Instant,
    /// The object.
    pub do_id: DoId,
}

type Point = SmallVec<[f64; 4]>;

impl Judge<'_> {
    /// What becomes of values that are set together, one after the other.
    pub fn verdict(&self, ruled: &[Ruled<'_>]) -> Verdict {
        let mut is_late = false;
        for (i, one) in ruled.iter().enumerate() {
            let (before, why) = (&ruled[..i], outside(one));
            let why = match why.map_or_else(|| self.step(one, before), Verdict::Wrong) {
                Verdict::Wrong(why) => why,
                Verdict::Late => {
                    is_late = true;
                    continue;
                }
                Verdict::Right if self.is_too_often(one, before) => {
                    "set more often than per_second and burst allow".to_owned()
                }
                Verdict::Right => continue,
            };
            return Verdict::Wrong(format!("{}: {why}", one.field.name()));
        }
        if is_late { Verdict::Late } else { Verdict::Right }
    }

    /// Values that are right have been set.
    pub fn set(&mut self, ruled: &[Ruled<'_>]) {
        for &Ruled { check, field, value } in ruled {
            if check.rate.is_none() && !check.keeps() {
                continue;
            }
            let track = self.checked.entry(self.do_id, check.of, check.for_all);
            check.rate.into_iter().for_each(|rate| track.pay(self.now, rate));
            let value = || Value { field: field.id(), bytes: value.into() };
            track.is_set(check.keeps().then(value));
        }
    }

    /// Values that are late have been dropped: others may go on from there.
    pub fn outdate(&mut self, ruled: &[Ruled<'_>]) {
        for &Ruled { check, field, value } in ruled {
            let track = self.checked.entry(self.do_id, check.of, check.for_all);
            if let Some(Other::Outdated(outdated, _)) = &mut track.other {
                *outdated = Value { field: field.id(), bytes: value.into() };
            }
        }
    }

    /// What a client is to be told whose values were refused.
    pub fn corrections(&self, ruled: &[Ruled<'_>]) -> Vec<Value> {
        let correcting = ruled.iter().filter(|one| one.check.correct);
        let last = |one: &Ruled<'_>| self.checked.get(self.do_id, one.check.of)?.last.clone();
        correcting.filter_map(last).collect()
    }

    /// Whether a value is too far from that before it, which may have been set together with it.
    fn step(&self, &Ruled { check, field, value }: &Ruled<'_>, before: &[Ruled<'_>]) -> Verdict {
        let Some((max, axes)) = check.step else { return Verdict::Right };
        let here = point(field, value, axes);
        if here.iter().any(|at| !at.is_finite()) {
            return Verdict::Wrong("a coordinate is no finite number".to_owned());
        }
        let step = |from: &Value| {
            let its_field = self.dc.field(from.field)?;
            distance(&here, &point(its_field, &from.bytes, axes))
        };
        let is_near = |step: Option<f64>| step.is_none_or(|step| step <= max.get());
        let track = self.checked.get(self.do_id, check.of);
        let before = before.iter().rev().find(|before| before.check.of == check.of);
        let last = match before {
            Some(before) => distance(&here, &point(before.field, before.value, axes)),
            None => track.and_then(|track| track.last.as_ref()).and_then(step),
        };
        if is_near(last) {
            return Verdict::Right;
        }
        match track.filter(|_| before.is_none()).and_then(|track| track.other.as_ref()) {
            Some(Other::Shown(value)) if is_near(step(value)) => Verdict::Right,
            Some(Other::Outdated(value, until)) if self.now < *until && is_near(step(value)) => {
                Verdict::Late
            }
            _ => {
                let (last, max) = (last.unwrap_or_default(), max.get());
                Verdict::Wrong(format!("a step of {last:.3} from the last value, at most {max}"))
            }
        }
    }

    fn is_too_often(&self, &Ruled { check, .. }: &Ruled<'_>, before: &[Ruled<'_>]) -> bool {
        let Some(rate) = check.rate else { return false };
        let before = before.iter().filter(|before| before.check.of == check.of).count() as u32;
        match self.checked.get(self.do_id, check.of) {
            Some(track) => !track.may_be_set(self.now, rate, before),
            None => before >= rate.burst.get(),
        }
    }
}

/// What of a value is out of its range, if anything is.
fn outside(&Ruled { check, field, value }: &Ruled<'_>) -> Option<String> {
    let numbers = field.numbers(value).zip(&check.ranges).enumerate();
    for (i, (number, range)) in numbers {
        let (Some(number), Some((low, high))) = (number, range) else { continue };
        let (low, high) = (low.get(), high.get());
        // What is no number is in no range.
        if !(low..=high).contains(&number) {
            return Some(format!("argument {} is {number}, allowed: {low} to {high}", i + 1));
        }
    }
    None
}

fn point(field: &Field, value: &[u8], axes: usize) -> Point {
    field.numbers(value).take(axes).map(|number| number.unwrap_or(f64::NAN)).collect()
}

/// How far two points are apart; `None` if one of them is nowhere.
fn distance(here: &Point, there: &Point) -> Option<f64> {
    let squares = here.iter().zip(there).map(|(one, other)| (one - other) * (one - other));
    let is_somewhere = there.iter().all(|at| at.is_finite()) && here.len() == there.len();
    is_somewhere.then(|| squares.sum::<f64>().sqrt())
}

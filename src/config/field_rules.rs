//! `client.fields`: rules for what clients set fields to, beyond what the DC files say of their values.

mod place;

use std::num::NonZeroU32;
use std::time::Duration;

use super::named_field::NamedField;
use super::section::{Found, Section, expected};
use super::value;
use crate::yaml::{Node, Value};

pub(super) use self::place::findings;
pub use self::place::{Place, places};

const KEY: &str = "fields";

/// Less often nobody would notice that it is ever allowed.
const PER_SECOND_MIN: f64 = 0.001;
/// More is no limit.
const PER_SECOND_MAX: f64 = 1_000_000.0;

/// A finite number.
#[derive(Copy, Clone, PartialEq, PartialOrd, Debug)]
pub struct Real(f64);

impl Eq for Real {}

impl Real {
    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// What a client may set a field to, of one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldRule {
    /// Which field: that of the class, and of all that inherit from it and have no rule of their own.
    pub name: NamedField,
    /// How often.
    pub rate: Option<Rate>,
    /// How far from the last value.
    pub step: Option<Step>,
    /// The least and the greatest value of each argument, as far as there are any.
    pub ranges: Vec<Option<(Real, Real)>>,
    /// Whether a client that is refused is told the last value.
    pub correct: bool,
}

/// How often a field may be set.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Rate {
    /// From one time to the next, in the long run.
    pub interval: Duration,
    /// How often at once.
    pub burst: NonZeroU32,
}

/// How far a value may be from the one before.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// So far, behind the divisor.
    pub max: Real,
    /// So many arguments, the first ones, are coordinates; `None` is all.
    pub axes: Option<usize>,
}

/// Reads the key of a section `client`.
pub(super) fn fields(section: &mut Section<'_>) -> Vec<FieldRule> {
    let rules = section.named(KEY, NamedField::check, rule);
    let named = |(name, rule): (String, Unnamed)| Some(rule(NamedField::read(&name)?));
    rules.into_iter().filter_map(named).collect()
}

/// A rule whose name is yet to be said.
type Unnamed = Box<dyn FnOnce(NamedField) -> FieldRule>;

fn rule(mut section: Section<'_>) -> Option<Unnamed> {
    let rate = rate(&mut section);
    let step = step(&mut section);
    let ranges = section.values("ranges", range);
    let correct = section.optional("correct", value::strict_boolean).unwrap_or_default();
    if section.is_empty_list("ranges") {
        section.error("ranges", "found an empty list, expected a range for each argument");
    }
    let says_something = ["per_second", "max_step", "ranges"].iter().any(|key| section.has(key));
    if !says_something && !section.has_unknown() {
        let what = "`max_step`, `ranges` or `per_second`: without one of them nothing is refused";
        section.missing("max_step", what);
    }
    section.finish();
    Some(Box::new(move |name| FieldRule { name, rate, step, ranges, correct }))
}

fn rate(section: &mut Section<'_>) -> Option<Rate> {
    const WHAT: &str = "a number from 0.001 to 1000000";
    let per_second = section.optional("per_second", |node| {
        let number = real(node).map(Real::get);
        let is_one = |number: &f64| (PER_SECOND_MIN..=PER_SECOND_MAX).contains(number);
        number.filter(is_one).ok_or_else(|| expected(node, WHAT))
    });
    let burst = section.optional("burst", value::number(1..=u32::from(u16::MAX)));
    if section.has("burst") && !section.has("per_second") {
        section.error("burst", "without `per_second` this says nothing");
    }
    let per_second = per_second?;
    let burst = burst.unwrap_or_else(|| per_second.ceil() as u32);
    let interval = Duration::from_secs_f64(1.0 / per_second);
    Some(Rate { interval, burst: NonZeroU32::new(burst)? })
}

fn step(section: &mut Section<'_>) -> Option<Step> {
    let max = section.optional("max_step", |node| {
        let is_one = |max: &Real| max.get() >= 0.0;
        real(node).filter(is_one).ok_or_else(|| expected(node, "a number from 0 up"))
    });
    let axes = section.optional("axes", value::number(1..=u32::from(u16::MAX)));
    if section.has("axes") && !section.has("max_step") {
        section.error("axes", "without `max_step` this says nothing");
    }
    Some(Step { max: max?, axes: axes.map(|axes| axes as usize) })
}

/// `[low, high]`, or nothing for any.
fn range(node: &Found<'_>) -> Result<Option<(Real, Real)>, String> {
    const WHAT: &str =
        "two numbers such as `[-100, 100]`, the lower one first, or `~` for any value";
    if node.is_null() {
        return Ok(None);
    }
    let Value::List(ends) = &node.value else { return Err(expected(node, WHAT)) };
    let numbers: Vec<Option<Real>> = ends.iter().map(|end| real(end)).collect();
    match numbers[..] {
        [Some(low), Some(high)] if low <= high => Ok(Some((low, high))),
        [Some(low), Some(high)] => {
            Err(format!("found `[{}, {}]`, expected {WHAT}", low.get(), high.get()))
        }
        _ => {
            let wrong = ends.iter().zip(&numbers).find(|(_, number)| number.is_none());
            Err(expected(wrong.map_or(node, |(end, _)| end), WHAT))
        }
    }
}

/// A finite number, in digits.
fn real(node: &Node) -> Option<Real> {
    let text = node.text()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number: f64 = text.parse().ok().filter(|_| is_number)?;
    // Zero has one sign.
    number.is_finite().then_some(Real(number + 0.0))
}

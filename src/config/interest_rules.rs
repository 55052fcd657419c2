//! `client.add_interest`: which interests a client may open itself, in a word or by rules.

use smallvec::SmallVec;

use super::section::{Found, Section, did_you_mean, expected};
use super::value;
use crate::ids::{DoId, DoIdRepr, ZoneId};

const KEY: &str = "add_interest";
const VISIBLE: &str = "visible";

/// Which interests a client may open itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum InterestPermission {
    /// Those whose parent the client can see.
    #[default]
    Visible,
    /// All.
    Enabled,
    /// None.
    Disabled,
    /// Those that rules allow.
    Rules(InterestRules),
}

/// Rules for the interests of clients: the first that is about a zone decides, and where none is, it is denied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InterestRules(Box<[Rule]>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    allows: bool,
    /// `None` is any.
    parents: Option<Parents>,
    /// `None` is any.
    zones: Option<Ranges>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Parents {
    /// Those that the client can see are among them.
    visible: bool,
    numbered: Ranges,
}

/// Numbers: inclusive ranges, ascending, which do not touch each other.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Ranges(Box<[(DoIdRepr, DoIdRepr)]>);

impl InterestRules {
    /// The first of these zones that a client must not open, below a parent that it can see or not.
    pub fn first_denied(&self, parent: DoId, is_visible: bool, zones: &[ZoneId]) -> Option<ZoneId> {
        let about = self.0.iter().filter(|rule| rule.is_about(parent, is_visible));
        let about: SmallVec<[&Rule; 8]> = about.collect();
        let is_denied = |zone: &ZoneId| {
            let first = about.iter().find(|rule| rule.has(*zone));
            !first.is_some_and(|rule| rule.allows)
        };
        zones.iter().copied().find(is_denied)
    }
}

impl Rule {
    fn is_about(&self, parent: DoId, is_visible: bool) -> bool {
        self.parents.as_ref().is_none_or(|parents| {
            parents.visible && is_visible || parents.numbered.contains(parent.0)
        })
    }

    fn has(&self, zone: ZoneId) -> bool {
        self.zones.as_ref().is_none_or(|zones| zones.contains(zone.0))
    }

    /// Whether nothing is left to the rules behind it.
    const fn is_about_all(&self) -> bool {
        self.parents.is_none() && self.zones.is_none()
    }
}

impl Ranges {
    fn new(mut ranges: Vec<(DoIdRepr, DoIdRepr)>) -> Self {
        ranges.sort_unstable();
        ranges.dedup_by(|(low, high), (_, before)| {
            let touches = before.checked_add(1).is_none_or(|next| *low <= next);
            if touches {
                *before = (*before).max(*high);
            }
            touches
        });
        Ranges(ranges.into())
    }

    fn contains(&self, number: DoIdRepr) -> bool {
        let behind = self.0.partition_point(|(low, _)| *low <= number);
        behind > 0 && number <= self.0[behind - 1].1
    }
}

/// Reads the key of a section `client`. `None` if it is absent, or wrong and reported.
pub(super) fn add_interest(section: &mut Section<'_>) -> Option<InterestPermission> {
    if !section.has(KEY) || section.text(KEY).is_some() {
        let words = value::choice(&[
            (VISIBLE, InterestPermission::Visible),
            ("enabled", InterestPermission::Enabled),
            ("disabled", InterestPermission::Disabled),
        ]);
        return section.optional(KEY, words);
    }
    let mut is_all_said = false;
    let rules = section.sections(KEY, |item| rule(item, &mut is_all_said));
    if section.is_empty_list(KEY) {
        section.error(KEY, "found an empty list, expected rules; `disabled` allows no interest");
    }
    Some(InterestPermission::Rules(InterestRules(
        rules.into_iter().map(|(_, rule)| rule).collect(),
    )))
}

/// Reads a rule. `is_all_said` if one before it leaves it nothing.
fn rule(mut item: Section<'_>, is_all_said: &mut bool) -> Option<Rule> {
    let [allow, deny] = ["allow", "deny"].map(|key| item.section(key));
    let rule = match [item.has("allow"), item.has("deny")] {
        [true, true] => {
            let message = "a rule either allows or denies; make this one of its own";
            item.error_beside("deny", message, "allow", "the same rule");
            None
        }
        [false, false] if item.has_unknown() => None,
        [false, false] => {
            let what = "`allow` or `deny`, and below it `parent`, `zones`, or `{}` for all";
            item.missing("allow", what);
            None
        }
        [allows, _] => {
            if *is_all_said {
                let key = if allows { "allow" } else { "deny" };
                item.warning(key, "this decides nothing: a rule before it is about everything");
            }
            allow.or(deny).map(|what| Rule { allows, ..about(what) })
        }
    };
    *is_all_said |= rule.as_ref().is_some_and(Rule::is_about_all);
    item.finish();
    rule
}

/// What a rule is about.
fn about(mut section: Section<'_>) -> Rule {
    let parents = section.one_or_more("parent", parent).map(|parents| Parents {
        visible: parents.contains(&Parent::Visible),
        numbered: Ranges::new(parents.iter().filter_map(Parent::numbers).collect()),
    });
    let zones = section.one_or_more("zones", zones).map(Ranges::new);
    section.finish();
    Rule { allows: false, parents, zones }
}

#[derive(Copy, Clone, PartialEq, Eq, Hash)]
enum Parent {
    Visible,
    Numbered(DoIdRepr, DoIdRepr),
}

impl Parent {
    const fn numbers(&self) -> Option<(DoIdRepr, DoIdRepr)> {
        match *self {
            Parent::Visible => None,
            Parent::Numbered(low, high) => Some((low, high)),
        }
    }
}

fn parent(node: &Found<'_>) -> Result<Parent, String> {
    const WHAT: &str = "a doId, a range of them such as `4600-4699`, or `visible`";
    match node.text() {
        Some(VISIBLE) => Ok(Parent::Visible),
        text => {
            let hint = || did_you_mean(text.unwrap_or_default(), [VISIBLE].into_iter());
            let read = range(node, WHAT).map_err(|error| error + &hint().unwrap_or_default());
            read.map(|(low, high)| Parent::Numbered(low, high))
        }
    }
}

fn zones(node: &Found<'_>) -> Result<(DoIdRepr, DoIdRepr), String> {
    range(node, "a zone, or a range of them such as `100-399`")
}

/// A number, or two with a `-` between them.
fn range(node: &Found<'_>, what: &str) -> Result<(DoIdRepr, DoIdRepr), String> {
    let Some((low, high)) = node.text().and_then(|text| text.split_once('-')) else {
        let one = value::number(0..=DoIdRepr::MAX)(node).map_err(|_| expected(node, what))?;
        return Ok((one, one));
    };
    let (Some(low), Some(high)) = (end_of_range(low), end_of_range(high)) else {
        return Err(expected(node, what));
    };
    match low <= high {
        true => Ok((low, high)),
        false => Err(expected(node, "a range with its lower end first")),
    }
}

/// Decimal, or `0x…`. A leading zero would make a number octal elsewhere in the file.
fn end_of_range(text: &str) -> Option<DoIdRepr> {
    let text = text.trim();
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => return None,
        None => (text, 10),
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| DoIdRepr::from_str_radix(digits, radix).ok())?
}

//! Parenting rules: what parents say of the interests of those whose objects come below them, for all sessions.
//!
//! A parent says it with a field, [`PARENTING_FIELD`]: a kind of rule, and what belongs to that. What a session does by it stands in
//! `session::following`.

mod rule;

use dclass::{Class, DcFile, Field};

pub use self::rule::Rule;
use crate::config::{PARENTING_FIELD, ParentingRules};
use crate::hash::{Seed, Set};
use crate::ids::{ClassId, DoId};
use crate::message::ObjectState;
use crate::object::shown_values;
use crate::wire::Reader;

/// Of so many parents a warning is given, each once.
const WARNED_MAX: usize = 500;

/// What is followed, and of whose rules has been warned.
#[derive(Debug)]
pub struct Parenting {
    /// The classes of objects that are followed; `None` is all.
    classes: Option<Set<ClassId>>,
    warned: Set<DoId>,
}

impl Parenting {
    /// `None` if nothing is followed, or no parent can have a rule.
    pub fn new(rules: &ParentingRules, dc: &DcFile, seed: Seed) -> Option<Box<Self>> {
        let classes = match rules {
            ParentingRules::Off => return None,
            ParentingRules::All => None,
            ParentingRules::Of(named) => {
                let mut classes = Set::with_hasher(seed);
                let named = named.iter().filter_map(|named| dc.class_by_name(&named.name));
                classes.extend(named.map(Class::id));
                // Parents are declared before those who inherit from them.
                for heir in dc.classes() {
                    if heir.parents().iter().any(|parent| classes.contains(parent)) {
                        classes.insert(heir.id());
                    }
                }
                Some(classes)
            }
        };
        let is_there = dc.classes().any(can_have_rule);
        is_there.then(|| Box::new(Parenting { classes, warned: Set::with_hasher(seed) }))
    }

    /// Whether objects of a class are followed.
    pub fn follows(&self, class: ClassId) -> bool {
        self.classes.as_ref().is_none_or(|classes| classes.contains(&class))
    }

    /// The rule of a parent that has told all of itself: the value of its field, else the default that the DC files give.
    pub fn rule_of(&mut self, dc: &DcFile, parent: &ObjectState<'_>) -> Rule {
        let class = dc.class(parent.class_id);
        let Some((class, field)) = class.and_then(|class| Some((class, rule_field(class)?))) else {
            return Rule::Stated;
        };
        match read_rule(class, field, parent) {
            Ok(rule) => rule,
            Err(why) => {
                self.warn(
                    parent.do_id,
                    &format!("a parenting rule of class {} means nothing: {why}", class.name()),
                );
                Rule::Stated
            }
        }
    }

    /// Warns of the rule of a parent, once.
    pub fn warn(&mut self, parent: DoId, what: &str) {
        if self.warned.len() < WARNED_MAX && self.warned.insert(parent) {
            tracing::warn!(%parent, "{what}");
        }
    }
}

/// Whether objects of a class can say how interests follow.
pub fn can_have_rule(class: &Class) -> bool {
    rule_field(class).is_some()
}

fn rule_field(class: &Class) -> Option<&Field> {
    class.field_by_name(PARENTING_FIELD)
}

fn read_rule(class: &Class, field: &Field, parent: &ObjectState<'_>) -> Result<Rule, String> {
    let shown = shown_values(parent, class, true, |_| true, |_| true);
    let shown = shown.map_err(|error| format!("the parent's values are bad: {error}"))?;
    let own = shown.iter().find(|(id, _)| *id == field.id()).map(|(_, value)| *value);
    let Some(value) = own.or(field.default_value()) else { return Ok(Rule::Stated) };
    let mut reader = Reader::new(value);
    let texts = reader.blob().and_then(|kind| Ok((kind, reader.blob()?)));
    let texts = texts.and_then(|texts| reader.finish().map(|()| texts));
    let Ok((kind, rule)) = texts else {
        return Err(format!("`{PARENTING_FIELD}` has to be `(string, string)`"));
    };
    let text = |bytes| String::from_utf8_lossy(bytes).chars().take(64).collect::<String>();
    // A long list of zones is no text for a log.
    let whole = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    Rule::parse(whole(kind), whole(rule)).map_err(|why| {
        format!("`{}`, `{}`: {why}", text(kind).escape_debug(), text(rule).escape_debug())
    })
}

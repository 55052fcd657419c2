//! `parenting_rules`: whose interests a client agent lets follow the rules of parents.

use std::cell::Cell;

use dclass::{Class, DcFile};

use super::Loaded;
use super::model::RoleConfig;
use super::section::{Section, did_you_mean};
use super::value;
use crate::finding::{Finding, Severity};

const KEY: &str = "parenting_rules";

/// The field by which a parent says how interests follow what comes below it.
pub const PARENTING_FIELD: &str = "setParentingRules";

/// Which objects of clients have the agent open interests for their owners.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ParentingRules {
    /// None.
    #[default]
    Off,
    /// All that a client owns.
    All,
    /// Those of these classes, and of classes that inherit from them.
    Of(Vec<FollowedClass>),
}

/// A class of which objects are followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FollowedClass {
    /// Its name.
    pub name: String,
    /// Its place in the list.
    pub number: usize,
}

/// Reads the key of a client agent.
pub(super) fn parenting_rules(section: &mut Section<'_>) -> ParentingRules {
    if !section.has(KEY) || section.text(KEY).is_some() {
        return match section.optional(KEY, value::strict_boolean) {
            Some(true) => ParentingRules::All,
            Some(false) | None => ParentingRules::Off,
        };
    }
    let count = Cell::new(0);
    let name = value::name("the name of a class");
    let classes = section.values(KEY, |node| {
        let number = count.replace(count.get() + 1);
        name(node).map(|name| FollowedClass { name, number })
    });
    if section.is_empty_list(KEY) {
        section.error(KEY, "found an empty list, expected names of classes, or `true` or `false`");
    }
    ParentingRules::Of(classes)
}

/// What is wrong with it, as the DC files have it.
pub(super) fn findings(loaded: &Loaded, dc: &DcFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, role) in loaded.config.numbered_roles() {
        let RoleConfig::ClientAgent(agent) = role else { continue };
        let key = format!("roles[{i}].{KEY}");
        if agent.parenting_rules == ParentingRules::Off {
            continue;
        }
        if !dc.classes().any(|class| class.field_by_name(PARENTING_FIELD).is_some()) {
            let message = format!(
                "no class of the DC files has a field `{PARENTING_FIELD}`: this does nothing"
            );
            findings.push(loaded.about(Severity::Warning, &key, message));
        }
        let ParentingRules::Of(classes) = &agent.parenting_rules else { continue };
        for FollowedClass { name, number } in classes {
            if dc.class_by_name(name).is_none() {
                let hint = did_you_mean(name, dc.classes().map(Class::name)).unwrap_or_default();
                let message = format!("the DC files have no class `{name}`{hint}");
                findings.push(loaded.about(Severity::Error, &format!("{key}[{number}]"), message));
            }
        }
    }
    findings
}

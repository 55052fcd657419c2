//! Where rules for fields hold, and whether they fit there.

use dclass::{Argument, Class, DcFile, Field, FieldKind};

use super::{FieldRule, KEY, Real};
use crate::config::Loaded;
use crate::config::model::RoleConfig;
use crate::config::named_field::{Meant, NamedField, meant, nobody_sends};
use crate::finding::{Finding, Severity};
use crate::ids::{ClassId, FieldId};

/// That a rule holds for a field of a class.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The class, that of the rule or one that inherits from it.
    pub class: ClassId,
    /// The field that it has by the rule's name.
    pub of: FieldId,
    /// The field in whose values it holds: the same, or one of an ancestor that a molecular field still has.
    pub field: FieldId,
    /// Which rule, of the list.
    pub rule: usize,
}

/// Something that is wrong with a rule: which one, where in it, and what.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Misfit {
    rule: usize,
    key: String,
    message: String,
}

/// Where rules hold. Those that do not fit hold nowhere; with them stands why.
pub fn places(rules: &[FieldRule], dc: &DcFile) -> (Vec<Place>, Vec<(usize, String)>) {
    let (places, misfits) = look(rules, dc);
    (places, misfits.into_iter().map(|misfit| (misfit.rule, misfit.message)).collect())
}

fn look(rules: &[FieldRule], dc: &DcFile) -> (Vec<Place>, Vec<Misfit>) {
    let mut misfits = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        let mut add = |key: String, message| misfits.push(Misfit { rule: number, key, message });
        match rule.name.find(dc) {
            Ok((_, field)) => unfit(rule, field, &rule.name.shown(), &mut add),
            Err(message) => add(String::new(), message),
        }
    }
    let mut places = Vec::new();
    let is_wrong = |misfits: &[Misfit], rule| misfits.iter().any(|misfit| misfit.rule == rule);
    let names: Vec<&NamedField> = rules.iter().map(|rule| &rule.name).collect();
    for Meant { class, of, field, number: rule } in meant(&names, dc) {
        if is_wrong(&misfits, rule) {
            continue;
        }
        if let Some(message) = why_unfit(&rules[rule], class, field) {
            misfits.push(Misfit { rule, key: String::new(), message });
        }
        let (class, of, field) = (class.id(), of.id(), field.id());
        places.push(Place { class, of, field, rule });
    }
    places.retain(|place| !is_wrong(&misfits, place.rule));
    (places, misfits)
}

/// Why a rule does not fit what a class has in the place of its field.
fn why_unfit(rule: &FieldRule, class: &Class, field: &Field) -> Option<String> {
    let mut why = None;
    let name = format!("{}.{}", class.name(), field.name());
    unfit(rule, field, &name, &mut |_, message| {
        why.get_or_insert(message);
    });
    why.map(|why| {
        format!(
            "it does not fit class `{}`, which inherits it: {why}; give `{name}` a rule of its own",
            class.name()
        )
    })
}

/// Says what of a rule does not fit a field of this name.
fn unfit(rule: &FieldRule, field: &Field, name: &str, say: &mut impl FnMut(String, String)) {
    if field.kind() == FieldKind::Molecular {
        let parts: Vec<&str> = field.parts().iter().map(|part| part.name()).collect();
        let parts = crate::config::section::list_of(&parts);
        let message =
            format!("`{name}` is molecular: rules are for its parts, {parts}, and hold in it, too");
        say(String::new(), message);
        return;
    }
    let arguments: Vec<Argument<'_>> = field.arguments().collect();
    for (i, range) in rule.ranges.iter().enumerate() {
        let message = match arguments.get(i) {
            None if i == arguments.len() => has_no_more(name, arguments.len()),
            None => continue,
            Some(argument) => match range.and_then(|range| cannot_be(range, i, argument, name)) {
                Some(message) => message,
                None => continue,
            },
        };
        say(format!("ranges[{i}]"), message);
    }
    let Some(step) = rule.step else { return };
    let axes = step.axes.unwrap_or(arguments.len());
    let key = if step.axes.is_some() { "axes" } else { "max_step" };
    if axes > arguments.len() {
        say(key.to_owned(), has_no_more(name, arguments.len()));
    } else if axes == 0 {
        say(key.to_owned(), format!("`{name}` has no arguments, and so no coordinates"));
    } else if let Some(i) = arguments[..axes].iter().position(|one| one.bounds.is_none()) {
        let hint =
            if step.axes.is_some() { "" } else { "; say with `axes` how many are coordinates" };
        say(key.to_owned(), format!("{} is no number{hint}", called(i, &arguments[i], name)));
    }
}

fn has_no_more(name: &str, count: usize) -> String {
    match count {
        1 => format!("`{name}` has one argument"),
        count => format!("`{name}` has {count} arguments"),
    }
}

fn called(i: usize, argument: &Argument<'_>, name: &str) -> String {
    match argument.name {
        "" => format!("argument {} of `{name}`", i + 1),
        argument => format!("`{argument}`, argument {} of `{name}`,", i + 1),
    }
}

fn cannot_be(
    (low, high): (Real, Real),
    i: usize,
    argument: &Argument<'_>,
    name: &str,
) -> Option<String> {
    let Some((min, max)) = argument.bounds else {
        return Some(format!(
            "{} is no number; write `~` for any value",
            called(i, argument, name)
        ));
    };
    let is_held = min <= low.get() && high.get() <= max;
    (!is_held).then(|| {
        let (low, high) = (low.get(), high.get());
        format!(
            "found `[{low}, {high}]`, but {} can only be {min} to {max}",
            called(i, argument, name)
        )
    })
}

/// What is wrong with the rules of client agents.
pub(in crate::config) fn findings(loaded: &Loaded, dc: &DcFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, role) in loaded.config.numbered_roles() {
        let RoleConfig::ClientAgent(agent) = role else { continue };
        let rules = &agent.client.fields;
        let mut about = |severity, rule: usize, key: &str, message| {
            let name = rules[rule].name.shown();
            let key = if key.is_empty() { String::new() } else { format!(".{key}") };
            let key = format!("roles[{i}].client.{KEY}.{name}{key}");
            findings.push(loaded.about(severity, &key, message));
        };
        for Misfit { rule, key, message } in look(rules, dc).1 {
            about(Severity::Error, rule, &key, message);
        }
        for (number, rule) in rules.iter().enumerate() {
            if let Some(message) = nobody_sends(agent, &rule.name, dc) {
                about(Severity::Warning, number, "", message);
            }
        }
    }
    findings
}

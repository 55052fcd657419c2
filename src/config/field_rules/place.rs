//! Where rules for fields hold, and whether they fit there.

use std::collections::{BTreeMap, HashMap};

use dclass::{Argument, Class, DcFile, Field, FieldKind};

use super::{FieldRule, KEY, Real};
use crate::config::Loaded;
use crate::config::model::{ClientAgentConfig, ClientKind, RoleConfig};
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
    let mut holding: HashMap<ClassId, BTreeMap<&str, usize>> = HashMap::new();
    // Parents are declared before those who inherit from them.
    for class in dc.classes() {
        let here = holding_in(class, rules, dc, &holding);
        for (&name, &rule) in &here {
            if is_wrong(&misfits, rule) {
                continue;
            }
            let Some(field) = class.field_by_name(name) else { continue };
            for part in fields_called(class, field) {
                if let Some(message) = why_unfit(&rules[rule], class, part) {
                    misfits.push(Misfit { rule, key: String::new(), message });
                    break;
                }
                let (class, of, field) = (class.id(), field.id(), part.id());
                places.push(Place { class, of, field, rule });
            }
        }
        if !here.is_empty() {
            holding.insert(class.id(), here);
        }
    }
    places.retain(|place| !is_wrong(&misfits, place.rule));
    (places, misfits)
}

/// Which rules hold for the fields of a class: its own, and those of whoever it has a field from.
fn holding_in<'r>(
    class: &Class,
    rules: &'r [FieldRule],
    dc: &DcFile,
    known: &HashMap<ClassId, BTreeMap<&'r str, usize>>,
) -> BTreeMap<&'r str, usize> {
    let mut here = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        if rule.name.class == class.name() && class.field_by_name(&rule.name.field).is_some() {
            here.insert(&*rule.name.field, number);
        }
    }
    for parent in class.parents().iter().filter_map(|parent| dc.class(*parent)) {
        let of_parent = known.get(&parent.id());
        for (&name, &rule) in of_parent.into_iter().flatten() {
            let [here_it_is, there] = [class, parent].map(|class| class.field_by_name(name));
            let (Some(field), Some(of_parent)) = (here_it_is, there) else { continue };
            if field.class_id() == class.id() || field.id() == of_parent.id() {
                here.entry(name).or_insert(rule);
            }
        }
    }
    here
}

/// A field of a class, and those of the same name that molecular fields of it have from before it was declared anew.
fn fields_called<'c>(class: &'c Class, field: &'c Field) -> Vec<&'c Field> {
    let mut fields = vec![field];
    let parts = class.fields().iter().flat_map(|field| field.parts());
    for part in parts.filter(|part| part.name() == field.name()) {
        if fields.iter().all(|known| known.id() != part.id()) {
            fields.push(part);
        }
    }
    fields
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
            if let Some(message) = nobody_sends(agent, rule, dc) {
                about(Severity::Warning, number, "", message);
            }
        }
    }
    findings
}

/// What to say of a field that no client may set by its keywords.
fn nobody_sends(agent: &ClientAgentConfig, rule: &FieldRule, dc: &DcFile) -> Option<String> {
    let (_, field) = rule.name.find(dc).ok()?;
    let keywords = field.keywords();
    // There an owner may set all fields.
    let is_any = matches!(agent.client.kind, ClientKind::Panda3d(_));
    (!is_any && !keywords.clsend() && !keywords.ownsend()).then(|| {
        format!(
            "`{}` is neither clsend nor ownsend: clients may not set it at all, unless an AI allows them to with SET_FIELDS_SENDABLE",
            rule.name.shown()
        )
    })
}

//! `client.intercept`: fields that go to an UberDOG before anybody hears of them.

use dclass::{Class, DcFile, Field, Layout};

use super::Loaded;
use super::model::{ClientAgentConfig, ClientKind, RoleConfig, UberDogConfig};
use super::named_field::{Meant, NamedField, meant, nobody_sends};
use super::section::Section;
use super::value;
use crate::finding::{Finding, Severity};
use crate::ids::{ClassId, DoId, FieldId};

const KEY: &str = "intercept";

/// What an UberDOG needs to be told what clients say.
const NEEDED: &str =
    "`(uint32 doId, uint16 field, blob value)`, such as `intercepted`, without clsend";

/// A field that goes to an UberDOG.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intercept {
    /// Which: that of the class, and of all that inherit from it and are not named themselves.
    pub name: NamedField,
    /// To whom.
    pub uberdog: DoId,
}

/// A field of a class that goes to an UberDOG.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Diversion {
    /// The class.
    pub class: ClassId,
    /// The field.
    pub field: FieldId,
    /// To whom.
    pub uberdog: DoId,
    /// As which of its fields.
    pub by: FieldId,
}

/// Reads the key of a section `client`.
pub(super) fn intercept(section: &mut Section<'_>) -> Vec<Intercept> {
    let read = section.named_values(KEY, NamedField::check, value::do_id);
    let named = |(name, uberdog): (String, DoId)| {
        Some(Intercept { name: NamedField::read(&name)?, uberdog })
    };
    read.into_iter().filter_map(named).collect()
}

/// The field by which objects of a class are told what clients say; `None` if there is none.
///
/// # Errors
/// It is one that clients may send themselves.
fn teller(class: &Class) -> Result<Option<&Field>, &Field> {
    let is_it = |field: &&std::sync::Arc<Field>| {
        let Layout::Method(arguments) = field.layout() else { return false };
        let kinds: Vec<&Layout> = arguments.iter().map(|(_, kind)| kind).collect();
        matches!(
            kinds[..],
            [
                Layout::Integer { bytes: 4, signed: false, divisor: 1 },
                Layout::Integer { bytes: 2, signed: false, divisor: 1 },
                Layout::Bytes { fixed: None, tag: 2, is_text: false },
            ]
        )
    };
    match class.fields().iter().find(is_it) {
        Some(field) if field.keywords().clsend() || field.keywords().ownsend() => Err(field),
        field => Ok(field.map(|field| &**field)),
    }
}

/// Where intercepted fields go, by the classes that UberDOGs have. What is wrong is left out.
pub fn diversions(
    intercepts: &[Intercept],
    class_of: impl Fn(DoId) -> Option<ClassId>,
    dc: &DcFile,
) -> Vec<Diversion> {
    let names: Vec<&NamedField> = intercepts.iter().map(|intercept| &intercept.name).collect();
    let divert = |Meant { class, field, number, .. }: Meant<'_>| {
        let uberdog = intercepts[number].uberdog;
        let its_class = dc.class(class_of(uberdog)?)?;
        let by = teller(its_class).ok()??.id();
        Some(Diversion { class: class.id(), field: field.id(), uberdog, by })
    };
    meant(&names, dc).into_iter().filter_map(divert).collect()
}

/// What is wrong with what client agents are to intercept.
pub(super) fn findings(loaded: &Loaded, dc: &DcFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, role) in loaded.config.numbered_roles() {
        let RoleConfig::ClientAgent(agent) = role else { continue };
        for intercept in &agent.client.intercept {
            let key = format!("roles[{i}].client.{KEY}.{}", intercept.name.shown());
            let mut about = |severity, message| {
                findings.push(loaded.about(severity, &key, message));
            };
            let uberdogs = &loaded.config.uberdogs;
            if let Err(message) = check(intercept, agent, uberdogs, dc) {
                about(Severity::Error, message);
            } else if let Some(message) = nobody_sends(agent, &intercept.name, dc) {
                about(Severity::Warning, message);
            }
        }
    }
    findings
}

fn check(
    intercept: &Intercept,
    agent: &ClientAgentConfig,
    uberdogs: &[UberDogConfig],
    dc: &DcFile,
) -> Result<(), String> {
    let Intercept { name, uberdog } = intercept;
    let (_, field) = name.find(dc)?;
    let Some(config) = uberdogs.iter().find(|one| one.id == *uberdog) else {
        let known: Vec<String> = uberdogs.iter().map(|one| one.id.to_string()).collect();
        let known = match known[..] {
            [] => "there are none".to_owned(),
            _ => format!("known are {}", known.join(", ")),
        };
        return Err(format!("`uberdogs` has none with the id {uberdog}; {known}"));
    };
    // A class that is unknown is said where it stands.
    let Some(class) = dc.class_by_name(&config.class) else { return Ok(()) };
    match teller(class) {
        Ok(Some(_)) => {}
        Ok(None) => {
            return Err(format!(
                "class `{}` of UberDOG {uberdog} has no field by which it could be told; it needs one of the form {NEEDED}",
                config.class
            ));
        }
        Err(field) => {
            return Err(format!(
                "clients may send `{}.{}` themselves, and could put words into the mouths of others; it has to be {NEEDED}",
                config.class,
                field.name()
            ));
        }
    }
    // There clients say required fields with each object that they make.
    let is_panda3d = matches!(agent.client.kind, ClientKind::Panda3d(_));
    if is_panda3d && field.keywords().required() {
        return Err(format!(
            "`{}` is required: clients say it with the objects that they make, past the UberDOG",
            name.shown()
        ));
    }
    Ok(())
}

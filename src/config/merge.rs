//! `client.merge`: fields of which a client that does not read is told the newest values only.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use dclass::{DcFile, Field};

use super::Loaded;
use super::model::RoleConfig;
use super::named_field::NamedField;
use super::section::{Section, expected};
use crate::finding::{Finding, Severity};
use crate::ids::FieldId;

/// A field that is named as `Class.field`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergedField {
    /// Which.
    pub name: NamedField,
    /// Its place in the list.
    pub number: usize,
}

/// Reads the list.
pub(super) fn merge(section: &mut Section<'_>) -> Vec<MergedField> {
    let count = Cell::new(0);
    section.values("merge", |node| {
        let number = count.replace(count.get() + 1);
        let name = node.text().and_then(NamedField::read);
        let name = name.ok_or_else(|| expected(node, NamedField::WHAT))?;
        Ok(MergedField { name, number })
    })
}

impl MergedField {
    /// The fields that are meant: that of the class, and what classes that inherit from it have declared in its place.
    ///
    /// # Errors
    /// Why there is none that clients are told of.
    pub fn find(&self, dc: &DcFile) -> Result<Vec<FieldId>, String> {
        let (its_class, its_field) = self.name.find(dc)?;
        let keywords = its_field.keywords();
        if !(keywords.broadcast() || keywords.clrecv() || keywords.ownrecv()) {
            return Err(format!(
                "clients are never told `{}`: it is neither broadcast nor clrecv nor ownrecv",
                self.name.shown()
            ));
        }
        let mut fields = vec![its_field.id()];
        let mut heirs = HashSet::from([its_class.id()]);
        // Parents are declared before those who inherit from them.
        for heir in dc.classes() {
            if heir.parents().iter().any(|parent| heirs.contains(parent)) {
                heirs.insert(heir.id());
                fields.extend(heir.field_by_name(&self.name.field).map(Field::id));
            }
        }
        Ok(fields)
    }
}

/// What is wrong with the fields that client agents name.
pub(super) fn findings(loaded: &Loaded, dc: &DcFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, role) in loaded.config.numbered_roles() {
        let RoleConfig::ClientAgent(agent) = role else { continue };
        let mut known: HashMap<FieldId, String> = HashMap::new();
        for merged in &agent.client.merge {
            let key = format!("roles[{i}].client.merge[{}]", merged.number);
            let fields = match merged.find(dc) {
                Ok(fields) => fields,
                Err(message) => {
                    findings.push(loaded.about(Severity::Error, &key, message));
                    continue;
                }
            };
            if let Some(first) = known.get(&fields[0]) {
                let message = format!("this field is named by {first} already");
                let mut finding = loaded.about(Severity::Warning, &key, message);
                finding.marks.push(loaded.report.mark(loaded.root.at(first), "named here first"));
                findings.push(finding);
            }
            for field in fields {
                known.entry(field).or_insert_with(|| key.clone());
            }
        }
    }
    findings
}

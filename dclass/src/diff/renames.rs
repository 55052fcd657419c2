//! What is called otherwise in the new files: names alone do not tell a renamed field from two others.

use super::fingerprint::fnv;
use super::work::step;
use crate::schema::{DcFile, Field};
use std::collections::{BTreeMap, HashMap, HashSet};

/// New names of classes, structs and fields, by their old ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renames {
    classes: BTreeMap<String, String>,
    /// By old class and old field.
    fields: BTreeMap<(String, String), String>,
}

impl Renames {
    /// Notes that the class or struct `old` is called `new` now.
    pub fn class(&mut self, old: impl Into<String>, new: impl Into<String>) {
        self.classes.insert(old.into(), new.into());
    }

    /// Notes that the field `old` of `class`, by the old name of either, is called `new` now. It is so in all
    /// classes that inherit the field.
    pub fn field(
        &mut self,
        class: impl Into<String>,
        old: impl Into<String>,
        new: impl Into<String>,
    ) {
        self.fields.insert((class.into(), old.into()), new.into());
    }

    /// Whether nothing is called otherwise.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.fields.is_empty()
    }

    /// A number of what is called otherwise: the same in all versions of the program.
    pub fn fingerprint(&self) -> u64 {
        let classes = self.classes.iter().map(|(old, new)| format!("{old}\n{new}\n"));
        let fields = self.fields.iter();
        let fields = fields.map(|((class, old), new)| format!("{class}.{old}\n{new}\n"));
        fnv(classes.chain(fields).collect::<String>().as_bytes())
    }

    /// Chains of fields of a class, or of classes, each of which gets the name that the next one has: a swap is one that ends where it
    /// began. Nobody can tell by a name of theirs whether a value is stored by the old files or by the new ones.
    pub fn handed_on(&self) -> Vec<String> {
        let classes = self.classes.iter().filter(|(_, new)| self.classes.contains_key(*new));
        let classes = classes.map(|(old, new)| format!("{old}: {new}"));
        let fields = self
            .fields
            .iter()
            .filter(|((class, _), new)| self.fields.contains_key(&(class.clone(), (*new).clone())));
        let fields = fields.map(|((class, old), new)| format!("{class}.{old}: {new}"));
        classes.chain(fields).collect()
    }

    /// What a class is called in the new files, if it is there.
    pub fn new_class<'n>(&'n self, old: &'n str) -> &'n str {
        self.classes.get(old).map_or(old, String::as_str)
    }

    /// What a field of the class `class` is called in the new files: by what is said of that class, else of the one
    /// that declares the field, else as it was.
    pub fn new_field<'n>(&'n self, dc: &DcFile, class: &str, field: &'n Field) -> &'n str {
        let declaring = dc.class_or_struct(field.class_id()).map_or("", |class| class.name());
        let of = |class: &str| self.fields.get(&(class.to_owned(), field.name().to_owned()));
        of(class).or_else(|| of(declaring)).map_or(field.name(), String::as_str)
    }

    /// What is wrong with the names: each has to be in its files, and no two become one. Each problem comes with the
    /// old name that it is about.
    pub fn problems(&self, old: &DcFile, new: &DcFile) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut taken = HashSet::new();
        for (from, to) in &self.classes {
            let is_in = |dc: &DcFile, name: &str| dc.class_or_struct_by_name(name).is_some();
            let problem = if !is_in(old, from) {
                format!("the old files have no class or struct `{from}`")
            } else if !is_in(new, to) {
                format!("the new files have no class or struct `{to}`")
            } else if !taken.insert(to) {
                format!("another class becomes `{to}` already")
            } else if is_in(old, to) && !self.classes.contains_key(to) {
                format!(
                    "`{to}` is in the old files, too, and the map does not say what becomes of it"
                )
            } else {
                continue;
            };
            problems.push((from.clone(), problem));
        }
        let mut heirs = None;
        for ((class, field), to) in &self.fields {
            // They come class by class.
            if heirs.as_ref().is_none_or(|heirs: &Heirs<'_>| heirs.class != class) {
                heirs = Some(self.heirs(old, class));
            }
            let heirs = heirs.as_ref().expect("just made");
            let problem = self.field_problem(old, new, heirs, field, to);
            problems.extend(problem.map(|problem| (format!("{class}.{field}"), problem)));
        }
        problems
    }

    fn heirs<'n>(&'n self, old: &'n DcFile, class: &'n str) -> Heirs<'n> {
        let mut by_new_name = HashMap::new();
        let fields = old.class_or_struct_by_name(class).map_or(&[][..], |class| class.fields());
        for field in fields {
            step();
            let (first, second) = by_new_name
                .entry(self.new_field(old, class, field))
                .or_insert((field.name(), None));
            if second.is_none() && *first != field.name() {
                *second = Some(field.name());
            }
        }
        Heirs { class, by_new_name }
    }

    fn field_problem(
        &self,
        old: &DcFile,
        new: &DcFile,
        Heirs { class, by_new_name }: &Heirs<'_>,
        field: &str,
        to: &str,
    ) -> Option<String> {
        let Some(old_class) = old.class_or_struct_by_name(class) else {
            return Some(format!("the old files have no class or struct `{class}`"));
        };
        if old_class.field_by_name(field).is_none() {
            return Some(format!("`{class}` has no field `{field}` in the old files"));
        }
        let new_name = self.new_class(class);
        let Some(new_class) = new.class_or_struct_by_name(new_name) else {
            return Some(format!("the new files have no class or struct `{new_name}`"));
        };
        if new_class.field_by_name(to).is_none() {
            return Some(format!("`{new_name}` has no field `{to}` in the new files"));
        }
        let &(first, second) = by_new_name.get(to)?;
        let twin = if first == field { second? } else { first };
        let stays = if twin == to { "stays" } else { "becomes the same" };
        Some(format!("`{twin}` {stays}, as far as the map says"))
    }
}

/// What becomes of the fields of one class.
struct Heirs<'n> {
    /// Its old name.
    class: &'n str,
    /// By their new names, the old ones of the first and of another field that is called so.
    by_new_name: HashMap<&'n str, (&'n str, Option<&'n str>)>,
}

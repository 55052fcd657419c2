//! Which class and field of the old files is which of the new ones.

use super::Renames;
use super::likeness::Likenesses;
use super::work::step;
use crate::schema::{Class, DcFile, Field};
use std::collections::HashMap;

/// The pairs, by name or by what was said of names, and by the look of it.
pub(super) struct Matching<'a> {
    /// In the order of the new files, and then what is gone.
    pub classes: Vec<ClassPair<'a>>,
    /// Names as they were given, and those that are guessed.
    pub renames: Renames,
}

/// A class or struct in both files, or in one.
pub(super) struct ClassPair<'a> {
    pub old: Option<&'a Class>,
    pub new: Option<&'a Class>,
    /// Nobody has said that one became the other.
    pub is_guessed: bool,
    /// The fields that either declares: in the new order, and each that is gone where it was.
    pub fields: Vec<FieldPair<'a>>,
}

/// A field in both files, or in one.
#[derive(Copy, Clone)]
pub(super) struct FieldPair<'a> {
    pub old: Option<&'a Field>,
    pub new: Option<&'a Field>,
    pub is_guessed: bool,
}

pub(super) fn all(dc: &DcFile) -> Vec<&Class> {
    let mut all: Vec<&Class> = dc.classes().chain(dc.structs()).collect();
    all.retain(|class| !class.name().is_empty());
    all.sort_by_key(|class| class.id());
    all
}

pub(super) fn own(class: &Class) -> Vec<&Field> {
    class.constructor().into_iter().chain(class.own_fields().iter().map(|field| &**field)).collect()
}

impl<'a> Matching<'a> {
    pub fn new(old: &'a DcFile, new: &'a DcFile, given: &Renames) -> Matching<'a> {
        let mut renames = given.clone();
        let is_there = |class: &Class| new.class_or_struct_by_name(given.new_class(class.name()));
        let mut pairs: HashMap<&str, (&Class, bool)> = HashMap::new();
        let mut gone: Vec<&Class> = Vec::new();
        for class in all(old) {
            match is_there(class).filter(|new| new.is_struct() == class.is_struct()) {
                Some(new) => drop(pairs.insert(new.name(), (class, false))),
                None => gone.push(class),
            }
        }
        let mut likenesses = Likenesses::new(&gone);
        for class in
            all(new).into_iter().filter(|class| old.class_or_struct_by_name(class.name()).is_none())
        {
            if pairs.contains_key(class.name()) {
                continue;
            }
            if let Some(old) = likenesses.take(class) {
                renames.class(old.name(), class.name());
                pairs.insert(class.name(), (old, true));
            }
        }
        let gone = likenesses.left();
        let mut classes = Vec::new();
        for class in all(new) {
            let (from, is_guessed) = match pairs.get(class.name()) {
                Some((from, is_guessed)) => (Some(*from), *is_guessed),
                None => (None, false),
            };
            let fields = match from {
                Some(from) => pair_fields(old, from, class, given, &mut renames),
                None => {
                    only(class, |new| FieldPair { old: None, new: Some(new), is_guessed: false })
                }
            };
            classes.push(ClassPair { old: from, new: Some(class), is_guessed, fields });
        }
        classes.extend(gone.into_iter().map(|class| ClassPair {
            old: Some(class),
            new: None,
            is_guessed: false,
            fields: only(class, |old| FieldPair { old: Some(old), new: None, is_guessed: false }),
        }));
        Matching { classes, renames }
    }
}

fn only<'a>(class: &'a Class, pair: impl Fn(&'a Field) -> FieldPair<'a>) -> Vec<FieldPair<'a>> {
    own(class).into_iter().map(pair).collect()
}

fn pair_fields<'a>(
    dc: &DcFile,
    old: &'a Class,
    new: &'a Class,
    given: &Renames,
    renames: &mut Renames,
) -> Vec<FieldPair<'a>> {
    let (old_fields, new_fields) = (own(old), own(new));
    let mut of_new: Vec<Option<(usize, bool)>> = vec![None; new_fields.len()];
    let mut is_used = vec![false; old_fields.len()];
    // The first of several that are called so.
    let named = new_fields.iter().enumerate().rev().filter(|(_, field)| !field.name().is_empty());
    let by_name: HashMap<&str, usize> = named.map(|(to, field)| (field.name(), to)).collect();
    for (from, field) in old_fields.iter().enumerate() {
        let name = given.new_field(dc, old.name(), field);
        step();
        if let Some(&to) = by_name.get(name) {
            of_new[to] = Some((from, false));
            is_used[from] = true;
        }
    }
    guess(&old_fields, &new_fields, &mut of_new, &mut is_used);
    for (to, pair) in of_new.iter().enumerate() {
        if let Some((from, true)) = pair {
            renames.field(old.name(), old_fields[*from].name(), new_fields[to].name());
        }
    }
    let mut pairs: Vec<FieldPair<'a>> = Vec::new();
    let mut gone = (0..old_fields.len()).filter(|from| !is_used[*from]).peekable();
    for (to, field) in new_fields.iter().enumerate() {
        while let Some(from) = gone.next_if(|from| of_new[to].is_some_and(|(pair, _)| *from < pair))
        {
            pairs.push(FieldPair { old: Some(old_fields[from]), new: None, is_guessed: false });
        }
        let old = of_new[to].map(|(from, _)| old_fields[from]);
        let is_guessed = of_new[to].is_some_and(|(_, is_guessed)| is_guessed);
        pairs.push(FieldPair { old, new: Some(field), is_guessed });
    }
    pairs.extend(gone.map(|from| FieldPair {
        old: Some(old_fields[from]),
        new: None,
        is_guessed: false,
    }));
    pairs
}

/// What is gone and what is new at the same place between the same neighbours, with the same type and keywords, is
/// likely to be the same under another name. So are fields without names.
fn guess(
    old: &[&Field],
    new: &[&Field],
    of_new: &mut [Option<(usize, bool)>],
    is_used: &mut [bool],
) {
    // The neighbour before, and how far behind it.
    let mut places = HashMap::new();
    let (mut neighbour, mut distance) = (None, 0);
    for (from, used) in is_used.iter().enumerate() {
        match used {
            true => (neighbour, distance) = (Some(from), 0),
            false => {
                places.insert((neighbour, distance), from);
                distance += 1;
            }
        }
    }
    (neighbour, distance) = (None, 0);
    for to in 0..new.len() {
        if let Some((from, _)) = of_new[to] {
            (neighbour, distance) = (Some(from), 0);
            continue;
        }
        let place = places.get(&(neighbour, distance)).copied();
        distance += 1;
        let Some(from) = place else { continue };
        let (gone, come) = (old[from], new[to]);
        let is_nameless = gone.name().is_empty() && come.name().is_empty();
        let is_alike = gone.kind() == come.kind()
            && gone.type_text() == come.type_text()
            && gone.keywords() == come.keywords();
        if is_nameless || is_alike {
            of_new[to] = Some((from, !is_nameless));
            is_used[from] = true;
        }
    }
}

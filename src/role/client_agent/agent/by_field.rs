//! Something that is known of fields of classes, looked up at each update.

use crate::ids::{ClassId, FieldId};

/// By fields and classes.
///
/// For a field of which nothing is known it costs one look into a row, by the field's number.
#[derive(Debug)]
pub struct ByField<T> {
    /// By a field's number: 0, or the number of its entry and one.
    entries_of: Box<[u16]>,
    /// By classes, ascending.
    entries: Vec<Vec<(ClassId, T)>>,
}

impl<T> Default for ByField<T> {
    fn default() -> Self {
        ByField { entries_of: Box::default(), entries: Vec::new() }
    }
}

impl<T> ByField<T> {
    /// Adds what is known of a field of a class. Classes come in ascending order.
    pub fn add(&mut self, class: ClassId, field: FieldId, known: T) {
        let place = usize::from(field.0);
        if self.entries_of.len() <= place {
            let mut longer = std::mem::take(&mut self.entries_of).into_vec();
            longer.resize(place + 1, 0);
            self.entries_of = longer.into();
        }
        if self.entries_of[place] == 0 {
            self.entries.push(Vec::new());
            // There are no more than fields.
            self.entries_of[place] = self.entries.len() as u16;
        }
        self.entries[usize::from(self.entries_of[place]) - 1].push((class, known));
    }

    /// Whether anything is known of a field of some class.
    #[inline]
    pub fn has_some(&self, field: FieldId) -> bool {
        self.entries_of.get(usize::from(field.0)).is_some_and(|entry| *entry > 0)
    }

    /// What is known of a field of a class.
    #[inline]
    pub fn of(&self, class: ClassId, field: FieldId) -> Option<&T> {
        match self.entries_of.get(usize::from(field.0)) {
            None | Some(0) => None,
            Some(entry) => self.in_entry(*entry, class),
        }
    }

    fn in_entry(&self, entry: u16, class: ClassId) -> Option<&T> {
        let entry = &self.entries[usize::from(entry) - 1];
        let at = entry.binary_search_by_key(&class, |(class, _)| *class).ok()?;
        Some(&entry[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_found_and_nothing_else() {
        let mut table = ByField::default();
        for (class, field, known) in [(1, 7, 'a'), (1, 300, 'b'), (4, 7, 'c')] {
            table.add(ClassId(class), FieldId(field), known);
        }
        for class in 0..6 {
            for field in [0, 6, 7, 8, 299, 300, 301, u16::MAX] {
                let expected = match (class, field) {
                    (1, 7) => Some(&'a'),
                    (1, 300) => Some(&'b'),
                    (4, 7) => Some(&'c'),
                    _ => None,
                };
                assert_eq!(table.of(ClassId(class), FieldId(field)), expected);
                assert_eq!(table.has_some(FieldId(field)), [7, 300].contains(&field));
            }
        }
    }
}

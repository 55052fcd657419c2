//! Values that a migration cannot keep as they are.

use std::collections::BTreeMap;

use crate::store::transfer::Problem;

/// As many are remembered; of more, one for each field.
const KEPT: u64 = 20;

/// Problems, all of them or an example of each kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Problems {
    /// How many there were.
    pub count: u64,
    /// The first ones, or all that were asked for.
    kept: Vec<Problem>,
    /// By class and field, or by class if they are objects: how many there were, and the first.
    kinds: BTreeMap<(String, Option<String>), (u64, Problem)>,
}

impl Problems {
    /// Counts a problem, and keeps it if all are wanted.
    pub(super) fn note(&mut self, problem: Problem, are_all_kept: bool) {
        self.count += 1;
        let kind = (problem.class.clone(), problem.field.clone());
        self.kinds.entry(kind).or_insert_with(|| (0, problem.clone())).0 += 1;
        if are_all_kept || self.count <= KEPT {
            self.kept.push(problem);
        }
    }

    /// Takes in others.
    pub(super) fn absorb(&mut self, other: Problems) {
        self.count += other.count;
        self.kept.extend(other.kept);
        for (kind, (count, first)) in other.kinds {
            self.kinds.entry(kind).or_insert_with(|| (0, first)).0 += count;
        }
    }

    /// A line for each problem; if not all are known, one for each kind and how many more there are of it.
    pub fn lines(&self) -> Vec<String> {
        if self.kept.len() as u64 == self.count {
            return self.kept.iter().map(Problem::to_string).collect();
        }
        let line =
            |((class, field), (count, first)): (&(String, Option<String>), &(u64, Problem))| {
                let more = count - 1;
                let of = match field {
                    Some(field) => format!("{class}.{field}"),
                    None if class.is_empty() => "objects that cannot be read".to_owned(),
                    None => format!("objects of {class}"),
                };
                match more {
                    0 => first.to_string(),
                    more => format!("{first}\n  … and {more} more of {of}"),
                }
            };
        self.kinds.iter().map(line).collect()
    }

    /// Whether there are problems that [`Problems::lines`] does not name.
    pub fn is_short(&self) -> bool {
        (self.kept.len() as u64) < self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DoId;

    fn problems(count: u32, are_all_kept: bool) -> Problems {
        let mut problems = Problems::default();
        for at in 0..count {
            let field = if at + 1 == count { "rare" } else { "common" };
            let (class, field) = ("A".to_owned(), Some(field.to_owned()));
            problems.note(
                Problem { do_id: DoId(at), class, field, why: "gone".to_owned() },
                are_all_kept,
            );
        }
        problems
    }

    #[test]
    fn each_kind_is_named_and_all_if_they_are_asked_for() {
        let short = problems(45, false);
        assert!(short.is_short());
        let lines =
            ["object 0: A.common: gone\n  … and 43 more of A.common", "object 44: A.rare: gone"];
        assert_eq!(short.lines(), lines);
        for whole in [problems(20, false), problems(45, true)] {
            assert!(!whole.is_short());
            assert_eq!(whole.lines().len() as u64, whole.count);
        }
    }
}

//! The names of the parts of a type, in its text.
//!
//! Parts that have changed places, or have made room for others, may have the same types as before. Values of theirs
//! would be taken for what they are not.

/// A type's text, and the names in it.
#[derive(PartialEq, Eq, Debug)]
pub struct Parts {
    /// The text without names.
    pub unnamed: String,
    /// What has parts, in the order of the text.
    lists: Vec<List>,
}

/// Parts that follow each other.
#[derive(PartialEq, Eq, Debug)]
struct List {
    /// Parameters may get other names, fields of a struct may not: they would be other fields.
    are_fields: bool,
    /// One for each part; empty if it has none.
    names: Vec<String>,
}

impl List {
    fn new(are_fields: bool) -> Self {
        List { are_fields, names: vec![String::new()] }
    }

    /// Whether each part of this is the part at the same place of `new`, as a migration sees it.
    fn is_in_place(&self, new: &List) -> bool {
        self.names.iter().enumerate().all(|(at, old)| {
            let is_elsewhere = |(to, name): (usize, &String)| to != at && name == old;
            let is_replaced = || {
                self.are_fields
                    && new.names.get(at).is_some_and(|name| !name.is_empty() && name != old)
            };
            old.is_empty() || !new.names.iter().enumerate().any(is_elsewhere) && !is_replaced()
        })
    }
}

impl Parts {
    /// Takes a text apart.
    pub fn of(text: &str) -> Self {
        // The parts of a molecular field have nothing around them.
        let mut lists = vec![List::new(true)];
        let mut open = vec![0];
        let mut unnamed = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let end = match c {
                '[' => rest.find(']').map_or(rest.len(), |at| at + 1),
                // Limits stand right behind what they limit.
                '(' if ends_in_word(&unnamed) => rest.find(')').map_or(rest.len(), |at| at + 1),
                ' ' if is_before_name(&unnamed) => {
                    let name = &rest[1..][..word_length(&rest[1..])];
                    if starts_as_name(name)
                        && let Some(list) = open.last().map(|at: &usize| &mut lists[*at])
                    {
                        *list.names.last_mut().expect("one at least") = name.to_owned();
                        rest = &rest[1 + name.len()..];
                        continue;
                    }
                    1
                }
                '(' | '{' => {
                    open.push(lists.len());
                    lists.push(List::new(c == '{'));
                    1
                }
                ')' | '}' => {
                    open.pop();
                    1
                }
                ',' => next_part(&mut lists, &open),
                '+' if unnamed.ends_with(' ') => next_part(&mut lists, &open),
                c => word_length(rest).max(c.len_utf8()),
            };
            unnamed.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        Parts { unnamed, lists }
    }

    /// Whether the parts of types that are alike but for their names are the same.
    pub fn are_in_place(&self, new: &Parts) -> bool {
        self.lists.len() == new.lists.len()
            && self.lists.iter().zip(&new.lists).all(|(old, new)| old.is_in_place(new))
    }
}

/// Begins another part of what is open; returns how long the separator is.
fn next_part(lists: &mut [List], open: &[usize]) -> usize {
    if let Some(at) = open.last() {
        lists[*at].names.push(String::new());
    }
    1
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether what comes is behind a type: not behind the `case` of a switch.
fn is_before_name(text: &str) -> bool {
    let is_type = ends_in_word(text) || text.ends_with([')', ']', '}']);
    is_type && !text.ends_with("{case") && !text.ends_with("; case")
}

fn starts_as_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_everything_else() {
        let text = "dclass M { x(int16/10(-5-5) x) db; y(float64%6.25e1 y) db; xy: x, y; };
            struct P { uint8 a; string(0-20) b; f(int8 c, int8); };
            switch S (uint8 kind) { case 0xfe: int8 d; break; default: P[2] e; break; };
            struct Q { S s; P p; uint8/10(0.5-2.5) list[][3]; };
            dclass A { plain(uint8, string) db; all(Q[0-9] q, S s, char[] t) db; };";
        let dc = dclass::parse(&[dclass::Source::new("test.dc", text)]).expect("right");
        let fields = dc.classes().flat_map(|class| class.fields());
        let mut names = Vec::new();
        for field in fields {
            let parts = Parts::of(&field.named_type_text());
            assert_eq!(parts.unnamed, field.type_text());
            let unnamed = Parts::of(&parts.unnamed);
            assert_eq!(unnamed.lists.len(), parts.lists.len());
            assert!(unnamed.are_in_place(&parts) && parts.are_in_place(&unnamed));
            let named = parts.lists.into_iter().flat_map(|list| list.names);
            names.extend(named.filter(|name| !name.is_empty()));
        }
        names.sort();
        names.dedup();
        assert_eq!(names.join(" "), "a b c d e f list p q s t x y");
    }
}

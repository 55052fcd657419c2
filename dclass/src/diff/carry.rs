//! Stored values from the form of an old field into that of a new one.
//!
//! What a value means stays: a number is the same number under another width or divisor, a struct's parts are found by
//! their names. What cannot stay is told, and never cut silently.

use super::Renames;
use super::number;
use super::pairs::{self, Known, Mode, Part, Sameness};
use crate::ast::NumberKind;
use crate::schema::types::{Bytes, Counts, Number, Shape, Size, Spelling, Switch, Type};
use crate::schema::{Body, DcFile, Field};
use crate::value::{extent, ranges, switch_fields, walk, walk_field};
use std::collections::BTreeSet;

/// A value in its new form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// The packed value, which the new field accepts.
    pub value: Vec<u8>,
    /// Numbers in it that the new type cannot hold with all their digits; they were rounded.
    pub rounded: BTreeSet<String>,
    /// Parts of it that the new type does not have; they were left out.
    pub left_out: BTreeSet<String>,
}

/// Why a value has no new form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Misfit {
    /// The part of the value that it is about.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// Carries values of fields of old files into new ones.
#[derive(Copy, Clone, Debug)]
pub struct Carrier<'a> {
    /// What values were packed by.
    pub old: &'a DcFile,
    /// What is called otherwise now.
    pub renames: &'a Renames,
}

/// Where the old value ends.
type Walked = Result<usize, Misfit>;

impl Carrier<'_> {
    /// Carries a packed value of `old`, which must be valid but for its limits (see [`unlimited`](super::unlimited)).
    ///
    /// # Errors
    /// If the new field cannot hold it.
    pub fn carry(&self, old: &Field, new: &Field, value: &[u8]) -> Result<Carried, Misfit> {
        let mut out = Carried::default();
        let end = self.field(old, new, value, 0, &Path::Root(old.name()), &mut out)?;
        let misfit = |reason: String| Misfit { path: old.name().to_owned(), reason };
        if end != value.len() {
            return Err(misfit(format!("{} bytes too many", value.len() - end)));
        }
        new.validate_all(&out.value).map_err(|error| misfit(error.to_string()))?;
        Ok(out)
    }

    /// Whether each packed value of `old` is the same value of `new`, but for limits.
    pub fn is_same(&self, old: &Field, new: &Field) -> bool {
        let known = Known::default();
        let (old_dc, renames, mode) = (self.old, self.renames, Mode::Meaning);
        let same = Sameness { old: old_dc, renames, mode, known: &known };
        same.of_fields(old, new)
    }

    fn field(
        &self,
        old: &Field,
        new: &Field,
        bytes: &[u8],
        at: usize,
        path: &Path<'_>,
        out: &mut Carried,
    ) -> Walked {
        match (&old.body, &new.body) {
            (Body::Param(from), Body::Param(to)) => {
                self.value(&from.ty, &to.ty, bytes, at, path, out)
            }
            _ if pairs::is_molecular(old) != pairs::is_molecular(new) => {
                path.misfit("a molecular field and another one have nothing in common")
            }
            _ => {
                let (from, to) = (pairs::parts_of(old), pairs::parts_of(new));
                self.parts(&from, &to, bytes, at, path, out)
            }
        }
    }

    /// Parts that follow each other: parameters, or fields of a struct or a molecular field.
    fn parts(
        &self,
        old: &[Part<'_>],
        new: &[Part<'_>],
        bytes: &[u8],
        at: usize,
        path: &Path<'_>,
        out: &mut Carried,
    ) -> Walked {
        let mut starts = Vec::with_capacity(old.len());
        let mut end = at;
        for part in old {
            starts.push(end);
            let walked = match part {
                Part::Param(param, _) => walk::<false>(&param.ty, bytes, end),
                Part::Field(field) => walk_field::<false>(field, bytes, end),
            };
            end = walked.map_err(|fault| path.at(fault.to_string()))?;
        }
        let pairs = pairs::pair(self.old, self.renames, old, new);
        for (to, (part, from)) in new.iter().zip(&pairs).enumerate() {
            let Some(from) = *from else {
                let inside = Path::Part(path, part.name(), to);
                let why = "it is new, and nobody can read the default that it would get";
                let implicit = part.implicit().ok_or_else(|| inside.at(why.to_owned()))?;
                out.value.extend_from_slice(implicit);
                continue;
            };
            let inside = Path::Part(path, old[from].name(), from);
            self.part(&old[from], part, bytes, starts[from], &inside, out)?;
        }
        for (index, is_kept) in pairs::is_kept(old.len(), &pairs).into_iter().enumerate() {
            let part = &old[index];
            if !is_kept {
                out.left_out.insert(Path::Part(path, part.name(), index).to_string());
            }
        }
        Ok(end)
    }

    fn part(
        &self,
        old: &Part<'_>,
        new: &Part<'_>,
        bytes: &[u8],
        at: usize,
        path: &Path<'_>,
        out: &mut Carried,
    ) -> Walked {
        match (old, new) {
            (Part::Field(old), Part::Field(new)) => self.field(old, new, bytes, at, path, out),
            (Part::Param(old, _), Part::Param(new, _)) => {
                self.value(&old.ty, &new.ty, bytes, at, path, out)
            }
            _ => path.misfit("a parameter and a field have nothing in common"),
        }
    }

    fn value(
        &self,
        old: &Type,
        new: &Type,
        bytes: &[u8],
        at: usize,
        path: &Path<'_>,
        out: &mut Carried,
    ) -> Walked {
        match (&old.shape, &new.shape) {
            (Shape::Number(from), Shape::Number(to)) => {
                let end = measured(old, bytes, at, path)?;
                carry_number(from, to, &bytes[at..end], path, out)?;
                Ok(end)
            }
            (Shape::Struct(from), Shape::Struct(to)) => {
                let (from, to) = (pairs::of_fields(&from.fields), pairs::of_fields(&to.fields));
                self.parts(&from, &to, bytes, at, path, out)
            }
            (Shape::Switch(from), Shape::Switch(to)) => self.switch(from, to, bytes, at, path, out),
            (Shape::Bytes(from), Shape::Bytes(to)) if !pairs::is_scaled(from, to) => {
                let (start, end) =
                    extent(from, bytes, at).map_err(|fault| path.at(fault.to_string()))?;
                check_count(&to.counts, end - start, "byte", path)?;
                let tagged = open_tag(to.tag(), out);
                out.value.extend_from_slice(&bytes[start..end]);
                close_tag(tagged, out, path)?;
                Ok(end)
            }
            _ => self.row(old, new, bytes, at, path, out),
        }
    }

    /// Arrays, and bytes that are taken for arrays of numbers.
    fn row(
        &self,
        old: &Type,
        new: &Type,
        bytes: &[u8],
        at: usize,
        path: &Path<'_>,
        out: &mut Carried,
    ) -> Walked {
        let (Some(from), Some(to)) = (Row::of(old), Row::of(new)) else {
            return path.misfit("there is no way from the old type to the new one");
        };
        let end = measured(old, bytes, at, path)?;
        let tagged = open_tag(to.tag, out);
        let (mut next, mut index) = (at + from.tag, 0);
        while next < end {
            let inside = Path::Element(path, index);
            next = match (&from.element, &to.element) {
                (Element::Type(from), Element::Type(to)) => {
                    self.value(from, to, &bytes[..end], next, &inside, out)?
                }
                (from, to) => {
                    let (Some(from), Some(to)) = (from.number(), to.number()) else {
                        return path.misfit("there is no way from the old type to the new one");
                    };
                    let stop = end.min(next + from.kind.size() as usize);
                    carry_number(from, to, &bytes[next..stop], &inside, out)?;
                    stop
                }
            };
            index += 1;
        }
        // Nobody could count elements without bytes.
        if !matches!(&to.element, Element::Type(element) if element.size == Size::NOTHING) {
            check_count(to.counts, index, "element", path)?;
        }
        close_tag(tagged, out, path)?;
        Ok(end)
    }

    fn switch(
        &self,
        old: &Switch,
        new: &Switch,
        bytes: &[u8],
        at: usize,
        path: &Path<'_>,
        out: &mut Carried,
    ) -> Walked {
        let start = out.value.len();
        let inside = Path::Part(path, old.key.name(), 0);
        let end = self.field(&old.key, &new.key, bytes, at, &inside, out)?;
        let failed = |fault: Box<crate::value::Fault>| path.at(fault.to_string());
        let from = switch_fields(old, &bytes[at..end], at).map_err(failed)?;
        let to = switch_fields(new, &out.value[start..], at).map_err(failed)?;
        self.parts(&pairs::of_fields(from), &pairs::of_fields(to), bytes, end, path, out)
    }
}

/// Something that consists of elements in a row.
pub(super) struct Row<'t> {
    pub element: Element<'t>,
    pub counts: &'t Counts,
    /// The width of the length tag.
    pub tag: usize,
}

pub(super) enum Element<'t> {
    Type(&'t Type),
    Number(Number),
}

impl Element<'_> {
    pub fn number(&self) -> Option<&Number> {
        match self {
            Element::Number(number) => Some(number),
            Element::Type(Type { shape: Shape::Number(number), .. }) => Some(number),
            Element::Type(_) => None,
        }
    }
}

impl<'t> Row<'t> {
    pub fn of(ty: &'t Type) -> Option<Row<'t>> {
        match &ty.shape {
            Shape::Array(array) => {
                let tag = if array.untagged().is_some() { 0 } else { 2 };
                Some(Row { element: Element::Type(&array.element), counts: &array.counts, tag })
            }
            Shape::Bytes(bytes) => Some(Row::of_bytes(bytes)),
            _ => None,
        }
    }

    pub fn of_bytes(bytes: &'t Bytes) -> Row<'t> {
        let number = match &bytes.spelling {
            Spelling::Array(number) => number.clone(),
            Spelling::String => Number::plain(NumberKind::Char),
            Spelling::Blob | Spelling::Blob32 => Number::plain(NumberKind::UInt8),
        };
        Row { element: Element::Number(number), counts: &bytes.counts, tag: bytes.tag() }
    }
}

fn carry_number(
    old: &Number,
    new: &Number,
    bytes: &[u8],
    path: &Path<'_>,
    out: &mut Carried,
) -> Result<(), Misfit> {
    let carried = number::carry(old, new, bytes).map_err(|reason| path.at(reason))?;
    if carried.is_rounded {
        out.rounded.insert(path.to_string());
    }
    out.value.extend_from_slice(&carried.bits.to_le_bytes()[..new.kind.size() as usize]);
    Ok(())
}

fn measured(ty: &Type, bytes: &[u8], at: usize, path: &Path<'_>) -> Walked {
    walk::<false>(ty, bytes, at).map_err(|fault| path.at(fault.to_string()))
}

/// Whether the new type may have so many. Without a length tag nothing else would tell: what is one's too few would be taken
/// from the next.
fn check_count(counts: &Counts, count: usize, one: &str, path: &Path<'_>) -> Result<(), Misfit> {
    if counts.allow(count) {
        return Ok(());
    }
    let plural = if count == 1 { "" } else { "s" };
    path.misfit(&format!("has {count} {one}{plural}, must have {}", ranges(&counts.0)))
}

/// Leaves room for a length tag; returns where it is and how wide.
fn open_tag(width: usize, out: &mut Carried) -> (usize, usize) {
    let start = out.value.len();
    out.value.resize(start + width, 0);
    (start, width)
}

fn close_tag(
    (start, width): (usize, usize),
    out: &mut Carried,
    path: &Path<'_>,
) -> Result<(), Misfit> {
    let length = out.value.len() - start - width;
    if width == 2 && length > usize::from(u16::MAX) {
        return path.misfit(&format!("{length} bytes are too many for a length tag of two"));
    }
    out.value[start..start + width].copy_from_slice(&length.to_le_bytes()[..width]);
    Ok(())
}

/// Where in a value something stands. It is written out only when that is told.
enum Path<'p> {
    Root(&'p str),
    Part(&'p Path<'p>, &'p str, usize),
    Element(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn at(&self, reason: String) -> Misfit {
        let path = match self {
            Path::Element(of, index) => format!("{of}[{index}]"),
            path => path.to_string(),
        };
        Misfit { path, reason }
    }

    fn misfit<T>(&self, reason: &str) -> Result<T, Misfit> {
        Err(self.at(reason.to_owned()))
    }
}

/// All elements of an array have one path, so that what becomes of them is told once.
impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Path::Root(name) => f.write_str(name),
            Path::Part(of, "", index) => write!(f, "{of}.{index}"),
            Path::Part(of, name, _) => write!(f, "{of}.{name}"),
            Path::Element(of, _) => write!(f, "{of}[]"),
        }
    }
}

/// Whether bytes of one kind are bytes of the other, with no number in them to be scaled.
pub(super) fn is_plain(bytes: &Bytes) -> bool {
    match &bytes.spelling {
        Spelling::Array(number) => number.divisor == 1,
        _ => true,
    }
}

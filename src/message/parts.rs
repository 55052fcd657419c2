//! What messages are made of: the types of their arguments.

use std::fmt;
use std::marker::PhantomData;

use super::shape::{Other, Shape, Shown, Values};
use crate::ids::{Channel, ClassId, Context, DoId, FieldId, InterestId, Location, ZoneId};
use crate::wire::{Error, Reader, Writer};

/// An argument of a message: how it is read and how it is written.
pub trait Part<'a>: Sized {
    /// What it looks like on the wire. A message can say more of an argument with `as`.
    const SHAPE: Shape;

    /// Reads the argument.
    ///
    /// # Errors
    /// When the bytes end before it does, or cannot be such a value.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error>;

    /// Writes the argument.
    fn write(&self, writer: &mut Writer<'_>);
}

macro_rules! plain_parts {
    ($($ty:ty: $shape:ident $reader:ident => |$value:ident| $inner:expr, $wrap:expr;)*) => {$(
        impl<'a> Part<'a> for $ty {
            const SHAPE: Shape = Shape::$shape;

            #[inline]
            fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
                reader.$reader().map($wrap)
            }

            #[inline]
            fn write(&self, writer: &mut Writer<'_>) {
                let $value = *self;
                writer.$reader($inner);
            }
        }
    )*};
}

plain_parts! {
    u8: U8 u8 => |v| v, |v| v;
    u16: U16 u16 => |v| v, |v| v;
    u32: U32 u32 => |v| v, |v| v;
    u64: U64 u64 => |v| v, |v| v;
    Channel: Channel channel => |v| v, |v| v;
    DoId: DoId do_id => |v| v, |v| v;
    ZoneId: Zone zone => |v| v, |v| v;
    ClassId: Class u16 => |v| v.0, ClassId;
    FieldId: Field u16 => |v| v.0, FieldId;
    InterestId: Interest u16 => |v| v.0, InterestId;
    Context: Context u32 => |v| v.0, Context;
}

impl<'a> Part<'a> for bool {
    const SHAPE: Shape = Shape::Bool;

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        match reader.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(Error::BadBool { found }),
        }
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.u8(u8::from(*self));
    }
}

impl<'a> Part<'a> for Location {
    const SHAPE: Shape = Shape::Location;

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Location { parent: reader.do_id()?, zone: reader.zone()? })
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.do_id(self.parent);
        writer.zone(self.zone);
    }
}

/// A byte that says whether the rest follows: 1 and the rest, or 0 and nothing.
impl<'a, T: Part<'a>> Part<'a> for Option<T> {
    const SHAPE: Shape = Shape::Option(&T::SHAPE);

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        if bool::read(reader)? { T::read(reader).map(Some) } else { Ok(None) }
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        self.is_some().write(writer);
        if let Some(value) = self {
            value.write(writer);
        }
    }
}

impl<'a, A: Part<'a>, B: Part<'a>> Part<'a> for (A, B) {
    const SHAPE: Shape = Shape::Pair(&A::SHAPE, &B::SHAPE);

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok((A::read(reader)?, B::read(reader)?))
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        self.0.write(writer);
        self.1.write(writer);
    }
}

/// A string or blob: a length tag and that many bytes.
#[derive(Copy, Clone, PartialEq, Eq, Default)]
pub struct Blob<'a>(pub &'a [u8]);

impl<'a> Part<'a> for Blob<'a> {
    const SHAPE: Shape = Shape::Blob;

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        reader.blob().map(Blob)
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.blob(self.0);
    }
}

impl fmt::Debug for Blob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// A [`Blob`] that nobody else is to see: no log has it.
#[derive(Copy, Clone, PartialEq, Eq, Default)]
pub struct Secret<'a>(pub &'a [u8]);

impl<'a> Part<'a> for Secret<'a> {
    const SHAPE: Shape = Shape::Secret;

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        reader.blob().map(Secret)
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.blob(self.0);
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "…" })
    }
}

/// Everything up to the end of the datagram: packed values that only a schema can split.
#[derive(Copy, Clone, PartialEq, Eq, Default)]
pub struct Rest<'a>(pub &'a [u8]);

impl<'a> Part<'a> for Rest<'a> {
    const SHAPE: Shape = Shape::Rest;

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Rest(reader.rest()))
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.raw(self.0);
    }
}

impl fmt::Debug for Rest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// `u16 count`, then that many fields with their values, which only a schema can split.
#[derive(Copy, Clone, PartialEq, Eq, Default)]
pub struct FieldValues<'a> {
    /// How many fields there are said to be.
    pub count: u16,
    /// `(u16 field, VALUE) × count`, and whatever follows in the datagram.
    pub bytes: &'a [u8],
}

impl<'a> Part<'a> for FieldValues<'a> {
    const SHAPE: Shape = Shape::FieldValues;

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(FieldValues { count: reader.u16()?, bytes: reader.rest() })
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.u16(self.count);
        writer.raw(self.bytes);
    }
}

impl fmt::Debug for FieldValues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fields \"{}\"", self.count, self.bytes.escape_ascii())
    }
}

/// An object as it is told to others: `doid | doid parent | zone | u16 class | values`.
///
/// The values are the selected required fields, ascending, bare; in messages whose name ends in
/// `…_OTHER` a [`FieldValues`] follows them.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ObjectState<'a> {
    /// The object.
    pub do_id: DoId,
    /// Where it is.
    pub location: Location,
    /// Its class.
    pub class_id: ClassId,
    /// REQUIRED, and OTHER if the message has it.
    pub values: Rest<'a>,
}

impl<'a> Part<'a> for ObjectState<'a> {
    const SHAPE: Shape = Shape::Object(Values { required: Shown::All, other: Other::No });

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(ObjectState {
            do_id: Part::read(reader)?,
            location: Part::read(reader)?,
            class_id: Part::read(reader)?,
            values: Part::read(reader)?,
        })
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        self.do_id.write(writer);
        self.location.write(writer);
        self.class_id.write(writer);
        self.values.write(writer);
    }
}

/// An argument that a message may end without.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Maybe<T>(pub Option<T>);

impl<'a, T: Part<'a>> Part<'a> for Maybe<T> {
    const SHAPE: Shape = Shape::UnlessEmpty(&T::SHAPE);

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        if reader.is_empty() { Ok(Maybe(None)) } else { T::read(reader).map(|it| Maybe(Some(it))) }
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        if let Maybe(Some(value)) = self {
            value.write(writer);
        }
    }
}

/// Something of fixed size that a [`List`] can hold.
pub trait ListItem: for<'a> Part<'a> + Copy {
    /// Its bytes on the wire.
    const BYTES: usize;
}

impl ListItem for DoId {
    const BYTES: usize = size_of::<DoId>();
}

impl ListItem for ZoneId {
    const BYTES: usize = size_of::<ZoneId>();
}

impl ListItem for Channel {
    const BYTES: usize = size_of::<Channel>();
}

/// With a number.
impl<T: ListItem> ListItem for (T, u32) {
    const BYTES: usize = T::BYTES + size_of::<u32>();
}

impl ListItem for FieldId {
    const BYTES: usize = size_of::<FieldId>();
}

/// `u16 count`, then that many items: borrowed from a datagram, or from a slice to be sent.
#[derive(Copy, Clone)]
pub struct List<'a, T> {
    items: Items<'a, T>,
}

#[derive(Copy, Clone)]
enum Items<'a, T> {
    Wire(&'a [u8], PhantomData<T>),
    Slice(&'a [T]),
}

impl<'a, T: ListItem> List<'a, T> {
    /// A list to be sent.
    ///
    /// # Panics
    /// With more items than the count can say.
    pub const fn new(items: &'a [T]) -> Self {
        assert!(items.len() <= u16::MAX as usize, "too many items for a list");
        List { items: Items::Slice(items) }
    }

    /// The items, in order.
    pub fn iter(self) -> impl Iterator<Item = T> + 'a {
        let (wire, slice) = match self.items {
            Items::Wire(bytes, _) => (bytes, &[][..]),
            Items::Slice(items) => (&[][..], items),
        };
        let from_wire = wire.chunks_exact(T::BYTES).map(|bytes| {
            T::read(&mut Reader::new(bytes)).expect("a chunk has the bytes of one item")
        });
        from_wire.chain(slice.iter().copied())
    }

    /// How many items there are.
    pub const fn len(self) -> usize {
        match self.items {
            Items::Wire(bytes, _) => bytes.len() / T::BYTES,
            Items::Slice(items) => items.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl<'a, T: ListItem> Part<'a> for List<'a, T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let count = usize::from(reader.u16()?);
        Ok(List { items: Items::Wire(reader.take(count * T::BYTES)?, PhantomData) })
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        writer.u16(u16::try_from(self.len()).expect("checked when the list was made"));
        self.iter().for_each(|item| item.write(writer));
    }
}

/// Items up to the end of the datagram.
#[derive(Copy, Clone)]
pub struct Run<'a, T>(Items<'a, T>);

impl<'a, T: ListItem> Run<'a, T> {
    /// Items to be sent.
    pub const fn new(items: &'a [T]) -> Self {
        Run(Items::Slice(items))
    }

    /// The items, in order.
    pub fn iter(self) -> impl Iterator<Item = T> + 'a {
        List { items: self.0 }.iter()
    }

    /// How many items there are.
    pub const fn len(self) -> usize {
        List { items: self.0 }.len()
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl<'a, T: ListItem> Part<'a> for Run<'a, T> {
    const SHAPE: Shape = Shape::Run(&T::SHAPE);

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let count = reader.remaining().len().div_ceil(T::BYTES);
        Ok(Run(Items::Wire(reader.take(count * T::BYTES)?, PhantomData)))
    }

    #[inline]
    fn write(&self, writer: &mut Writer<'_>) {
        self.iter().for_each(|item| item.write(writer));
    }
}

impl<T: ListItem + PartialEq> PartialEq for Run<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: ListItem + fmt::Debug> fmt::Debug for Run<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: ListItem + PartialEq> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: ListItem + fmt::Debug> fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

//! What messages look like on the wire, for whoever has no type for them: tracing, composing, dissectors.
//!
//! A message's [`Row`](super::Row) has its arguments in their order. Each has a [`Shape`], which says where its bytes end and what they mean,
//! as far as that can be known without a DC file. All of it is constants that the `messages!` blocks are read for: nothing that routes
//! a message looks here.

/// One argument of a message.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What its bytes are.
    pub shape: Shape,
}

/// What the bytes of an argument are. All numbers are little-endian.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A byte.
    U8,
    /// Two bytes.
    U16,
    /// Four bytes.
    U32,
    /// Eight bytes.
    U64,
    /// A byte that is 0 or 1.
    Bool,
    /// A channel.
    Channel,
    /// A doId.
    DoId,
    /// A zone.
    Zone,
    /// A doId, the parent, and a zone.
    Location,
    /// A `u16`: a class of the DC file.
    Class,
    /// A `u16`: a field of the DC file, whose value a later [`Shape::Value`] of the same message or [`Shape::Record`] is.
    Field,
    /// A `u32` that ties a response to its request.
    Context,
    /// A `u16`: a client's name for an interest.
    Interest,
    /// A length tag and that many bytes.
    Blob,
    /// As [`Shape::Blob`], and nobody else is to see it.
    Secret,
    /// A length tag and a whole datagram of servers: recipients, sender, number and arguments.
    Datagram,
    /// A length tag and a client's datagram: number and arguments.
    ClientDatagram,
    /// The packed value of the [`Shape::Field`] before it.
    Value,
    /// Two packed values of the [`Shape::Field`] before it: the one that it has to have, and the one that it gets.
    OldAndNew,
    /// `u16 count`, then that many times a field and its packed value.
    FieldValues,
    /// `u16 count`, then that many times a field, the value that it has to have, and the one that it gets.
    FieldPairs,
    /// `doid | doid parent | zone | u16 class | values`.
    Object(Values),
    /// Values of an object of the [`Shape::Class`] before it.
    Values(Values),
    /// `u16 count`, then that many.
    List(&'static Shape),
    /// As many as there are up to the end of the datagram.
    Run(&'static Shape),
    /// A byte, and if that is 1, this.
    Option(&'static Shape),
    /// This, unless the datagram ends before it.
    UnlessEmpty(&'static Shape),
    /// Several in a row.
    Record(&'static [Argument]),
    /// One, and then the other.
    Pair(&'static Shape, &'static Shape),
    /// Bytes up to the end of the datagram of which nobody knows more.
    Rest,
}

/// Which values of an object are told: packed required fields, bare, ascending by id, and then others.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Values {
    /// Of its required fields.
    pub required: Shown,
    /// A [`Shape::FieldValues`] after them.
    pub other: Other,
}

/// Which of an object's required fields are told.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Shown {
    /// None.
    Nothing,
    /// All.
    All,
    /// Those that clients see: `broadcast` or `clrecv`.
    Clients,
    /// Those that its owner sees: `broadcast`, `clrecv` or `ownrecv`.
    Owner,
    /// All, in the order in which Panda3D has a class inherit them.
    PandaAll,
    /// Those that are `broadcast`, in the order in which Panda3D has a class inherit them.
    PandaBroadcast,
}

/// Whether other fields are told.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Other {
    /// No.
    No,
    /// Yes.
    Yes,
    /// As the last [`Shape::Bool`] before says.
    Said,
}

impl Values {
    /// Required fields alone.
    pub const fn required(required: Shown) -> Values {
        Values { required, other: Other::No }
    }

    /// Required fields and others.
    pub const fn with_other(required: Shown) -> Values {
        Values { required, other: Other::Yes }
    }
}

impl Shape {
    /// A field with its value.
    pub const FIELD_AND_VALUE: Shape = Shape::Record(&[
        Argument { name: "field", shape: Shape::Field },
        Argument { name: "value", shape: Shape::Value },
    ]);

    /// An object as it is told to those who see so many of its required fields.
    pub const fn object(required: Shown) -> Shape {
        Shape::Object(Values::required(required))
    }

    /// As [`Shape::object`], and other fields.
    pub const fn object_with_other(required: Shown) -> Shape {
        Shape::Object(Values::with_other(required))
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Shape::U8 => "u8",
            Shape::U16 => "u16",
            Shape::U32 => "u32",
            Shape::U64 => "u64",
            Shape::Bool => "bool",
            Shape::Channel => "channel",
            Shape::DoId => "doid",
            Shape::Zone => "zone",
            Shape::Location => "location",
            Shape::Class => "class",
            Shape::Field => "field",
            Shape::Context => "context",
            Shape::Interest => "interest",
            Shape::Blob => "blob",
            Shape::Secret => "secret",
            Shape::Datagram => "datagram",
            Shape::ClientDatagram => "client_datagram",
            Shape::Value => "value",
            Shape::OldAndNew => "old_and_new",
            Shape::FieldValues => "field_values",
            Shape::FieldPairs => "field_pairs",
            Shape::Object(Values { other: Other::No, .. }) => "object",
            Shape::Object(_) => "object_with_other",
            Shape::Values(_) => "values",
            Shape::List(_) => "list",
            Shape::Run(_) => "run",
            Shape::Option(_) => "option",
            Shape::UnlessEmpty(_) => "unless_empty",
            Shape::Record(_) => "record",
            Shape::Pair(..) => "pair",
            Shape::Rest => "rest",
        }
    }
}

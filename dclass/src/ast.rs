//! The syntax tree: what the text says, before any name is looked up. It knows no ids.

use crate::source::Span;

/// A word and where it stands.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Name<'a> {
    pub text: &'a str,
    pub span: Span,
}

/// What may stand outside of all braces.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Class(ClassDecl<'a>),
    Switch(SwitchDecl<'a>),
    Typedef(Param<'a>),
    Keywords(Vec<Name<'a>>),
    Import(Import<'a>),
}

/// `import a.b/AI` or `from a.b/AI import c/UD, d`.
#[derive(Debug)]
pub(crate) struct Import<'a> {
    /// The module's path; each step is a word and its alternatives.
    pub module: Vec<Vec<Name<'a>>>,
    /// The symbols, each with its alternatives; empty for a plain `import`.
    pub symbols: Vec<Vec<Name<'a>>>,
    /// `from … import *`
    pub everything: bool,
}

/// `dclass` or `struct`.
#[derive(Debug)]
pub(crate) struct ClassDecl<'a> {
    pub is_struct: bool,
    pub name: Option<Name<'a>>,
    pub parents: Vec<Name<'a>>,
    pub members: Vec<Member<'a>>,
    /// Some members could not be read, so that a name may seem to be missing.
    pub damaged: bool,
    pub span: Span,
}

/// A field of a class or struct.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub decl: Decl<'a>,
    pub keywords: Vec<Name<'a>>,
    pub span: Span,
}

/// What a field is.
#[derive(Debug)]
pub(crate) enum Decl<'a> {
    Method { name: Name<'a>, params: Vec<Param<'a>> },
    Param(Param<'a>),
    Molecular { name: Name<'a>, parts: Vec<Name<'a>> },
}

/// A type, perhaps with a name, dimensions and a default: `type [name] {dims} ["=" value]`.
#[derive(Debug)]
pub(crate) struct Param<'a> {
    /// The type, with the modifiers that are written behind the name.
    pub ty: TypeExpr<'a>,
    pub name: Option<Name<'a>>,
    /// Dimensions, those of the type before those of the name; the first is the outermost.
    pub dims: Vec<Ranges>,
    pub default: Option<Part<'a>>,
}

/// A type without its dimensions.
#[derive(Debug)]
pub(crate) struct TypeExpr<'a> {
    pub base: Base<'a>,
    pub modifiers: Vec<Modifier>,
    pub span: Span,
}

/// The type that modifiers modify.
#[derive(Debug)]
pub(crate) enum Base<'a> {
    /// A typedef, class, struct or switch by its name.
    Named(Name<'a>),
    Simple(Simple),
    Struct(Box<ClassDecl<'a>>),
    Switch(Box<SwitchDecl<'a>>),
}

/// The types that have a word of their own.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Simple {
    Number(NumberKind),
    String,
    Blob,
    Blob32,
    Int8Array,
    Int16Array,
    Int32Array,
    UInt8Array,
    UInt16Array,
    UInt32Array,
    UInt32UInt8Array,
}

/// How a number is packed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum NumberKind {
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Char,
}

/// What narrows a simple type; a later one of the same kind replaces an earlier one.
#[derive(Debug)]
pub(crate) enum Modifier {
    /// `( ranges )`
    Range(Ranges),
    /// `/ number`
    Divide(Number, Span),
    /// `% number`
    Modulo(Number, Span),
}

/// `[min - max {, min - max}]`
#[derive(Clone, Debug)]
pub(crate) struct Ranges {
    pub list: Vec<(Number, Number)>,
    pub span: Span,
}

/// A number as written.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i128),
    /// The nearest double and the nearest single of the same digits.
    Real(f64, f32),
}

/// `switch [name] (key) { arms }`
#[derive(Debug)]
pub(crate) struct SwitchDecl<'a> {
    pub name: Option<Name<'a>>,
    pub key: Member<'a>,
    pub arms: Vec<Arm<'a>>,
    pub span: Span,
}

/// A line of a switch.
#[derive(Debug)]
pub(crate) enum Arm<'a> {
    Case(Value<'a>),
    Default(Span),
    Break,
    Field(Box<Member<'a>>),
}

/// `[name =] value [* count]`, a part of a value in brackets.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub label: Option<Name<'a>>,
    pub value: Value<'a>,
    /// For how many parts in a row it stands.
    pub times: u64,
}

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Value<'a> {
    pub kind: ValueKind<'a>,
    pub span: Span,
}

/// A value as written; what it means depends on the type that it is for.
#[derive(Debug)]
pub(crate) enum ValueKind<'a> {
    Number(Number),
    /// `"…"` or `'…'`, the quotes included.
    Quoted(&'a str),
    /// `<…>`, the angles included.
    Hex(&'a str),
    /// `[…]`, `{…}` or `(…)`: which of them makes no difference.
    Group(Vec<Part<'a>>),
}

/// The words of the simple types.
const SIMPLE: [(&str, Simple); 21] = [
    ("int8", Simple::Number(NumberKind::Int8)),
    ("int16", Simple::Number(NumberKind::Int16)),
    ("int32", Simple::Number(NumberKind::Int32)),
    ("int64", Simple::Number(NumberKind::Int64)),
    ("uint8", Simple::Number(NumberKind::UInt8)),
    ("uint16", Simple::Number(NumberKind::UInt16)),
    ("uint32", Simple::Number(NumberKind::UInt32)),
    ("uint64", Simple::Number(NumberKind::UInt64)),
    ("float32", Simple::Number(NumberKind::Float32)),
    ("float64", Simple::Number(NumberKind::Float64)),
    ("char", Simple::Number(NumberKind::Char)),
    ("string", Simple::String),
    ("blob", Simple::Blob),
    ("blob32", Simple::Blob32),
    ("int8array", Simple::Int8Array),
    ("int16array", Simple::Int16Array),
    ("int32array", Simple::Int32Array),
    ("uint8array", Simple::UInt8Array),
    ("uint16array", Simple::UInt16Array),
    ("uint32array", Simple::UInt32Array),
    ("uint32uint8array", Simple::UInt32UInt8Array),
];

impl Simple {
    /// The type that is spelled `word`.
    pub(crate) fn from_word(word: &str) -> Option<Simple> {
        SIMPLE.iter().find(|(known, _)| *known == word).map(|(_, simple)| *simple)
    }

    /// How the type is spelled.
    pub(crate) fn word(self) -> &'static str {
        SIMPLE.iter().find(|(_, simple)| *simple == self).map_or("", |(word, _)| word)
    }

    /// The words of all simple types, for hints.
    pub(crate) fn words() -> impl Iterator<Item = &'static str> {
        SIMPLE.iter().map(|(word, _)| *word)
    }
}

/// Words that cannot be names. Keywords such as `ram` are ordinary words, and so are the words
/// of types and constructs that only some readers of DC files know.
pub(crate) fn is_reserved(word: &str) -> bool {
    const RESERVED: [&str; 19] = [
        "dclass", "struct", "from", "import", "keyword", "typedef", "int8", "int16", "int32",
        "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "string", "blob",
        "char",
    ];
    RESERVED.contains(&word)
}

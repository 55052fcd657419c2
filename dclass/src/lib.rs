//! The DC language: the schema language of Panda3D's and Astron's distributed objects.
//!
//! [`parse`] and [`read`] turn DC files into a [`DcFile`]: classes and fields with their ids,
//! keywords and defaults, and the legacy hash by which programs agree on a schema. A [`Field`]
//! knows the packed form of its values: it checks, measures and splits them, and turns them into
//! text and back.
//!
//! ```
//! use dclass::{Source, parse};
//!
//! let text = "dclass Avatar { setXY(int16/10 x = 5, int16/10 y) required broadcast ram; };";
//! let file = parse(&[Source::new("avatar.dc", text)]).unwrap();
//! let avatar = file.class_by_name("Avatar").unwrap();
//! let field = avatar.field_by_name("setXY").unwrap();
//! assert!(field.keywords().required());
//! assert_eq!(field.default_value(), Some(&[50, 0, 0, 0][..]));
//! assert_eq!(field.validate(&[1, 0, 2, 0]), Ok(4));
//! assert_eq!(field.format(&[1, 0, 2, 0]).unwrap(), "(1, 2)");
//! assert_eq!(field.parse("(1, 2)").unwrap(), [1, 0, 2, 0]);
//! ```
//!
//! Data flows one way: `lexer` → `parser` → `ast` → `resolve` → `schema`; `value` and `hash` use
//! the schema. The crate knows no sockets, tasks or clocks. Input of any kind gets an error where
//! it is wrong, never a panic; the module `limits` says how much is too much.
#![forbid(unsafe_code)]

mod ast;
mod diagnostic;
pub mod diff;
mod export;
mod fmt;
mod fuzz;
mod hash;
pub mod input;
mod lexer;
mod limits;
mod load;
mod meant;
mod parser;
mod resolve;
mod schema;
mod show;
mod source;
mod value;
mod visible;

pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity};
pub use fmt::format_source;
pub use fuzz::fuzz;
pub use limits::SOURCE_BYTES_MAX;
pub use load::{Twice, given_twice, parse, parse_with, read, read_with};
pub use meant::Meant;
pub use resolve::Options;
pub use schema::{
    Class, ClassId, DcFile, Field, FieldId, FieldKind, Import, Keywords, Layout, StringEncoding,
    TypeView,
};
pub use source::Source;
pub use value::{Argument, Data, DataError, Row, Split, TextError, ValueError};
pub use visible::{is_printable, visible};

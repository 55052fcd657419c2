//! What a client knows of the world.

mod historical;
mod knowledge;

pub use knowledge::Knowledge;

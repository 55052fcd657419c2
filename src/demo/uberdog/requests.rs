//! What clients ask the Gate for, and what it needs to know to answer.

use crate::demo::ai::Spot;

/// What a client says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// To be let in by a name.
    Guest {
        /// Which.
        name: String,
        /// In which colour.
        colour: u8,
    },
    /// To have an account from now on, and to be let in.
    Register {
        /// By which name.
        name: String,
        /// What nobody else knows.
        password: String,
        /// In which colour.
        colour: u8,
    },
    /// To be let in to an account.
    LogIn {
        /// Of which name.
        name: String,
        /// What nobody else knows.
        password: String,
    },
    /// To be let in as whom it was before.
    ComeBack {
        /// What it was given then.
        ticket: String,
    },
}

/// An account as the database has it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// The hash of its password.
    pub hash: String,
    /// Its colour.
    pub colour: u8,
    /// Where its player was last.
    pub spot: Spot,
}

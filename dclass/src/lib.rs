//! The DC language.

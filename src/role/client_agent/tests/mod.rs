//! Messages in, effects and bytes out.

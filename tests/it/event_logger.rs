//! eventlogger.md: the log that the role writes, and the events that the other roles send.

pub mod log_file;
mod senders;

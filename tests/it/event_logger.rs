//! eventlogger.md: the log that the role writes, and the events that the other roles send.

mod log_file;
mod senders;

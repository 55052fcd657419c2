//! How commands such as `donet reload` reach a daemon that runs: a Unix socket that only its own user can open.
//!
//! A request is one line of JSON, [`Request`]; answers are lines of JSON, [`Answer`], of which the last is the exit code. What
//! a command does is the daemon's matter, and not known here.

mod client;
mod place;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use client::{Unheard, ask};
pub use place::{default_path, places};
pub use server::{Bound, Heard, Replies};

use crate::trace::{Schema, Wanted};

/// The longest request, in bytes.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// How long a peer may take for its request, or for taking an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a daemon is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// To read its configuration again.
    Reload,
    /// To let somebody in no more.
    Ban {
        /// Whom, as a ban list has it.
        subject: String,
        /// For how many seconds; for ever, if it does not say.
        seconds: Option<u64>,
        /// Why.
        reason: String,
        /// Also if that is for many others, as far as it can be seen.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        force: bool,
    },
    /// To let somebody in again.
    Unban {
        /// Whom.
        subject: String,
    },
    /// To say who may not come in.
    Bans,
    /// To say by which DC files its datagrams are read.
    Schema,
    /// To hand over what is routed, as long as whoever asks is there.
    Trace {
        /// What of it.
        wanted: Wanted,
    },
    /// To write what the flight recorder has to a file.
    Dump {
        /// Which; in the recorder's folder, if it does not say.
        output: Option<PathBuf>,
    },
    /// To let nobody in any more, and to end when those who are there have left.
    Drain {
        /// For how long they may stay; if that is not said, it is the daemon's matter.
        grace_seconds: Option<u32>,
        /// Whether whoever asks waits until the daemon has ended.
        wait: bool,
    },
    /// To say in one line of JSON what it does, for `donet top`.
    Top,
}

impl Request {
    /// Whether it is answered as long as whoever asks is there, however long he takes for it.
    const fn has_no_end(&self) -> bool {
        matches!(self, Request::Trace { .. })
    }

    /// Whether a daemon has room for it.
    pub fn is_too_long(&self) -> bool {
        serde_json::to_vec(self).is_ok_and(|line| line.len() >= REQUEST_BYTES_MAX)
    }
}

/// What it says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// A line for standard output.
    Say(String),
    /// A line for standard error.
    Complain(String),
    /// By which DC files datagrams are to be read.
    Schema(Schema),
    /// [Records](crate::trace::record), in base 64.
    Records(String),
    /// That is all; with this the command ends.
    Exit(u8),
}

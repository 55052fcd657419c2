//! How sessions end.

use std::borrow::Cow;

use crate::banlist::Ban;
use crate::message::EjectReason;
use crate::wire::websocket::{self, Parting};

/// What handling a message comes to: the session goes on, or it ends.
pub type Flow = Result<(), End>;

/// Why a session ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The client is told a reason and put out.
    Ejected(Ejection),
    /// The cluster wants it closed without a word.
    Dropped,
    /// The client said that it goes.
    Disconnected,
    /// The connection is no more.
    Lost(Box<Loss>),
    /// The client's side of a WebSocket has ended: it can be answered.
    Parted(Parting),
    /// The connection never spoke the client protocol.
    Foreign {
        /// What it speaks.
        speaks: String,
        /// What to write to it instead of an eject, if it cannot understand one.
        farewell: Option<&'static [u8]>,
    },
    /// The client agent itself ends.
    ShutDown(Stop),
}

/// What becomes of the server when a client agent ends.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Stop {
    /// Nobody said that it comes back.
    #[default]
    ForGood,
    /// It is to be started again.
    Restart,
}

impl Stop {
    /// What clients are told.
    pub fn ejection(self) -> Ejection {
        let text = match self {
            Stop::ForGood => "The server stops.",
            Stop::Restart => "The server restarts.",
        };
        let (reason, text) = (EjectReason::Restart as u16, text.into());
        Ejection { reason, text, security: false, limit: None }
    }
}

/// Why a client is put out, as it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ejection {
    /// An [`EjectReason`] or a game's own.
    pub reason: u16,
    /// For the player, or a programmer.
    pub text: Vec<u8>,
    /// Whether the client broke a rule that an honest one cannot.
    pub security: bool,
    /// The key of the configuration that has the limit above which it was.
    pub limit: Option<&'static str>,
}

/// How a connection was lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Why, in the words of event logs.
    pub reason: String,
    /// The key of the configuration that has the limit for which it was given up.
    pub limit: Option<&'static str>,
    /// What had not been written.
    pub unsent_bytes: usize,
    /// How much may be lost of what had been, at most.
    pub may_be_lost_bytes: u64,
}

impl From<&str> for Loss {
    fn from(reason: &str) -> Self {
        Loss { reason: reason.to_owned(), limit: None, unsent_bytes: 0, may_be_lost_bytes: 0 }
    }
}

impl End {
    /// An ejection for what can befall an honest client.
    pub fn eject(reason: EjectReason, text: impl Into<String>) -> End {
        End::Ejected(Ejection {
            reason: reason as u16,
            text: text.into().into_bytes(),
            security: false,
            limit: None,
        })
    }

    /// As [`End::eject`], for being above a limit of this key of the configuration.
    pub fn above(limit: &'static str, reason: EjectReason, text: impl Into<String>) -> End {
        End::Ejected(Ejection {
            reason: reason as u16,
            text: text.into().into_bytes(),
            security: false,
            limit: Some(limit),
        })
    }

    /// The ejection of somebody who is banned.
    pub fn banned(ban: &Ban) -> End {
        End::eject(EjectReason::Banned, ban.text())
    }

    /// An ejection for what an honest client does not do.
    pub fn security(reason: EjectReason, text: impl Into<String>) -> End {
        End::Ejected(Ejection {
            reason: reason as u16,
            text: text.into().into_bytes(),
            security: true,
            limit: None,
        })
    }

    /// The ejection for a datagram that ends too early.
    pub fn truncated() -> End {
        End::eject(EjectReason::TruncatedDatagram, "Datagram unexpectedly ended while iterating.")
    }

    /// The ejection for a datagram with bytes after its arguments.
    pub fn excess() -> End {
        End::security(EjectReason::OversizedDatagram, "Datagram contains excess data.")
    }

    /// The ejection for a request that is too large for the cluster.
    pub fn oversized() -> End {
        End::security(
            EjectReason::OversizedDatagram,
            "ClientDatagram too large to be routed on MD.",
        )
    }

    /// What a WebSocket is closed with: a code, and a text. Ejects have codes of their own.
    pub fn close_code(&self) -> Option<(u16, Cow<'_, str>)> {
        let of_ejection =
            |reason: u16| websocket::OWN.saturating_add(reason).min(websocket::OWN_MAX);
        match self {
            End::Ejected(Ejection { reason, text, .. }) => {
                Some((of_ejection(*reason), String::from_utf8_lossy(text)))
            }
            End::ShutDown(stop) => {
                let Ejection { reason, text, .. } = stop.ejection();
                let text = String::from_utf8_lossy(&text).into_owned();
                Some((of_ejection(reason), text.into()))
            }
            End::Foreign { speaks, .. } => {
                Some((of_ejection(EjectReason::NoHello as u16), speaks.into()))
            }
            End::Dropped | End::Disconnected => Some((websocket::NORMAL, "".into())),
            End::Parted(Parting::Closed(code)) => {
                Some((code.unwrap_or(websocket::NORMAL), "".into()))
            }
            End::Parted(Parting::Flaw(flaw)) => Some((flaw.close_code(), flaw.to_string().into())),
            End::Lost(_) => None,
        }
    }

    /// The key of the configuration that has the limit above which the client was.
    pub const fn limit(&self) -> Option<&'static str> {
        match self {
            End::Ejected(ejection) => ejection.limit,
            End::Lost(loss) => loss.limit,
            _ => None,
        }
    }

    /// What is to be done with the connection.
    pub const fn close_kind(&self) -> CloseKind {
        match self {
            End::Lost(_) => CloseKind::AtOnce,
            End::Ejected(_)
            | End::Dropped
            | End::Disconnected
            | End::Parted(_)
            | End::Foreign { .. }
            | End::ShutDown(_) => CloseKind::Flushed,
        }
    }
}

/// How a connection is to be closed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum CloseKind {
    /// When everything has been written, within limits.
    Flushed,
    /// Now; what has not been written is forgotten.
    AtOnce,
}

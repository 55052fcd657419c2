//! How sessions end.

use std::borrow::Cow;

use crate::banlist::Ban;
use crate::config::Offence;
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
        Ejection::new(EjectReason::Restart as u16, text)
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
    /// The rule that the client has broken, if it is for that.
    pub offence: Option<Offence>,
}

impl Ejection {
    /// For what can befall an honest client.
    pub fn new(reason: u16, text: impl Into<Vec<u8>>) -> Self {
        Ejection { reason, text: text.into(), security: false, limit: None, offence: None }
    }
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
        End::Ejected(Ejection::new(reason as u16, text.into()))
    }

    /// As [`End::eject`], for what the client has done against a rule, perhaps without knowing it.
    pub fn for_offence(offence: Offence, reason: EjectReason, text: impl Into<String>) -> End {
        let ejection = Ejection::new(reason as u16, text.into());
        End::Ejected(Ejection { offence: Some(offence), ..ejection })
    }

    /// An ejection for what an honest client does not do.
    pub fn security(offence: Offence, reason: EjectReason, text: impl Into<String>) -> End {
        let ejection = Ejection::new(reason as u16, text.into());
        End::Ejected(Ejection { security: true, offence: Some(offence), ..ejection })
    }

    /// An ejection for asking for more than a limit of this key of the configuration allows.
    pub fn above(limit: &'static str, reason: EjectReason, text: impl Into<String>) -> End {
        let ejection = Ejection::new(reason as u16, text.into());
        End::Ejected(Ejection { limit: Some(limit), offence: Some(Offence::Limit), ..ejection })
    }

    /// An ejection for being shown more than a limit allows: the game has a part in that, and it is no offence.
    pub fn shown_too_much(limit: &'static str, text: impl Into<String>) -> End {
        let ejection = Ejection::new(EjectReason::ForbiddenInterest as u16, text.into());
        End::Ejected(Ejection { limit: Some(limit), ..ejection })
    }

    /// The ejection of somebody who is banned.
    pub fn banned(ban: &Ban) -> End {
        End::eject(EjectReason::Banned, ban.text())
    }

    /// The ejection for a datagram that ends too early.
    pub fn truncated() -> End {
        End::ends_early(Offence::Malformed)
    }

    /// The ejection for a field's value that does.
    pub fn truncated_value() -> End {
        End::ends_early(Offence::Value)
    }

    fn ends_early(offence: Offence) -> End {
        let text = "Datagram unexpectedly ended while iterating.";
        End::for_offence(offence, EjectReason::TruncatedDatagram, text)
    }

    /// The ejection for a datagram with bytes after its arguments.
    pub fn excess() -> End {
        End::goes_on(Offence::Malformed)
    }

    /// The ejection for bytes after a field's value.
    pub fn excess_value() -> End {
        End::goes_on(Offence::Value)
    }

    fn goes_on(offence: Offence) -> End {
        End::security(offence, EjectReason::OversizedDatagram, "Datagram contains excess data.")
    }

    /// The ejection for an update whose value is too large for the cluster.
    pub fn oversized() -> End {
        End::security(
            Offence::Value,
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

    /// Why, in a few words, and the code that the client is told.
    pub fn in_short(&self) -> (String, Option<u16>) {
        let of_ejection = |ejection: &Ejection| {
            (String::from_utf8_lossy(&ejection.text).into_owned(), Some(ejection.reason))
        };
        match self {
            End::Ejected(ejection) => of_ejection(ejection),
            End::ShutDown(stop) => of_ejection(&stop.ejection()),
            End::Dropped => ("dropped by the cluster".to_owned(), None),
            End::Disconnected => ("said goodbye".to_owned(), None),
            End::Lost(loss) => (loss.reason.clone(), None),
            End::Parted(Parting::Closed(_)) => (crate::net::CLOSED.to_owned(), None),
            End::Parted(Parting::Flaw(flaw)) => (flaw.to_string(), None),
            End::Foreign { speaks, .. } => {
                let text = format!("no client: this looks like {speaks}");
                (text, Some(EjectReason::NoHello as u16))
            }
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

    /// The rule that the client has broken, if it is for that.
    pub const fn offence(&self) -> Option<Offence> {
        match self {
            End::Ejected(ejection) => ejection.offence,
            End::Foreign { .. } => Some(Offence::Hello),
            End::Parted(Parting::Flaw(_)) => Some(Offence::Malformed),
            End::Parted(Parting::Closed(_))
            | End::Dropped
            | End::Disconnected
            | End::Lost(_)
            | End::ShutDown(_) => None,
        }
    }

    /// Whether a client with whom it ends so may come back: neither it nor we wanted it to. Who is too slow for the objects
    /// of the zones that it has opened would be so again.
    pub fn is_loss(&self) -> bool {
        match self {
            End::Lost(loss) => loss.limit != Some("limits.entry_bytes"),
            End::Parted(Parting::Closed(code)) => !code.is_none_or(websocket::is_goodbye),
            End::Ejected(_)
            | End::Parted(Parting::Flaw(_))
            | End::Dropped
            | End::Disconnected
            | End::Foreign { .. }
            | End::ShutDown(_) => false,
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

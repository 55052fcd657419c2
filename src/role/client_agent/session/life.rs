//! How far a session has come, and what its client may ask for then.

use crate::message::ClientState;

/// How far a session has come. One that has ended is not there any more.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Life {
    /// The client has not been let in yet: what it says is its dialect's matter.
    New,
    /// The client has been let in, but nobody vouches for who it is.
    Anonymous,
    /// The cluster vouches for the client.
    Established,
}

/// What a client that has been let in asks for, whatever its dialect calls it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// To go.
    Disconnect,
    /// Nothing; it is alive.
    Heartbeat,
    /// To update a field.
    SetField,
    /// To move an object.
    SetLocation,
    /// To open or alter an interest.
    OpenInterest,
    /// To close an interest.
    CloseInterest,
    /// To be able to come back.
    Comeback,
}

impl Life {
    /// Whether a client may ask for something now. Whether it gets it depends on its rights.
    #[inline]
    pub const fn admits(self, request: Request) -> bool {
        match self {
            Life::New => false,
            Life::Anonymous => {
                matches!(
                    request,
                    Request::Disconnect
                        | Request::Heartbeat
                        | Request::SetField
                        | Request::Comeback
                )
            }
            Life::Established => true,
        }
    }

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Life::New => "new",
            Life::Anonymous => "anonymous",
            Life::Established => "established",
        }
    }
}

impl Request {
    /// Whether it is for something that can be taken from a client. It may always go, or be alive.
    pub const fn needs_right(self) -> bool {
        !matches!(self, Request::Disconnect | Request::Heartbeat | Request::Comeback)
    }
}

impl From<ClientState> for Life {
    fn from(state: ClientState) -> Self {
        match state {
            ClientState::New => Life::New,
            ClientState::Anonymous => Life::Anonymous,
            ClientState::Established => Life::Established,
        }
    }
}

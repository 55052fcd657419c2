//! What a peer may not do, and the codes with which connections are closed (RFC 6455, section 7.4).

/// Nothing is wrong.
pub const NORMAL: u16 = 1000;
/// The peer goes, or leaves the page.
pub const GOING_AWAY: u16 = 1001;
/// The first of the codes that are a program's own.
pub const OWN: u16 = 4000;
/// The last of them.
pub const OWN_MAX: u16 = 4999;

/// Whether a peer that closes with a code wants to be gone.
pub const fn is_goodbye(code: u16) -> bool {
    matches!(code, NORMAL | GOING_AWAY)
}

/// Whether a code may stand in a close frame: others say what has happened without one, or nothing yet.
pub(super) const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=OWN_MAX)
}

/// What is wrong with what has come. Nothing more is read then.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Flaw {
    /// Bits that only an extension gives a meaning.
    #[error("a frame has reserved bits, and no extension was agreed on")]
    ReservedBits,
    /// A kind of frame that there is not.
    #[error("there is no frame of kind {0}")]
    Opcode(u8),
    /// All that comes from clients must be masked.
    #[error("a frame is not masked")]
    Unmasked,
    /// A ping, pong or close of more than 125 bytes.
    #[error("a control frame is longer than 125 bytes")]
    LongControl,
    /// A ping, pong or close in pieces.
    #[error("a control frame is in pieces")]
    ControlInPieces,
    /// A later piece of a message that has not begun.
    #[error("a message goes on that has not begun")]
    NotBegun,
    /// Another message begins before the last has ended.
    #[error("a message begins before the last has ended")]
    NotEnded,
    /// A length that could have been written shorter.
    #[error("the length {0} is not written in the shortest form")]
    Length(u64),
    /// A close frame that has no code, or one that may not be sent.
    #[error("a close frame has a code that may not be sent")]
    CloseCode,
    /// A close frame whose text is none.
    #[error("the text of a close frame is not UTF-8")]
    CloseText,
    /// A message of text.
    #[error("a message is text, where there are only binary ones")]
    Text,
    /// More than a message may hold.
    #[error("a message of at least {0} bytes is more than there can be")]
    TooLong(u64),
    /// A message that should hold whole frames, and does not.
    #[error("a message does not hold whole datagrams with their tags")]
    NoFrames,
}

impl Flaw {
    /// With which code a connection is closed for it.
    pub const fn close_code(self) -> u16 {
        match self {
            Flaw::Text => 1003,
            Flaw::CloseText | Flaw::NoFrames => 1007,
            Flaw::TooLong(_) => 1009,
            Flaw::ReservedBits
            | Flaw::Opcode(_)
            | Flaw::Unmasked
            | Flaw::LongControl
            | Flaw::ControlInPieces
            | Flaw::NotBegun
            | Flaw::NotEnded
            | Flaw::Length(_)
            | Flaw::CloseCode => 1002,
        }
    }
}

//! What a script is told, and what it answers.

use std::time::Duration;

use crate::ids::{Channel, ClassId, DoId, FieldId, Location};

/// The number of a session, which no other has while the daemon runs.
pub type ClientKey = u64;

/// A timer of a script.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimerId(pub(super) u64);

/// When a call is made, and what chance has for it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    /// Since the daemon's start.
    pub now: Duration,
    /// The seed of the call's random numbers.
    pub random: u64,
}

/// How far a client has come.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// It has not said hello.
    New,
    /// It may talk to anonymous UberDOGs.
    Anonymous,
    /// It may do all that its fields allow.
    Established,
}

/// The client that a call is about.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Client<'a> {
    /// Its session.
    pub key: ClientKey,
    /// The channel that was allocated for it. It stays when the client is given another.
    pub channel: Channel,
    /// Where it connects from.
    pub address: &'a str,
    /// How far it has come. After [`Call::State`], that is the new one.
    pub state: State,
}

/// Which hooks a script has, beside those of fields ([`super::Script::fields`]). Calls for others may be left out.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "named as the calls are")]
pub struct Hooks {
    pub connect: bool,
    pub hello: bool,
    pub message: bool,
    /// Always, if the script has any hook: `client.state` is what the last call has said.
    pub state: bool,
    pub create: bool,
    pub move_: bool,
    pub disconnect: bool,
}

/// What has happened to a client, or what it wants.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Call<'a> {
    /// It is there. Nothing of it has been read.
    Connect,
    /// It has said hello, and was let in.
    Hello {
        /// What it says of the game's version.
        version: &'a str,
        /// That of its DC files.
        hash: u32,
    },
    /// A message of the game's own.
    Message(&'a [u8]),
    /// It has come further, or back.
    State {
        /// Before.
        old: State,
        /// Now.
        new: State,
    },
    /// It sets a field that there is a hook for.
    Field {
        /// Of this object.
        do_id: DoId,
        /// The object's class.
        class: ClassId,
        /// One of [`super::Script::fields`].
        field: FieldId,
        /// A whole value, which has been validated.
        value: &'a [u8],
    },
    /// It makes an object.
    Create {
        /// With this id.
        do_id: DoId,
        /// Of this class.
        class: ClassId,
        /// Here.
        location: Location,
    },
    /// It moves an object.
    Move {
        /// This one.
        do_id: DoId,
        /// The object's class.
        class: ClassId,
        /// To here.
        location: Location,
    },
    /// It has gone. [`super::Script::forget`] comes after.
    Disconnect {
        /// Why.
        reason: &'a str,
    },
}

/// What becomes of that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// What would without a script.
    Pass,
    /// Nothing.
    Drop,
    /// This value instead, which is one of the field.
    Change(Vec<u8>),
    /// The script has dealt with the message.
    Taken,
}

/// How loud a line of the log is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Level {
    /// `donet.log`.
    Info,
    /// `donet.warn`.
    Warn,
}

/// Something for the event logger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its type.
    pub kind: String,
    /// Its other keys, sorted, each once, with their values.
    pub entries: Vec<(String, String)>,
}

/// What a script wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// A message for a session of this agent.
    Tell {
        /// The session; it may have ended.
        client: ClientKey,
        /// Its allocated channel.
        channel: Channel,
        /// Type and body: a CLIENTAGENT_* message, or STATESERVER_OBJECT_SET_FIELD for the client alone.
        payload: Vec<u8>,
    },
    /// A message to route.
    Send {
        /// One to 255 channels.
        to: Vec<Channel>,
        /// From whom.
        sender: Channel,
        /// Type and body.
        payload: Vec<u8>,
    },
    /// Call [`super::Script::timer`] after this time.
    After {
        /// With this id.
        id: TimerId,
        /// From the call on that wanted it.
        delay: Duration,
    },
    /// Do not call it any more.
    Cancel(TimerId),
    /// For the event logger.
    Event(Event),
    /// For the log.
    Log {
        /// How loud.
        level: Level,
        /// One line, escaped, of bounded length, with the script's name in front.
        text: String,
    },
}

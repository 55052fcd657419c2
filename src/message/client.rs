//! Messages between a client and its client agent.

use super::{Blob, FieldValues, List, ObjectState, Rest, Secret, Shape, Shown, messages};
use crate::ids::{Context, DoId, FieldId, InterestId, Location, ZoneId};

messages! {
    /// A client datagram: number and arguments, without recipients and sender.
    pub enum Client<'a> {
        /// Client → agent: the first message; says which DC files and game version the client has.
        1 CLIENT_HELLO => Hello { dc_hash: u32, version: Blob<'a> }
        /// Agent → client: the client may talk to anonymous UberDOGs now.
        2 CLIENT_HELLO_RESP => HelloResp {}
        /// Client → agent: the client is about to close the connection.
        3 CLIENT_DISCONNECT => Disconnect {}
        /// Agent → client: why the agent closes the connection; an [`super::EjectReason`] or a game's own.
        4 CLIENT_EJECT => Eject { reason: u16, text: Blob<'a> }
        /// Client → agent: the client is alive.
        5 CLIENT_HEARTBEAT => Heartbeat {}
        /// Both ways: a field update.
        120 CLIENT_OBJECT_SET_FIELD => ObjectSetField { do_id: DoId, field: FieldId, value: Rest<'a> as Shape::Value }
        /// Agent → client: several field updates.
        121 CLIENT_OBJECT_SET_FIELDS => ObjectSetFields { do_id: DoId, fields: FieldValues<'a> }
        /// Agent → client: an object is no longer seen.
        132 CLIENT_OBJECT_LEAVING => ObjectLeaving { do_id: DoId }
        /// Both ways: an object moves.
        140 CLIENT_OBJECT_LOCATION => ObjectLocation { do_id: DoId, location: Location }
        /// Agent → client: an object is seen.
        142 CLIENT_ENTER_OBJECT_REQUIRED => EnterObjectRequired { object: ObjectState<'a> as Shape::object(Shown::Clients) }
        /// Agent → client: an object with other fields is seen.
        143 CLIENT_ENTER_OBJECT_REQUIRED_OTHER => EnterObjectRequiredOther { object: ObjectState<'a> as Shape::object_with_other(Shown::Clients) }
        /// Agent → client: an object is no longer owned.
        161 CLIENT_OBJECT_LEAVING_OWNER => ObjectLeavingOwner { do_id: DoId }
        /// Agent → client: an object is owned.
        172 CLIENT_ENTER_OBJECT_REQUIRED_OWNER => EnterObjectRequiredOwner { object: ObjectState<'a> as Shape::object(Shown::Owner) }
        /// Agent → client: an object with other fields is owned.
        173 CLIENT_ENTER_OBJECT_REQUIRED_OTHER_OWNER => EnterObjectRequiredOtherOwner { object: ObjectState<'a> as Shape::object_with_other(Shown::Owner) }
        /// Both ways: opens or alters an interest in one zone.
        200 CLIENT_ADD_INTEREST => AddInterest { context: Context, interest: InterestId, location: Location }
        /// Both ways: opens or alters an interest in several zones.
        201 CLIENT_ADD_INTEREST_MULTIPLE => AddInterestMultiple { context: Context, interest: InterestId, parent: DoId, zones: List<'a, ZoneId> }
        /// Both ways: closes an interest.
        203 CLIENT_REMOVE_INTEREST => RemoveInterest { context: Context, interest: InterestId }
        /// Agent → client: everything in the interest's zones has been told.
        204 CLIENT_DONE_INTEREST_RESP => DoneInterestResp { context: Context, interest: InterestId }
        /// Client → agent: the client wants to be able to come back when its connection is lost. Not of Astron, as all that
        /// follow.
        310 CLIENT_RESUME_ASK => ResumeAsk {}
        /// Agent → client: with this it can, once, for so long after the loss; with nothing if it cannot.
        311 CLIENT_RESUME_TOKEN => ResumeToken { token: Secret<'a>, resume_ms: u32 }
        /// Client → agent: the first message of a client that comes back.
        312 CLIENT_RESUME => Resume { token: Secret<'a> }
        /// Agent → client: whether it is back in its session, and what it can come back with the next time.
        313 CLIENT_RESUME_RESP => ResumeResp { resumed: bool, token: Secret<'a>, resume_ms: u32 }
        /// Agent → client: it has been told again all that it can know.
        314 CLIENT_RESUME_DONE => ResumeDone {}
    }
}

/// Why a client agent ends a session, as the client is told in CLIENT_EJECT.
///
/// A game's own servers may eject with any other number.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum EjectReason {
    /// No better reason; also: no free channel.
    Generic = 1,
    /// Bytes are left after a message, or its update is too large for the cluster.
    OversizedDatagram = 106,
    /// The first message is not CLIENT_HELLO.
    NoHello = 107,
    /// A message that is not allowed in this state.
    InvalidMsgtype = 108,
    /// A message ends early.
    TruncatedDatagram = 109,
    /// An update of something that is not an anonymous UberDOG, before the client is established.
    AnonymousViolation = 113,
    /// The client may not open or close this interest.
    ForbiddenInterest = 115,
    /// The object is not known to the client.
    MissingObject = 117,
    /// The client may not send this field.
    ForbiddenField = 118,
    /// The client may not move this object.
    ForbiddenRelocate = 119,
    /// The game versions differ.
    BadVersion = 124,
    /// The DC files differ.
    BadDcHash = 125,
    /// A value violates its field's constraints.
    FieldConstraint = 127,
    /// The client's address or account is banned.
    Banned = 152,
    /// A session object was deleted or lost.
    SessionObjectDeleted = 153,
    /// The server stops or restarts.
    Restart = 160,
    /// The client has not shown life in time.
    NoHeartbeat = 345,
}

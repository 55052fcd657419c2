//! What clients are told, in terms of the world, and who puts it into bytes.

use super::Token;
use crate::ids::{Channel, ClassId, Context, DoId, FieldId, InterestId, Location, ZoneId};
use crate::message::{Cluster, FieldValues, ObjectState, Rest, StateServer};
use crate::wire::{self, Framing};

/// Something that a client is told.
#[derive(Copy, Clone, Debug)]
pub enum News<'a> {
    /// An object has come into the client's sight.
    ObjectEnters {
        /// The object.
        object: ObjectState<'a>,
        /// Whether it has more fields than the required ones.
        has_other: bool,
    },
    /// An object is out of the client's sight.
    ObjectLeaves {
        /// The object.
        do_id: DoId,
    },
    /// Objects are out of the client's sight, since it has closed their zones.
    ObjectsLeave {
        /// The objects.
        do_ids: &'a [DoId],
    },
    /// An object that the client sees, or has made, is no more.
    ObjectDeleted {
        /// The object.
        do_id: DoId,
    },
    /// Somebody has come to a zone where the client has objects that it has made: it is to say what they are like.
    ValuesWanted {
        /// The zone.
        zone: ZoneId,
    },
    /// An object is the client's own.
    OwnerGained {
        /// The object.
        object: ObjectState<'a>,
        /// Whether it has more fields than the required ones.
        has_other: bool,
    },
    /// An object is no longer the client's own.
    OwnerLost {
        /// The object.
        do_id: DoId,
    },
    /// A field of an object has been set.
    FieldChanges {
        /// The object.
        do_id: DoId,
        /// The field.
        field: FieldId,
        /// Its value, packed.
        value: Rest<'a>,
        /// Who has set it.
        sender: Channel,
    },
    /// Several fields of an object have been set.
    FieldsChange {
        /// The object.
        do_id: DoId,
        /// The fields with their values.
        fields: FieldValues<'a>,
        /// Who has set them.
        sender: Channel,
    },
    /// An object has moved.
    ObjectMoves {
        /// The object.
        do_id: DoId,
        /// Where it is now.
        location: Location,
    },
    /// These are the fields of an object that the client may send whatever their keywords say.
    FieldsSendable {
        /// The object.
        do_id: DoId,
        /// The fields.
        fields: &'a [FieldId],
    },
    /// The cluster has opened or altered an interest for the client.
    InterestOpened {
        /// By which its end is told.
        context: Context,
        /// The interest.
        interest: InterestId,
        /// The parent whose zones they are.
        parent: DoId,
        /// The zones, each once.
        zones: &'a [ZoneId],
    },
    /// The cluster has closed an interest of the client.
    InterestClosed {
        /// By which its end is told.
        context: Context,
        /// The interest.
        interest: InterestId,
    },
    /// An interest has been opened, altered or closed; everything in its zones has been told.
    InterestDone {
        /// By which the client knows what it asked for.
        context: Context,
        /// The interest.
        interest: InterestId,
    },
    /// The client can come back if its connection is lost; or it cannot.
    ComebackOffered {
        /// With what it can, and for how many milliseconds after the loss.
        offer: Option<(&'a Token, u32)>,
    },
    /// The client is back in its session, and what it knows is to be told anew; or there is no such session.
    Back {
        /// As [`News::ComebackOffered`], for the next time.
        offer: Option<(&'a Token, u32)>,
        /// Whether it is back.
        is_back: bool,
    },
    /// All that a client can know that is back has been told anew.
    AllTold,
    /// The client is put out.
    Ejected {
        /// An [`crate::message::EjectReason`] or a game's own.
        reason: u16,
        /// For the player, or a programmer.
        text: &'a [u8],
    },
}

impl<'a> News<'a> {
    /// What it is called in logs.
    pub const fn name(&self) -> &'static str {
        match self {
            News::ObjectEnters { .. } => "that an object enters",
            News::ObjectLeaves { .. } => "that an object leaves",
            News::ObjectsLeave { .. } => "that objects leave",
            News::ObjectDeleted { .. } => "that an object is deleted",
            News::ValuesWanted { .. } => "that values are wanted",
            News::OwnerGained { .. } => "that an object is its own",
            News::OwnerLost { .. } => "that an object is no longer its own",
            News::FieldChanges { .. } => "that a field changes",
            News::FieldsChange { .. } => "that fields change",
            News::ObjectMoves { .. } => "that an object moves",
            News::FieldsSendable { .. } => "which fields it may send",
            News::InterestOpened { .. } => "that an interest is opened",
            News::InterestClosed { .. } => "that an interest is closed",
            News::InterestDone { .. } => "that an interest is done",
            News::ComebackOffered { .. } => "how it can come back",
            News::Back { .. } => "whether it is back",
            News::AllTold => "that it knows all",
            News::Ejected { .. } => "why it is ejected",
        }
    }

    /// What a client is told of a message of the cluster, if that does not depend on the client.
    #[inline]
    pub fn of(sender: Channel, message: &Cluster<'a>) -> Option<News<'a>> {
        let Cluster::StateServer(message) = message else {
            return None;
        };
        use StateServer as S;
        Some(match *message {
            S::ObjectSetField { do_id, field, value } => {
                News::FieldChanges { do_id, field, value, sender }
            }
            S::ObjectSetFields { do_id, fields } => News::FieldsChange { do_id, fields, sender },
            S::ObjectEnterLocationWithRequired { object }
            | S::ObjectEnterInterestWithRequired { object, .. } => {
                News::ObjectEnters { object, has_other: false }
            }
            S::ObjectEnterLocationWithRequiredOther { object }
            | S::ObjectEnterInterestWithRequiredOther { object, .. } => {
                News::ObjectEnters { object, has_other: true }
            }
            S::ObjectEnterOwnerWithRequired { object } => {
                News::OwnerGained { object, has_other: false }
            }
            S::ObjectEnterOwnerWithRequiredOther { object } => {
                News::OwnerGained { object, has_other: true }
            }
            S::ObjectChangingLocation { do_id, new, .. } => {
                News::ObjectMoves { do_id, location: new }
            }
            _ => return None,
        })
    }
}

/// Puts what clients are told into the bytes of their protocol.
///
/// A broadcast is put into bytes once, not once a client, so calls through the trait cost nothing that could
/// be measured.
pub trait Voice: Send + Sync {
    /// Appends something that a client is told, as frames of its framing; nothing, if clients are not told of it.
    ///
    /// # Errors
    /// [`wire::Error::Oversize`] if it does not fit a frame; `buffer` is then as it was.
    fn write(
        &self,
        news: &News<'_>,
        framing: Framing,
        buffer: &mut Vec<u8>,
    ) -> Result<(), wire::Error>;

    /// Whether clients can be told that an object of this class has moved. What is written for that is the same for all.
    fn tells_moves(&self, _class: Option<ClassId>) -> bool {
        true
    }
}

//! How an object shows itself to others.

use dclass::{DcFile, Keywords};

use super::distributed_object::{DistributedObject, World};
use crate::ids::{Channel, Context, FieldId};
use crate::message::{ObjectState, Rest, StateServer};
use crate::wire::Writer;

/// To whom an object shows itself, which decides the fields that are seen.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Audience {
    /// Everyone at its location.
    Location,
    /// Someone who asked for the objects of its zone.
    Interest(Context),
    /// Its owner.
    Owner,
    /// Its AI.
    Ai,
    /// Someone who asked for the objects of this owner.
    Census(Context, Channel),
    /// Someone who asked for everything.
    Query(Context),
}

impl Audience {
    fn sees(self, keywords: Keywords) -> bool {
        let client = keywords.broadcast() || keywords.clrecv();
        match self {
            Audience::Location | Audience::Interest(_) => client,
            Audience::Owner | Audience::Census(..) => client || keywords.ownrecv(),
            Audience::Ai | Audience::Query(_) => true,
        }
    }

    fn message(self, object: ObjectState<'_>, other: bool) -> StateServer<'_> {
        use StateServer as M;
        match (self, other) {
            (Audience::Location, false) => M::ObjectEnterLocationWithRequired { object },
            (Audience::Location, true) => M::ObjectEnterLocationWithRequiredOther { object },
            (Audience::Interest(context), false) => {
                M::ObjectEnterInterestWithRequired { context, object }
            }
            (Audience::Interest(context), true) => {
                M::ObjectEnterInterestWithRequiredOther { context, object }
            }
            (Audience::Owner, false) => M::ObjectEnterOwnerWithRequired { object },
            (Audience::Owner, true) => M::ObjectEnterOwnerWithRequiredOther { object },
            (Audience::Ai, false) => M::ObjectEnterAiWithRequired { object },
            (Audience::Ai, true) => M::ObjectEnterAiWithRequiredOther { object },
            (Audience::Census(context, owner), has_other) => {
                M::Owned { context, owner, has_other, object }
            }
            (Audience::Query(context), _) => M::ObjectGetAllResp { context, object },
        }
    }
}

impl DistributedObject {
    /// Shows the object, with the fields that the audience may see.
    pub(super) fn enter(&self, to: Channel, audience: Audience, world: &mut World<'_>) -> bool {
        let is_query = matches!(audience, Audience::Query(_));
        let other = is_query || !self.ram.is_empty();
        let mut values = std::mem::take(world.scratch);
        values.clear();
        self.write_values(&mut values, audience, other, world.dc);
        let object = ObjectState {
            do_id: self.do_id,
            location: self.location,
            class_id: self.class_id,
            values: Rest(&values),
        };
        let message = audience.message(object, other);
        let sent = world.outbox.send(&[to], self.channel(), &message);
        *world.scratch = values;
        sent
    }

    /// REQUIRED, and OTHER if it is asked for: ascending, the one bare, the other with ids.
    fn write_values(&self, values: &mut Vec<u8>, audience: Audience, other: bool, dc: &DcFile) {
        let seen = |field: FieldId| {
            let field = dc.field(field).expect("a stored field is one of the class");
            audience.sees(field.keywords())
        };
        for (_, value) in self.required.iter().filter(|(field, _)| seen(*field)) {
            values.extend_from_slice(value);
        }
        if !other {
            return;
        }
        let start = values.len();
        let mut count = 0;
        let mut writer = Writer::new(values);
        writer.u16(0);
        for (field, value) in self.ram.iter().filter(|(field, _)| seen(*field)) {
            writer.u16(field.0);
            writer.raw(value);
            count += 1u16;
        }
        values[start..start + size_of::<u16>()].copy_from_slice(&count.to_le_bytes());
    }
}

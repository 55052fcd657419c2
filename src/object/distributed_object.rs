//! One DistributedObject: what it holds, which messages it knows, and how it shows itself to others.

use dclass::{Class, DcFile, Keywords};
use tracing::trace;

use super::children::{LocalChildren, ZoneTable};
use super::creation::NewObject;
use super::outbox::Outbox;
use super::values::PackedFields;
use crate::ids::{Channel, ClassId, Context, DoId, FieldId, Location};
use crate::message::{Message, ObjectState, Rest, StateServer};
use crate::wire::Writer;

/// An object in memory.
///
/// There may be a million of these: what few objects have is boxed.
#[derive(Debug)]
pub struct DistributedObject {
    pub(super) do_id: DoId,
    pub(super) location: Location,
    pub(super) class_id: ClassId,
    /// Whether the AI was set for this object, so that the parent's AI does not matter to it.
    pub(super) ai_is_explicit: bool,
    /// Whether the parent has acknowledged [`DistributedObject::location`], and so counts the object.
    pub(super) parent_synchronized: bool,
    /// Context of the next question to a parent about its AI.
    pub(super) next_context: u32,
    pub(super) ai: Channel,
    pub(super) owner: Channel,
    /// All required fields of the class that are not molecular.
    pub(super) required: PackedFields,
    /// The ram fields that have a value.
    pub(super) ram: PackedFields,
    /// What the object has been told about its children; `None` while it has none.
    pub(super) zones: Option<Box<ZoneTable>>,
}

/// What surrounds an object while it handles a message.
pub(super) struct World<'a> {
    pub dc: &'a DcFile,
    pub children: &'a mut LocalChildren,
    pub outbox: Outbox<'a>,
    /// Memory for values on their way into a message.
    pub scratch: &'a mut Vec<u8>,
}

/// What a message leaves of an object.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Lives,
    /// Everyone has been told; the population has to forget it.
    Deleted,
}

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
    /// Someone who asked for everything.
    Query(Context),
}

impl Audience {
    fn sees(self, keywords: Keywords) -> bool {
        let client = keywords.broadcast() || keywords.clrecv();
        match self {
            Audience::Location | Audience::Interest(_) => client,
            Audience::Owner => client || keywords.ownrecv(),
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
            (Audience::Query(context), _) => M::ObjectGetAllResp { context, object },
        }
    }
}

impl DistributedObject {
    /// An object that is nowhere yet, and of which nobody knows.
    pub(super) fn new(new: &NewObject<'_>) -> Self {
        DistributedObject {
            do_id: new.do_id,
            location: Location::NONE,
            class_id: new.class_id,
            ai_is_explicit: false,
            parent_synchronized: false,
            next_context: 0,
            ai: Channel::NONE,
            owner: Channel::NONE,
            required: PackedFields::new(&new.required),
            ram: PackedFields::new(&new.ram),
            zones: None,
        }
    }

    /// The object's id.
    pub const fn do_id(&self) -> DoId {
        self.do_id
    }

    /// The class of the object.
    pub const fn class_id(&self) -> ClassId {
        self.class_id
    }

    /// Where the object is.
    pub const fn location(&self) -> Location {
        self.location
    }

    /// The AI that manages the object, or [`Channel::NONE`].
    pub const fn ai(&self) -> Channel {
        self.ai
    }

    /// Whether the AI was set for this object, not taken over from its parent.
    pub const fn ai_is_explicit(&self) -> bool {
        self.ai_is_explicit
    }

    /// Who owns the object, or [`Channel::NONE`].
    pub const fn owner(&self) -> Channel {
        self.owner
    }

    /// The object's location, AI and owner: those who are to know what happens to it.
    pub fn audience(&self) -> impl Iterator<Item = Channel> {
        let location = self.location_channel().unwrap_or(Channel::NONE);
        [location, self.owner, self.ai].into_iter().filter(|channel| channel.is_some())
    }

    /// The channel of the object's location, if it is anywhere.
    pub(super) fn location_channel(&self) -> Option<Channel> {
        let is_somewhere = self.location.parent.is_some();
        is_somewhere.then(|| self.location.channel())
    }

    pub(super) fn class<'d>(&self, dc: &'d DcFile) -> &'d Class {
        dc.class(self.class_id).expect("an object is only made of a class of the DC files")
    }

    /// The channel that the object sends as.
    pub(super) const fn channel(&self) -> Channel {
        self.do_id.channel()
    }

    /// Handles a message that was sent to the object.
    pub(super) fn handle(
        &mut self,
        sender: Channel,
        message: &StateServer<'_>,
        world: &mut World<'_>,
    ) -> Fate {
        use StateServer as M;
        match *message {
            M::ObjectSetField { .. }
            | M::ObjectSetFields { .. }
            | M::ObjectGetField { .. }
            | M::ObjectGetFields { .. }
            | M::ObjectDeleteFieldRam { .. }
            | M::ObjectDeleteFieldsRam { .. } => self.handle_field(sender, message, world),
            M::ObjectGetAll { context, do_id } => {
                if do_id == self.do_id {
                    self.enter(sender, Audience::Query(context), world);
                }
            }
            M::ObjectSetLocation { .. }
            | M::ObjectChangingLocation { .. }
            | M::ObjectGetLocation { .. }
            | M::ObjectGetLocationResp { .. }
            | M::ObjectLocationAck { .. } => self.handle_location(sender, message, world),
            M::ObjectSetAi { .. }
            | M::ObjectChangingAi { .. }
            | M::ObjectGetAi { .. }
            | M::ObjectGetAiResp { .. }
            | M::ObjectSetOwner { .. }
            | M::ObjectGetOwner { .. } => self.handle_authority(sender, message, world),
            M::ObjectGetZoneObjects { .. }
            | M::ObjectGetZonesObjects { .. }
            | M::ObjectGetZoneCount { .. }
            | M::ObjectGetZonesCount { .. }
            | M::ObjectGetChildCount { .. }
            | M::ObjectDeleteZone { .. }
            | M::ObjectDeleteZones { .. }
            | M::GetActiveZones { .. } => self.handle_zones(sender, message, world),
            M::DeleteAiObjects { .. }
            | M::ObjectDeleteRam { .. }
            | M::ObjectDeleteChildren { .. } => {
                return self.handle_deletion(sender, message, world);
            }
            M::CreateObjectWithRequired { .. }
            | M::CreateObjectWithRequiredOther { .. }
            | M::ObjectGetFieldResp { .. }
            | M::ObjectGetFieldsResp { .. }
            | M::ObjectGetAllResp { .. }
            | M::ObjectEnterLocationWithRequired { .. }
            | M::ObjectEnterLocationWithRequiredOther { .. }
            | M::ObjectEnterAiWithRequired { .. }
            | M::ObjectEnterAiWithRequiredOther { .. }
            | M::ObjectChangingOwner { .. }
            | M::ObjectEnterOwnerWithRequired { .. }
            | M::ObjectEnterOwnerWithRequiredOther { .. }
            | M::ObjectGetOwnerResp { .. }
            | M::ObjectEnterInterestWithRequired { .. }
            | M::ObjectEnterInterestWithRequiredOther { .. }
            | M::ObjectGetChildren { .. }
            | M::ObjectGetZoneCountResp { .. }
            | M::ObjectGetZonesCountResp { .. }
            | M::ObjectGetChildCountResp { .. }
            | M::GetActiveZonesResp { .. } => {
                trace!(doId = %self.do_id, msgtype = message.name(), "not for an object");
            }
        }
        Fate::Lives
    }

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

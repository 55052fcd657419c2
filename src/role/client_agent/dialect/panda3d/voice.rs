//! What clients are told, in their protocol.
//!
//! They understand no more than that an object is generated, updated, disabled and deleted, and that they are to generate
//! theirs again. There is no message for the rest: what they own they know, where something has moved to stands in its field
//! `setLocation`, and who is put out finds the connection closed.

use std::sync::Arc;

use dclass::{Class, DcFile};

use super::schema::Schema;
use crate::config::Panda3dConfig;
use crate::ids::{Channel, ClassId, DoId, FieldId, ZoneId};
use crate::message::{Message as _, ObjectState, Panda3d as Message, Rest, Run};
use crate::object::{FieldError, FieldList, shown_values, skip_value};
use crate::role::client_agent::agent::{News, Voice};
use crate::wire::{self, Framing, Reader, Writer};

/// So many ids fit a datagram.
const IDS_MAX: usize = 16_000;

/// Puts what clients are told into bytes.
#[derive(Debug)]
pub struct PandaVoice {
    config: Arc<Panda3dConfig>,
    dc: Arc<DcFile>,
    schema: Arc<Schema>,
}

impl PandaVoice {
    pub fn new(config: Arc<Panda3dConfig>, dc: Arc<DcFile>, schema: Arc<Schema>) -> Self {
        PandaVoice { config, dc, schema }
    }

    /// An object that comes into sight. What cannot be understood is not told.
    fn generate(
        &self,
        object: &ObjectState<'_>,
        has_other: bool,
        framing: Framing,
        buffer: &mut Vec<u8>,
    ) -> Result<(), wire::Error> {
        let &ObjectState { do_id, location, class_id, .. } = object;
        let Some(class) = self.dc.class(class_id) else { return Ok(()) };
        let values = match self.values(object, class, has_other) {
            Ok(values) => values,
            Err(error) => {
                tracing::warn!(doId = %do_id, class = class.name(), %error, "an object with bad values is not shown");
                return Ok(());
            }
        };
        let sender = self.config.base_of(do_id).unwrap_or_default();
        let (zone, values) = (location.zone, Rest(&values));
        write(framing, buffer, &Message::Generate { sender, zone, class_id, do_id, values })
    }

    /// REQUIRED and OTHER as clients read them: of the required fields those that are broadcast, in their order.
    fn values(
        &self,
        object: &ObjectState<'_>,
        class: &Class,
        has_other: bool,
    ) -> Result<Vec<u8>, FieldError> {
        let shown = |keywords: dclass::Keywords| keywords.broadcast() || keywords.clrecv();
        let known = shown_values(object, class, has_other, shown, |_| true)?;
        let value = |field: FieldId| {
            let at = known.binary_search_by_key(&field, |(id, _)| *id);
            at.map(|at| known[at].1).unwrap_or_default()
        };
        let mut bytes = Vec::with_capacity(object.values.0.len() + size_of::<u16>());
        let is_bare = |keywords: dclass::Keywords| keywords.required() && keywords.broadcast();
        for field in self.schema.required_as_sent(class) {
            if is_bare(field.keywords()) {
                bytes.extend_from_slice(value(field.id()));
            }
        }
        let is_other = |id: &FieldId| !class.field(*id).is_some_and(|f| is_bare(f.keywords()));
        let others: FieldList<'_> = known.into_iter().filter(|(id, _)| is_other(id)).collect();
        let mut writer = Writer::new(&mut bytes);
        // At most as many as a class has fields.
        writer.u16(others.len() as u16);
        for (field, value) in others {
            writer.u16(field.0);
            writer.raw(value);
        }
        Ok(bytes)
    }

    /// As whom clients know a sender: the client, or whoever plays an avatar. All others are nobody; values that are only told
    /// again come from whoever has made the object.
    fn sender(&self, do_id: DoId, sender: Channel) -> DoId {
        match sender {
            Channel::NONE => self.config.base_of(do_id).unwrap_or_default(),
            sender => sender.as_avatar().unwrap_or_default(),
        }
    }

    /// Several fields that have been set: each is told by itself.
    fn fields(
        &self,
        (do_id, sender): (DoId, DoId),
        mut count: u16,
        bytes: &[u8],
        framing: Framing,
        buffer: &mut Vec<u8>,
    ) -> Result<(), wire::Error> {
        let mut reader = Reader::new(bytes);
        while count > 0 {
            count -= 1;
            let field = FieldId(reader.u16()?);
            let value = self.dc.field(field).map(|field| skip_value(field, &mut reader));
            let Some(Ok(value)) = value else {
                tracing::warn!(doId = %do_id, field = field.0, "bad values of an object are not told");
                break;
            };
            let value = Rest(value);
            write(framing, buffer, &Message::FieldUpdated { sender, do_id, field, value })?;
        }
        Ok(())
    }

    /// An object has moved to another zone that the client sees, too.
    fn moved(
        &self,
        do_id: DoId,
        zone: ZoneId,
        framing: Framing,
        buffer: &mut Vec<u8>,
    ) -> Result<(), wire::Error> {
        let Some(field) = self.schema.location() else { return Ok(()) };
        let mut value = Vec::new();
        let mut writer = Writer::new(&mut value);
        // The parent that clients know.
        writer.do_id(DoId::NONE);
        writer.zone(zone);
        let sender = self.config.base_of(do_id).unwrap_or_default();
        let value = Rest(&value);
        write(framing, buffer, &Message::FieldUpdated { sender, do_id, field, value })
    }
}

impl Voice for PandaVoice {
    #[inline]
    fn write(
        &self,
        news: &News<'_>,
        framing: Framing,
        buffer: &mut Vec<u8>,
    ) -> Result<(), wire::Error> {
        match *news {
            News::FieldChanges { do_id, field, value, sender } => {
                let sender = self.sender(do_id, sender);
                write(framing, buffer, &Message::FieldUpdated { sender, do_id, field, value })
            }
            News::FieldsChange { do_id, fields, sender } => {
                let start = buffer.len();
                let ids = (do_id, self.sender(do_id, sender));
                let written = self.fields(ids, fields.count, fields.bytes, framing, buffer);
                written.inspect_err(|_| buffer.truncate(start))
            }
            News::ObjectEnters { ref object, has_other } => {
                self.generate(object, has_other, framing, buffer)
            }
            News::ObjectLeaves { do_id } => {
                write(framing, buffer, &Message::Disable { do_ids: Run::new(&[do_id]) })
            }
            News::ObjectsLeave { do_ids: &[] } => {
                write(framing, buffer, &Message::Disable { do_ids: Run::new(&[]) })
            }
            News::ObjectsLeave { do_ids } => {
                for do_ids in do_ids.chunks(IDS_MAX) {
                    write(framing, buffer, &Message::Disable { do_ids: Run::new(do_ids) })?;
                }
                Ok(())
            }
            News::ObjectDeleted { do_id } => write(framing, buffer, &Message::Delete { do_id }),
            News::ValuesWanted { zone } => {
                write(framing, buffer, &Message::RequestGenerates { zone })
            }
            News::ObjectMoves { do_id, location } => {
                self.moved(do_id, location.zone, framing, buffer)
            }
            News::OwnerGained { .. }
            | News::OwnerLost { .. }
            | News::FieldsSendable { .. }
            | News::InterestOpened { .. }
            | News::InterestClosed { .. }
            | News::InterestDone { .. }
            | News::ComebackOffered { .. }
            | News::Back { .. }
            | News::AllTold
            | News::Ejected { .. } => Ok(()),
        }
    }

    fn tells_moves(&self, class: Option<ClassId>) -> bool {
        let class = class.and_then(|class| self.dc.class(class));
        self.schema
            .location()
            .is_some_and(|field| class.is_some_and(|class| class.has_field(field)))
    }
}

fn write(framing: Framing, buffer: &mut Vec<u8>, message: &Message<'_>) -> Result<(), wire::Error> {
    framing.write(buffer, |writer| message.write(writer)).map(drop)
}

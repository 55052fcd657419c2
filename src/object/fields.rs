//! Reading and changing an object's fields. A message about them that was sent to several objects names the
//! one that it is for.

use dclass::{DcFile, Field, FieldKind};
use smallvec::SmallVec;
use tracing::{error, warn};

use super::distributed_object::{DistributedObject, World};
use super::entry::Audience;
use super::outbox::Targets;
use super::values::{FieldError, read_parts};
use crate::ids::{Channel, Context, DoId, FieldId};
use crate::message::{FieldValues, List, Rest, StateServer};
use crate::wire::{Reader, Writer};

impl DistributedObject {
    #[inline]
    pub(super) fn object_set_field(
        &mut self,
        do_id: DoId,
        field: FieldId,
        value: Rest<'_>,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        if do_id == self.do_id {
            let set = self.set_field(field, &mut Reader::new(value.0), sender, world);
            self.log_refusal(set, sender, world);
        }
    }

    pub(super) fn object_set_fields(
        &mut self,
        do_id: DoId,
        fields: FieldValues<'_>,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        if do_id == self.do_id {
            let set = self.set_fields(fields, sender, world);
            self.log_refusal(set, sender, world);
        }
    }

    fn log_refusal(&self, set: Result<(), FieldError>, sender: Channel, world: &World<'_>) {
        if let Err(error) = set {
            let class = self.class(world.dc).name();
            error!(doId = %self.do_id, class, %sender, %error, "update refused");
        }
    }

    fn set_fields(
        &mut self,
        fields: FieldValues<'_>,
        sender: Channel,
        world: &mut World<'_>,
    ) -> Result<(), FieldError> {
        let mut reader = Reader::new(fields.bytes);
        for _ in 0..fields.count {
            let field = FieldId(reader.u16()?);
            self.set_field(field, &mut reader, sender, world)?;
        }
        Ok(())
    }

    /// Stores a value if the field is one that is stored, and passes it on to those who get it.
    fn set_field(
        &mut self,
        id: FieldId,
        reader: &mut Reader<'_>,
        sender: Channel,
        world: &mut World<'_>,
    ) -> Result<(), FieldError> {
        let class = self.class(world.dc);
        let field = class.field(id).ok_or(FieldError::Unknown(id))?;
        // Nothing is stored of a value whose last part is wrong.
        let mut parts = SmallVec::<[(&Field, &[u8]); 8]>::new();
        let value = read_parts(field, reader, |part, value| parts.push((part, value)))?;
        for (part, value) in parts {
            self.store(part, value);
            self.forget_molecular(part, world.dc);
        }
        let targets = self.hearers(field, sender);
        let message =
            StateServer::ObjectSetField { do_id: self.do_id, field: id, value: Rest(value) };
        world.outbox.send(targets.as_slice(), sender, &message);
        Ok(())
    }

    /// Who hears of a change of the field: location, AI and owner, the last two unless they made it.
    fn hearers(&self, field: &Field, sender: Channel) -> Targets {
        let keywords = field.keywords();
        let mut targets = Targets::default();
        if keywords.broadcast() {
            targets.add(self.location_channel().unwrap_or(Channel::NONE));
        }
        if keywords.airecv() && self.ai != sender {
            targets.add(self.ai);
        }
        if keywords.ownrecv() && self.owner() != sender {
            targets.add(self.owner());
        }
        targets
    }

    fn store(&mut self, field: &Field, value: &[u8]) {
        let keywords = field.keywords();
        if keywords.required() {
            self.required.set(field.id(), value);
        } else if keywords.ram() {
            self.ram.set(field.id(), value);
        }
    }

    /// Who comes is told a molecular value after those of its parts, so an old one would undo what is new.
    fn forget_molecular(&mut self, part: &Field, dc: &DcFile) {
        if !self.has_molecular {
            return;
        }
        let is_old = |id: &FieldId| {
            let parts = dc.field(*id).map(Field::parts).unwrap_or_default();
            parts.iter().any(|other| other.id() == part.id())
        };
        let old: Vec<FieldId> = self.ram.iter().map(|(id, _)| id).filter(is_old).collect();
        for id in old {
            self.ram.remove(id);
        }
    }

    pub(super) fn object_get_field(
        &self,
        context: Context,
        do_id: DoId,
        id: FieldId,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        if do_id != self.do_id {
            return;
        }
        let mut value = Vec::new();
        let found = match self.class(world.dc).field(id) {
            Some(field) => self.write_value(field, &mut value),
            None => {
                self.log_unknown(id, world);
                false
            }
        };
        let value = found.then_some((id, Rest(&value[..])));
        let answer = StateServer::ObjectGetFieldResp { context, value };
        if !world.outbox.send(&[sender], self.channel(), &answer) {
            let failure = StateServer::ObjectGetFieldResp { context, value: None };
            world.outbox.send(&[sender], self.channel(), &failure);
        }
    }

    pub(super) fn object_get_fields(
        &self,
        context: Context,
        do_id: DoId,
        fields: List<'_, FieldId>,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        if do_id != self.do_id {
            return;
        }
        let mut bytes = Vec::new();
        let count = self.collect_fields(fields, &mut bytes, world);
        let bytes = &bytes[..];
        let values = count.map(|count| FieldValues { count, bytes });
        let answer = StateServer::ObjectGetFieldsResp { context, values };
        if !world.outbox.send(&[sender], self.channel(), &answer) {
            let failure = StateServer::ObjectGetFieldsResp { context, values: None };
            world.outbox.send(&[sender], self.channel(), &failure);
        }
    }

    /// Writes those of the fields that have a value, ascending, each once, and returns how many they
    /// are; `None` if one of them is not the class's.
    fn collect_fields(
        &self,
        fields: List<'_, FieldId>,
        bytes: &mut Vec<u8>,
        world: &World<'_>,
    ) -> Option<u16> {
        let mut ids: Vec<FieldId> = fields.iter().collect();
        let asked = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < asked {
            warn!(doId = %self.do_id, "asked for a field twice");
        }
        let class = self.class(world.dc);
        let mut count = 0;
        for id in ids {
            let Some(field) = class.field(id) else {
                self.log_unknown(id, world);
                return None;
            };
            let start = bytes.len();
            Writer::new(bytes).u16(id.0);
            if self.write_value(field, bytes) {
                count += 1;
            } else {
                bytes.truncate(start);
            }
        }
        Some(count)
    }

    fn log_unknown(&self, field: FieldId, world: &World<'_>) {
        let class = self.class(world.dc).name();
        error!(doId = %self.do_id, class, field = field.0, "asked for a field that the class lacks");
    }

    /// Writes a field's value; of a molecular field, all parts' or none. Returns whether there is one.
    fn write_value(&self, field: &Field, bytes: &mut Vec<u8>) -> bool {
        if field.kind() != FieldKind::Molecular {
            return self.write_stored(field.id(), bytes);
        }
        let start = bytes.len();
        let mut parts = field.parts().iter();
        let complete = parts.all(|part| self.write_stored(part.id(), bytes));
        if !complete {
            bytes.truncate(start);
        }
        complete
    }

    fn write_stored(&self, id: FieldId, bytes: &mut Vec<u8>) -> bool {
        let value = self.required.get(id).or_else(|| self.ram.get(id));
        bytes.extend_from_slice(value.unwrap_or_default());
        value.is_some()
    }

    pub(super) fn object_get_all(
        &self,
        context: Context,
        do_id: DoId,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        if do_id == self.do_id {
            self.enter(sender, Audience::Query(context), world);
        }
    }

    pub(super) fn object_delete_fields_ram(
        &mut self,
        do_id: DoId,
        fields: impl Iterator<Item = FieldId>,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        if do_id == self.do_id {
            fields.for_each(|field| self.delete_field(field, sender, world));
        }
    }

    /// Forgets a ram field, or resets a required one to its default, and tells those who hear of the
    /// field's changes.
    fn delete_field(&mut self, id: FieldId, sender: Channel, world: &mut World<'_>) {
        let class = self.class(world.dc);
        let Some(field) = class.field(id) else {
            self.log_unknown(id, world);
            return;
        };
        let changed = match field.default_value() {
            Some(default) if field.keywords().required() => {
                self.required.set(id, default);
                true
            }
            _ => self.ram.remove(id),
        };
        self.forget_molecular(field, world.dc);
        if changed {
            let do_id = self.do_id;
            let notice = StateServer::ObjectDeleteFieldRam { do_id, field: id };
            let targets = self.hearers(field, sender);
            world.outbox.send(targets.as_slice(), sender, &notice);
        } else {
            let field = field.name();
            warn!(doId = %self.do_id, class = class.name(), field, %sender, "nothing to delete");
        }
    }
}

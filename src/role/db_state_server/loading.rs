//! Loading objects from the database, and what waits meanwhile.

use std::sync::Arc;
use std::time::Instant;

use dclass::Class;
use smallvec::SmallVec;
use tracing::{debug, error, warn};

use super::core::{Awaited, DbStateServer, State};
use crate::ids::{Channel, ClassId, Context, DoId, FieldId, Location};
use crate::message::{Database, DbStateServer as Dbss, Family, FieldValues, ObjectState};
use crate::object::{
    FieldError, FieldList, NewObject, PackedFields, add_value, read_parts, read_value, skip_value,
};
use crate::role::Effects;
use crate::wire::{Envelope, Frames, Reader, write_frame};

/// An object that is being loaded.
#[derive(Debug)]
pub(super) struct Loading {
    location: Location,
    /// The class that it must turn out to have, if whoever activated it named one.
    class_id: Option<ClassId>,
    /// Values that take precedence over stored ones.
    overrides: PackedFields,
    /// The questions to the database whose answer loads it: its own, or those that had been asked for
    /// others before.
    contexts: SmallVec<[Context; 1]>,
    pub(super) deadline: Option<Instant>,
    /// Frames that came meanwhile, in order.
    waiting: Vec<u8>,
}

impl DbStateServer {
    /// Begins to load an object.
    pub(super) fn activate(
        &mut self,
        now: Instant,
        do_id: DoId,
        location: Location,
        sender: Channel,
        out: &mut Effects,
    ) {
        if self.can_be_activated(do_id, sender) {
            self.load(now, do_id, location, None, PackedFields::default(), out);
        }
    }

    /// As [`Self::activate`], with some values that take precedence over stored ones.
    pub(super) fn activate_with_other(
        &mut self,
        now: Instant,
        state: &ObjectState<'_>,
        sender: Channel,
        out: &mut Effects,
    ) {
        let (do_id, class_id) = (state.do_id, state.class_id);
        if !self.can_be_activated(do_id, sender) {
            return;
        }
        let dc = Arc::clone(self.objects.dc());
        let Some(class) = dc.class(class_id) else {
            error!(doId = %do_id, class = class_id.0, %sender, "no such class: not activated");
            return;
        };
        match read_overrides(do_id, class, &mut Reader::new(state.values.0)) {
            Ok(list) => {
                let overrides = PackedFields::new(&list);
                self.load(now, do_id, state.location, Some(class_id), overrides, out);
            }
            Err(error) => {
                let class = class.name();
                error!(doId = %do_id, class, %sender, %error, "not activated");
            }
        }
    }

    fn can_be_activated(&self, do_id: DoId, sender: Channel) -> bool {
        let state = self.state_of(do_id, sender);
        if matches!(state, Some(State::Active | State::Loading)) {
            warn!(doId = %do_id, ?state, %sender, "activated already");
        }
        state == Some(State::Inactive)
    }

    fn load(
        &mut self,
        now: Instant,
        do_id: DoId,
        location: Location,
        class_id: Option<ClassId>,
        overrides: PackedFields,
        out: &mut Effects,
    ) {
        let mut contexts = self.queries.asking_for_all(do_id);
        if contexts.is_empty() {
            let context = self.new_context();
            contexts.push(context);
            self.ask_database(do_id, &Database::ObjectGetAll { context, do_id }, out);
        }
        let deadline = self.await_answer(now, Awaited::Load(do_id));
        let waiting = Vec::new();
        let loading = Loading { location, class_id, overrides, contexts, deadline, waiting };
        self.loading.insert(do_id, loading);
    }

    /// Handles a datagram to an object that is being loaded: the database's answer ends that, and
    /// everything else waits for it.
    pub(super) fn receive_while_loading(
        &mut self,
        now: Instant,
        do_id: DoId,
        envelope: &Envelope<'_>,
        datagram: &[u8],
        out: &mut Effects,
    ) {
        let number = envelope.message_type;
        match Family::of(number) {
            Some(Family::StateServer) => {}
            Some(Family::DbStateServer) if !is_activation(envelope) => {}
            Some(Family::Database) => {
                let answer = Database::decode(number, &mut Reader::new(envelope.body));
                if let Ok(Database::ObjectGetAllResp { context, object }) = answer {
                    self.receive_stored(now, do_id, context, object, out);
                }
                return;
            }
            _ => return,
        }
        if let Some(loading) = self.loading.get_mut(&do_id) {
            let kept = write_frame(&mut loading.waiting, |writer| writer.raw(datagram));
            debug_assert!(kept.is_ok(), "it came in a frame");
        }
    }

    fn receive_stored(
        &mut self,
        now: Instant,
        do_id: DoId,
        context: Context,
        stored: Option<(ClassId, FieldValues<'_>)>,
        out: &mut Effects,
    ) {
        let Some(loading) = self.loading.get(&do_id) else {
            return;
        };
        if !loading.contexts.contains(&context) {
            warn!(doId = %do_id, %context, "answer of the database to another question");
            return;
        }
        if stored.is_none() {
            debug!(doId = %do_id, "not in the database: not loaded");
        }
        self.end_loading(now, do_id, stored, out);
    }

    /// Makes the object, if it can be made of what is stored, and lets it and the role handle what has
    /// been waiting: the object first, as long as it is there, and then the role, which writes to the
    /// database what is to be stored, or answers in the object's place.
    pub(super) fn end_loading(
        &mut self,
        now: Instant,
        do_id: DoId,
        stored: Option<(ClassId, FieldValues<'_>)>,
        out: &mut Effects,
    ) {
        let Some(loading) = self.loading.remove(&do_id) else {
            return;
        };
        if let Some((class_id, fields)) = stored {
            self.make(do_id, &loading, class_id, fields, out);
        }
        for frame in Frames::new(&loading.waiting) {
            if self.objects.get(do_id).is_none() {
                break;
            }
            if let Ok(envelope) = Envelope::read(frame.datagram()) {
                self.objects.deliver_to(do_id, &envelope, out);
            }
        }
        for frame in Frames::new(&loading.waiting) {
            if let Ok(envelope) = Envelope::read(frame.datagram()) {
                self.handle_as_role(now, &envelope, out);
            }
        }
    }

    fn make(
        &mut self,
        do_id: DoId,
        loading: &Loading,
        class_id: ClassId,
        fields: FieldValues<'_>,
        out: &mut Effects,
    ) {
        let dc = Arc::clone(self.objects.dc());
        let Some(class) = dc.class(class_id) else {
            error!(doId = %do_id, class = class_id.0, "stored object of an unknown class");
            return;
        };
        if let Some(wanted) = loading.class_id.filter(|wanted| *wanted != class_id) {
            let class = class.name();
            error!(doId = %do_id, class, wanted = wanted.0, "stored object of another class");
            return;
        }
        match from_stored((do_id, loading.location), class, &loading.overrides, fields) {
            Ok(new) => self.objects.create(&new, self.database, out),
            Err(error) => {
                let class = class.name();
                error!(doId = %do_id, class, %error, "stored object cannot be loaded");
            }
        }
    }
}

/// An object of what is stored of it: an override, else the stored value, else the default; ram
/// fields only if they have a value. What is neither required nor ram stays in the database.
pub(super) fn from_stored<'a>(
    (do_id, location): (DoId, Location),
    class: &'a Class,
    overrides: &'a PackedFields,
    fields: FieldValues<'a>,
) -> Result<NewObject<'a>, FieldError> {
    let mut known = FieldList::new();
    let mut reader = Reader::new(fields.bytes);
    for _ in 0..fields.count {
        let id = FieldId(reader.u16()?);
        let field = class.field(id).ok_or(FieldError::Unknown(id))?;
        add_value(&mut known, id, read_value(field, &mut reader)?);
    }
    for (id, value) in overrides.iter() {
        add_value(&mut known, id, value);
    }
    let value_of = |id: FieldId| {
        let index = known.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(known[index].1)
    };
    let required = class.required().iter();
    let required = required.map(|field| {
        let id = field.id();
        (id, value_of(id).unwrap_or(field.implicit_value()))
    });
    let required = required.collect();
    let ram = class.ram_fields().iter().filter(|field| !field.keywords().required());
    let ram = ram.filter_map(|field| Some((field.id(), value_of(field.id())?))).collect();
    Ok(NewObject { do_id, class_id: class.id(), location, required, ram })
}

/// Reads the values that an activation gives. As with OTHER at a creation, an unknown field ends the
/// reading and one that an object does not keep is left out.
fn read_overrides<'a>(
    do_id: DoId,
    class: &'a Class,
    reader: &mut Reader<'a>,
) -> Result<FieldList<'a>, FieldError> {
    let mut list = FieldList::new();
    for _ in 0..reader.u16()? {
        let id = FieldId(reader.u16()?);
        let Some(field) = class.field(id) else {
            let class = class.name();
            error!(doId = %do_id, class, field = id.0, "no such field: rest of OTHER ignored");
            break;
        };
        if field.keywords().ram() || field.keywords().required() {
            read_parts(field, reader, |part, value| add_value(&mut list, part.id(), value))?;
        } else {
            skip_value(field, reader)?;
            let (class, field) = (class.name(), field.name());
            error!(doId = %do_id, class, field, "not a ram or required field: left out");
        }
    }
    Ok(list)
}

fn is_activation(envelope: &Envelope<'_>) -> bool {
    let message = Dbss::decode(envelope.message_type, &mut Reader::new(envelope.body));
    matches!(
        message,
        Ok(Dbss::ObjectActivateWithDefaults { .. } | Dbss::ObjectActivateWithDefaultsOther { .. })
    )
}

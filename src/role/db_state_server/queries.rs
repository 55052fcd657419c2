//! Questions about stored objects that are not in memory: the database is asked, and its answers are passed
//! on to whoever wants to know.

use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;
use tracing::{debug, error, warn};

use super::link::{Awaited, World};
use super::stored::{Stored, from_stored, is_kept};
use crate::hash::{Map, Seed};
use crate::ids::{Channel, Context, DoId, FieldId, Location};
use crate::message::{Database, FieldValues, List, ObjectState, Rest, StateServer};
use crate::object::PackedFields;
use crate::wire::Writer;

/// What the database is being asked on behalf of others.
#[derive(Debug)]
pub(super) struct Queries {
    by_context: Map<Context, Query>,
    /// Those that ask for everything, by object.
    for_all: Map<DoId, SmallVec<[Context; 1]>>,
}

/// Who asks, and in which context of its own.
#[derive(Copy, Clone, Debug)]
pub(super) struct Asker {
    pub channel: Channel,
    pub context: Context,
}

#[derive(Debug)]
struct Query {
    do_id: DoId,
    asker: Asker,
    wanted: Wanted,
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum Wanted {
    Field,
    /// Several fields; those that are not stored are answered from here: how many, and
    /// `(u16 field, VALUE)` for each.
    Fields(u16, Vec<u8>),
    All,
}

impl Queries {
    pub fn new(seed: Seed) -> Self {
        Queries { by_context: Map::with_hasher(seed), for_all: Map::with_hasher(seed) }
    }

    /// Until when the database may take for its answer.
    pub fn deadline(&self, context: Context) -> Option<Instant> {
        self.by_context.get(&context)?.deadline
    }

    /// The questions for everything about an object.
    pub fn asking_for_all(&self, do_id: DoId) -> SmallVec<[Context; 1]> {
        self.for_all.get(&do_id).cloned().unwrap_or_default()
    }

    pub fn get_field(&mut self, asker: Asker, do_id: DoId, id: FieldId, world: &mut World<'_>) {
        let dc = Arc::clone(world.objects.dc());
        let value = match dc.field(id).filter(|field| is_kept(field)) {
            Some(field) if field.keywords().db() => {
                let ask = |context| Database::ObjectGetField { context, do_id, field: id };
                return self.ask(asker, do_id, Wanted::Field, ask, world);
            }
            Some(field) => field.default_value().map(|value| (id, Rest(value))),
            None => None,
        };
        let answer = StateServer::ObjectGetFieldResp { context: asker.context, value };
        world.send(asker.channel, do_id, &answer);
    }

    pub fn get_fields(
        &mut self,
        asker: Asker,
        do_id: DoId,
        fields: List<'_, FieldId>,
        world: &mut World<'_>,
    ) {
        let dc = Arc::clone(world.objects.dc());
        let (mut stored, mut count, mut defaults) = (Vec::new(), 0, Vec::new());
        for id in fields.iter() {
            let Some(field) = dc.field(id) else {
                warn!(
                    doId = %do_id, field = id.0, asker = %asker.channel,
                    "asked for an unknown field"
                );
                let failure =
                    StateServer::ObjectGetFieldsResp { context: asker.context, values: None };
                world.send(asker.channel, do_id, &failure);
                return;
            };
            if !is_kept(field) {
                debug!(doId = %do_id, field = field.name(), "asked for a field that is not kept");
            } else if field.keywords().db() {
                stored.push(id);
            } else {
                let mut writer = Writer::new(&mut defaults);
                writer.u16(id.0);
                writer.raw(field.implicit_value());
                count += 1;
            }
        }
        let wanted = Wanted::Fields(count, defaults);
        if stored.is_empty() {
            let query = Query { do_id, asker, wanted, deadline: None };
            query.answer_fields(Some(FieldValues::default()), world);
        } else {
            let fields = List::new(&stored);
            let ask = |context| Database::ObjectGetFields { context, do_id, fields };
            self.ask(asker, do_id, wanted, ask, world);
        }
    }

    pub fn get_all(&mut self, asker: Asker, do_id: DoId, world: &mut World<'_>) {
        let ask = |context| Database::ObjectGetAll { context, do_id };
        self.ask(asker, do_id, Wanted::All, ask, world);
    }

    /// Handles an answer of the database, if a question here waits for it.
    pub fn handle_answer(&mut self, message: &Database<'_>, world: &mut World<'_>) {
        match *message {
            Database::ObjectGetFieldResp { context, value } => {
                if let Some(query) = self.take(context, |w| matches!(w, Wanted::Field)) {
                    query.answer_field(value, world);
                }
            }
            Database::ObjectGetFieldsResp { context, values } => {
                if let Some(query) = self.take(context, |w| matches!(w, Wanted::Fields(..))) {
                    query.answer_fields(values, world);
                }
            }
            Database::ObjectGetAllResp { context, object } => {
                if let Some(query) = self.take(context, |w| matches!(w, Wanted::All)) {
                    query.answer_all(object, world);
                }
            }
            _ => {}
        }
    }

    /// Answers with failure, where there is such an answer.
    pub fn time_out(&mut self, context: Context, world: &mut World<'_>) {
        let Some(query) = self.take(context, |_| true) else {
            return;
        };
        let asker = query.asker.channel;
        warn!(doId = %query.do_id, %asker, "the database has not answered in time");
        match query.wanted {
            Wanted::Field => query.answer_field(None, world),
            Wanted::Fields(..) => query.answer_fields(None, world),
            Wanted::All => {}
        }
    }

    fn ask<'m>(
        &mut self,
        asker: Asker,
        do_id: DoId,
        wanted: Wanted,
        question: impl FnOnce(Context) -> Database<'m>,
        world: &mut World<'_>,
    ) {
        let new = world.link.new_context();
        world.ask_database(do_id, &question(new));
        let deadline = world.link.await_answer(world.now, Awaited::Query(new));
        if let Wanted::All = wanted {
            self.for_all.entry(do_id).or_default().push(new);
        }
        self.by_context.insert(new, Query { do_id, asker, wanted, deadline });
    }

    /// Takes the question that an answer is for, if it `fits` one.
    fn take(&mut self, context: Context, fits: impl FnOnce(&Wanted) -> bool) -> Option<Query> {
        let query = self.by_context.get(&context)?;
        if !fits(&query.wanted) {
            warn!(doId = %query.do_id, %context, "the database answers another question");
            return None;
        }
        let query = self.by_context.remove(&context)?;
        if let Some(contexts) = self.for_all.get_mut(&query.do_id) {
            contexts.retain(|other| *other != context);
            if contexts.is_empty() {
                self.for_all.remove(&query.do_id);
            }
        }
        Some(query)
    }
}

impl Query {
    fn answer_field(&self, value: Option<(FieldId, Rest<'_>)>, world: &mut World<'_>) {
        let Asker { channel, context } = self.asker;
        let answer = StateServer::ObjectGetFieldResp { context, value };
        if !world.send(channel, self.do_id, &answer) {
            let failure = StateServer::ObjectGetFieldResp { context, value: None };
            world.send(channel, self.do_id, &failure);
        }
    }

    /// Passes on what the database has sent, behind what it was not asked for.
    fn answer_fields(&self, stored: Option<FieldValues<'_>>, world: &mut World<'_>) {
        let Wanted::Fields(own_count, own) = &self.wanted else {
            return;
        };
        let Asker { channel, context } = self.asker;
        let bytes;
        let values = match stored.and_then(|s| Some((s.count.checked_add(*own_count)?, s.bytes))) {
            Some((count, stored)) => {
                bytes = [own, stored].concat();
                Some(FieldValues { count, bytes: &bytes })
            }
            None => None,
        };
        let answer = StateServer::ObjectGetFieldsResp { context, values };
        if !world.send(channel, self.do_id, &answer) {
            let failure = StateServer::ObjectGetFieldsResp { context, values: None };
            world.send(channel, self.do_id, &failure);
        }
    }

    /// Answers with everything; not at all if there is no such object.
    fn answer_all(&self, stored: Stored<'_>, world: &mut World<'_>) {
        let (do_id, Asker { channel, context }) = (self.do_id, self.asker);
        let Some((class_id, fields)) = stored else {
            debug!(doId = %do_id, asker = %channel, "not in the database");
            return;
        };
        let dc = Arc::clone(world.objects.dc());
        let Some(class) = dc.class(class_id) else {
            error!(doId = %do_id, class = class_id.0, "stored object of an unknown class");
            return;
        };
        let none = PackedFields::default();
        match from_stored((do_id, Location::NONE), class, &none, fields) {
            Ok(object) => {
                let values = object.values();
                let (location, values) = (object.location, Rest(&values));
                let object = ObjectState { do_id, location, class_id, values };
                world.send(channel, do_id, &StateServer::ObjectGetAllResp { context, object });
            }
            Err(error) => {
                let class = class.name();
                error!(doId = %do_id, class, %error, "stored object cannot be read");
            }
        }
    }
}

//! Stored objects that are not in memory: questions that the database answers, and updates that go
//! to it.

use std::sync::Arc;
use std::time::Instant;

use dclass::Field;
use smallvec::SmallVec;
use tracing::{debug, error, warn};

use super::core::{Awaited, DbStateServer, State};
use super::loading::from_stored;
use crate::hash::{Map, Seed};
use crate::ids::{Channel, ClassId, Context, DoId, FieldId, Location};
use crate::message::{Database, FieldValues, List, ObjectState, Rest, StateServer};
use crate::object::{FieldError, FieldList, PackedFields, add_value, read_value, skip_value};
use crate::role::Effects;
use crate::wire::{Reader, Writer};

/// What the database is being asked on behalf of others.
#[derive(Debug)]
pub(super) struct Queries {
    by_context: Map<Context, Query>,
    /// Those that ask for everything, by object.
    for_all: Map<DoId, SmallVec<[Context; 1]>>,
}

#[derive(Debug)]
struct Query {
    do_id: DoId,
    /// Who asked, and its own context.
    asker: Channel,
    context: Context,
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
    pub(super) fn new(seed: Seed) -> Self {
        Queries { by_context: Map::with_hasher(seed), for_all: Map::with_hasher(seed) }
    }

    pub(super) fn deadline(&self, context: Context) -> Option<Instant> {
        self.by_context.get(&context)?.deadline
    }

    /// The questions for everything about an object.
    pub(super) fn asking_for_all(&self, do_id: DoId) -> SmallVec<[Context; 1]> {
        self.for_all.get(&do_id).cloned().unwrap_or_default()
    }

    fn insert(&mut self, context: Context, query: Query) {
        if let Wanted::All = query.wanted {
            self.for_all.entry(query.do_id).or_default().push(context);
        }
        self.by_context.insert(context, query);
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

impl DbStateServer {
    /// Handles a message to an object as far as the database is concerned.
    pub(super) fn handle_stored(
        &mut self,
        now: Instant,
        sender: Channel,
        message: &StateServer<'_>,
        out: &mut Effects,
    ) {
        use StateServer as M;
        match *message {
            M::ObjectSetField { do_id, field, value } => {
                self.store_field(do_id, field, value, sender, out);
            }
            M::ObjectSetFields { do_id, fields } => self.store_fields(do_id, fields, sender, out),
            M::ObjectGetField { context, do_id, field } if self.is_inactive(do_id, sender) => {
                self.get_field(now, (sender, context), do_id, field, out);
            }
            M::ObjectGetFields { context, do_id, fields } if self.is_inactive(do_id, sender) => {
                self.get_fields(now, (sender, context), do_id, fields, out);
            }
            M::ObjectGetAll { context, do_id } if self.is_inactive(do_id, sender) => {
                let ask = |context| Database::ObjectGetAll { context, do_id };
                self.ask(now, (sender, context), do_id, Wanted::All, ask, out);
            }
            _ => {}
        }
    }

    /// Handles an answer of the database to a question about an object that was not in memory.
    pub(super) fn handle_answer(&mut self, message: &Database<'_>, out: &mut Effects) {
        match *message {
            Database::ObjectGetFieldResp { context, value } => {
                if let Some(query) = self.queries.take(context, |w| matches!(w, Wanted::Field)) {
                    self.answer_field(&query, value, out);
                }
            }
            Database::ObjectGetFieldsResp { context, values } => {
                let fits = |wanted: &Wanted| matches!(wanted, Wanted::Fields(..));
                if let Some(query) = self.queries.take(context, fits) {
                    self.answer_fields(&query, values, out);
                }
            }
            Database::ObjectGetAllResp { context, object } => {
                if let Some(query) = self.queries.take(context, |w| matches!(w, Wanted::All)) {
                    self.answer_all(&query, object, out);
                }
            }
            _ => {}
        }
    }

    /// Answers with failure, where there is such an answer.
    pub(super) fn query_timed_out(&mut self, context: Context, out: &mut Effects) {
        let Some(query) = self.queries.take(context, |_| true) else {
            return;
        };
        warn!(doId = %query.do_id, asker = %query.asker, "the database has not answered in time");
        match query.wanted {
            Wanted::Field => self.answer_field(&query, None, out),
            Wanted::Fields(..) => self.answer_fields(&query, None, out),
            Wanted::All => {}
        }
    }

    fn ask<'m>(
        &mut self,
        now: Instant,
        (asker, context): (Channel, Context),
        do_id: DoId,
        wanted: Wanted,
        question: impl FnOnce(Context) -> Database<'m>,
        out: &mut Effects,
    ) {
        let new = self.new_context();
        self.ask_database(do_id, &question(new), out);
        let deadline = self.await_answer(now, Awaited::Query(new));
        self.queries.insert(new, Query { do_id, asker, context, wanted, deadline });
    }

    fn get_field(
        &mut self,
        now: Instant,
        (asker, context): (Channel, Context),
        do_id: DoId,
        id: FieldId,
        out: &mut Effects,
    ) {
        let dc = Arc::clone(self.objects.dc());
        let value = match dc.field(id).filter(|field| is_kept(field)) {
            Some(field) if field.keywords().db() => {
                let ask = |context| Database::ObjectGetField { context, do_id, field: id };
                return self.ask(now, (asker, context), do_id, Wanted::Field, ask, out);
            }
            Some(field) => field.default_value().map(|value| (id, Rest(value))),
            None => None,
        };
        let answer = StateServer::ObjectGetFieldResp { context, value };
        self.objects.send(&[asker], do_id.channel(), &answer, out);
    }

    fn get_fields(
        &mut self,
        now: Instant,
        (asker, context): (Channel, Context),
        do_id: DoId,
        fields: List<'_, FieldId>,
        out: &mut Effects,
    ) {
        let dc = Arc::clone(self.objects.dc());
        let (mut stored, mut count, mut defaults) = (Vec::new(), 0, Vec::new());
        for id in fields.iter() {
            let Some(field) = dc.field(id) else {
                warn!(doId = %do_id, field = id.0, %asker, "asked for an unknown field");
                let answer = StateServer::ObjectGetFieldsResp { context, values: None };
                self.objects.send(&[asker], do_id.channel(), &answer, out);
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
            let query = Query { do_id, asker, context, wanted, deadline: None };
            self.answer_fields(&query, Some(FieldValues::default()), out);
        } else {
            let fields = List::new(&stored);
            let ask = |context| Database::ObjectGetFields { context, do_id, fields };
            self.ask(now, (asker, context), do_id, wanted, ask, out);
        }
    }

    fn answer_field(
        &mut self,
        query: &Query,
        value: Option<(FieldId, Rest<'_>)>,
        out: &mut Effects,
    ) {
        let (context, sender) = (query.context, query.do_id.channel());
        let answer = StateServer::ObjectGetFieldResp { context, value };
        if !self.objects.send(&[query.asker], sender, &answer, out) {
            let failure = StateServer::ObjectGetFieldResp { context, value: None };
            self.objects.send(&[query.asker], sender, &failure, out);
        }
    }

    /// Passes on what the database has sent, behind what it was not asked for.
    fn answer_fields(&mut self, query: &Query, stored: Option<FieldValues<'_>>, out: &mut Effects) {
        let Wanted::Fields(own_count, own) = &query.wanted else {
            return;
        };
        let (context, sender) = (query.context, query.do_id.channel());
        let bytes;
        let values = match stored.and_then(|s| Some((s.count.checked_add(*own_count)?, s.bytes))) {
            Some((count, stored)) => {
                bytes = [own, stored].concat();
                Some(FieldValues { count, bytes: &bytes })
            }
            None => None,
        };
        let answer = StateServer::ObjectGetFieldsResp { context, values };
        if !self.objects.send(&[query.asker], sender, &answer, out) {
            let failure = StateServer::ObjectGetFieldsResp { context, values: None };
            self.objects.send(&[query.asker], sender, &failure, out);
        }
    }

    /// Answers with everything; not at all if there is no such object.
    fn answer_all(
        &mut self,
        query: &Query,
        stored: Option<(ClassId, FieldValues<'_>)>,
        out: &mut Effects,
    ) {
        let (do_id, context) = (query.do_id, query.context);
        let Some((class_id, fields)) = stored else {
            debug!(doId = %do_id, asker = %query.asker, "not in the database");
            return;
        };
        let dc = Arc::clone(self.objects.dc());
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
                let answer = StateServer::ObjectGetAllResp { context, object };
                self.objects.send(&[query.asker], do_id.channel(), &answer, out);
            }
            Err(error) => {
                let class = class.name();
                error!(doId = %do_id, class, %error, "stored object cannot be read");
            }
        }
    }

    /// Has the database keep an update, if the field is one that it keeps. What is wrong with the
    /// value is the database's to say.
    fn store_field(
        &mut self,
        do_id: DoId,
        id: FieldId,
        value: Rest<'_>,
        sender: Channel,
        out: &mut Effects,
    ) {
        if !self.is_stored_now(do_id, sender) {
            return;
        }
        if self.objects.dc().field(id).is_some_and(|field| field.keywords().db()) {
            let update = Database::ObjectSetField { do_id, field: id, value };
            self.ask_database(do_id, &update, out);
        }
    }

    fn store_fields(
        &mut self,
        do_id: DoId,
        fields: FieldValues<'_>,
        sender: Channel,
        out: &mut Effects,
    ) {
        if !self.is_stored_now(do_id, sender) {
            return;
        }
        match self.stored_ones(fields) {
            Ok(stored) if stored.is_empty() => {}
            Ok(stored) => {
                let mut bytes = Vec::new();
                let mut writer = Writer::new(&mut bytes);
                for (id, value) in &stored {
                    writer.u16(id.0);
                    writer.raw(value);
                }
                // No more than the message that they came in has.
                let fields = FieldValues { count: stored.len() as u16, bytes: &bytes };
                self.ask_database(do_id, &Database::ObjectSetFields { do_id, fields }, out);
            }
            Err(error) => warn!(doId = %do_id, %sender, %error, "update not stored"),
        }
    }

    /// Those of the fields that the database keeps, ascending.
    fn stored_ones<'a>(&self, fields: FieldValues<'a>) -> Result<FieldList<'a>, FieldError> {
        let mut stored = FieldList::new();
        let mut reader = Reader::new(fields.bytes);
        for _ in 0..fields.count {
            let id = FieldId(reader.u16()?);
            let field = self.objects.dc().field(id).ok_or(FieldError::Unknown(id))?;
            if field.keywords().db() {
                add_value(&mut stored, id, read_value(field, &mut reader)?);
            } else {
                skip_value(field, &mut reader)?;
            }
        }
        Ok(stored)
    }

    /// Has the database forget fields.
    pub(super) fn delete_stored_fields(
        &mut self,
        do_id: DoId,
        fields: impl Iterator<Item = FieldId>,
        sender: Channel,
        out: &mut Effects,
    ) {
        if !self.is_stored_now(do_id, sender) {
            return;
        }
        let dc = Arc::clone(self.objects.dc());
        let is_stored = |id: &FieldId| dc.field(*id).is_some_and(|field| field.keywords().db());
        let stored: Vec<FieldId> = fields.filter(is_stored).collect();
        match *stored {
            [] => warn!(doId = %do_id, %sender, "no stored field to delete"),
            [field] => {
                self.ask_database(do_id, &Database::ObjectDeleteField { do_id, field }, out);
            }
            _ => {
                let fields = List::new(&stored);
                self.ask_database(do_id, &Database::ObjectDeleteFields { do_id, fields }, out);
            }
        }
    }

    /// Whether questions about the object are this role's to answer.
    fn is_inactive(&self, do_id: DoId, sender: Channel) -> bool {
        self.state_of(do_id, sender) == Some(State::Inactive)
    }

    /// Whether updates of the object go to the database now; while it is loading, they wait.
    fn is_stored_now(&self, do_id: DoId, sender: Channel) -> bool {
        matches!(self.state_of(do_id, sender), Some(State::Inactive | State::Active))
    }
}

/// Whether an object in memory would have the field.
fn is_kept(field: &Field) -> bool {
    field.keywords().ram() || field.keywords().required()
}

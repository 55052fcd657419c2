//! What a client has asked for that the cluster has to be asked about first: whose an object is, and what it is like.
//!
//! Nothing else that the client says is looked at before the answer, or what it says later could come before. With the object
//! in the same daemon the answer is there when the client's turn is over.

use std::time::{Duration, Instant};

use super::Session;
use crate::ids::{Channel, Context as QueryContext, DoId, FieldId};
use crate::message::{FieldValues, ObjectState, Rest, StateServer};
use crate::object::shown_values;
use crate::role::client_agent::agent::{Context, News};
use crate::wire::Writer;

/// When it is looked again whether there is an answer.
const AGAIN: Duration = Duration::from_millis(2);

/// A field of an object with its value.
pub type Value = (FieldId, Box<[u8]>);

/// What the cluster has been asked.
#[derive(Debug)]
pub struct Waits {
    context: QueryContext,
    /// For how long the answer is waited for.
    until: Instant,
    do_id: DoId,
    wanted: Wanted,
}

/// What a client says that does not go by the object.
#[derive(Debug)]
pub enum Direct {
    /// To one other.
    One(Channel, Value),
    /// To all who see where the object is.
    All(Value),
}

#[derive(Debug)]
enum Wanted {
    /// Whether what the client has said before has come to the object: this may follow.
    Order(Direct),
    /// Whose the object is: this is for him.
    Owner(Value),
    /// It has no owner: this is for its AI.
    Ai(Value),
    /// What it is like: as its owner says, it is like this.
    Values(Vec<Value>),
}

impl Session {
    /// The cluster is asked who owns an object, for whom the client says something.
    pub(super) fn ask_for_owner(&mut self, cx: &mut Context<'_>, do_id: DoId, value: Value) {
        let context = self.identity.new_context();
        self.say_to_made(cx, do_id, &StateServer::ObjectGetOwner { context }).expect("it is small");
        self.wait(cx, context, do_id, Wanted::Owner(value));
    }

    /// The cluster is asked for anything: when it has answered, all has come that was said to the object before.
    pub(super) fn ask_whether_it_has_come(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        direct: Direct,
    ) {
        let context = self.identity.new_context();
        self.say_to_made(cx, do_id, &StateServer::ObjectGetOwner { context }).expect("it is small");
        self.wait(cx, context, do_id, Wanted::Order(direct));
    }

    /// The cluster is asked what an object is like, of which the client says that it is like this.
    pub(super) fn ask_for_values(&mut self, cx: &mut Context<'_>, do_id: DoId, values: Vec<Value>) {
        let context = self.identity.new_context();
        self.say_to_made(cx, do_id, &StateServer::ObjectGetAll { context, do_id })
            .expect("it is small");
        self.wait(cx, context, do_id, Wanted::Values(values));
    }

    fn wait(&mut self, cx: &Context<'_>, context: QueryContext, do_id: DoId, wanted: Wanted) {
        // Who does not answer is out of reach for the moment: of what is gone the session hears.
        let timeout = cx.shared.patient_timeout().max(AGAIN);
        if let Some(making) = &mut self.making {
            let waits = Waits { context, until: cx.now + timeout, do_id, wanted };
            making.waits = Some(Box::new(waits));
        }
        // That ends the client's turn.
        self.note_asked();
    }

    /// Until when nothing that the client says is looked at, since the cluster has not answered.
    #[inline]
    pub fn waits_until(&mut self, cx: &mut Context<'_>) -> Option<Instant> {
        let making = self.making.as_mut()?;
        let is_over = cx.now >= making.waits.as_ref()?.until;
        if !is_over {
            return Some(cx.now + AGAIN);
        }
        let Waits { do_id, wanted, .. } = *making.waits.take()?;
        match wanted {
            // It may be gone.
            Wanted::Order(direct) => self.say_now(cx, do_id, &direct),
            // What is new of them nobody has said.
            Wanted::Values(said) => self.set_values(cx, do_id, &said, |_, _| false),
            _ => {
                let client = self.identity.allocated;
                tracing::warn!(%client, doId = %do_id, "an object has not answered in time; what was for it is dropped");
            }
        }
        None
    }

    /// An object is no more, and will not answer.
    pub(super) fn answers_no_more(&mut self, do_id: DoId) {
        if let Some(making) = &mut self.making
            && making.waits.as_ref().is_some_and(|waits| waits.do_id == do_id)
        {
            making.waits = None;
            let client = self.identity.allocated;
            tracing::debug!(%client, doId = %do_id, "what was for an object is dropped: it is no more");
        }
    }

    /// What was asked by a context, if somebody waits for that.
    fn take_waits(&mut self, context: QueryContext) -> Option<Waits> {
        let making = self.making.as_mut()?;
        let is_it = |waits: &&mut Box<Waits>| waits.context == context;
        making.waits.as_mut().filter(is_it)?;
        // What it has said before has come, too.
        making.is_under_way = false;
        making.waits.take().map(|waits| *waits)
    }

    /// An object has said who owns it. Whether somebody has waited for that.
    pub(super) fn owner_answers(
        &mut self,
        cx: &mut Context<'_>,
        context: QueryContext,
        owner: Channel,
    ) -> bool {
        let (do_id, value) = match self.take_waits(context) {
            Some(Waits { do_id, wanted: Wanted::Owner(value), .. }) => (do_id, value),
            Some(Waits { do_id, wanted: Wanted::Order(direct), .. }) => {
                self.say_now(cx, do_id, &direct);
                return true;
            }
            _ => return false,
        };
        if owner.is_some() {
            self.say_to(cx, owner, do_id, &value);
        } else {
            let context = self.identity.new_context();
            self.say_to_made(cx, do_id, &StateServer::ObjectGetAi { context })
                .expect("it is small");
            self.wait(cx, context, do_id, Wanted::Ai(value));
            // It is not the client's turn.
            self.take_asked();
        }
        true
    }

    /// An object without an owner has said which AI it has. Whether somebody has waited for that.
    pub(super) fn ai_answers(
        &mut self,
        cx: &mut Context<'_>,
        context: QueryContext,
        ai: Channel,
    ) -> bool {
        let Some(Waits { do_id, wanted: Wanted::Ai(value), .. }) = self.take_waits(context) else {
            return false;
        };
        if ai.is_some() {
            self.say_to(cx, ai, do_id, &value);
        } else {
            let client = self.identity.allocated;
            tracing::warn!(%client, doId = %do_id, "what is for the owner of an object is dropped: it has neither owner nor AI");
        }
        true
    }

    /// Passes an update on to just one.
    pub(super) fn say_to(
        &mut self,
        cx: &mut Context<'_>,
        to: Channel,
        do_id: DoId,
        (field, value): &Value,
    ) {
        let (field, value) = (*field, Rest(value));
        if to == self.identity.channel {
            let sender = to;
            self.tell(cx.shared, &News::FieldChanges { do_id, field, value, sender });
            return;
        }
        let update = StateServer::ObjectSetField { do_id, field, value };
        if let Err(error) = self.route(cx, to, &update) {
            tracing::warn!(client = %self.identity.allocated, doId = %do_id, %error, "an update is dropped");
        }
    }

    /// An object has told all that it is like. Whether somebody has waited for that.
    pub(super) fn values_answer(
        &mut self,
        cx: &mut Context<'_>,
        context: QueryContext,
        object: &ObjectState<'_>,
    ) -> bool {
        let Some(Waits { do_id, wanted: Wanted::Values(said), .. }) = self.take_waits(context)
        else {
            return false;
        };
        let Some(class) = cx.shared.dc.class(object.class_id) else { return true };
        let client = self.identity.allocated;
        let known = match shown_values(object, class, true, |_| true, |_| true) {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%client, doId = %do_id, %error, "bad values of an object are ignored");
                return true;
            }
        };
        let is_known = |field: FieldId, value: &[u8]| {
            let at = known.binary_search_by_key(&field, |(id, _)| *id);
            at.is_ok_and(|at| known[at].1 == value)
        };
        self.set_values(cx, do_id, &said, is_known);
        true
    }

    /// Sets those of the values that are not known.
    fn set_values(
        &self,
        cx: &mut Context<'_>,
        do_id: DoId,
        said: &[Value],
        is_known: impl Fn(FieldId, &[u8]) -> bool,
    ) {
        let mut bytes = Vec::new();
        let mut count = 0;
        let mut writer = Writer::new(&mut bytes);
        for (field, value) in said.iter().filter(|(field, value)| !is_known(*field, value)) {
            writer.u16(field.0);
            writer.raw(value);
            count += 1;
        }
        if count == 0 {
            return;
        }
        let fields = FieldValues { count, bytes: &bytes };
        let update = StateServer::ObjectSetFields { do_id, fields };
        if self.say_to_made(cx, do_id, &update).is_err() {
            let client = self.identity.allocated;
            tracing::warn!(%client, doId = %do_id, "values of an object are dropped: they do not fit a datagram");
        }
    }
}

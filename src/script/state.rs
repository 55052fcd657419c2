//! What a script has: its hooks, the sessions that it knows, what it waits for, and what it wants done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mlua::{AnyUserData, AppDataRefMut, Function, Lua, Result};

use super::errors::fail;
use super::{Action, ClientKey, Moment, State, TimerId};
use crate::ids::{Channel, ClassId, DATAGRAM_BYTES_MAX, FieldId};
use crate::trace::Names;

/// Actions of a call.
const ACTIONS_MAX: usize = 1_024;
/// Bytes of a call's actions.
const ACTION_BYTES_MAX: usize = 1 << 20;
/// Timers that run, and questions that are open.
pub(super) const WAITING_MAX: usize = 10_000;

/// All that a script has beside its own variables. It is the Lua state's own.
#[derive(Debug)]
pub(super) struct Host {
    pub names: Arc<Names>,
    /// As errors and log lines show it.
    pub script: String,
    /// Hooks can be set.
    pub is_loading: bool,
    pub hooks: BTreeMap<&'static str, Function>,
    /// Those for fields, as they were named.
    pub field_hooks: Vec<FieldHook>,
    /// Where they hold: which of them.
    pub places: BTreeMap<(ClassId, FieldId), usize>,
    pub sessions: BTreeMap<ClientKey, Session>,
    pub waiting: Waiting,
    /// What calls that are over have wanted.
    pub actions: Vec<Action>,
    pub channel: Channel,
    pub call: CallState,
    numbered: u64,
    calls: u64,
}

/// A hook for a field.
#[derive(Debug)]
pub(super) struct FieldHook {
    pub class: String,
    pub field: String,
    pub function: Function,
}

/// A client that a script has been told of.
#[derive(Debug)]
pub(super) struct Session {
    pub handle: AnyUserData,
    pub state: State,
}

/// Timers, and questions to databases by their contexts.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub timers: BTreeMap<TimerId, Timer>,
    pub questions: BTreeMap<u32, Question>,
}

/// What is to be called at its time.
#[derive(Clone, Debug)]
pub(super) enum Timer {
    Once(Function),
    Every(Function, Duration),
    /// A question's time is over.
    Question(u32),
}

/// A question to a database.
#[derive(Debug)]
pub(super) struct Question {
    pub callback: Function,
    /// That of its time.
    pub timer: TimerId,
}

/// The call that is being made. All that it wants comes into effect when it has ended well.
#[derive(Debug)]
pub(super) struct CallState {
    pub now: Duration,
    pub random: u64,
    /// Its number, which no other call has.
    pub number: u64,
    /// The client that it is about.
    pub client: Option<ClientKey>,
    /// The field that it is about.
    pub field: Option<(ClassId, FieldId)>,
    /// It has put out that client.
    pub has_put_out: bool,
    actions: Vec<Action>,
    bytes: usize,
    new: Waiting,
    cancelled: Vec<TimerId>,
}

impl Host {
    pub fn new(names: Arc<Names>, script: String) -> Self {
        Host {
            names,
            script,
            is_loading: true,
            hooks: BTreeMap::new(),
            field_hooks: Vec::new(),
            places: BTreeMap::new(),
            sessions: BTreeMap::new(),
            waiting: Waiting::default(),
            actions: Vec::new(),
            channel: Channel::NONE,
            call: CallState::at(Moment { now: Duration::ZERO, random: 0 }),
            numbered: 0,
            calls: 0,
        }
    }

    /// A number that no timer and no open question has.
    fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    /// Has something done, if the call ends well.
    pub fn want(&mut self, action: Action) -> std::result::Result<(), String> {
        let bytes = match &action {
            Action::Tell { payload, .. } | Action::Send { payload, .. } => payload.len(),
            Action::Event(event) => event.bytes(),
            Action::Log { text, .. } => text.len(),
            Action::After { .. } | Action::Cancel(_) => 0,
        };
        if bytes > DATAGRAM_BYTES_MAX {
            return Err(format!("{bytes} bytes are more than a datagram can hold"));
        }
        if self.call.actions.len() == ACTIONS_MAX {
            return Err(format!("a call can ask for {ACTIONS_MAX} things at most"));
        }
        self.call.bytes += bytes;
        if self.call.bytes > ACTION_BYTES_MAX {
            return Err(format!("a call can send {} KiB at most", ACTION_BYTES_MAX >> 10));
        }
        self.call.actions.push(action);
        Ok(())
    }

    /// Sets a timer.
    pub fn set_timer(
        &mut self,
        timer: Timer,
        delay: Duration,
    ) -> std::result::Result<TimerId, String> {
        let of_questions = |waiting: &Waiting| waiting.questions.len();
        let count = |waiting: &Waiting| {
            waiting.timers.len() - of_questions(waiting).min(waiting.timers.len())
        };
        let is_own = !matches!(timer, Timer::Question(_));
        if is_own && count(&self.waiting) + count(&self.call.new) >= WAITING_MAX {
            return Err(format!("{WAITING_MAX} timers run already"));
        }
        let id = TimerId(self.number());
        self.want(Action::After { id, delay })?;
        self.call.new.timers.insert(id, timer);
        Ok(id)
    }

    /// Ends a timer, if it still runs.
    pub fn cancel(&mut self, id: TimerId) -> std::result::Result<(), String> {
        let is_new = self.call.new.timers.contains_key(&id);
        if is_new || self.waiting.timers.contains_key(&id) && !self.call.cancelled.contains(&id) {
            self.want(Action::Cancel(id))?;
            self.call.new.timers.remove(&id);
            self.call.cancelled.push(id);
        }
        Ok(())
    }

    /// Opens a question: the context by which its answer is known.
    pub fn ask(
        &mut self,
        callback: Function,
        patience: Duration,
    ) -> std::result::Result<u32, String> {
        if self.waiting.questions.len() + self.call.new.questions.len() >= WAITING_MAX {
            return Err(format!("{WAITING_MAX} questions to databases are open already"));
        }
        let context = loop {
            let context = self.number() as u32;
            if !self.waiting.questions.contains_key(&context) {
                break context;
            }
        };
        let timer = self.set_timer(Timer::Question(context), patience)?;
        self.call.new.questions.insert(context, Question { callback, timer });
        Ok(context)
    }

    /// A call begins.
    pub fn begin(&mut self, moment: Moment) {
        self.call = CallState::at(moment);
        self.calls += 1;
        self.call.number = self.calls;
    }

    /// A call has ended: what it wanted comes into effect, or does not.
    pub fn end(&mut self, is_well: bool) {
        let moment = Moment { now: self.call.now, random: 0 };
        let call = std::mem::replace(&mut self.call, CallState::at(moment));
        if is_well {
            self.waiting.timers.extend(call.new.timers);
            self.waiting.questions.extend(call.new.questions);
            for id in &call.cancelled {
                self.waiting.timers.remove(id);
            }
            self.actions.extend(call.actions);
        }
    }
}

impl CallState {
    fn at(Moment { now, random }: Moment) -> Self {
        CallState {
            now,
            random,
            number: 0,
            client: None,
            field: None,
            has_put_out: false,
            actions: Vec::new(),
            bytes: 0,
            new: Waiting::default(),
            cancelled: Vec::new(),
        }
    }
}

/// The host that a Lua state has.
pub(super) fn host(lua: &Lua) -> Result<AppDataRefMut<'_, Host>> {
    match lua.try_app_data_mut::<Host>() {
        Ok(Some(host)) => Ok(host),
        _ => Err(fail(lua, "the script has ended")),
    }
}

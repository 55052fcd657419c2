//! The agent's script, if it has one: `client.script`.
//!
//! It is called where something happens to a session, and says what it wants done when the call returns: see
//! [`Session`](crate::role::client_agent::session::Session) for what becomes of that. What it does itself calls nothing of it
//! again, so that no script can keep the router.

use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Instant;

use dclass::DcFile;

use super::{ByField, Hook, SessionKey, Shared, Timer};
use crate::event::Event;
use crate::hash::Seed;
use crate::ids::{Channel, ClassId, FieldId};
use crate::message::{self, Database};
use crate::metrics;
use crate::role::Effects;
use crate::router::Origin;
use crate::script::{
    self, Action, Call, Client, ClientKey, Fault, Hooks, Level, Moment, Script, Source, TimerId,
    Verdict,
};
use crate::wire::{Envelope, Reader, Writer};

/// What scripts say is logged as theirs.
const SCRIPT: &str = "donet::script";
/// So many states of clients the script is told at one moment. Scripts of two agents can answer each other's for ever, before
/// anybody else has his turn; what is read from a link at a time has not so many.
const STATES_AT_ONCE: u32 = 4096;
/// About what stands before a message of a datagram.
const HEAD_BYTES: usize = 32;

/// The script, with what it has to be told and what it waits for.
#[derive(Debug)]
pub struct Scripting {
    script: Script,
    hooks: Hooks,
    fields: ByField<Hooked>,
    /// As whom it sends, and is answered.
    channel: Channel,
    /// Its clock begins then.
    began: Option<Instant>,
    seed: Seed,
    /// How often it has been called: each call has random numbers of its own.
    calls: u64,
    timers: HashSet<TimerId>,
    dc: Arc<DcFile>,
    /// When it has been told a state, and how many at that moment.
    states: (Option<Instant>, u32),
}

/// What of a field the script wants to hear of.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Hooked {
    /// All of it.
    pub whole: bool,
    /// Fields that a molecular field is made of.
    pub parts: bool,
}

impl Scripting {
    /// The script in a file, the so-manieth of the agent. Each has a channel of its own, so that none is told what another has
    /// asked for.
    fn load(source: &Source, dc: &Arc<DcFile>, seed: Seed, number: u64) -> Result<Self, Fault> {
        let mut script = source.take(dc)?;
        // No object is so far up, and hardly the place of one: a random number is met by nobody.
        let channel = Channel(seed.hash_one(("who sends for the script", number)) | 1 << 63);
        script.set_channel(channel);
        let (hooks, fields) = (script.hooks(), hooked(&script, dc));
        let timers = HashSet::new();
        Ok(Scripting {
            script,
            hooks,
            fields,
            channel,
            began: None,
            seed,
            calls: 0,
            timers,
            dc: dc.clone(),
            states: (None, 0),
        })
    }

    /// What it wants to hear of.
    #[inline]
    pub const fn hooks(&self) -> Hooks {
        self.hooks
    }

    /// What it wants to hear of a field of a class.
    #[inline]
    pub fn field(&self, class: ClassId, field: FieldId) -> Hooked {
        self.fields.of(class, field).copied().unwrap_or_default()
    }

    /// As whom it sends.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Calls it about a client. With an error of its own nothing comes of what it is called about, which costs that client no more.
    pub fn call(&mut self, now: Instant, client: &Client<'_>, call: Call<'_>) -> Verdict {
        let (moment, hook) = (self.moment(now), Hook::of(&call));
        let may_be_told = hook != Hook::State || self.may_be_told_state(now);
        let called = match may_be_told {
            true => self.script.call(moment, client, call),
            false => Err(Fault {
                place: None,
                text: "scripts answer each other's states without end".to_owned(),
            }),
        };
        match called {
            Ok(verdict) => verdict,
            Err(fault) => {
                note_fault(hook, &fault, Some((client.channel, self.about(&call))));
                Verdict::Drop
            }
        }
    }

    fn may_be_told_state(&mut self, now: Instant) -> bool {
        let (then, count) = self.states;
        let count = if then == Some(now) { count + 1 } else { 1 };
        self.states = (Some(now), count);
        count <= STATES_AT_ONCE
    }

    /// What a call is about, for whoever reads that it has gone wrong.
    fn about(&self, call: &Call<'_>) -> String {
        match *call {
            Call::Field { do_id, class, field, .. } => {
                let class = self.dc.class(class).map_or("?", |class| class.name());
                let field = self.dc.field(field).map_or("?", |field| field.name());
                format!("{class}.{field} of {do_id}")
            }
            Call::Message([low, high, ..]) => {
                format!("message {}", u16::from_le_bytes([*low, *high]))
            }
            Call::Create { do_id, .. } | Call::Move { do_id, .. } => do_id.to_string(),
            _ => String::new(),
        }
    }

    /// A session has ended.
    pub fn forget(&mut self, key: SessionKey) {
        self.script.forget(client_key(key));
    }

    /// What it has asked for, in that order.
    pub fn take_actions(&mut self) -> Vec<Action> {
        self.script.take_actions()
    }

    /// Whether a time that it has set still stands.
    pub fn waits_for(&self, timer: TimerId) -> bool {
        self.timers.contains(&timer)
    }

    /// Whether a datagram is an answer to the script.
    pub fn is_answer(&self, envelope: &Envelope<'_>) -> bool {
        envelope.recipients.iter().any(|channel| channel == self.channel)
    }

    fn moment(&mut self, now: Instant) -> Moment {
        self.calls += 1;
        let began = *self.began.get_or_insert(now);
        Moment { now: now.duration_since(began), random: self.seed.hash_one(self.calls) }
    }
}

/// What the agent does for the script.
impl Shared {
    /// Begins with the script that is configured, if there is one.
    pub fn start_script(&mut self, now: Instant, out: &mut Effects) {
        let source = self.config.client.script.clone();
        self.load_script(now, source.as_deref(), out);
    }

    /// Goes on with another script, or none: what the one before has asked for comes to nothing. One that cannot be used leaves
    /// that; a configuration with such a one is refused before.
    pub fn load_script(&mut self, now: Instant, source: Option<&Source>, out: &mut Effects) {
        let before = self.scripting.as_ref();
        let number = self.script_counts.loaded;
        self.script_counts.loaded += u64::from(source.is_some());
        let load = |source| Scripting::load(source, &self.dc, self.seed, number);
        let mut other = match source.map(load).transpose() {
            Ok(other) => other.map(Box::new),
            Err(fault) => {
                tracing::error!(%fault, "the script cannot be used");
                return;
            }
        };
        if let Some(before) = before {
            out.unsubscribe(before.channel);
            self.deadlines.tidy(|timer| !matches!(timer, Timer::Script(_)));
        }
        if let Some(other) = &mut other {
            out.subscribe(other.channel);
            other.began = Some(before.and_then(|before| before.began).unwrap_or(now));
        }
        self.scripting = other;
        self.do_all_for_script(now, out);
    }

    /// A time is over that it has set.
    pub fn script_timer(&mut self, now: Instant, timer: TimerId, out: &mut Effects) {
        let Some(scripting) = &mut self.scripting else { return };
        if scripting.timers.remove(&timer) {
            let moment = scripting.moment(now);
            let called = scripting.script.timer(moment, timer);
            self.script_was_called(Hook::Timer, called, now, out);
        }
    }

    /// Somebody answers it: a database.
    pub fn script_answer(&mut self, now: Instant, envelope: &Envelope<'_>, out: &mut Effects) {
        let Some(scripting) = &mut self.scripting else { return };
        let number = envelope.message_type;
        let Ok(message) = Database::decode(number, &mut Reader::new(envelope.body)) else {
            let (sender, name) = (envelope.sender, message::name_of(number));
            tracing::debug!(%sender, number, name, "what the script is told is no answer of a database");
            return;
        };
        let moment = scripting.moment(now);
        let called = scripting.script.answer(moment, &message);
        self.script_was_called(Hook::Answer, called, now, out);
    }

    fn script_was_called(
        &mut self,
        hook: Hook,
        called: Result<(), Fault>,
        now: Instant,
        out: &mut Effects,
    ) {
        self.script_counts.add(hook);
        if let Err(fault) = called {
            note_fault(hook, &fault, None);
        }
        self.do_all_for_script(now, out);
    }

    /// Does all that the script has asked for, as if it had to do with no session.
    fn do_all_for_script(&mut self, now: Instant, out: &mut Effects) {
        let actions = self.scripting.as_mut().map(|scripting| scripting.take_actions());
        for action in actions.into_iter().flatten() {
            self.do_for_script(now, action, out);
        }
    }

    /// Does what the script has asked for. What it tells a client comes to that as what the cluster says does.
    pub fn do_for_script(&mut self, now: Instant, action: Action, out: &mut Effects) {
        let Some(scripting) = &mut self.scripting else { return };
        let mut send = |to: &[Channel], sender: Channel, payload: &[u8]| {
            let mut datagram = Vec::with_capacity(payload.len() + HEAD_BYTES);
            let mut writer = Writer::new(&mut datagram);
            Envelope::write_head(&mut writer, to, sender);
            writer.raw(payload);
            if let Err(error) = out.route_datagram(Some(Origin::Role), &datagram) {
                tracing::warn!(%error, "what the script sends does not fit a datagram");
            }
        };
        match action {
            Action::Tell { channel, payload, .. } => send(&[channel], scripting.channel, &payload),
            Action::Send { to, sender, payload } => send(&to, sender, &payload),
            Action::After { id, delay } => {
                scripting.timers.insert(id);
                self.deadlines.set(now + delay, Timer::Script(id));
            }
            Action::Cancel(id) => drop(scripting.timers.remove(&id)),
            Action::Event(script::Event { kind, entries }) => {
                let event = Event::new(kind, "Script");
                let with = |event: Event, (key, value): (String, String)| event.with(key, value);
                self.events.push(entries.into_iter().fold(event, with));
            }
            Action::Log { level: Level::Info, text } => {
                tracing::info!(target: SCRIPT, "a script says: {text}");
            }
            Action::Log { level: Level::Warn, text } => {
                tracing::warn!(target: SCRIPT, "a script says: {text}");
            }
        }
    }
}

/// How scripts know a session.
pub const fn client_key(SessionKey { index, generation }: SessionKey) -> ClientKey {
    (generation as u64) << 32 | index as u64
}

fn note_fault(hook: Hook, fault: &Fault, call: Option<(Channel, String)>) {
    let hook = hook.name();
    metrics::SCRIPT_FAULTS.one(&[hook]);
    match call {
        Some((client, about)) if about.is_empty() => {
            tracing::error!(%client, hook, failure = %fault, "a call of the script has gone wrong");
        }
        Some((client, about)) => {
            tracing::error!(%client, hook, about, failure = %fault, "a call of the script has gone wrong");
        }
        None => tracing::error!(hook, failure = %fault, "a call of the script has gone wrong"),
    }
}

/// What the script wants to hear of each field, looked up at each update: molecular ones also for their parts.
fn hooked(script: &Script, dc: &DcFile) -> ByField<Hooked> {
    let named: HashSet<(ClassId, FieldId)> = script.fields().collect();
    let mut table = ByField::default();
    for class in dc.classes() {
        let is_named = |field: FieldId| named.contains(&(class.id(), field));
        for field in class.fields() {
            let parts = field.parts().iter().any(|part| is_named(part.id()));
            let hooked = Hooked { whole: is_named(field.id()), parts };
            if hooked != Hooked::default() {
                table.add(class.id(), field.id(), hooked);
            }
        }
    }
    table
}

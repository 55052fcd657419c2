//! A script that has been loaded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dclass::DcFile;
use mlua::chunk::ChunkMode;
use mlua::{Function, IntoLuaMulti, Lua, MultiValue, Result, Table, Value};

use super::api::{Handle, heard, place_fields};
use super::errors::{fail, is_of_memory};
use super::meter::{CALL_STEPS, LOAD_STEPS, Meter};
use super::state::{Host, Timer, host};
use super::{
    Action, Call, Client, ClientKey, Fault, Hooks, Moment, Source, TimerId, Verdict, sandbox,
    values,
};
use crate::ids::{Channel, ClassId, DoId, FieldId};
use crate::message::Database;
use crate::trace::Names;

/// A script that has been loaded, with all that it remembers.
#[derive(Debug)]
pub struct Script {
    lua: Lua,
    hooks: Hooks,
    fields: Vec<(ClassId, FieldId)>,
}

impl Script {
    /// Compiles and runs a file. What it asks for meanwhile is among the first [actions](Script::take_actions).
    ///
    /// # Errors
    /// What is wrong in it: with Lua, or with a hook for a field that the DC files do not have.
    pub fn load(source: &Source, dc: &Arc<DcFile>) -> std::result::Result<Script, Fault> {
        let names = Arc::new(Names::new(Arc::clone(dc)));
        let lua = sandbox::new(Host::new(names, source.name.clone()));
        let lua = lua.map_err(|error| Fault::of(&error))?;
        let mut script = Script { lua, hooks: Hooks::default(), fields: Vec::new() };
        let moment = Moment { now: std::time::Duration::ZERO, random: 0 };
        let ran = script.run(moment, LOAD_STEPS, |lua| {
            let chunk = lua.load(without_head(&source.text)).set_name(format!("@{}", source.name));
            chunk.set_mode(ChunkMode::Text).exec()
        });
        ran.map_err(|fault| fault.in_file(&source.name))?;
        let loaded = host(&script.lua).map(|mut host| {
            host.is_loading = false;
            place_fields(&mut host);
            let has = |name: &str| host.hooks.contains_key(name);
            script.hooks = Hooks {
                connect: has("donet.on_connect"),
                hello: has("donet.on_hello"),
                message: has("donet.on_message"),
                state: !host.hooks.is_empty() || !host.places.is_empty(),
                create: has("donet.on_create"),
                move_: has("donet.on_move"),
                disconnect: has("donet.on_disconnect"),
            };
            script.fields = host.places.keys().copied().collect();
        });
        loaded.map(|()| script).map_err(|error| Fault::of(&error))
    }

    /// The hooks that it has.
    pub fn hooks(&self) -> Hooks {
        self.hooks
    }

    /// Every class and field in whose values a hook for a field holds, subclasses included. A molecular field has none of its
    /// own: each of its parts may.
    pub fn fields(&self) -> impl Iterator<Item = (ClassId, FieldId)> {
        self.fields.iter().copied()
    }

    /// Where it sends from, and is answered by databases. What it has wanted to send before is sent from there, too.
    pub fn set_channel(&mut self, channel: Channel) {
        if let Ok(mut host) = host(&self.lua) {
            host.channel = channel;
        }
    }

    /// Tells it what has happened, or asks what is to become of something.
    ///
    /// # Errors
    /// What has gone wrong in it. Nothing has come of the call, and the script is usable.
    pub fn call(
        &mut self,
        moment: Moment,
        client: &Client<'_>,
        call: Call<'_>,
    ) -> std::result::Result<Verdict, Fault> {
        let Some(function) = self.hook(client, &call) else { return Ok(Verdict::Pass) };
        self.run(moment, CALL_STEPS, |lua| {
            let handle = Handle::of(lua, client)?;
            let mut host_now = host(lua)?;
            host_now.call.client = Some(client.key);
            if let Call::Field { class, field, .. } = call {
                host_now.call.field = Some((class, field));
            }
            drop(host_now);
            let mut arguments = arguments(lua, &call)?;
            arguments.push_front(Value::UserData(handle));
            let answer: Value = function.call(arguments)?;
            // Judged in the call, so that nothing comes of one whose answer is wrong.
            let verdict = call.verdict(&answer, &host(lua)?.call);
            verdict.map_err(|why| at_definition(&function, &why))
        })
    }

    /// The time of a timer has come. Nothing happens if it was cancelled.
    ///
    /// # Errors
    /// As [`call`](Script::call).
    pub fn timer(&mut self, moment: Moment, id: TimerId) -> std::result::Result<(), Fault> {
        let Some((function, arguments)) = self.due(id) else { return Ok(()) };
        self.run(moment, CALL_STEPS, |_| function.call(arguments))
    }

    /// A database has answered. Nothing happens if nobody has asked, or no longer waits.
    ///
    /// # Errors
    /// As [`call`](Script::call).
    pub fn answer(
        &mut self,
        moment: Moment,
        message: &Database<'_>,
    ) -> std::result::Result<(), Fault> {
        let Some((context, values)) = heard(message) else { return Ok(()) };
        let Some(question) = host(&self.lua).ok().and_then(|mut host| {
            let question = host.waiting.questions.remove(&context.0)?;
            host.waiting.timers.remove(&question.timer);
            host.actions.push(Action::Cancel(question.timer));
            Some(question)
        }) else {
            return Ok(());
        };
        self.run(moment, CALL_STEPS, |lua| question.callback.call(values(lua)?))
    }

    /// What it has wanted since the last time, in that order.
    pub fn take_actions(&mut self) -> Vec<Action> {
        let Ok(mut host) = host(&self.lua) else { return Vec::new() };
        let own = host.channel;
        let mut actions = std::mem::take(&mut host.actions);
        for action in &mut actions {
            if let Action::Send { sender, .. } = action
                && !sender.is_some()
            {
                *sender = own;
            }
        }
        actions
    }

    /// A session has ended: its variables go, and who still has its handle finds it `gone`.
    pub fn forget(&mut self, client: ClientKey) {
        let session = host(&self.lua).ok().and_then(|mut host| host.sessions.remove(&client));
        if let Some(session) = session {
            // Without memory for that, they go with the handle.
            let _ = session.handle.set_user_value(Value::Nil);
        }
    }

    /// The hook for a call. Of a client that the script knows, it knows the state without one.
    fn hook(&mut self, client: &Client<'_>, call: &Call<'_>) -> Option<Function> {
        let mut host = host(&self.lua).ok()?;
        if let Some(session) = host.sessions.get_mut(&client.key) {
            session.state = client.state;
        }
        match call {
            Call::Field { class, field, .. } => {
                let number = host.places.get(&(*class, *field))?;
                host.field_hooks.get(*number).map(|hook| hook.function.clone())
            }
            call => host.hooks.get(call.hook()).cloned(),
        }
    }

    /// What is to be called at the time of a timer, which runs again if it is to.
    fn due(&mut self, id: TimerId) -> Option<(Function, MultiValue)> {
        let mut host = host(&self.lua).ok()?;
        let nothing = MultiValue::new();
        match host.waiting.timers.get(&id)?.clone() {
            Timer::Every(function, delay) => {
                host.actions.push(Action::After { id, delay });
                Some((function, nothing))
            }
            Timer::Once(function) => {
                host.waiting.timers.remove(&id);
                Some((function, nothing))
            }
            Timer::Question(context) => {
                host.waiting.timers.remove(&id);
                let question = host.waiting.questions.remove(&context)?;
                Some((question.callback, [Value::Nil].into_iter().collect()))
            }
        }
    }

    /// Makes a call, which is all or nothing.
    pub(super) fn run<R>(
        &mut self,
        moment: Moment,
        steps: i64,
        work: impl FnOnce(&Lua) -> Result<R>,
    ) -> std::result::Result<R, Fault> {
        let lua = &self.lua;
        // A panic is ours, not the script's, and would end the daemon.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            host(lua)?.begin(moment);
            Meter::begin(lua, steps)?;
            work(lua)
        }));
        let outcome = match (outcome, Meter::end(lua)) {
            (_, Some(end)) => Err(Fault::with_text(&end)),
            (Ok(Ok(done)), None) => Ok(done),
            (Ok(Err(error)), None) if is_of_memory(&error) => {
                Err(Fault::of(&Meter::out_of_memory(lua)))
            }
            (Ok(Err(error)), None) => Err(Fault::of(&error)),
            (Err(panic), None) => Err(of_panic(&*panic)),
        };
        if let Ok(mut host) = host(lua) {
            host.end(outcome.is_ok());
        }
        outcome
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It has functions of the Lua state that has it.
        self.lua.remove_app_data::<Host>();
    }
}

/// A text without the mark of its encoding, and without a first line that names a program to run it.
fn without_head(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match text.first() {
        // The end of the line stays, for what follows to have its number.
        Some(b'#') => text.iter().position(|byte| *byte == b'\n').map_or(&[], |end| &text[end..]),
        _ => text,
    }
}

fn of_panic(panic: &(dyn std::any::Any + Send)) -> Fault {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Fault::with_text(&format!("donet has failed in this call: {text}"))
}

/// An error about what a function returns, of which only the function's place is known.
fn at_definition(function: &Function, why: &str) -> mlua::Error {
    let info = function.info();
    let place = match (info.short_src, info.line_defined) {
        (Some(file), Some(line)) => format!("{file}:{line}: "),
        _ => String::new(),
    };
    mlua::Error::runtime(format!("{place}{why}"))
}

/// What a hook is told beside the client.
fn arguments(lua: &Lua, call: &Call<'_>) -> Result<MultiValue> {
    match *call {
        Call::Connect => Ok(MultiValue::new()),
        Call::Hello { version, hash } => (version, hash).into_lua_multi(lua),
        Call::Message(bytes) => lua.create_string(bytes)?.into_lua_multi(lua),
        Call::State { old, new } => (old.word(), new.word()).into_lua_multi(lua),
        Call::Disconnect { reason } => reason.into_lua_multi(lua),
        Call::Create { do_id, class, location } | Call::Move { do_id, class, location } => {
            let object = object(lua, do_id, class)?;
            (object, location.parent.0, location.zone.0).into_lua_multi(lua)
        }
        Call::Field { do_id, class, field, value } => {
            let names = Arc::clone(&host(lua)?.names);
            let Some(field) = names.dc().field(field) else {
                return Err(fail(lua, "the DC files have no such field"));
            };
            let mut all = values::unpack(lua, field, value)?;
            all.insert(0, Value::Table(object(lua, do_id, class)?));
            Ok(all.into_iter().collect())
        }
    }
}

/// An object, as a hook is told of it.
fn object(lua: &Lua, do_id: DoId, class: ClassId) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, 2)?;
    table.raw_set("doid", do_id.0)?;
    let names = Arc::clone(&host(lua)?.names);
    if let Some(class) = names.dc().class(class) {
        table.raw_set("class", class.name())?;
    }
    Ok(table)
}

//! Hooks: what a script is told, and what it answers.

use mlua::{LuaString, MetaMethod, Result, UserData, UserDataFields, Value};

use super::Native;
use crate::ids::DATAGRAM_BYTES_MAX;
use crate::script::args::Args;
use crate::script::state::{CallState, FieldHook, Host};
use crate::script::values::{pack, shown};
use crate::script::{Call, Verdict};

pub(super) const ALL: &[Native] = &[
    Native { name: "donet.on_connect", run: on },
    Native { name: "donet.on_hello", run: on },
    Native { name: "donet.on_message", run: on },
    Native { name: "donet.on_state", run: on },
    Native { name: "donet.on_create", run: on },
    Native { name: "donet.on_move", run: on },
    Native { name: "donet.on_disconnect", run: on },
    Native { name: "donet.on_field", run: on_field },
    Native { name: "donet.change", run: change },
];

/// What a hook answers: `donet.DROP`, or what `donet.change` has made.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::script) enum Outcome {
    Drop,
    /// Another value of the field that this call is about. It is the user value, so that Lua knows how much it holds.
    Change {
        call: u64,
    },
}

impl UserData for Outcome {
    fn add_fields<F: UserDataFields<Self>>(all: &mut F) {
        all.add_meta_field(MetaMethod::Type, "outcome");
    }
}

impl Call<'_> {
    /// The hook for it, if it is none of a field.
    pub(in crate::script) fn hook(&self) -> &'static str {
        match self {
            Call::Connect => "donet.on_connect",
            Call::Hello { .. } => "donet.on_hello",
            Call::Message(_) => "donet.on_message",
            Call::State { .. } => "donet.on_state",
            Call::Field { .. } => "donet.on_field",
            Call::Create { .. } => "donet.on_create",
            Call::Move { .. } => "donet.on_move",
            Call::Disconnect { .. } => "donet.on_disconnect",
        }
    }

    /// What a hook's answer means, if it is one that can be given here.
    pub(in crate::script) fn verdict(
        &self,
        answer: &Value,
        call: &CallState,
    ) -> std::result::Result<Verdict, String> {
        let (is_asked, expected) = match self {
            Call::Field { .. } => {
                (true, "nothing, donet.DROP or what donet.change has made in this call")
            }
            Call::Create { .. } | Call::Move { .. } => (true, "nothing or donet.DROP"),
            Call::Message(_) => (false, "true, false or nothing"),
            _ => return Ok(Verdict::Pass),
        };
        let outcome = match answer {
            Value::UserData(data) => data.borrow::<Outcome>().ok().map(|outcome| (*outcome, data)),
            _ => None,
        };
        let verdict = match (answer, outcome) {
            (Value::Nil, _) => Verdict::Pass,
            (Value::Boolean(is_taken), _) if !is_asked => {
                if *is_taken {
                    Verdict::Taken
                } else {
                    Verdict::Pass
                }
            }
            (_, Some((Outcome::Drop, _))) if is_asked => Verdict::Drop,
            (_, Some((Outcome::Change { call: of }, data))) if of == call.number => {
                let value: LuaString = data.user_value().map_err(|error| error.to_string())?;
                Verdict::Change(value.as_bytes().to_vec())
            }
            _ => {
                let found = shown(answer);
                let hook = self.hook();
                return Err(format!("what {hook} returns: found {found}, expected {expected}"));
            }
        };
        Ok(match (call.has_put_out, is_asked) {
            (false, _) => verdict,
            (true, true) => Verdict::Drop,
            (true, false) => Verdict::Taken,
        })
    }
}

fn on(args: &mut Args<'_>) -> Result<Value> {
    let function = args.function()?;
    args.end()?;
    let mut host = args.host()?;
    if !host.is_loading {
        return Err(args.fail("hooks can be set while the file is loaded only"));
    }
    match host.hooks.insert(args.name, function) {
        None => Ok(Value::Nil),
        Some(_) => Err(args.fail("there is such a hook already")),
    }
}

fn on_field(args: &mut Args<'_>) -> Result<Value> {
    let name = args.text()?;
    let function = args.function()?;
    args.end()?;
    let names = args.names()?;
    let field = names.field_named(&name).map_err(|why| args.fail(why))?;
    if !field.parts().is_empty() {
        let parts: Vec<&str> = field.parts().iter().map(|part| part.name()).collect();
        let parts = parts.join(", ");
        return Err(args.fail(format!(
            "`{name}` is molecular: hooks are for its parts, {parts}, and are called for them in it, too"
        )));
    }
    let class = name.split_once('.').map_or("", |(class, _)| class);
    let mut host = args.host()?;
    if !host.is_loading {
        return Err(args.fail("hooks can be set while the file is loaded only"));
    }
    let is_same = |hook: &&FieldHook| hook.class == class && hook.field == field.name();
    if host.field_hooks.iter().find(is_same).is_some() {
        return Err(args.fail(format!("there is a hook for `{name}` already")));
    }
    let (class, field) = (class.to_owned(), field.name().to_owned());
    host.field_hooks.push(FieldHook { class, field, function });
    Ok(Value::Nil)
}

/// Finds out where hooks for fields hold.
pub(in crate::script) fn place_fields(host: &mut Host) {
    let Host { names, field_hooks, places, .. } = host;
    let named: Vec<_> = field_hooks.iter().map(|hook| (&*hook.class, &*hook.field)).collect();
    for meant in names.dc().meant(&named) {
        places.insert((meant.class.id(), meant.field.id()), meant.number);
    }
}

/// What has room in a datagram beside all that stands before a value.
const VALUE_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - 100;

fn change(args: &mut Args<'_>) -> Result<Value> {
    let Some((_, id)) = args.host()?.call.field else {
        return Err(args.fail("only a hook of donet.on_field can change a value"));
    };
    let names = args.names()?;
    let Some(field) = names.dc().field(id) else { return Ok(Value::Nil) };
    let values = args.rest();
    let value = pack(args, field, &values)?;
    if value.len() > VALUE_BYTES_MAX {
        let bytes = value.len();
        return Err(args.fail(format!("{bytes} bytes are more than a datagram can hold")));
    }
    let value = args.lua.create_string(value)?;
    let outcome = Outcome::Change { call: args.host()?.call.number };
    let outcome = args.lua.create_userdata(outcome)?;
    outcome.set_user_value(value)?;
    Ok(Value::UserData(outcome))
}

//! Hooks: what a script is told, and what it answers.

use mlua::{LuaString, Result, UserData, Value};

use super::Native;
use crate::ids::FieldId;
use crate::script::args::Args;
use crate::script::state::{FieldHook, Host};
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
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::script) enum Outcome {
    Drop,
    /// A value of this field instead, which is with it: Lua counts the memory of that.
    Change(FieldId),
}

impl UserData for Outcome {}

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
        has_put_out: bool,
    ) -> std::result::Result<Verdict, String> {
        let outcome = match answer {
            Value::UserData(data) => data.borrow::<Outcome>().ok().map(|outcome| outcome.clone()),
            _ => None,
        };
        let value = || match answer {
            Value::UserData(data) => {
                let value = data.user_value::<LuaString>();
                value.map(|value| value.as_bytes().to_vec()).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let wrong = |expected| {
            let found = shown(answer);
            Err(format!("what {} returns: found {found}, expected {expected}", self.hook()))
        };
        let dropped = if has_put_out { Verdict::Drop } else { Verdict::Pass };
        match (self, outcome, answer) {
            (Call::Message(_), _, Value::Boolean(true)) => Ok(Verdict::Taken),
            (Call::Message(_), _, Value::Boolean(false) | Value::Nil) => {
                Ok(if has_put_out { Verdict::Taken } else { Verdict::Pass })
            }
            (Call::Message(_), ..) => wrong("true, false or nothing"),
            (Call::Field { .. } | Call::Create { .. } | Call::Move { .. }, _, Value::Nil) => {
                Ok(dropped)
            }
            (
                Call::Field { .. } | Call::Create { .. } | Call::Move { .. },
                Some(Outcome::Drop),
                _,
            ) => Ok(Verdict::Drop),
            (Call::Field { field, .. }, Some(Outcome::Change(of)), _) if of == *field => {
                Ok(if has_put_out { Verdict::Drop } else { Verdict::Change(value()) })
            }
            (Call::Field { .. }, ..) => {
                wrong("nothing, donet.DROP or what donet.change has made for this call")
            }
            (Call::Create { .. } | Call::Move { .. }, ..) => wrong("nothing or donet.DROP"),
            _ => Ok(Verdict::Pass),
        }
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

fn change(args: &mut Args<'_>) -> Result<Value> {
    let Some((_, id)) = args.host()?.call.field else {
        return Err(args.fail("only a hook of donet.on_field can change a value"));
    };
    let names = args.names()?;
    let Some(field) = names.dc().field(id) else { return Ok(Value::Nil) };
    let values = args.rest();
    let value = args.lua.create_string(pack(args, field, &values)?)?;
    let outcome = args.lua.create_userdata(Outcome::Change(id))?;
    outcome.set_user_value(value)?;
    Ok(Value::UserData(outcome))
}

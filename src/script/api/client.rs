//! Clients, as a script holds them.

use mlua::{
    AnyUserData, Lua, MetaMethod, Result, Table, UserData, UserDataFields, UserDataMethods, Value,
};

use super::objects::{composed, new_value, payload};
use super::{Native, hint, methods};
use crate::ids::{Channel, InterestId, ZoneId};
use crate::message::{Blob, ClientAgent, ClientState, List};
use crate::script::args::Args;
use crate::script::errors::fail;
use crate::script::meter::Meter;
use crate::script::state::{Session, host};
use crate::script::{Action, Client, ClientKey, State};
use crate::wire::{Envelope, Writer};

pub(super) const ALL: &[Native] = &[
    Native { name: "client:set_state", run: set_state },
    Native { name: "client:set_id", run: set_id },
    Native { name: "client:add_channel", run: add_channel },
    Native { name: "client:remove_channel", run: remove_channel },
    Native { name: "client:eject", run: eject },
    Native { name: "client:drop", run: drop_client },
    Native { name: "client:send", run: send },
    Native { name: "client:update", run: update },
    Native { name: "client:add_interest", run: add_interest },
    Native { name: "client:remove_interest", run: remove_interest },
    Native { name: "client:add_session_object", run: add_session_object },
    Native { name: "client:remove_session_object", run: remove_session_object },
    Native { name: "client:declare_object", run: declare_object },
    Native { name: "client:undeclare_object", run: undeclare_object },
    Native { name: "client:set_fields_sendable", run: set_fields_sendable },
    Native { name: "client:add_post_remove", run: add_post_remove },
    Native { name: "client:clear_post_removes", run: clear_post_removes },
];

/// What a client has beside its methods.
pub(super) const PROPERTIES: &[&str] = &["channel", "address", "state", "vars", "gone"];

/// The name of the table of methods, among what Lua keeps for us.
const METHODS: &str = "donet.methods";

/// A client in a script's hands. It may have gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::script) struct Handle {
    pub key: ClientKey,
    channel: Channel,
    address: String,
}

impl State {
    /// The word for it in scripts.
    pub(in crate::script) const fn word(self) -> &'static str {
        match self {
            State::New => "new",
            State::Anonymous => "anonymous",
            State::Established => "established",
        }
    }
}

impl Handle {
    /// Makes what all clients share.
    pub fn install(lua: &Lua) -> Result<()> {
        lua.set_named_registry_value(METHODS, super::table_of(lua, methods())?)
    }

    /// The handle of a client, the same as long as it is there.
    pub fn of(lua: &Lua, client: &Client<'_>) -> Result<AnyUserData> {
        let mut state = host(lua)?;
        if let Some(session) = state.sessions.get_mut(&client.key) {
            session.state = client.state;
            return Ok(session.handle.clone());
        }
        drop(state);
        let address = client.address.to_owned();
        let handle = Handle { key: client.key, channel: client.channel, address };
        let handle = lua.create_userdata(handle)?;
        handle.set_user_value(lua.create_table()?)?;
        let session = Session { handle: handle.clone(), state: client.state };
        host(lua)?.sessions.insert(client.key, session);
        Ok(handle)
    }
}

impl UserData for Handle {
    fn add_fields<F: UserDataFields<Self>>(all: &mut F) {
        all.add_meta_field(MetaMethod::Type, "client");
    }

    fn add_methods<M: UserDataMethods<Self>>(all: &mut M) {
        all.add_meta_function(MetaMethod::Index, |lua, (it, key): (AnyUserData, Value)| {
            property(lua, &it, &key)
        });
        all.add_meta_function(
            MetaMethod::NewIndex,
            |lua, (_, _, _): (AnyUserData, Value, Value)| -> Result<()> {
                Err(fail(lua, "a client's own things cannot be set; client.vars is for yours"))
            },
        );
        all.add_meta_method(MetaMethod::ToString, |_, it, ()| Ok(format!("client {}", it.channel)));
    }
}

fn property(lua: &Lua, it: &AnyUserData, key: &Value) -> Result<Value> {
    let word = match key {
        Value::String(word) => {
            Meter::charge_bytes(lua, word.as_bytes().len())?;
            word.to_string_lossy()
        }
        _ => String::new(),
    };
    let table: Table = lua.named_registry_value(METHODS)?;
    let method: Value = table.raw_get(&*word)?;
    if !method.is_nil() {
        return Ok(method);
    }
    let handle = it.borrow::<Handle>()?;
    let state = host(lua)?.sessions.get(&handle.key).map(|session| session.state);
    Ok(match &*word {
        "channel" => Value::Integer(handle.channel.0.cast_signed()),
        "address" => Value::String(lua.create_string(&handle.address)?),
        "gone" => Value::Boolean(state.is_none()),
        "state" => match state {
            Some(state) => Value::String(lua.create_string(state.word())?),
            None => Value::Nil,
        },
        // What is set when it has gone, goes as well.
        "vars" if state.is_none() => Value::Table(lua.create_table()?),
        "vars" => it.user_value()?,
        word => {
            let known: Vec<&str> =
                methods().map(Native::short).chain(PROPERTIES.iter().copied()).collect();
            let hint = hint(word, &known);
            return Err(fail(lua, format!("a client has no `{word}`{hint}")));
        }
    })
}

/// A message for the session of a client, unless it has gone.
fn tell(args: &Args<'_>, client: Option<Handle>, message: &ClientAgent<'_>) -> Result<Value> {
    match client {
        Some(handle) => tell_payload(args, handle, payload(message)),
        None => Ok(Value::Nil),
    }
}

fn tell_payload(args: &Args<'_>, handle: Handle, payload: Vec<u8>) -> Result<Value> {
    args.want(Action::Tell { client: handle.key, channel: handle.channel, payload })
}

fn set_state(args: &mut Args<'_>) -> Result<Value> {
    let client = args.client()?;
    let value = args.next();
    args.end()?;
    let state = match &value {
        Value::String(word) => match &*word.to_string_lossy() {
            "new" => Some(ClientState::New),
            "anonymous" => Some(ClientState::Anonymous),
            "established" => Some(ClientState::Established),
            _ => None,
        },
        _ => None,
    };
    match state {
        Some(state) => tell(args, client, &ClientAgent::SetState { state: state as u16 }),
        None => Err(args.wrong(&value, "\"new\", \"anonymous\" or \"established\"")),
    }
}

fn set_id(args: &mut Args<'_>) -> Result<Value> {
    let (client, channel) = (args.client()?, args.channel()?);
    args.end()?;
    tell(args, client, &ClientAgent::SetClientId { channel })
}

fn add_channel(args: &mut Args<'_>) -> Result<Value> {
    let (client, channel) = (args.client()?, args.channel()?);
    args.end()?;
    tell(args, client, &ClientAgent::OpenChannel { channel })
}

fn remove_channel(args: &mut Args<'_>) -> Result<Value> {
    let (client, channel) = (args.client()?, args.channel()?);
    args.end()?;
    tell(args, client, &ClientAgent::CloseChannel { channel })
}

/// Notes that the call's own client is put out, so that nothing comes of what it has sent.
fn put_out(args: &Args<'_>, client: Option<&Handle>) -> Result<()> {
    let mut host = args.host()?;
    if client.is_some_and(|handle| Some(handle.key) == host.call.client) {
        host.call.has_put_out = true;
    }
    Ok(())
}

fn eject(args: &mut Args<'_>) -> Result<Value> {
    let client = args.client()?;
    let reason = args.integer("an ejection's code, 0 to 65535")?;
    let text = if args.is_empty() { String::new() } else { args.text()? };
    args.rest();
    put_out(args, client.as_ref())?;
    tell(args, client, &ClientAgent::Eject { reason, text: Blob(text.as_bytes()) })
}

fn drop_client(args: &mut Args<'_>) -> Result<Value> {
    let client = args.client()?;
    args.end()?;
    put_out(args, client.as_ref())?;
    tell(args, client, &ClientAgent::Drop {})
}

fn send(args: &mut Args<'_>) -> Result<Value> {
    let (client, bytes) = (args.client()?, args.bytes()?);
    args.end()?;
    tell(args, client, &ClientAgent::SendDatagram { datagram: Blob(&bytes.as_bytes()) })
}

fn update(args: &mut Args<'_>) -> Result<Value> {
    let client = args.client()?;
    let (_, payload) = new_value(args)?;
    client.map_or(Ok(Value::Nil), |handle| tell_payload(args, handle, payload))
}

fn add_interest(args: &mut Args<'_>) -> Result<Value> {
    let client = args.client()?;
    let interest = args.integer("an interest's number, 0 to 65535").map(InterestId)?;
    let parent = args.do_id()?;
    let zones = args.zones()?;
    args.end()?;
    let zones = List::<ZoneId>::new(&zones);
    tell(args, client, &ClientAgent::AddInterestMultiple { interest, parent, zones })
}

fn remove_interest(args: &mut Args<'_>) -> Result<Value> {
    let client = args.client()?;
    let interest = args.integer("an interest's number, 0 to 65535").map(InterestId)?;
    args.end()?;
    tell(args, client, &ClientAgent::RemoveInterest { interest })
}

fn add_session_object(args: &mut Args<'_>) -> Result<Value> {
    let (client, do_id) = (args.client()?, args.do_id()?);
    args.end()?;
    tell(args, client, &ClientAgent::AddSessionObject { do_id })
}

fn remove_session_object(args: &mut Args<'_>) -> Result<Value> {
    let (client, do_id) = (args.client()?, args.do_id()?);
    args.end()?;
    tell(args, client, &ClientAgent::RemoveSessionObject { do_id })
}

fn declare_object(args: &mut Args<'_>) -> Result<Value> {
    let (client, do_id) = (args.client()?, args.do_id()?);
    let names = args.names()?;
    let class_id = args.class(&names)?.id();
    args.end()?;
    tell(args, client, &ClientAgent::DeclareObject { do_id, class_id })
}

fn undeclare_object(args: &mut Args<'_>) -> Result<Value> {
    let (client, do_id) = (args.client()?, args.do_id()?);
    args.end()?;
    tell(args, client, &ClientAgent::UndeclareObject { do_id })
}

fn set_fields_sendable(args: &mut Args<'_>) -> Result<Value> {
    let (client, do_id) = (args.client()?, args.do_id()?);
    let names = args.names()?;
    let fields = args.fields(&names)?;
    args.end()?;
    let fields = List::new(&fields);
    tell(args, client, &ClientAgent::SetFieldsSendable { do_id, fields })
}

fn add_post_remove(args: &mut Args<'_>) -> Result<Value> {
    let (client, channel) = (args.client()?, args.channel()?);
    let message = composed(args)?;
    args.end()?;
    let sender = args.host()?.channel;
    let mut datagram = Vec::new();
    let mut writer = Writer::new(&mut datagram);
    Envelope::write_head(&mut writer, &[channel], sender);
    writer.raw(&message);
    tell(args, client, &ClientAgent::AddPostRemove { datagram: Blob(&datagram) })
}

fn clear_post_removes(args: &mut Args<'_>) -> Result<Value> {
    let client = args.client()?;
    args.end()?;
    tell(args, client, &ClientAgent::ClearPostRemoves {})
}

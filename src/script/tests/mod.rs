//! Scripts, as an agent calls them.

mod actions;
mod database;
mod errors;
mod hooks;
mod library;
mod limits;
mod patterns;
mod timers;
mod values;

use std::sync::Arc;
use std::time::Duration;

use dclass::{DcFile, parse};

use super::*;
use crate::ids::{Channel, ClassId, DoId, FieldId, Location, ZoneId};
use crate::message::Message;
use crate::wire::Writer;

/// Whoever routes calls it, on whichever thread.
const fn is_send<T: Send>() {}
const _: () = is_send::<Script>();

const DC: &str = "
    struct Point { int16/10 x; int16/10 y; };
    struct Item { uint16 kind; string name; Point at; uint8 marks[]; };
    dclass Thing { setName(string name) required broadcast clsend db; };
    dclass Avatar : Thing {
        setXY(int16/10 x, int16/10 y) required broadcast ownsend;
        setH(int16/10 % 360 h) required broadcast ownsend;
        setXYH : setXY, setH;
        setItems(Item items[]) ownsend;
        setAll(int8 a, uint8(1-5, 9) b, int64 c, uint64 d, float64 e, char f, blob g, uint16 h[2]) clsend;
        nothing() clsend;
        uint32 money db;
    };
    dclass Toon : Avatar { setXY(int16 x, int16 y) required broadcast ownsend; };
    dclass Login { login(string name, blob32 token) clsend airecv; };";

/// A script with one client.
struct Stage {
    script: Script,
    dc: Arc<DcFile>,
}

const CHANNEL: Channel = Channel(1_000_000_007);
const OWN: Channel = Channel(4_000);
const HERE: Location = Location { parent: DoId(100), zone: ZoneId(7) };
const NOW: Moment = Moment { now: Duration::from_millis(1_500), random: 42 };

fn dc() -> Arc<DcFile> {
    parse(&[dclass::Source::new("test.dc", DC)]).expect("valid").into()
}

fn client(key: ClientKey) -> Client<'static> {
    Client { key, channel: CHANNEL, address: "10.0.0.1:7000", state: State::New }
}

fn load(text: &str) -> Result<Stage, Fault> {
    let dc = dc();
    let source = Source::new("game.lua", text);
    let mut script = Script::load(&source, &dc)?;
    script.set_channel(OWN);
    Ok(Stage { script, dc })
}

/// A script that has nothing wrong in it.
fn stage(text: &str) -> Stage {
    load(text).unwrap_or_else(|fault| panic!("{fault}"))
}

/// What is wrong with a script, while it is loaded.
fn fault(text: &str) -> String {
    load(text).err().map_or_else(|| panic!("nothing is wrong"), |fault| fault.to_string())
}

/// Runs lines in a hook, and says what is wrong with them.
fn fault_in_call(lines: &str) -> String {
    let mut stage = stage(&format!("donet.on_connect(function(client)\n{lines}\nend)"));
    let fault = stage.call(Call::Connect).err();
    assert_eq!(stage.script.take_actions(), []);
    fault.map_or_else(|| panic!("nothing is wrong"), |fault| fault.to_string())
}

/// Runs lines in a hook: what they want done.
fn actions(lines: &str) -> Vec<Action> {
    let mut stage = stage(&format!("donet.on_connect(function(client)\n{lines}\nend)"));
    stage.call(Call::Connect).unwrap_or_else(|fault| panic!("{fault}"));
    stage.script.take_actions()
}

/// Runs lines, which log something: what.
fn said(lines: &str) -> Vec<String> {
    logged(actions(lines))
}

fn logged(actions: Vec<Action>) -> Vec<String> {
    let line = |action| match action {
        Action::Log { text, .. } => text.strip_prefix("game.lua: ").map(str::to_owned),
        _ => None,
    };
    actions.into_iter().filter_map(line).collect()
}

fn payload(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut Writer::new(&mut bytes));
    bytes
}

impl Stage {
    fn call(&mut self, call: Call<'_>) -> Result<Verdict, Fault> {
        self.script.call(NOW, &client(1), call)
    }

    fn class(&self, name: &str) -> ClassId {
        self.dc.class_by_name(name).expect("a class").id()
    }

    fn field(&self, class: &str, name: &str) -> FieldId {
        let class = self.dc.class_by_name(class).expect("a class");
        class.field_by_name(name).expect("a field").id()
    }

    /// The client sets a field of object 5.
    fn set(&mut self, class: &str, field: &str, value: &[u8]) -> Result<Verdict, Fault> {
        let call = Call::Field {
            do_id: DoId(5),
            class: self.class(class),
            field: self.field(class, field),
            value,
        };
        self.call(call)
    }

    fn said(&mut self) -> Vec<String> {
        logged(self.script.take_actions())
    }
}

//! STUB of the interface; the host's own takes its place.
#![allow(dead_code)]
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dclass::DcFile;

use crate::ids::{Channel, ClassId, DoId, FieldId, Location};
use crate::message::Database;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub name: String,
    pub text: Vec<u8>,
}
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault(pub String);
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
pub type ClientKey = u64;
pub type TimerId = u64;
#[derive(Copy, Clone, Debug)]
pub struct Moment {
    pub now: Duration,
    pub random: u64,
}
#[derive(Copy, Clone, Debug)]
pub struct Client<'a> {
    pub key: ClientKey,
    pub channel: Channel,
    pub address: &'a str,
    pub state: State,
}
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum State {
    New,
    Anonymous,
    Established,
}
#[derive(Copy, Clone, Default, PartialEq, Eq, Debug)]
pub struct Hooks {
    pub connect: bool,
    pub hello: bool,
    pub message: bool,
    pub state: bool,
    pub create: bool,
    pub move_: bool,
    pub disconnect: bool,
}
#[derive(Copy, Clone, Debug)]
pub enum Call<'a> {
    Connect,
    Hello { version: &'a str, hash: u32 },
    Message(&'a [u8]),
    State { old: State, new: State },
    Field { do_id: DoId, class: ClassId, field: FieldId, value: &'a [u8] },
    Create { do_id: DoId, class: ClassId, location: Location },
    Move { do_id: DoId, class: ClassId, location: Location },
    Disconnect { reason: &'a str },
}
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    Pass,
    Drop,
    Change(Vec<u8>),
    Taken,
}
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Level {
    Info,
    Warn,
}
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    Tell { client: ClientKey, channel: Channel, payload: Vec<u8> },
    Send { to: Vec<Channel>, sender: Channel, payload: Vec<u8> },
    After { id: TimerId, delay: Duration },
    Cancel(TimerId),
    Event { kind: String, entries: Vec<(String, String)> },
    Log { level: Level, text: String },
}
#[derive(Debug)]
pub struct Script;
impl Script {
    pub fn load(_: &Source, _: &Arc<DcFile>) -> Result<Script, Fault> {
        Ok(Script)
    }
    pub fn hooks(&self) -> Hooks {
        Hooks::default()
    }
    pub fn fields(&self) -> impl Iterator<Item = (ClassId, FieldId)> {
        std::iter::empty()
    }
    pub fn call(&mut self, _: Moment, _: &Client<'_>, _: Call<'_>) -> Result<Verdict, Fault> {
        Ok(Verdict::Pass)
    }
    pub fn timer(&mut self, _: Moment, _: TimerId) -> Result<(), Fault> {
        Ok(())
    }
    pub fn answer(&mut self, _: Moment, _: &Database<'_>) -> Result<(), Fault> {
        Ok(())
    }
    pub fn take_actions(&mut self) -> Vec<Action> {
        Vec::new()
    }
    pub fn forget(&mut self, _: ClientKey) {}
    pub fn set_channel(&mut self, _: Channel) {}
}

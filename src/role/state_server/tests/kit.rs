//! A state server under test.

use std::time::Instant;

use crate::config::StateServerConfig;
use crate::hash::Seed;
use crate::ids::{Channel, Context, DoId, Location};
use crate::message::{Message, StateServer as M};
use crate::object::DistributedObject;
use crate::object::testing::{Outside, Sent, datagram, schema, state};
use crate::role::state_server::StateServer;
// For those who use the kit.
pub use crate::router::Role;

pub const CONTROL: u64 = 100_100;
/// Who sends, if it does not matter; no object has this id.
pub const ANYONE: u64 = 600;
pub const AI: u64 = 1_000_000;
pub const OWNER: u64 = 2_000_000;

pub struct Server {
    pub core: StateServer,
    pub outside: Outside,
}

impl Server {
    pub fn new() -> Self {
        let config = StateServerConfig { control: Channel(CONTROL) };
        let mut core = StateServer::new(&config, schema(), Seed::fixed(0));
        let mut outside = Outside::default();
        core.start(&mut outside.effects);
        outside.give_back(&mut core, Instant::now());
        Server { core, outside }
    }

    /// Sends to the given channels, and returns what the server sends.
    pub fn tell(&mut self, to: &[u64], sender: u64, message: &impl Message) -> Vec<Sent> {
        self.tell_bytes(&datagram(to, sender, message))
    }

    pub fn tell_bytes(&mut self, datagram: &[u8]) -> Vec<Sent> {
        self.outside.deliver(&mut self.core, Instant::now(), datagram)
    }

    /// Makes an object of the class without fields.
    pub fn create(&mut self, do_id: u32, location: Location) -> Vec<Sent> {
        let object = state(do_id, location, "Empty", &[]);
        self.tell(&[CONTROL], ANYONE, &M::CreateObjectWithRequired { object })
    }

    /// Makes an object of a class, from REQUIRED.
    pub fn create_of(&mut self, do_id: u32, location: Location, class: &str, values: &[u8]) {
        let object = state(do_id, location, class, values);
        self.tell(&[CONTROL], ANYONE, &M::CreateObjectWithRequired { object });
        assert!(self.has(do_id), "created");
    }

    pub fn set_ai(&mut self, do_id: u32, ai: u64) -> Vec<Sent> {
        let ai = Channel(ai);
        self.tell(&[do_id.into()], ANYONE, &M::ObjectSetAi { ai })
    }

    pub fn set_owner(&mut self, do_id: u32, owner: u64) -> Vec<Sent> {
        let owner = Channel(owner);
        self.tell(&[do_id.into()], ANYONE, &M::ObjectSetOwner { owner })
    }

    pub fn move_to(&mut self, do_id: u32, location: Location) -> Vec<Sent> {
        self.tell(&[do_id.into()], ANYONE, &M::ObjectSetLocation { location })
    }

    pub fn delete(&mut self, do_id: u32) -> Vec<Sent> {
        let message = M::ObjectDeleteRam { do_id: DoId(do_id) };
        self.tell(&[do_id.into()], ANYONE, &message)
    }

    pub fn get(&self, do_id: u32) -> &DistributedObject {
        self.core.objects().get(DoId(do_id)).expect("the object is there")
    }

    pub fn has(&self, do_id: u32) -> bool {
        self.core.objects().get(DoId(do_id)).is_some()
    }
}

/// The channel of a parent's children.
pub fn children(parent: u32) -> u64 {
    DoId(parent).children().0
}

/// The context of the question that finds children.
pub const WAKE: Context = Context(1001);

//! A database-state server under test.

use std::time::{Duration, Instant};

use crate::config::{DbStateServerConfig, DoIdRange};
use crate::hash::Seed;
use crate::ids::{Channel, Context, DoId, Location};
use crate::message::{Cluster, Database as Db, DbStateServer as D, FieldValues, Message};
use crate::object::testing::{Outside, Sent, class, datagram, schema, sent};
use crate::role::db_state_server::DbStateServer;
// For those who use the kit.
pub use crate::router::Role;

pub const DATABASE: u64 = 1200;
/// Who asks, if it does not matter.
pub const ANYONE: u64 = 600;
/// An object in the server's ranges.
pub const ID: u32 = 9000;
pub const WAIT: Duration = Duration::from_millis(30_000);

pub struct Server {
    pub core: DbStateServer,
    pub outside: Outside,
    pub now: Instant,
}

impl Server {
    pub fn new() -> Self {
        let range = |min, max| DoIdRange::new(DoId(min), DoId(max)).expect("not empty");
        let config = DbStateServerConfig {
            database: Channel(DATABASE),
            ranges: vec![range(9000, 9999), range(20_000, 20_005)],
            load_timeout_ms: WAIT.as_millis() as u64,
        };
        let core = DbStateServer::new(&config, schema(), Seed::fixed(0));
        let mut outside = Outside::default();
        outside.listens_to(|effects| core.start(effects));
        Server { core, outside, now: Instant::now() }
    }

    /// Sends to the given channels, and returns what the server sends.
    pub fn tell(&mut self, to: &[u64], sender: u64, message: &impl Message) -> Vec<Sent> {
        self.tell_bytes(&datagram(to, sender, message))
    }

    pub fn tell_bytes(&mut self, datagram: &[u8]) -> Vec<Sent> {
        self.outside.deliver(&mut self.core, self.now, datagram)
    }

    /// As anyone, to the object under test.
    pub fn ask(&mut self, message: &impl Message) -> Vec<Sent> {
        self.tell(&[ID.into()], ANYONE, message)
    }

    /// As the database, to the object under test.
    pub fn answer(&mut self, message: &Db<'_>) -> Vec<Sent> {
        self.tell(&[ID.into()], DATABASE, message)
    }

    /// Lets time pass; a deadline in it is kept when it is due.
    pub fn pass(&mut self, time: Duration) -> Vec<Sent> {
        self.now += time;
        while self.core.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.core.on_deadline(self.now, &mut self.outside.effects);
        }
        self.outside.give_back(&mut self.core, self.now)
    }

    /// Begins to load the object, and returns the context of the question to the database.
    pub fn activate(&mut self, location: Location) -> Context {
        let message = D::ObjectActivateWithDefaults { do_id: DoId(ID), location };
        context_of(&self.ask(&message))
    }

    /// Loads the object, with the given fields in the database.
    pub fn load(&mut self, location: Location, fields: &[u8]) -> Vec<Sent> {
        let context = self.activate(location);
        self.answer(&stored(context, "Account", fields))
    }

    pub fn is_active(&self) -> bool {
        self.core.objects().get(DoId(ID)).is_some()
    }
}

/// The database's answer with everything: a class, and a count with fields as in OTHER.
pub fn stored<'a>(context: Context, class_name: &str, fields: &'a [u8]) -> Db<'a> {
    Db::ObjectGetAllResp { context, object: Some((class(class_name), values(fields))) }
}

pub fn values(bytes: &[u8]) -> FieldValues<'_> {
    let (count, bytes) = bytes.split_first_chunk().expect("a count");
    FieldValues { count: u16::from_le_bytes(*count), bytes }
}

/// The context of the one question to the database that was sent.
pub fn context_of(sent_all: &[Sent]) -> Context {
    let [question] = sent_all else { panic!("one question to the database: {sent_all:#?}") };
    let context = question.decode(|message| match message {
        Cluster::Database(Db::ObjectGetField { context, .. }) => context,
        Cluster::Database(Db::ObjectGetFields { context, .. }) => context,
        Cluster::Database(Db::ObjectGetAll { context, .. }) => context,
        other => panic!("{other:?}"),
    });
    assert_eq!((&question.recipients, question.sender), (&[DATABASE].into(), ID.into()));
    context
}

/// What is sent to the database in the name of the object.
pub fn to_database(message: &Db<'_>) -> Sent {
    sent(&[DATABASE], ID.into(), message)
}

/// What the object, or the server in its name, sends to who asked.
pub fn reply(message: &impl Message) -> Sent {
    sent(&[ANYONE], ID.into(), message)
}

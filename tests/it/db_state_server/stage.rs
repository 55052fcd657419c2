//! A database-state server, its database, and someone who talks to it.

use super::*;

pub const DATABASE: Channel = Channel(4_003);
pub const ACTOR: Channel = Channel(5_000);
pub const OBJECT: DoId = DoId(9_200);
pub const PARENT: DoId = DoId(70_000);
pub const ZONE: ZoneId = ZoneId(77);
pub const HERE: Location = Location { parent: PARENT, zone: ZONE };

/// A daemon with a database-state server for 9000–9999; `db` hears what it asks the database.
pub struct Stage {
    pub daemon: Daemon,
    pub actor: Link,
    pub db: Link,
}

impl Stage {
    pub fn start() -> Self {
        let keys = "type: dbss, database: 4003, ranges: [{min: 9000, max: 9999}]";
        let daemon = Setup::new().role(keys).start();
        let (mut actor, mut db) = (daemon.link(), daemon.link());
        db.subscribe(DATABASE);
        actor.subscribe(ACTOR);
        Stage { daemon, actor, db }
    }

    /// Tells `OBJECT` something, and hears the answers.
    pub fn tell(&mut self, message: &impl Message) {
        self.actor.send(OBJECT, ACTOR, message);
    }

    /// Expects this answer of `OBJECT` next.
    #[track_caller]
    pub fn expect(&mut self, answer: &impl Message) {
        self.actor.expect(ACTOR, OBJECT, answer);
    }

    /// The database answers, after all that was said so far and before anything more is.
    pub fn answer(&mut self, answer: &Database<'_>) {
        self.actor.sync();
        self.db.send(OBJECT, DATABASE, answer);
        self.db.sync();
    }

    /// Expects the database to be asked for everything; returns the question's context.
    #[track_caller]
    pub fn expect_get_all(&mut self) -> Context {
        let came = self.db.receive();
        let Cluster::Database(Database::ObjectGetAll { context, .. }) = came.message() else {
            panic!("not asked for everything: {came:?}");
        };
        let question = Database::ObjectGetAll { context, do_id: OBJECT };
        assert_eq!(Expected::new(DATABASE, OBJECT, &question), came);
        context
    }

    /// Answers with a vault that has these fields.
    pub fn answer_vault(&mut self, context: Context, count: u16, fields: &Values) {
        let fields = FieldValues { count, bytes: fields.bytes() };
        let object = Some((vault::CLASS, fields));
        self.answer(&Database::ObjectGetAllResp { context, object });
    }

    /// Loads `OBJECT` at `HERE`, with the usual stored fields.
    pub fn activate(&mut self) {
        self.tell(&activate(HERE));
        let context = self.expect_get_all();
        self.answer_vault(context, 3, &stored());
        self.settle();
    }

    /// Waits until the object is active.
    pub fn settle(&mut self) {
        self.expect_activated(true);
    }

    /// Expects `OBJECT` to be active, or not, and to have said nothing before it said so.
    #[track_caller]
    pub fn expect_activated(&mut self, active: bool) {
        let context = Context(0xac);
        self.tell(&DbStateServer::ObjectGetActivated { context, do_id: OBJECT });
        let answer = DbStateServer::ObjectGetActivatedResp { context, do_id: OBJECT, active };
        self.expect(&answer);
    }

    /// Expects that the database has been asked nothing more.
    #[track_caller]
    pub fn expect_unasked(&mut self) {
        let (field, value) = (vault::KEY, Rest(&[0xff, 0xff]));
        self.tell(&StateServer::ObjectSetField { do_id: OBJECT, field, value });
        let set = Database::ObjectSetField { do_id: OBJECT, field, value };
        self.db.expect(DATABASE, OBJECT, &set);
    }

    /// A link that hears `channels`.
    pub fn hearer(&self, channels: impl To) -> Link {
        let mut link = self.daemon.link();
        link.subscribe(channels);
        link
    }
}

pub fn activate(location: Location) -> DbStateServer<'static> {
    DbStateServer::ObjectActivateWithDefaults { do_id: OBJECT, location }
}

pub fn rest(values: &Values) -> Rest<'_> {
    Rest(values.bytes())
}

/// Owner, gold and motto, as the database has them.
pub fn stored() -> Values {
    let values = Values::new().field(vault::OWNER_NAME).string("scrooge");
    let values = values.field(vault::GOLD).u32(5_000);
    values.field(vault::MOTTO).string("mine")
}

/// All required fields of the stored vault, with the default of the one that is not stored.
pub fn required() -> Values {
    Values::new().string("scrooge").u32(5_000).u8(15)
}

pub fn vault_at(location: Location, values: &Values) -> ObjectState<'_> {
    ObjectState { do_id: OBJECT, location, class_id: vault::CLASS, values: rest(values) }
}

//! stateserver.md §1–11: objects and who hears of them.

mod ai;
mod creation;
mod deletion;
mod fields;
mod location;
mod molecular;
mod order;
mod owner;
mod queries;
mod zones;

use crate::harness::world::thing;
use crate::harness::*;

pub const CONTROL: Channel = Channel(4_000);
/// Who creates and updates objects. Nobody listens there unless a test does.
pub const ACTOR: Channel = Channel(5_000);
pub const AI: Channel = Channel(6_000);
pub const OWNER: Channel = Channel(7_000);

/// An object that is always there, with no location.
pub const WITNESS: DoId = DoId(9_999);
pub const PARENT: DoId = DoId(10_000);
pub const OBJECT: DoId = DoId(10_001);
pub const OTHER: DoId = DoId(10_002);
pub const ZONE: ZoneId = ZoneId(77);
pub const HERE: Location = Location { parent: PARENT, zone: ZONE };
pub const THERE: Location = Location { parent: PARENT, zone: ZoneId(88) };

/// A daemon with a state server, and a link that tells it what to do.
pub struct Stage {
    pub daemon: Daemon,
    pub actor: Link,
    /// Hears nothing but the witness.
    pub observer: Link,
}

impl Stage {
    pub fn start() -> Self {
        let daemon = Setup::new().role("type: stateserver, control: 4000").start();
        let (mut actor, mut observer) = (daemon.link(), daemon.link());
        // The witness is there when it calls its children.
        observer.subscribe(WITNESS.children());
        let witness = usual().all();
        actor.send(CONTROL, ACTOR, &create(thing_at(WITNESS, Location::NONE, &witness)));
        let wake = StateServer::ObjectGetLocation { context: Context(1001) };
        observer.expect(WITNESS.children(), WITNESS, &wake);
        Stage { daemon, actor, observer }
    }

    /// A link that is subscribed to `channels`.
    pub fn hearer(&self, channels: impl To) -> Link {
        let mut link = self.daemon.link();
        link.subscribe(channels);
        link
    }

    /// Tells an object or a role something.
    pub fn tell(&mut self, to: impl To, message: &StateServer<'_>) {
        self.actor.send(to, ACTOR, message);
    }

    /// Creates a Thing with the usual values. It is there afterwards.
    pub fn create(&mut self, do_id: DoId, location: Location) {
        let values = usual().all();
        self.tell(CONTROL, &create(thing_at(do_id, location, &values)));
        self.settle();
    }

    /// Creates a Thing with the usual values and some others. It is there afterwards.
    pub fn create_other(&mut self, do_id: DoId, location: Location, count: u16, other: &Values) {
        let values = usual().all().u16(count).raw(other.bytes());
        self.tell(CONTROL, &create_other(thing_at(do_id, location, &values)));
        self.settle();
    }

    /// Asks an object for something and expects this answer.
    #[track_caller]
    pub fn expect_answer(
        &mut self,
        of: DoId,
        question: &StateServer<'_>,
        answer: &StateServer<'_>,
    ) {
        let mut asker = self.daemon.link();
        let channel = Channel(8_000);
        asker.subscribe(channel);
        self.actor.send(of, channel, question);
        asker.expect(channel, of, answer);
    }

    /// Expects an object to have this value in a field, or none.
    #[track_caller]
    pub fn expect_field(&mut self, do_id: DoId, field: FieldId, value: Option<Values>) {
        let value = value.as_ref().map(|value| (field, Rest(value.bytes())));
        self.expect_answer(
            do_id,
            &StateServer::ObjectGetField { context: Context(5), do_id, field },
            &StateServer::ObjectGetFieldResp { context: Context(5), value },
        );
    }

    /// Expects an object to be where it is.
    #[track_caller]
    pub fn expect_location(&mut self, do_id: DoId, location: Location) {
        self.expect_answer(
            do_id,
            &StateServer::ObjectGetLocation { context: Context(6) },
            &StateServer::ObjectGetLocationResp { context: Context(6), do_id, location },
        );
    }

    /// Expects that `hearer` hears nothing of all that was done so far.
    #[track_caller]
    pub fn expect_silence(&mut self, hearer: &mut Link) {
        hearer.expect_nothing_by(&mut self.actor, WITNESS);
    }

    /// Expects that there is no such object: what it is asked is not answered.
    #[track_caller]
    pub fn expect_absent(&mut self, do_id: DoId) {
        let mut asker = self.hearer(Channel(8_000));
        let question = StateServer::ObjectGetLocation { context: Context(6) };
        self.actor.send(do_id, Channel(8_000), &question);
        self.expect_silence(&mut asker);
    }

    /// Waits until the state server has done everything that it was told so far.
    pub fn settle(&mut self) {
        self.observer.expect_nothing_by(&mut self.actor, WITNESS);
    }
}

/// The required values of a Thing.
#[derive(Clone)]
pub struct Thing {
    pub label: &'static str,
    pub size: u8,
    pub secret: u32,
    pub pin: u16,
    pub hint: &'static str,
    pub top: u8,
    pub bottom: u8,
}

pub const fn usual() -> Thing {
    Thing { label: "thing", size: 10, secret: 77, pin: 1234, hint: "look up", top: 3, bottom: 4 }
}

impl Thing {
    /// All required fields: what creates it, and what its AI sees.
    pub fn all(&self) -> Values {
        let values = Values::new().string(self.label).u8(self.size).u32(self.secret);
        values.u16(self.pin).string(self.hint).u8(self.top).u8(self.bottom)
    }

    /// `broadcast` and `clrecv` fields: what its location sees.
    pub fn seen(&self) -> Values {
        let values = Values::new().string(self.label).u8(self.size).string(self.hint);
        values.u8(self.top).u8(self.bottom)
    }

    /// `broadcast`, `clrecv` and `ownrecv` fields: what its owner sees.
    pub fn owned(&self) -> Values {
        let values = Values::new().string(self.label).u8(self.size).u16(self.pin);
        values.string(self.hint).u8(self.top).u8(self.bottom)
    }
}

pub fn thing_at(do_id: DoId, location: Location, values: &Values) -> ObjectState<'_> {
    ObjectState { do_id, location, class_id: thing::CLASS, values: Rest(values.bytes()) }
}

pub const fn create(object: ObjectState<'_>) -> StateServer<'_> {
    StateServer::CreateObjectWithRequired { object }
}

pub const fn create_other(object: ObjectState<'_>) -> StateServer<'_> {
    StateServer::CreateObjectWithRequiredOther { object }
}

pub const fn enter_location(object: ObjectState<'_>) -> StateServer<'_> {
    StateServer::ObjectEnterLocationWithRequired { object }
}

pub const fn enter_location_other(object: ObjectState<'_>) -> StateServer<'_> {
    StateServer::ObjectEnterLocationWithRequiredOther { object }
}

pub fn set_field(do_id: DoId, field: FieldId, value: &Values) -> StateServer<'_> {
    StateServer::ObjectSetField { do_id, field, value: Rest(value.bytes()) }
}

pub fn set_fields(do_id: DoId, count: u16, fields: &Values) -> StateServer<'_> {
    StateServer::ObjectSetFields { do_id, fields: FieldValues { count, bytes: fields.bytes() } }
}

pub const fn changing_location(do_id: DoId, new: Location, old: Location) -> StateServer<'static> {
    StateServer::ObjectChangingLocation { do_id, new, old }
}

pub const fn set_location(location: Location) -> StateServer<'static> {
    StateServer::ObjectSetLocation { location }
}

pub const fn set_ai(ai: Channel) -> StateServer<'static> {
    StateServer::ObjectSetAi { ai }
}

pub const fn set_owner(owner: Channel) -> StateServer<'static> {
    StateServer::ObjectSetOwner { owner }
}

pub const fn delete_ram(do_id: DoId) -> StateServer<'static> {
    StateServer::ObjectDeleteRam { do_id }
}

pub const fn get_ai(context: u32) -> StateServer<'static> {
    StateServer::ObjectGetAi { context: Context(context) }
}

//! clientagent.md §6: opening an interest, and what comes when.

use super::*;
use donet::message::Cluster;

/// An interest of the first client in two zones, with the cluster played by the test.
pub struct Scene {
    pub stage: Stage,
    pub client: Client,
    pub session: Channel,
    /// Hears what the parent is asked.
    pub parent: Link,
    contexts: u32,
}

/// The request of a session for the objects of these zones: what it must look like, and its context.
#[track_caller]
pub fn request_of(came: &Datagram, session: Channel, parent: DoId, zones: &[ZoneId]) -> Context {
    let Cluster::StateServer(StateServer::ObjectGetZonesObjects { context, zones: asked, .. }) =
        came.message()
    else {
        panic!("no question for zones: {came:?}");
    };
    let mut asked: Vec<ZoneId> = asked.iter().collect();
    let mut sorted = zones.to_vec();
    asked.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(asked, sorted, "{came:?}");
    let Cluster::StateServer(StateServer::ObjectGetZonesObjects { zones, .. }) = came.message()
    else {
        unreachable!("looked at before");
    };
    let question = StateServer::ObjectGetZonesObjects { context, parent, zones };
    assert_eq!(Expected::new(parent, session, &question), *came);
    context
}

impl Scene {
    pub fn start() -> Self {
        Self::with(", client: {add_interest: enabled}")
    }

    pub fn with(more: &str) -> Self {
        let mut stage = Stage::with(more);
        let (client, session) = stage.established();
        let parent = stage.hearer([PARENT.channel(), DoId(20_000).channel()]);
        Scene { stage, client, session, parent, contexts: 100 }
    }

    /// The client opens or alters an interest; returns the context of its wish.
    pub fn add(&mut self, interest: u16, parent: DoId, zones: &[ZoneId]) -> Context {
        self.contexts += 1;
        let (context, interest) = (Context(self.contexts), InterestId(interest));
        self.client.send(&match *zones {
            [zone] => {
                let location = Location::new(parent, zone);
                ClientMessage::AddInterest { context, interest, location }
            }
            _ => {
                let zones = List::new(zones);
                ClientMessage::AddInterestMultiple { context, interest, parent, zones }
            }
        });
        context
    }

    /// The client closes an interest; returns the context of its wish.
    pub fn remove(&mut self, interest: u16) -> Context {
        self.contexts += 1;
        let context = Context(self.contexts);
        let interest = InterestId(interest);
        self.client.send(&ClientMessage::RemoveInterest { context, interest });
        context
    }

    /// Expects that the parent is asked for exactly these zones; returns the request's context.
    #[track_caller]
    pub fn expect_asked(&mut self, parent: DoId, zones: &[ZoneId]) -> Context {
        let came = self.parent.receive();
        request_of(&came, self.session, parent, zones)
    }

    /// The parent says how many objects there are.
    pub fn count(&mut self, request: Context, count: u32) {
        let (context, count) = (request, DoId(count));
        let answer = StateServer::ObjectGetZonesCountResp { context, count };
        self.stage.tell(self.session, &answer);
    }

    /// An object says that it is in a zone that was asked for.
    pub fn generate(&mut self, request: Context, do_id: DoId, location: Location) {
        let values = seen();
        let object = avatar_at(do_id, location, &values);
        let entry = StateServer::ObjectEnterInterestWithRequired { context: request, object };
        self.stage.server.send(self.session, do_id, &entry);
    }

    /// An object enters a location.
    pub fn enter(&mut self, do_id: DoId, location: Location) {
        let values = seen();
        let object = avatar_at(do_id, location, &values);
        let entry = StateServer::ObjectEnterLocationWithRequired { object };
        self.stage.server.send(location, do_id, &entry);
    }

    #[track_caller]
    pub fn expect_shown(&mut self, do_id: DoId, location: Location) {
        let values = seen();
        let object = avatar_at(do_id, location, &values);
        self.client.expect(&ClientMessage::EnterObjectRequired { object });
    }

    #[track_caller]
    pub fn expect_done(&mut self, context: Context, interest: u16) {
        let interest = InterestId(interest);
        self.client.expect(&ClientMessage::DoneInterestResp { context, interest });
    }

    /// Expects that the client has been told nothing more.
    #[track_caller]
    pub fn expect_silence(&mut self) {
        self.stage.sync(&mut self.client, self.session);
    }

    /// Opens an interest whose zones have these objects, up to the end.
    #[track_caller]
    pub fn open(&mut self, interest: u16, zones: &[ZoneId], objects: &[(DoId, Location)]) {
        let context = self.add(interest, PARENT, zones);
        let request = self.expect_asked(PARENT, zones);
        self.count(request, u32::try_from(objects.len()).expect("few"));
        for &(do_id, location) in objects {
            self.generate(request, do_id, location);
        }
        for &(do_id, location) in objects {
            self.expect_shown(do_id, location);
        }
        self.expect_done(context, interest);
    }

    /// Expects that a location is heard by the client: what enters there is shown.
    #[track_caller]
    pub fn expect_open(&mut self, do_id: DoId, location: Location) {
        self.enter(do_id, location);
        self.expect_shown(do_id, location);
    }
}

#[test]
fn an_interest_asks_its_parent_and_is_done_when_all_objects_have_come() {
    let mut scene = Scene::start();
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.count(request, 2);
    scene.generate(request, OTHER, HERE);
    scene.expect_silence();
    scene.generate(request, OBJECT, HERE);
    scene.expect_shown(OTHER, HERE);
    scene.expect_shown(OBJECT, HERE);
    scene.expect_done(context, 5);
    // What comes later is shown at once.
    scene.expect_open(DoId(10_003), HERE);
}

#[test]
fn objects_may_come_before_their_count() {
    let mut scene = Scene::start();
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.generate(request, OBJECT, HERE);
    scene.expect_silence();
    scene.count(request, 1);
    scene.expect_shown(OBJECT, HERE);
    scene.expect_done(context, 5);
}

#[test]
fn an_empty_zone_is_done_at_once() {
    let mut scene = Scene::start();
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.count(request, 0);
    scene.expect_done(context, 5);
}

#[test]
fn several_zones_are_asked_for_together_and_each_once() {
    let mut scene = Scene::start();
    let context = scene.add(5, PARENT, &[ZONE, THERE.zone, ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE, THERE.zone]);
    scene.count(request, 2);
    scene.generate(request, OBJECT, HERE);
    scene.generate(request, OTHER, THERE);
    scene.expect_shown(OBJECT, HERE);
    scene.expect_shown(OTHER, THERE);
    scene.expect_done(context, 5);
    scene.expect_open(DoId(10_003), THERE);
}

#[test]
fn an_object_with_other_fields_is_shown_with_them() {
    let mut scene = Scene::start();
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.count(request, 1);
    let values = seen().u16(1).field(avatar::HEALTH).u8(3);
    let object = avatar_at(OBJECT, HERE, &values);
    let entry = StateServer::ObjectEnterInterestWithRequiredOther { context: request, object };
    scene.stage.server.send(scene.session, OBJECT, &entry);
    scene.client.expect(&ClientMessage::EnterObjectRequiredOther { object });
    scene.expect_done(context, 5);
}

#[test]
fn a_newcomer_waits_until_the_interest_is_done() {
    let mut scene = Scene::start();
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.enter(OTHER, HERE);
    // What is said to it waits with it.
    let health = Values::new().u8(1);
    scene.stage.server.send(HERE, SERVER, &routed(OTHER, avatar::HEALTH, &health));
    scene.count(request, 1);
    scene.expect_silence();
    scene.generate(request, OBJECT, HERE);
    scene.expect_shown(OBJECT, HERE);
    scene.expect_done(context, 5);
    scene.expect_shown(OTHER, HERE);
    scene.client.expect(&update(OTHER, avatar::HEALTH, &health));
}

#[test]
fn what_an_object_says_before_it_is_shown_comes_after_it() {
    let mut scene = Scene::start();
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.count(request, 2);
    scene.generate(request, OBJECT, HERE);
    let health = Values::new().u8(1);
    scene.stage.server.send(HERE, SERVER, &routed(OBJECT, avatar::HEALTH, &health));
    scene.expect_silence();
    scene.generate(request, OTHER, HERE);
    scene.expect_shown(OBJECT, HERE);
    scene.expect_shown(OTHER, HERE);
    scene.expect_done(context, 5);
    scene.client.expect(&update(OBJECT, avatar::HEALTH, &health));
}

#[test]
fn an_object_deleted_before_it_is_shown_is_shown_and_leaves() {
    let mut scene = Scene::start();
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.count(request, 2);
    scene.generate(request, OBJECT, HERE);
    scene.stage.server.send(HERE, SERVER, &StateServer::ObjectDeleteRam { do_id: OBJECT });
    scene.generate(request, OTHER, HERE);
    scene.expect_shown(OBJECT, HERE);
    scene.expect_shown(OTHER, HERE);
    scene.expect_done(context, 5);
    scene.client.expect(&leaving(OBJECT));
    scene.expect_silence();
}

#[test]
fn a_newcomer_that_came_as_an_answer_too_is_shown_once() {
    let mut scene = Scene::start();
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.enter(OBJECT, HERE);
    scene.generate(request, OBJECT, HERE);
    scene.count(request, 1);
    scene.expect_shown(OBJECT, HERE);
    scene.expect_done(context, 5);
    scene.expect_silence();
}

#[test]
fn an_interest_that_is_not_answered_ends_by_itself() {
    let more = ", client: {add_interest: enabled}, tuning: {interest_timeout: 100}";
    let mut scene = Scene::with(more);
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.count(request, 2);
    scene.generate(request, OBJECT, HERE);
    scene.expect_shown(OBJECT, HERE);
    scene.expect_done(context, 5);
    // The one that was late comes as a newcomer.
    scene.expect_open(OTHER, HERE);
}

#[test]
fn an_answer_to_nothing_is_dropped() {
    let mut scene = Scene::start();
    scene.open(5, &[ZONE], &[]);
    scene.generate(Context(999), OBJECT, HERE);
    scene.expect_silence();
}

#[test]
fn a_client_may_look_below_what_it_sees() {
    // Also with the rule that is the default.
    let mut scene = Scene::with("");
    scene.stage.show(&mut scene.client, scene.session, PARENT);
    let context = scene.add(5, PARENT, &[ZONE]);
    let came = loop {
        let came = scene.parent.receive();
        if came.envelope().sender == scene.session {
            break came;
        }
    };
    let request = request_of(&came, scene.session, PARENT, &[ZONE]);
    scene.count(request, 0);
    scene.expect_done(context, 5);
}

#[test]
fn an_interest_is_opened_in_the_name_that_the_client_was_given() {
    let mut scene = Scene::start();
    let given = Channel(555 << 32);
    scene.stage.tell(scene.session, &ClientAgent::SetClientId { channel: given });
    scene.expect_silence();
    let context = scene.add(5, PARENT, &[ZONE]);
    let came = scene.parent.receive();
    let request = request_of(&came, given, PARENT, &[ZONE]);
    scene.session = given;
    scene.count(request, 0);
    scene.expect_done(context, 5);
}

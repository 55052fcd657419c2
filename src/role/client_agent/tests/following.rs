//! Interests that follow what clients own.

mod apart;
mod limits;
mod model;

use super::*;
use crate::config::FollowedClass;

const GRID: ClassId = ClassId(3);
const HALL: ClassId = ClassId(4);
const HERO: ClassId = ClassId(5);
/// The parent whose rule it is.
const MAP: u32 = 4600;
/// Of four cells in a row, each in the middle of a square.
const CELLS: &str = "100:4:1";
const AROUND_5: [u32; 9] = [100, 101, 102, 104, 105, 106, 108, 109, 110];

fn following() -> Agent {
    Agent::with(|config| config.parenting_rules = ParentingRules::All)
}

/// Two texts, packed.
fn texts(kind: &str, rule: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    writer.blob(kind.as_bytes());
    writer.blob(rule.as_bytes());
    bytes
}

impl Agent {
    /// The context with which a client's session has asked a parent for all of itself, and nothing else.
    #[track_caller]
    fn asked_rule(&mut self, client: TestClient, parent: u32) -> Context {
        let routed = self.routed();
        let [(recipients, sender, message)] = &routed[..] else {
            panic!("{routed:?} instead of one question");
        };
        assert_eq!((&recipients[..], *sender), (&[Channel(parent.into())][..], client.channel));
        let context = Context(u32::from_le_bytes(message[2..6].try_into().expect("four bytes")));
        let do_id = DoId(parent);
        assert_eq!(*message, encode(&StateServer::ObjectGetAll { context, do_id }));
        context
    }

    /// A parent of a class tells all of itself, of which the required values are these.
    fn tell_all(
        &mut self,
        client: TestClient,
        context: Context,
        parent: u32,
        class_id: ClassId,
        required: &[u8],
    ) {
        let values = [required, &[0, 0]].concat();
        let location = at(1, 1);
        let object = ObjectState { do_id: DoId(parent), location, class_id, values: Rest(&values) };
        self.cluster(client.channel, &StateServer::ObjectGetAllResp { context, object });
    }

    /// The client's object 50 is in a zone of the parent, which has this rule.
    fn owner_below(&mut self, kind: &str, rule: &str, zone: u32) -> TestClient {
        let client = self.established();
        self.own(client, 50, at(MAP, zone));
        let context = self.asked_rule(client, MAP);
        self.tell_all(client, context, MAP, GRID, &texts(kind, rule));
        client
    }

    /// The parent is asked for these zones, and has nothing in them.
    fn opened(&mut self, client: TestClient, zones: &[u32]) {
        let query = self.query(client.channel, DoId(MAP), zones);
        self.answer_count(client, query, 0);
    }

    /// The AI moves the client's object.
    fn ai_moves(&mut self, client: TestClient, to: Location, from: Location) {
        self.cluster(client.channel, &changing(50, to, from));
    }
}

#[test]
fn the_zones_around_an_object_are_opened_and_the_client_hears_of_what_is_in_them_only() {
    let mut agent = following();
    let client = agent.owner_below("Cartesian", CELLS, 105);
    let query = agent.query(client.channel, DoId(MAP), &AROUND_5);
    agent.answer_count(client, query, 1);
    agent.answer_object(client, query, avatar(60, at(MAP, 110)));
    agent.expect_told(client, &[enter(60, at(MAP, 110))]);
    agent.cluster(at(MAP, 100).channel(), &entering(61, at(MAP, 100)));
    agent.expect_told(client, &[enter(61, at(MAP, 100))]);
    // One to the right: what is to the left goes, and only what is new is asked for.
    agent.ai_moves(client, at(MAP, 106), at(MAP, 105));
    agent.expect_told(client, &[moved(50, at(MAP, 106)), leaving(61)]);
    agent.opened(client, &[103, 107, 111]);
    agent.expect_told(client, &[]);
    // Over the edge of the grid there is nothing.
    agent.ai_moves(client, at(MAP, 116), at(MAP, 106));
    agent.expect_told(client, &[moved(50, at(MAP, 116)), leaving(60)]);
    assert_eq!(agent.routed(), []);
    agent.ai_moves(client, at(MAP, 115), at(MAP, 116));
    agent.opened(client, &[110, 111, 114, 115]);
}

#[test]
fn the_client_may_move_its_object_itself() {
    let mut agent = following();
    let client = agent.owner_below("Follow", "", 7);
    agent.opened(client, &[7]);
    agent.send(client, &moved(50, at(MAP, 8)));
    agent.routed();
    let message = changing(50, at(MAP, 8), at(MAP, 7));
    agent.cluster_from(client.channel, &[client.channel], &message);
    agent.opened(client, &[8]);
    agent.expect_told(client, &[]);
    agent.cluster(at(MAP, 8).channel(), &entering(61, at(MAP, 8)));
    agent.cluster(at(MAP, 7).channel(), &entering(62, at(MAP, 7)));
    agent.expect_told(client, &[enter(61, at(MAP, 8))]);
}

#[test]
fn an_object_that_moves_on_before_its_zone_is_told_is_followed() {
    let mut agent = following();
    let client = agent.owner_below("Follow", "", 7);
    let query = agent.query(client.channel, DoId(MAP), &[7]);
    agent.answer_count(client, query, 2);
    agent.answer_object(client, query, avatar(50, at(MAP, 7)));
    agent.ai_moves(client, at(MAP, 8), at(MAP, 7));
    agent.query(client.channel, DoId(MAP), &[8]);
}

#[test]
fn it_ends_with_the_parent_the_ownership_and_the_object() {
    let leave: [fn(&mut Agent, TestClient); 3] = [
        |agent, client| agent.ai_moves(client, at(9000, 7), at(MAP, 7)),
        |agent, client| {
            let (do_id, old) = (DoId(50), client.channel);
            let message = StateServer::ObjectChangingOwner { do_id, new: AI, old };
            agent.cluster(client.channel, &message);
        },
        |agent, client| agent.cluster(client.channel, &deleting(50)),
    ];
    for leave in leave {
        let mut agent = following();
        let client = agent.owner_below("Follow", "", 7);
        agent.opened(client, &[7]);
        agent.cluster(at(MAP, 7).channel(), &entering(61, at(MAP, 7)));
        agent.told(client);
        leave(&mut agent, client);
        assert!(agent.told(client).contains(&encode(&leaving(61))));
        agent.cluster(at(MAP, 7).channel(), &entering(62, at(MAP, 7)));
        agent.expect_told(client, &[]);
    }
}

#[test]
fn what_the_dc_files_say_holds_where_the_parent_has_no_value() {
    let mut agent = following();
    let client = agent.established();
    agent.own(client, 50, at(MAP, 7));
    let context = agent.asked_rule(client, MAP);
    agent.tell_all(client, context, MAP, HALL, b"");
    agent.opened(client, &[7]);
    // Its own value comes first.
    agent.ai_moves(client, at(4601, 7), at(MAP, 7));
    let context = agent.asked_rule(client, 4601);
    let stated = [&field("setParentingRules").0.to_le_bytes()[..], &texts("Stated", "")].concat();
    let hall = dc()
        .class_by_name("Hall")
        .and_then(|it| it.field_by_name("setParentingRules"))
        .expect("a field")
        .id();
    let other = [&1u16.to_le_bytes()[..], &hall.0.to_le_bytes(), &stated[2..]].concat();
    let object =
        ObjectState { do_id: DoId(4601), location: at(1, 1), class_id: HALL, values: Rest(&other) };
    agent.cluster(client.channel, &StateServer::ObjectGetAllResp { context, object });
    assert_eq!(agent.routed(), []);
}

#[test]
fn a_parent_without_a_rule_or_with_a_bad_one_opens_nothing() {
    for (class_id, required) in [
        (GRID, texts("Stated", "")),
        (GRID, texts("Cartesian", "100:0:1")),
        (GRID, texts("Nonsense", "")),
        (GRID, b"\x05\0".to_vec()),
        (AVATAR, b"\x03\0ann\x09".to_vec()),
        (UNKNOWN_CLASS, Vec::new()),
    ] {
        let mut agent = following();
        let client = agent.established();
        agent.own(client, 50, at(MAP, 7));
        let context = agent.asked_rule(client, MAP);
        agent.tell_all(client, context, MAP, class_id, &required);
        agent.ai_moves(client, at(MAP, 8), at(MAP, 7));
        assert_eq!(agent.routed(), [], "{class_id:?}");
        assert!(agent.is_open(client));
    }
}

#[test]
fn who_is_known_to_have_no_rule_is_not_asked() {
    let mut agent = following();
    let client = agent.established();
    agent.own(client, 60, at(0, 0));
    // An object of the client's own, an UberDOG, nobody.
    for parent in [60, PLAZA_UBERDOG.0, 0] {
        agent.own(client, 50, at(parent, 7));
        assert_eq!(agent.routed(), [], "{parent}");
        agent.cluster(client.channel, &deleting(50));
        agent.told(client);
    }
}

#[test]
fn what_is_below_a_parent_shares_its_rule_and_it_is_forgotten_with_the_last() {
    let mut agent = following();
    let client = agent.established();
    // Something else is below another one all the time.
    agent.own(client, 70, at(9100, 7));
    agent.asked_rule(client, 9100);
    agent.own(client, 50, at(MAP, 7));
    let context = agent.asked_rule(client, MAP);
    agent.own(client, 51, at(MAP, 8));
    agent.own(client, 52, at(MAP, 7));
    assert_eq!(agent.routed(), [], "it is being asked");
    agent.cluster(client.channel, &deleting(52));
    agent.told(client);
    agent.tell_all(client, context, MAP, GRID, &texts("Follow", ""));
    let routed = agent.routed();
    assert_eq!(routed.len(), 2, "{routed:?}");
    agent.own(client, 53, at(MAP, 9));
    agent.query(client.channel, DoId(MAP), &[9]);
    // An answer that comes once more, or is to somebody else, is none.
    agent.tell_all(client, context, MAP, GRID, &texts("Stated", ""));
    for do_id in [50, 51, 53] {
        agent.cluster(client.channel, &deleting(do_id));
    }
    agent.told(client);
    agent.own(client, 50, at(MAP, 7));
    let next = agent.asked_rule(client, MAP);
    assert_ne!(next, context);
    agent.tell_all(client, context, MAP, GRID, &texts("Follow", ""));
    assert_eq!(agent.routed(), [], "that was another question");
    agent.tell_all(client, next, MAP, GRID, &texts("Follow", ""));
    agent.query(client.channel, DoId(MAP), &[7]);
}

#[test]
fn whoever_has_left_before_the_answer_gets_nothing() {
    let mut agent = following();
    let client = agent.established();
    agent.own(client, 50, at(MAP, 7));
    let context = agent.asked_rule(client, MAP);
    agent.own(client, 51, at(MAP, 9));
    agent.ai_moves(client, at(4601, 7), at(MAP, 7));
    let other = agent.asked_rule(client, 4601);
    agent.tell_all(client, context, MAP, GRID, &texts("Follow", ""));
    agent.query(client.channel, DoId(MAP), &[9]);
    agent.tell_all(client, other, 4601, GRID, &texts("Follow", ""));
    agent.query(client.channel, DoId(4601), &[7]);
}

#[test]
fn a_parent_that_has_been_silent_is_asked_again_when_something_happens_below_it() {
    let mut agent = following();
    let client = agent.established();
    agent.own(client, 50, at(MAP, 7));
    let silent = agent.asked_rule(client, MAP);
    agent.ai_moves(client, at(MAP, 8), at(MAP, 7));
    assert_eq!(agent.routed(), [], "it may still answer");
    agent.pass(500);
    agent.ai_moves(client, at(MAP, 9), at(MAP, 8));
    let context = agent.asked_rule(client, MAP);
    assert_ne!(silent, context);
    agent.tell_all(client, context, MAP, GRID, &texts("Follow", ""));
    agent.query(client.channel, DoId(MAP), &[9]);
}

#[test]
fn only_objects_of_the_classes_that_are_named_are_followed_with_those_that_inherit() {
    for (class, expected) in [("Avatar", [true, true]), ("Hero", [false, true])] {
        let mut agent = Agent::with(|config| {
            let named = FollowedClass { name: class.into(), number: 0 };
            config.parenting_rules = ParentingRules::Of(vec![named]);
        });
        let client = agent.established();
        for (class_id, expected) in [AVATAR, HERO].into_iter().zip(expected) {
            let do_id = 50 + u32::from(class_id.0);
            let object = ObjectState { class_id, ..avatar(do_id, at(MAP + do_id, 7)) };
            let message = StateServer::ObjectEnterOwnerWithRequired { object };
            agent.cluster(client.channel, &message);
            assert_eq!(!agent.routed().is_empty(), expected, "{class} {class_id:?}");
        }
    }
}

#[test]
fn without_the_key_nobody_is_asked_anything() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.own(client, 50, at(MAP, 7));
    agent.ai_moves(client, at(MAP, 8), at(MAP, 7));
    agent.expect_told(client, &[moved(50, at(MAP, 8))]);
    agent.open(client, 1, at(MAP, 5), &[]);
    assert_eq!(agent.routed(), []);
}

#[test]
fn an_interest_in_one_zone_brings_others_along_and_takes_them_with_it() {
    let mut agent = following();
    let client = agent.established();
    agent.open_auto(client, "5:6|7");
    // The client is told that it is done when what it has asked for is there.
    agent.cluster(at(MAP, 7).channel(), &entering(61, at(MAP, 7)));
    agent.expect_told(client, &[enter(61, at(MAP, 7))]);
    // It goes elsewhere, and comes back.
    agent.send(client, &add_interest(2, 1, at(MAP, 8)));
    agent.expect_told(client, &[leaving(61)]);
    agent.opened(client, &[8]);
    agent.expect_told(client, &[done(2, 1)]);
    agent.send(client, &add_interest(3, 1, at(MAP, 5)));
    let routed = agent.routed();
    let zones = [vec![5], vec![6, 7]];
    assert_eq!(routed.len(), zones.len(), "{routed:?}");
    for ((_, _, message), zones) in routed.iter().zip(zones) {
        let context = Context(u32::from_le_bytes(message[2..6].try_into().expect("four bytes")));
        let zones: Vec<ZoneId> = zones.into_iter().map(ZoneId).collect();
        let (parent, zones) = (DoId(MAP), List::new(&zones));
        assert_eq!(
            *message,
            encode(&StateServer::ObjectGetZonesObjects { context, parent, zones })
        );
        agent.answer_count(client, context, 0);
    }
    agent.cluster(at(MAP, 7).channel(), &entering(61, at(MAP, 7)));
    agent.told(client);
    agent.send(client, &remove_interest(4, 1));
    agent.expect_told(client, &[done(4, 1), leaving(61)]);
    agent.cluster(at(MAP, 7).channel(), &entering(61, at(MAP, 7)));
    agent.expect_told(client, &[]);
}

#[test]
fn one_that_the_cluster_opens_brings_others_along_too() {
    let mut agent = following();
    let client = agent.established();
    let interest = InterestId(9);
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location: at(MAP, 5) });
    let routed = agent.routed();
    let [_, (to, _, question)] = &routed[..] else { panic!("{routed:?}") };
    assert_eq!(to[..], [Channel(MAP.into())]);
    let context = Context(u32::from_le_bytes(question[2..6].try_into().expect("four bytes")));
    agent.tell_all(client, context, MAP, GRID, &texts("Auto", "5:6"));
    agent.query(client.channel, DoId(MAP), &[6]);
}

impl Agent {
    /// The client opens interest 1 in zone 5 of the parent, which says what comes with it: zones 6 and 7.
    fn open_auto(&mut self, client: TestClient, rule: &str) {
        self.send(client, &add_interest(1, 1, at(MAP, 5)));
        let routed = self.routed();
        let [(_, _, query), (_, _, question)] = &routed[..] else { panic!("{routed:?}") };
        let context = |message: &[u8]| {
            Context(u32::from_le_bytes(message[2..6].try_into().expect("four bytes")))
        };
        let (query, question) = (context(query), context(question));
        self.answer_count(client, query, 0);
        self.expect_told(client, &[done(1, 1)]);
        self.tell_all(client, question, MAP, GRID, &texts("Auto", rule));
        self.opened(client, &[6, 7]);
    }
}

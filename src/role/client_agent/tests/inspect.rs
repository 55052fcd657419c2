//! What a console sees of the sessions, and what a connection is told beside bytes.

use super::*;
use crate::router::Page;

/// All sessions, without what is only here: places, and times.
fn all(agent: &Agent, budget: usize) -> Vec<Item> {
    let mut items = Vec::new();
    let mut cursor = Some(Cursor::default());
    while let Some(at) = cursor {
        let page = agent.core.inspect(&Query::Sessions, at, budget);
        assert!(page.items.len() <= budget);
        items.extend(page.items);
        cursor = page.next;
    }
    items.into_iter().map(timeless).collect()
}

fn timeless(item: Item) -> Item {
    match item {
        Item::Session {
            allocated,
            channel,
            state,
            transport,
            remote,
            interests,
            objects,
            channels,
            ..
        } => Item::Session {
            place: 0,
            allocated,
            channel,
            state,
            transport,
            remote,
            interests,
            objects,
            channels,
            since: *LONG_AGO,
            traffic: None,
        },
        item => item,
    }
}

static LONG_AGO: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

fn session(client: TestClient, state: &'static str) -> Item {
    Item::Session {
        place: 0,
        allocated: client.channel,
        channel: client.channel,
        state,
        transport: "tcp",
        remote: "203.0.113.5:54321".into(),
        interests: 0,
        objects: 0,
        channels: 2,
        since: *LONG_AGO,
        traffic: None,
    }
}

#[test]
fn sessions_are_shown_page_by_page() {
    let mut agent = Agent::new();
    assert_eq!(all(&agent, 1), []);
    let new = agent.connect();
    let lost = agent.connect();
    let anonymous = agent.anonymous();
    let established = agent.established();
    agent.lose(lost);
    let expected =
        [session(new, "new"), session(anonymous, "anonymous"), session(established, "established")];
    for budget in 1..6 {
        assert_eq!(all(&agent, budget), expected, "{budget}");
    }
    // A place that is empty costs a visit, but a page that shows nothing is not the last.
    let page = agent.core.inspect(&Query::Sessions, Cursor(1), 1);
    assert_eq!(page, Page { items: Vec::new(), next: Some(Cursor(2)) });
}

#[test]
fn what_a_client_knows_and_wants_is_counted() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, at(5, 6), &[101, 102]);
    agent.own(client, 103, at(9, 9));
    agent.cluster(client.channel, &ClientAgent::SetClientId { channel: Channel(55) });
    let expected = Item::Session {
        place: 0,
        allocated: client.channel,
        channel: Channel(55),
        state: "established",
        transport: "tcp",
        remote: "203.0.113.5:54321".into(),
        interests: 1,
        objects: 3,
        channels: 4,
        since: *LONG_AGO,
        traffic: None,
    };
    assert_eq!(all(&agent, 10), [expected]);
}

#[test]
fn other_questions_have_no_answer_here() {
    let mut agent = Agent::new();
    agent.connect();
    let query = Query::Objects { class_id: None, parent: None, zone: None };
    assert_eq!(agent.core.inspect(&query, Cursor::default(), 10), Page::default());
}

#[test]
fn one_session_is_shown_with_what_it_knows() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 7, at(5, 6), &[101, 102]);
    agent.own(client, 103, at(9, 9));
    agent.cluster(client.channel, &ClientAgent::SetClientId { channel: Channel(55) });
    let of = |channel: Channel, most| agent.core.inspect(&Query::Session(channel), Cursor(0), most);
    for channel in [client.channel, Channel(55)] {
        let Page { items, next: None } = of(channel, 100) else { panic!("it is one page") };
        assert!(matches!(items[0], Item::Session { objects: 3, interests: 1, .. }));
        assert!(items.contains(&Item::Interest {
            id: Some(InterestId(7)),
            parent: DoId(5),
            zones: vec![ZoneId(6)]
        }));
        let known = |do_id, location, is_owned| Item::Known {
            do_id: DoId(do_id),
            class_id: Some(avatar(do_id, location).class_id),
            location,
            is_owned,
        };
        assert!(items.contains(&known(103, at(9, 9), true)), "{items:?}");
        assert!(items.contains(&Item::Channel(Channel(55))));
        assert_eq!(items.iter().filter(|item| matches!(item, Item::Known { .. })).count(), 3);
    }
    assert_eq!(of(client.channel, 1).items.len(), 4, "at most one of each kind");
    assert_eq!(of(Channel::CLIENTS, 10), Page::default(), "nobody is known by that");
    assert_eq!(of(Channel(56), 10), Page::default());
}

#[test]
fn those_who_listen_to_a_channel_are_shown() {
    let mut agent = Agent::new();
    let (first, second) = (agent.established(), agent.established());
    let of = |agent: &Agent, channel| {
        let page = agent.core.inspect(&Query::Listeners(channel), Cursor(0), 10);
        let mut channels: Vec<Channel> = page
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Session { allocated, .. } => Some(*allocated),
                _ => None,
            })
            .collect();
        channels.sort_unstable();
        channels
    };
    assert_eq!(of(&agent, first.channel), [first.channel]);
    assert_eq!(of(&agent, Channel::CLIENTS), [first.channel, second.channel]);
    assert_eq!(of(&agent, Channel(77)), []);
    let count = |channel| agent.core.inspect(&Query::ListenerCount(channel), Cursor(0), 1).items;
    for (channel, sessions) in [(first.channel, 1), (Channel::CLIENTS, 2), (Channel(77), 0)] {
        assert_eq!(count(channel), [Item::Totals { objects: 0, sessions }], "{channel}");
    }
    let totals = agent.core.inspect(&Query::Totals, Cursor(0), 1);
    assert_eq!(totals.items, [Item::Totals { objects: 0, sessions: 2 }]);
}

//! What a console sees of the sessions, and what a connection is told beside bytes.

use super::*;
use crate::router::Page;

fn all(agent: &Agent, budget: usize) -> Vec<Item> {
    let mut items = Vec::new();
    let mut cursor = Some(Cursor::default());
    while let Some(at) = cursor {
        let page = agent.core.inspect(&Query::Sessions, at, budget);
        assert!(page.items.len() <= budget);
        items.extend(page.items);
        cursor = page.next;
    }
    items
}

fn session(client: TestClient, state: &'static str) -> Item {
    Item::Session {
        allocated: client.channel,
        channel: client.channel,
        state,
        transport: "tcp",
        remote: "203.0.113.5:54321".into(),
        interests: 0,
        objects: 0,
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
        allocated: client.channel,
        channel: Channel(55),
        state: "established",
        transport: "tcp",
        remote: "203.0.113.5:54321".into(),
        interests: 1,
        objects: 3,
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

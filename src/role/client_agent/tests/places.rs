//! Places of sessions, which connections are known by.

use super::*;
use crate::net::Stranger;

#[test]
fn a_place_is_not_given_away_before_the_connection_that_has_it_has_been_told_its_end() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.core.foreign(
        agent.now,
        client.key,
        dialect::Foreign::Stranger(Stranger::Http),
        &mut agent.out,
    );
    // Others may come before the shell takes what there is to say.
    let next = agent.core.connect(agent.now, Agent::peer(), &mut agent.out).expect("a channel");
    assert_ne!(next.place(), client.key.place());
    agent.drain();
    assert_eq!(agent.closed.get(&client.key), Some(&CloseKind::Flushed));
    let later = agent.core.connect(agent.now, Agent::peer(), &mut agent.out).expect("a channel");
    assert_eq!(later.place(), client.key.place());
    assert_ne!(later, client.key);
}

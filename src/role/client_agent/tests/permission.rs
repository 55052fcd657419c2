//! Rules for the interests that clients open and close.

use super::*;
use crate::config::{Offence, Reaction};

/// `client.add_interest` with these rules.
fn with(rules: &str) -> Agent {
    let text = format!(
        "roles: [{{type: clientagent, channels: {{min: 1000, max: 1000}}, client: {{add_interest: {rules}}}}}]"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("game.yml");
    std::fs::write(&file, text).expect("a file");
    let loaded = crate::config::load(&file).expect("valid");
    let crate::config::RoleConfig::ClientAgent(read) = &loaded.roles[0] else { panic!() };
    Agent::with(|config| config.client.add_interest = read.client.add_interest.clone())
}

fn add_several(context: u32, id: u16, parent: u32, zones: &[ZoneId]) -> Client<'_> {
    let (context, interest) = (Context(context), InterestId(id));
    Client::AddInterestMultiple { context, interest, parent: DoId(parent), zones: List::new(zones) }
}

const RULES: &str = "[{deny: {parent: 4700}}, {allow: {parent: 4600-4700, zones: [1, 100-399]}}]";
const SEEN: &str = "[{allow: {parent: visible}}]";

#[test]
fn what_rules_allow_is_asked_for_and_what_they_deny_puts_the_client_out() {
    let mut agent = with(RULES);
    let client = agent.established();
    agent.send(client, &add_interest(1, 1, at(4600, 1)));
    agent.query(client.channel, DoId(4600), &[1]);
    agent.send(client, &add_interest(2, 2, at(4700, 1)));
    let text = agent.expect_ejected(client, EjectReason::ForbiddenInterest);
    let expected = "Cannot add interest to zone 1 of parent with id 4700 because the server does not allow it.";
    assert_eq!(text, expected);
    assert!(
        agent.events.iter().any(|event| format!("{event:?}").contains("client-ejected-security"))
    );
}

#[test]
fn an_interest_with_one_zone_that_is_denied_is_refused_whole() {
    let mut agent = with(RULES);
    agent.core.reconfigure(agent.now, &agent_with(&agent, Reaction::Ignore), &mut agent.out);
    let client = agent.established();
    agent.send(client, &add_several(1, 1, 4600, &[ZoneId(1), ZoneId(2), ZoneId(100)]));
    agent.expect_told(client, &[]);
    assert_eq!(agent.routed(), []);
    agent.send(client, &add_several(2, 1, 4600, &[ZoneId(1), ZoneId(399)]));
    agent.query(client.channel, DoId(4600), &[1, 399]);
}

/// Its configuration, with this for interests.
fn agent_with(agent: &Agent, reaction: Reaction) -> ClientAgentConfig {
    let mut config = agent.core.config().clone();
    config.offences.set(Offence::Interest, reaction);
    config
}

#[test]
fn below_parents_that_it_can_see_only_with_grace_for_one_that_has_just_gone() {
    let mut agent = with(SEEN);
    let client = agent.established();
    agent.own(client, 50, at(1, 2));
    agent.send(client, &add_interest(1, 1, at(50, 9)));
    agent.query(client.channel, DoId(50), &[9]);
    agent.cluster(client.channel, &deleting(50));
    agent.told(client);
    // It is told that the interest is done, and nothing is asked for; what it believes to be open it may close.
    agent.send(client, &add_interest(2, 2, at(50, 8)));
    agent.expect_told(client, &[done(2, 2)]);
    agent.send(client, &remove_interest(3, 2));
    agent.expect_told(client, &[done(3, 2)]);
    agent.send(client, &remove_interest(4, 1));
    agent.expect_told(client, &[done(1, 1), done(4, 1)]);
    assert_eq!(agent.routed(), []);
    agent.pass(5_000);
    agent.send(client, &add_interest(5, 5, at(50, 8)));
    let text = agent.expect_ejected(client, EjectReason::ForbiddenInterest);
    assert!(text.contains("zone 8 of parent with id 50"), "{text}");

    // That it has seen the parent is no matter if it is denied all the same.
    let mut agent = with("[{deny: {zones: 8}}, {allow: {parent: visible}}]");
    let client = agent.established();
    agent.own(client, 50, at(1, 2));
    agent.cluster(client.channel, &deleting(50));
    agent.told(client);
    agent.send(client, &add_interest(2, 2, at(50, 8)));
    agent.expect_ejected(client, EjectReason::ForbiddenInterest);
}

#[test]
fn what_the_cluster_opens_is_not_limited() {
    let mut agent = with(RULES);
    let client = agent.established();
    let (interest, location) = (InterestId(8), at(9000, 9));
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
    agent.query(client.channel, DoId(9000), &[9]);
    assert!(agent.is_open(client));
}

#[test]
fn a_client_may_close_what_it_has_opened_and_what_it_might_have_opened() {
    // It has opened it, and lost sight of the parent long ago.
    let mut agent = with(SEEN);
    let client = agent.established();
    agent.own(client, 50, at(1, 2));
    agent.open(client, 1, at(50, 9), &[]);
    agent.cluster(client.channel, &deleting(50));
    agent.told(client);
    agent.pass(400_000);
    agent.send(client, &remove_interest(4, 1));
    agent.expect_told(client, &[done(4, 1)]);

    let close = |agent: &mut Agent, client| agent.send(client, &remove_interest(4, 8));
    let alter = |agent: &mut Agent, client| agent.send(client, &add_interest(4, 8, at(4600, 1)));
    for ask in [close, alter] {
        for (location, is_allowed) in [(at(4600, 100), true), (at(4600, 99), false)] {
            let mut agent = with(RULES);
            let client = agent.established();
            let interest = InterestId(8);
            agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
            agent.told(client);
            ask(&mut agent, client);
            assert_eq!(agent.is_open(client), is_allowed);
            if !is_allowed {
                let text = agent.expect_ejected(client, EjectReason::ForbiddenInterest);
                assert_eq!(
                    text,
                    "Cannot remove interest for zone 99 of parent with id 4600 because the server does not allow it."
                );
            }
        }
    }
    // The cluster has altered what was the client's: it is the cluster's.
    let mut agent = with(RULES);
    let client = agent.established();
    agent.open(client, 8, at(4600, 1), &[]);
    let (interest, location) = (InterestId(8), at(4600, 99));
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
    agent.told(client);
    close(&mut agent, client);
    agent.expect_ejected(client, EjectReason::ForbiddenInterest);
}

#[test]
fn what_the_cluster_has_just_closed_the_client_may_close_once_more_if_it_could_before() {
    for (location, is_allowed) in [(at(4600, 100), true), (at(4600, 99), false)] {
        let mut agent = with(RULES);
        let client = agent.established();
        let interest = InterestId(8);
        agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
        agent.cluster(client.channel, &ClientAgent::RemoveInterest { interest });
        agent.told(client);
        agent.send(client, &remove_interest(4, 8));
        assert_eq!(agent.is_open(client), is_allowed);
    }
}

#[test]
fn other_rules_hold_for_what_is_asked_for_from_then_on() {
    let mut agent = with(RULES);
    let client = agent.established();
    agent.open(client, 1, at(4600, 1), &[60]);
    let newer = with("[{allow: {parent: 5}}]");
    agent.core.reconfigure(agent.now, newer.core.config(), &mut agent.out);
    agent.cluster(at(4600, 1).channel(), &set_field(60, "level", b"\x05"));
    assert_eq!(agent.told(client).len(), 1, "what is open stays open");
    agent.send(client, &add_interest(2, 2, at(5, 77)));
    agent.query(client.channel, DoId(5), &[77]);
    agent.send(client, &add_interest(3, 3, at(4600, 100)));
    agent.expect_ejected(client, EjectReason::ForbiddenInterest);
}

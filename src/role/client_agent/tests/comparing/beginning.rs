//! When a comparison begins.

use super::*;

#[test]
fn what_is_answered_late_does_not_put_off_a_comparison_that_has_yet_to_begin() {
    let (mut agent, client) = seeing();
    let query = zones_of(&agent.gap(), ZONE.parent, &[6, 7]);
    let server = Channel(4000);
    let says = |agent: &mut Agent, message: StateServer<'_>| {
        agent.cluster_from(server, &[Channel::OBSERVERS], &message);
    };
    says(&mut agent, StateServer::Back { server, epoch: 1 });
    // Those who answer now may be lost the next moment.
    agent.count(query, 3);
    agent.found(query, avatar(50, ZONE));
    agent.expect_told(client, &usual(50));
    agent.pass(50);
    says(&mut agent, StateServer::Lost { server, epoch: 1 });
    agent.pass(50);
    let asked = agent.go_on();
    let again = zones_of(&asked, ZONE.parent, &[6, 7]);
    assert_ne!(again, query);
    agent.count(again, 0);
    agent.go_on();
    agent.expect_told(client, &[leaving(50), leaving(51), leaving(52)]);
}

//! When a comparison begins.

use super::*;

const SERVER: Channel = Channel(4000);

impl Agent {
    /// A state server is lost.
    pub(super) fn lost(&mut self, server: Channel) {
        let message = StateServer::Lost { server, epoch: 7 };
        self.cluster_from(server, &[Channel::OBSERVERS], &message);
    }

    /// A state server was away.
    pub(super) fn back(&mut self, server: Channel) {
        let message = StateServer::Back { server, epoch: 7 };
        self.cluster_from(server, &[Channel::OBSERVERS], &message);
    }

    /// Time passes; what the agent asks meanwhile.
    pub(super) fn let_pass(&mut self, ms: u64) -> Vec<Asked> {
        let mut asked = Vec::new();
        for _ in 0..ms / 100 {
            self.pass(100);
            asked.extend(self.go_on());
        }
        asked
    }
}

#[test]
fn a_state_server_that_is_lost_or_was_away_begins_a_comparison_a_moment_later() {
    let (mut agent, client) = seeing();
    agent.lost(SERVER);
    assert_eq!(agent.go_on(), []);
    // There may be others, which do not put it off.
    agent.pass(99);
    agent.lost(Channel(4001));
    agent.pass(1);
    let first = zones_of(&agent.go_on(), ZONE.parent, &[6, 7]);
    agent.count(first, 3);
    [50, 51, 52].into_iter().for_each(|id| agent.found(first, avatar(id, ZONE)));
    agent.go_on();
    agent.told(client);
    // It has only been away.
    agent.back(SERVER);
    agent.pass(100);
    let second = zones_of(&agent.go_on(), ZONE.parent, &[6, 7]);
    agent.count(second, 2);
    agent.found(second, avatar(51, ZONE));
    agent.found(second, avatar(52, ZONE));
    agent.go_on();
    let [[a, b], [c, d]] = [usual(51), usual(52)];
    agent.expect_told(client, &[a, b, c, d, leaving(50)]);
}

#[test]
fn what_was_heard_before_a_loss_is_the_next_comparisons_to_judge() {
    let (mut agent, client) = seeing();
    let query = zones_of(&agent.gap(), ZONE.parent, &[6, 7]);
    // Those who answer now may be lost the next moment.
    agent.count(query, 2);
    agent.found(query, avatar(50, ZONE));
    agent.expect_told(client, &usual(50));
    agent.lost(SERVER);
    agent.found(query, avatar(51, ZONE));
    agent.go_on();
    let [name, health] = usual(51);
    agent.expect_told(client, &[name, health, leaving(52)]);
    agent.pass(100);
    let asked = agent.go_on();
    let again = zones_of(&asked, ZONE.parent, &[6, 7]);
    agent.count(again, 0);
    agent.go_on();
    agent.expect_told(client, &[leaving(50), leaving(51)]);
}

#[test]
fn while_others_come_and_go_all_is_asked_some_times_a_minute_at_most() {
    let (mut agent, client) = seeing();
    let mut rounds = 0;
    for second in 0..60 {
        agent.back(SERVER);
        for question in agent.let_pass(1000) {
            let What::Zones(..) = question.what else { panic!("{question:?}") };
            rounds += 1;
            agent.count(question.context, 3);
            [50, 51, 52].into_iter().for_each(|id| agent.found(question.context, avatar(id, ZONE)));
            agent.go_on();
        }
        assert!(second > 5 || rounds > 0, "the first is not put off");
    }
    assert!((12..=17).contains(&rounds), "{rounds}");
    // When it is calm again, it is done at once.
    agent.let_pass(20_000);
    agent.back(SERVER);
    assert_eq!(agent.let_pass(100).len(), 1);
    agent.told(client);
}

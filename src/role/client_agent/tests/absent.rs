//! Interests in parents that are not there.

use super::*;

const ZONE: Location = Location::new(DoId(5), ZoneId(6));
const NEXT: Location = Location::new(DoId(5), ZoneId(7));
const PARENT: DoId = ZONE.parent;

impl Agent {
    /// A client whose interest in a zone is not answered. What the agent asks then.
    fn unanswered(
        &mut self,
        client: TestClient,
        interest: u16,
        zone: Location,
    ) -> Vec<(Context, Vec<u32>)> {
        self.send(client, &add_interest(u32::from(interest), interest, zone));
        self.query(client.channel, zone.parent, &[zone.zone.0]);
        self.pass(500);
        self.expect_told(client, &[done(u32::from(interest), interest)]);
        self.asks()
    }

    /// What the agent itself asks parents.
    fn asks(&mut self) -> Vec<(Context, Vec<u32>)> {
        while self.core.resume(self.now, 3, &mut self.out) {}
        self.drain();
        let asker = self.core.asker();
        let asked = self.routed().into_iter().map(|(to, sender, message)| {
            assert_eq!((&to[..], sender), (&[PARENT.channel()][..], asker));
            let mut reader = crate::wire::Reader::new(&message);
            let number = reader.u16().expect("a number");
            match StateServer::decode(number, &mut reader).expect("a message") {
                StateServer::ObjectGetZonesObjects { context, zones, .. } => {
                    (context, zones.iter().map(|zone| zone.0).collect())
                }
                other => panic!("{other:?} is asked"),
            }
        });
        asked.collect()
    }

    /// The parent is made, and asks who its children are.
    fn parent_wakes(&mut self) -> Vec<(Context, Vec<u32>)> {
        let question = StateServer::ObjectGetLocation { context: Context(1001) };
        self.cluster_from(PARENT.channel(), &[PARENT.children()], &question);
        self.asks()
    }

    fn parent_answers(&mut self, context: Context, objects: &[u32]) {
        let asker = self.core.asker();
        let count = DoId(objects.len() as u32);
        self.cluster(asker, &StateServer::ObjectGetZonesCountResp { context, count });
        for &id in objects {
            let object = avatar(id, ZONE);
            let answer = StateServer::ObjectEnterInterestWithRequired { context, object };
            self.cluster(asker, &answer);
        }
    }
}

#[test]
fn what_stands_there_is_shown_when_the_parent_has_come() {
    let mut agent = Agent::new();
    let client = agent.established();
    let asked = agent.unanswered(client, 1, ZONE);
    assert_eq!(asked.len(), 1, "once more when its time is over");
    agent.pass(60_000);
    assert_eq!(agent.asks(), []);
    let [(context, zones)] = &agent.parent_wakes()[..] else { panic!("not one question") };
    assert_eq!(zones, &[6]);
    agent.parent_answers(*context, &[50, 51]);
    agent.expect_told(client, &[enter(50, ZONE), enter(51, ZONE)]);
    // It has answered.
    assert_eq!(agent.core.absent_count(), 0);
    assert_eq!(agent.parent_wakes(), []);
}

#[test]
fn a_parent_that_has_come_before_the_time_was_over_answers_the_second_question() {
    let mut agent = Agent::new();
    let client = agent.established();
    let asked = agent.unanswered(client, 1, ZONE);
    // Another one's time is over meanwhile: that is asked for when it is known to be there.
    let other = agent.established();
    assert_eq!(agent.unanswered(other, 2, NEXT), []);
    agent.parent_answers(asked[0].0, &[50]);
    agent.expect_told(client, &[enter(50, ZONE)]);
    let rest = agent.asks();
    assert_eq!(rest.iter().map(|(_, zones)| zones).collect::<Vec<_>>(), [&[7]]);
    agent.parent_answers(rest[0].0, &[]);
    assert_eq!(agent.parent_wakes(), []);
}

#[test]
fn nothing_is_asked_for_interests_that_were_answered_or_closed() {
    let mut agent = Agent::new();
    let (client, other) = (agent.established(), agent.established());
    agent.open(other, 1, NEXT, &[]);
    agent.unanswered(client, 1, ZONE);
    agent.send(client, &remove_interest(2, 1));
    agent.told(client);
    assert_eq!(agent.parent_wakes(), []);
    // An answer that comes late is one.
    agent.send(client, &add_interest(3, 1, ZONE));
    let late = agent.query(client.channel, PARENT, &[6]);
    agent.pass(500);
    agent.asks();
    agent.answer_count(client, late, 0);
    assert_eq!(agent.parent_wakes(), []);
}

#[test]
fn all_sessions_share_a_question() {
    let mut agent = Agent::new();
    let clients = [(); 5].map(|()| agent.established());
    for client in clients {
        agent.send(client, &add_interest(1, 1, ZONE));
    }
    agent.routed();
    agent.pass(500);
    assert_eq!(agent.asks().len(), 1);
    clients.iter().for_each(|client| drop(agent.told(*client)));
    let asked = agent.parent_wakes();
    assert_eq!(asked.len(), 1);
    agent.parent_answers(asked[0].0, &[50]);
    clients.iter().for_each(|&client| agent.expect_told(client, &[enter(50, ZONE)]));
}

#[test]
fn parents_that_nobody_waits_for_are_forgotten() {
    let mut agent = Agent::with(|config| config.limits = ClientLimitsConfig::NONE);
    let client = agent.established();
    for parent in 0..2500 {
        agent.send(client, &add_interest(1, 1, Location::new(DoId(1000 + parent), ZoneId(1))));
        agent.pass(500);
        agent.core.resume(agent.now, 100, &mut agent.out);
        agent.drain();
        agent.routed();
    }
    assert!(agent.core.absent_count() <= 2048, "{}", agent.core.absent_count());
}

//! What happens while all is compared.

use super::*;

const GONE: Channel = Channel(4000);
const OTHER: Channel = Channel(4001);

/// An object says where it is.
fn located(agent: &mut Agent, question: &Asked, location: Location) {
    let do_id = DoId(u32::try_from(question.to.0).expect("an object"));
    let context = question.context;
    agent.answer(&StateServer::ObjectGetLocationResp { context, do_id, location });
}

#[test]
fn objects_of_a_state_server_that_is_gone_leave_while_another_comes_and_goes() {
    for is_back in [true, false] {
        let (mut agent, client) = seeing();
        agent.lost(GONE);
        for _ in 0..9 {
            agent.let_pass(1000);
            if is_back {
                agent.back(OTHER);
            } else {
                agent.lost(OTHER);
            }
        }
        agent.expect_told(client, &[leaving(50), leaving(51), leaving(52)]);
    }
}

#[test]
fn they_leave_while_the_agents_own_connection_comes_and_goes() {
    let (mut agent, client) = seeing();
    agent.lost(GONE);
    for _ in 0..9 {
        agent.let_pass(1000);
        agent.core.gap(agent.now, Gap { same_epoch: true }, &mut agent.out);
    }
    agent.expect_told(client, &[leaving(50), leaving(51), leaving(52)]);
}

#[test]
fn what_is_lost_when_a_comparison_has_begun_leaves_within_ten_seconds_too() {
    let (mut agent, client) = seeing();
    // It has been like that for long.
    let mut lost_at = None;
    for second in 0..40 {
        agent.back(OTHER);
        let mut told = Vec::new();
        for question in agent.let_pass(1000) {
            if lost_at.is_none() {
                agent.count(question.context, 3);
                for id in [50, 51, 52] {
                    agent.found(question.context, avatar(id, ZONE));
                }
                agent.go_on();
                if second > 20 {
                    agent.lost(GONE);
                    lost_at = Some(second);
                }
                agent.told(client);
            }
            told.extend(agent.told(client));
        }
        told.extend(agent.told(client));
        if !told.is_empty() {
            let lost_at = lost_at.expect("nothing is told before");
            assert!(second - lost_at <= 10, "{second} {lost_at}");
            return;
        }
    }
    panic!("nothing leaves");
}

#[test]
fn whoever_was_away_meanwhile_is_asked_again_before_he_is_judged() {
    let (mut agent, client) = seeing();
    agent.own(client, 60, ELSEWHERE);
    agent.lost(GONE);
    agent.let_pass(100);
    assert_eq!(
        agent.let_pass(3900).iter().filter(|asked| asked.to == ZONE.parent.children()).count(),
        1
    );
    agent.expect_told(client, &[]);
    agent.back(OTHER);
    let asked = agent.let_pass(100);
    let ids: Vec<u64> = asked.iter().map(|asked| asked.to.0).collect();
    assert_eq!(ids, [50, 51, 52, 60]);
    assert!(asked.iter().all(|asked| asked.what == What::Location));
    // That it is there it can say in some time, and the others then have more.
    agent.let_pass(400);
    located(&mut agent, &asked[1], NEXT);
    agent.expect_told(client, &[]);
    agent.let_pass(1900);
    located(&mut agent, &asked[3], ELSEWHERE);
    agent.let_pass(2100);
    agent.expect_told(client, &[leaving(50), moved(51, NEXT), leaving(52)]);
}

#[test]
fn when_all_who_were_away_have_answered_the_next_comparison_begins() {
    let (mut agent, client) = seeing();
    agent.lost(GONE);
    agent.let_pass(1000);
    agent.back(GONE);
    let asked = agent.let_pass(100);
    assert_eq!(asked.len(), 3, "{asked:?}");
    asked.iter().for_each(|question| located(&mut agent, question, ZONE));
    let query = zones_of(&agent.go_on(), ZONE.parent, &[6, 7]);
    agent.count(query, 3);
    [50, 51, 52].into_iter().for_each(|id| agent.found(query, changed(id, ZONE)));
    assert_eq!(agent.let_pass(10_000), []);
    let told = [50, 51, 52].map(|id| values(id, b"\x02\0bo", b"\x05")).concat();
    agent.expect_told(client, &told);
}

#[test]
fn who_comes_and_goes_is_not_judged_by_what_he_has_missed() {
    let (mut agent, client) = seeing();
    // Its first word is heard each time that it is back, and nothing else.
    agent.lost(OTHER);
    for _ in 0..30 {
        agent.let_pass(1000);
        agent.back(OTHER);
        let asked = agent.let_pass(200);
        for question in asked.iter().filter(|asked| asked.what == What::Location) {
            located(&mut agent, question, ZONE);
        }
        agent.lost(OTHER);
        agent.expect_told(client, &[]);
    }
}

#[test]
fn an_object_of_another_class_under_the_same_id_is_another_one() {
    let (mut agent, client) = seeing();
    agent.own(client, 51, ZONE);
    let other = dc().class_by_name("Plaza").expect("declared").id();
    let object = |do_id| ObjectState { class_id: other, values: Rest(b""), ..avatar(do_id, ZONE) };
    agent.told(client);
    agent.gap();
    agent.routed();
    // The zone's answers are told to all who listen there, whoever asked.
    agent.found(Context(1), object(50));
    agent.expect_told(client, &[leaving(50), Client::EnterObjectRequired { object: object(50) }]);
    agent.found(Context(1), object(51));
    let gone = [leaving(51), Client::ObjectLeavingOwner { do_id: DoId(51) }];
    let [seen, owned] = gone;
    agent.expect_told(client, &[seen, owned, Client::EnterObjectRequired { object: object(51) }]);
    // It may be its own again.
    let owned_is_asked = agent.routed().iter().any(|(to, ..)| to[..] == [Channel::OBSERVERS]);
    assert!(owned_is_asked);
}

//! With what clients come back, and who may try to.

use super::*;
use crate::wire::Framing;

#[test]
fn a_token_is_good_once_and_for_nothing_else() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    let (other, others) = agent.resumable();
    agent.lose(client);
    for forged in [&b""[..], b"abc", &[0; 32], &[255; 32], &[&token[..4], &others[4..]].concat()] {
        agent.expect_refused(forged);
    }
    let next = agent.come_back(client, &token);
    agent.send(client, &Client::Heartbeat {});
    let newcomer = agent.expect_refused(&token);
    // It can begin anew all the same.
    let dc_hash = dc().hash();
    agent.send(newcomer, &Client::Hello { dc_hash, version: Blob(VERSION.as_bytes()) });
    agent.expect_told(newcomer, &[Client::HelloResp {}]);
    agent.lose(client);
    agent.come_back(client, &next);
    // Another agent has other tokens.
    let mut elsewhere = super::resuming::agent();
    elsewhere.core.make_tokens([8; 32]);
    let (lost, _) = elsewhere.resumable();
    elsewhere.lose(lost);
    elsewhere.expect_refused(&token);
    assert!(agent.is_open(other));
}

#[test]
fn a_second_wrong_token_is_one_too_many() {
    let mut agent = agent();
    let newcomer = agent.expect_refused(&[1; 32]);
    agent.send(newcomer, &Client::Resume { token: Secret(&[2; 32]) });
    agent.expect_ejected(newcomer, EjectReason::Generic);
}

#[test]
fn a_newcomer_for_whom_there_is_no_room_may_only_come_back() {
    let refusal = Ejection {
        reason: EjectReason::Generic as u16,
        text: b"full".to_vec(),
        security: false,
        limit: Some("limits.connections"),
        offence: None,
    };
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.lose(client);
    let newcomer = agent.connect();
    agent.core.only_comes_back(agent.now, newcomer.key, refusal.clone());
    agent.send(newcomer, &Client::Resume { token: Secret(&token) });
    assert_eq!(agent.resumed.take(), Some(client.key));
    let newcomer = agent.connect();
    agent.core.only_comes_back(agent.now, newcomer.key, refusal);
    let dc_hash = dc().hash();
    agent.send(newcomer, &Client::Hello { dc_hash, version: Blob(VERSION.as_bytes()) });
    agent.expect_ejected(newcomer, EjectReason::Generic);
}

#[test]
fn a_token_is_never_shown() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.lose(client);
    agent.come_back(client, &token);
    let shown = format!("{:?} {:?}", agent.events, Client::Resume { token: Secret(&token) });
    let hex: String = token[4..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(&*token[4..].escape_ascii().to_string()) && !shown.contains(&hex));
}

#[test]
fn a_client_gets_a_token_only_where_there_are_some_and_when_it_has_been_let_in() {
    let mut agent = agent();
    let client = agent.anonymous();
    let first = agent.ask(client).expect("a token");
    let second = agent.ask(client).expect("another");
    assert_ne!(first, second);
    let new = agent.connect();
    agent.send(new, &Client::ResumeAsk {});
    agent.expect_ejected(new, EjectReason::NoHello);
    for mut agent in [Agent::with(|config| config.client.resume_ms = RESUME_MS), {
        let mut agent = Agent::new();
        agent.core.make_tokens([7; 32]);
        agent
    }] {
        let client = agent.established();
        assert_eq!(agent.ask(client), None);
        agent.lose(client);
        assert!(!agent.is_there(client), "it has nothing to come back with");
    }
}

#[test]
fn a_token_is_good_until_its_client_is_known_to_have_got_the_next() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    let mut next = Vec::new();
    // The answer is lost with the connection.
    for attempt in 0..3 {
        agent.lose(client);
        let again = agent.come_back(client, &token);
        assert!(attempt == 0 || again == next, "it may have got it after all");
        next = again;
    }
    // What one attempt brings late does not void what another has brought.
    agent.come_back(client, &token);
    let third = agent.come_back(client, &next);
    assert_ne!(third, next);
    agent.expect_refused(&token);
    agent.lose(client);
    assert_eq!(agent.come_back(client, &next), third);
    agent.send(client, &Client::Heartbeat {});
    agent.expect_refused(&next);
    agent.lose(client);
    agent.come_back(client, &third);
}

#[test]
fn where_nobody_is_to_come_back_any_more_no_token_is_said_once_more() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    agent.lose(client);
    agent.come_back(client, &token);
    agent.lose(client);
    agent.core.reconfigure(agent.now, &config(), &mut agent.out);
    assert_eq!(agent.come_back(client, &token), b"");
    agent.lose(client);
    assert!(!agent.is_there(client));
}

#[test]
fn what_was_said_with_the_token_does_not_show_that_the_next_was_got() {
    let mut agent = agent();
    let (client, token) = agent.resumable();
    let newcomer = agent.connect();
    let mut frames = Vec::new();
    for message in [Client::Resume { token: Secret(&token) }, Client::Heartbeat {}] {
        write_frame(&mut frames, |writer| message.write(writer)).expect("fits");
    }
    let heard = agent.core.input(agent.now, newcomer.key, &frames, &mut agent.out);
    agent.drain();
    assert_eq!(agent.resumed.take(), Some(client.key));
    let rest = &frames[frames.len() - heard.rest..];
    assert_eq!(agent.core.input(agent.now, client.key, rest, &mut agent.out), Heard::default());
    agent.lose(client);
    agent.come_back(client, &token);
}

#[test]
fn who_asks_for_another_token_has_the_one_before_until_it_says_more() {
    let mut agent = agent();
    let (client, first) = agent.resumable();
    let second = agent.ask(client).expect("another");
    agent.lose(client);
    assert_eq!(agent.come_back(client, &first), second);
    agent.send(client, &Client::Heartbeat {});
    agent.expect_refused(&first);
    agent.lose(client);
    agent.come_back(client, &second);
}

#[test]
fn the_answer_comes_before_all_else_in_a_message_of_its_own() {
    for framing in [Framing::Tag16, Framing::Frames] {
        let mut agent = agent();
        let (client, token) = agent.resumable();
        agent.open(client, 1, ROOM, &[41]);
        agent.lose(client);
        let peer = Box::new(Agent::peer());
        let key = agent.core.connect_framed(agent.now, peer, framing, &mut agent.out);
        let key = key.expect("a channel");
        agent.drain();
        let mut frame = Vec::new();
        let resume = Client::Resume { token: Secret(&token) };
        write_frame(&mut frame, |writer| resume.write(writer)).expect("fits");
        let heard = agent.core.input(agent.now, key, &frame, &mut agent.out);
        assert_eq!(heard, Heard::default());
        let answer = agent.core.take_resumed().expect("it is back").answer;
        let mut expected = Vec::new();
        framing.begin(&mut expected);
        let response =
            Client::ResumeResp { resumed: true, token: Secret(&[0; 32]), resume_ms: RESUME_MS };
        framing.write(&mut expected, |writer| response.write(writer)).expect("fits");
        framing.finish(&mut expected);
        assert_eq!(answer.len(), expected.len(), "nothing else is in it");
        agent.drain();
        assert!(!agent.told[&client.key].is_empty(), "which interests are open");
    }
}

#[test]
fn nobody_comes_back_to_a_session_that_is_not_established_any_more() {
    for state in [0, 1] {
        // The player is logged out while it is away.
        let mut agent = agent();
        let (client, token) = agent.resumable();
        assert_eq!(agent.core.resumable().count(), 1);
        agent.lose(client);
        assert_eq!(agent.core.resumable().count(), 1);
        agent.kinds();
        agent.cluster(client.channel, &ClientAgent::SetState { state });
        assert!(!agent.is_there(client), "it has nothing to come back to");
        assert_eq!(agent.kinds(), ["client-lost"]);
        let newcomer = agent.expect_refused(&token);
        let dc_hash = dc().hash();
        agent.send(newcomer, &Client::Hello { dc_hash, version: Blob(VERSION.as_bytes()) });
        agent.expect_told(newcomer, &[Client::HelloResp {}]);
        // Or while its connection looks alive; it may be logged in again on that.
        let (client, token) = agent.resumable();
        agent.cluster(client.channel, &ClientAgent::SetState { state });
        assert_eq!(agent.core.resumable().count(), 0);
        agent.expect_refused(&token);
        assert!(agent.is_there(client));
        agent.cluster(client.channel, &ClientAgent::SetState { state: 2 });
        assert_eq!(agent.core.resumable().count(), 1);
        agent.lose(client);
        agent.come_back(client, &token);
    }
}

#[test]
fn who_is_on_probation_is_put_out_unless_the_first_that_it_says_is_a_good_token() {
    let text = b"full";
    let full = |agent: &mut Agent| {
        let refusal = Ejection {
            limit: Some("limits.connections"),
            ..Ejection::new(EjectReason::Generic as u16, text)
        };
        let newcomer = agent.connect();
        agent.core.only_comes_back(agent.now, newcomer.key, refusal);
        newcomer
    };
    let eject = || Client::Eject { reason: EjectReason::Generic as u16, text: Blob(text) };
    let token = Secret(&[]);
    let refused = || Client::ResumeResp { resumed: false, token, resume_ms: 0 };
    for handshake_timeout_ms in [10_000, 0] {
        let mut agent = agent_with(|config| config.handshake_timeout_ms = handshake_timeout_ms);
        let newcomer = full(&mut agent);
        agent.send(newcomer, &Client::Heartbeat {});
        agent.expect_told(newcomer, &[eject()]);
        let newcomer = full(&mut agent);
        agent.send(newcomer, &Client::Resume { token: Secret(&[1; 32]) });
        agent.expect_told(newcomer, &[refused(), eject()]);
        // Whoever says nothing has three seconds, also where others have longer, or for ever.
        let newcomer = full(&mut agent);
        agent.pass(2_999);
        agent.expect_told(newcomer, &[]);
        agent.pass(1);
        agent.expect_told(newcomer, &[eject()]);
    }
}

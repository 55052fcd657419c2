//! How somebody comes in: what he says is passed on, and judged by an UberDOG.

use super::*;

/// What a client of those days says first.
fn login() -> Bytes {
    dg(125).text("token").text("v2.5").u32(0xdead_beef).u32(2)
}

fn forwarded(message: &Bytes) -> (Channel, Vec<u8>) {
    let blob = [&(message.0.len() as u16).to_le_bytes()[..], &message.0].concat();
    let set =
        StateServer::ObjectSetField { do_id: LOGIN_TO, field: field("data"), value: Rest(&blob) };
    (LOGIN_TO.channel(), encode(&set))
}

#[track_caller]
fn expect_forwarded(agent: &mut Agent, sender: Channel, message: &Bytes) {
    let (to, bytes) = forwarded(message);
    assert_eq!(agent.routed(), [(vec![to], sender, bytes)]);
}

#[test]
fn log_ins_are_passed_on_with_their_numbers() {
    let mut agent = Agent::otp();
    let client = agent.connect();
    agent.says(client, login());
    expect_forwarded(&mut agent, client.channel, &login());
    agent.hears(client, &[]);
    // The UberDOG answers, and gives the client another channel.
    let answer = dg(126).u8(0).text("").u32(7);
    let account = Channel(1003 << 32 | 7);
    agent.cluster(client.channel, &ClientAgent::SetClientId { channel: account });
    agent.cluster(account, &ClientAgent::SetState { state: 2 });
    agent.cluster(account, &ClientAgent::SendDatagram { datagram: Blob(&answer.0) });
    agent.hears(client, &[answer]);
    agent.routed();
    // All the same later.
    let again = dg(111).raw(b"\0\xff");
    agent.says(client, again.clone());
    expect_forwarded(&mut agent, account, &again);
    assert!(agent.is_open(client));
}

#[test]
fn it_need_not_log_in_to_show_life_and_to_speak_to_anonymous_uberdogs() {
    let mut agent = Agent::otp();
    let client = agent.connect();
    agent.says(client, dg(52));
    agent.hears(client, &[dg(52)]);
    let request = dg(24).u32(LOGIN_UBERDOG.0).u16(field("request").0).text("x");
    agent.says(client, request);
    let set = set_field(LOGIN_UBERDOG.0, "request", b"\x01\0x");
    agent.expect_routed(client.channel, &[(LOGIN_UBERDOG.channel(), &set)]);
    agent.says(client, dg(24).u32(LOGIN_TO.0).u16(field("data").0).text("x"));
    agent.gets_lost(client, 113);
}

#[test]
fn before_that_it_sees_what_is_below_the_root_and_nothing_else() {
    let visible = |config: &mut ClientAgentConfig| {
        config.client.add_interest = InterestPermission::Visible;
    };
    let mut agent = Agent::otp_with(Era::Otp, |_| {}, visible);
    let client = agent.connect();
    agent.opens(client, 3, at(ROOT, 2), &[1001]);
    // It alters and closes it, too.
    agent.says(client, add_interest(3, 9, ROOT, &[]));
    agent.hears(client, &[disable(1001), done(3, 9)]);
    agent.says(client, remove_interest(3, 10));
    agent.says(client, remove_interest(3, 11));
    agent.hears(client, &[done(3, 10), done(3, 11)]);
    agent.routed();
    agent.says(client, add_interest(4, 12, 100, &[5]));
    assert!(agent.gets_lost(client, 113).contains("prior to authentication"));
    assert!(agent.routed().is_empty());
    let client = agent.connect();
    agent.says(client, location(1001, at(100, 5)));
    agent.gets_lost(client, 108);
}

#[test]
fn by_default_a_player_sees_below_what_it_sees() {
    let visible = |config: &mut ClientAgentConfig| {
        config.client.add_interest = InterestPermission::Visible;
    };
    let mut agent = Agent::otp_with(Era::Otp, |_| {}, visible);
    let client = agent.playing();
    agent.opens(client, 3, at(ROOT, 2), &[1001]);
    agent.opens(client, 4, at(1001, 5), &[1002]);
    agent.routed();
    // What has gone, it may close the zones of.
    agent.cluster(at(ROOT, 2).channel(), &deleting(1001));
    agent.pass(60_000);
    agent.says(client, remove_interest(4, 1));
    agent.hears(client, &[disable(1001), disable(1002), done(4, 1)]);
    agent.says(client, add_interest(5, 2, 100, &[5]));
    agent.gets_lost(client, 115);
}

#[test]
fn who_says_nothing_that_is_understood_does_not_stay() {
    let mut agent = Agent::otp();
    let silent = agent.connect();
    let [login_only, odd] = [agent.connect(), agent.connect()];
    agent.says(login_only, login());
    agent.says(odd, dg(126));
    assert!(agent.gets_lost(odd, 108).contains("Message type 126 not valid."));
    agent.pass(10_000);
    agent.gets_lost(silent, 107);
    assert!(agent.is_open(login_only));
}

#[test]
fn log_in_messages_are_those_of_the_configuration() {
    let mut agent = Agent::otp_with(Era::Otp, |otp| otp.login = [3, 49].into(), |_| {});
    let client = agent.connect();
    agent.says(client, dg(3));
    expect_forwarded(&mut agent, client.channel, &dg(3));
    agent.says(client, login());
    agent.gets_lost(client, 108);
}

#[test]
fn without_an_uberdog_log_ins_are_dropped() {
    let mut agent = Agent::otp_with(Era::Otp, |otp| otp.login_to = None, |_| {});
    let client = agent.connect();
    agent.says(client, login());
    assert!(agent.is_open(client) && agent.routed().is_empty());
    // What does not fit a datagram of servers.
    let mut agent = Agent::otp();
    let client = agent.connect();
    agent.says(client, dg(125).raw(&[0; 65_533]));
    agent.gets_lost(client, 106);
}

#[test]
fn whoever_is_let_in_while_the_agent_closes_is_not() {
    let mut agent = Agent::otp();
    let client = agent.connect();
    agent.core.close_doors(&mut agent.out);
    agent.says(client, login());
    agent.gets_lost(client, 160);
    assert!(agent.routed().is_empty());
}

#[test]
fn other_programs_are_known_by_their_first_bytes() {
    let config = Arc::new(otp_config(Era::Otp, |otp| otp.login = [0x0201].into()));
    let dialect = client_type::of(&ClientKind::Otp(config), &dc());
    let frame = |datagram: &Bytes| {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, |writer| writer.raw(&datagram.0)).expect("fits");
        bytes
    };
    for own in [dg(52), dg(37), add_interest(1, 2, 3, &[4]), login()] {
        assert_eq!(dialect.recognise(&frame(&own)), None, "{own:?}");
    }
    // A log-in that could be the beginning of TLS.
    assert_eq!(dialect.recognise(b"\x16\x03\x01\x02\0\x01"), None);
    let hello = Bytes(encode(&Client::Hello { dc_hash: 1, version: Blob(b"v") }));
    let astron = client_type::Foreign::Client(ClientFamily::Astron);
    assert_eq!(dialect.recognise(&frame(&hello)), Some(astron));
    assert!(dialect.recognise(b"GET / HTTP/1.1\r\n").is_some());
}

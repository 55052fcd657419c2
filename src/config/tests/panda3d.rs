//! `client.type: panda3d`.

use dclass::Source;

use super::*;
use crate::config::panda3d;
use crate::ids::{Channel, DoId, ZoneId};

const DC: &str = "dclass DistributedObject {};\n\
    dclass TimeManager { requestServerTime(uint8) p2p; serverTime(uint8, int32); };\n\
    dclass Message {};\n";

/// The agent of a file whose other role is a state server.
fn agent(client: &str) -> ClientAgentConfig {
    let config = valid(&format!(
        "roles: [{{type: stateserver, control: 2001}}, {{type: clientagent, client: {{type: panda3d{client}}}}}]"
    ));
    match config.roles.into_iter().nth(1) {
        Some(RoleConfig::ClientAgent(agent)) => agent,
        other => panic!("{other:?}"),
    }
}

fn panda3d_of(client: &str) -> Panda3dConfig {
    let agent = agent(client);
    Panda3dConfig::clone(agent.client.kind.panda3d().expect("it is of this type"))
}

#[test]
fn nothing_has_to_be_said() {
    let agent = agent("");
    let config = agent.client.kind.panda3d().expect("it is of this type");
    let expected = Panda3dConfig {
        state_server: Some(Channel(2001)),
        is_here: true,
        ..Panda3dConfig::default()
    };
    assert_eq!(**config, expected);
    assert!(agent.client.relocate);
    assert_eq!(agent.client.add_interest, InterestPermission::Enabled);
    assert_eq!(agent.offences.reaction(Offence::Permission), Reaction::Warn);
    assert_eq!(agent.offences.reaction(Offence::Object), Reaction::Warn);
    assert_eq!(agent.offences.reaction(Offence::Value), Reaction::Eject);
    // The first doIds of twenty thousand clients, as avatars.
    assert_eq!(agent.channel_step, 100_000);
    assert_eq!(agent.channels.low(), DoId(2_000_000_001).avatar());
    assert_eq!(agent.channels.high(), DoId(3_999_900_001).avatar());
}

#[test]
fn all_can_be_said() {
    let config = panda3d_of(
        ", tcp_header_size: 4, doids: {min: 1001, max: 2000, per_client: 100}, root: 7777, stateserver: 5000, \
         create: [Message], trusted: {bind: '127.0.0.1:4411'}, time_manager: {zone: 3}, regenerate: server, relocate: false",
    );
    assert_eq!((config.do_ids.min, config.do_ids.max), (DoId(1001), DoId(2000)));
    assert_eq!((config.root, config.state_server), (DoId(7777), Some(Channel(5000))));
    assert_eq!(config.create, Creation::Classes(vec!["Message".to_owned()]));
    assert_eq!(config.trusted.as_ref().map(|bind| bind.to_string()), Some("127.0.0.1:4411".into()));
    assert_eq!(config.time_manager, Some(ZoneId(3)));
    assert_eq!(config.regenerate, Regenerate::Server);
    // The last doId is the TimeManager's, so that there are nine blocks.
    assert_eq!(config.time_manager_id(), Some(DoId(2000)));
    let (channels, step) = config.channels();
    assert_eq!((channels.low(), channels.high()), (DoId(1001).avatar(), DoId(1801).avatar()));
    assert_eq!(step, 100);
    let bases = [1000, 1001, 1100, 1101, 1999, 2000, 2001].map(|do_id| config.base_of(DoId(do_id)));
    let base = |base| Some(DoId(base));
    assert_eq!(bases, [None, base(1001), base(1001), base(1101), base(1901), None, None]);
    assert!(!agent(", relocate: false").client.relocate);
}

#[test]
fn what_cannot_be() {
    let of = |client: &str| {
        errors(&format!("roles: [{{type: clientagent, client: {{type: panda3d, {client}}}}}]"))
    };
    for (client, expected) in [
        (
            "tcp_header_size: 3",
            "roles[0].client.tcp_header_size: found `3`, expected one of `2` and `4`",
        ),
        (
            "root: 2000000005",
            "roles[0].client.root: a client would make an object with the doId of the parent of all zones, 2000000005",
        ),
        (
            "doids: {min: 1999999999}",
            "roles[0].client.doids: a client would make an object with the doId of the parent of all zones, 2000000000",
        ),
        (
            "root: 1001",
            "roles[0].client.root: the channels of the zones of 1001 mean something else",
        ),
        (
            "doids: {min: 1009, max: 1008}",
            "roles[0].client.doids.max: 1009-1008 are too few for a client, which gets 100000",
        ),
        (
            "doids: {per_client: 4000000000}",
            "roles[0].client.doids.per_client: 2000000001-4000000000 are too few for a client, which gets 4000000000",
        ),
        (
            "create: Message",
            "roles[0].client.create: found `Message`, expected the names of the classes",
        ),
        ("trusted: {}", "roles[0].client.trusted.bind: the key is missing"),
        ("time_manager: {}", "roles[0].client.time_manager.zone: the key is missing"),
        (
            "regenerate: never",
            "roles[0].client.regenerate: found `never`, expected one of `owner` and `server`",
        ),
    ] {
        let errors = of(client);
        assert!(errors.contains(expected), "{client}: {errors}");
    }
    // They are of no other type.
    let errors =
        errors("roles: [{type: clientagent, channels: {min: 1000, max: 1009}, client: {root: 5}}]");
    let text = "client.root: only agents with `client.type: panda3d`, `otp` or `toontown2003` have this key";
    assert!(errors.contains(text), "{errors}");
}

#[test]
fn two_agents_may_not_give_the_same_doids() {
    let role = "{type: clientagent, bind: '127.0.0.1:4400', client: {type: panda3d, doids: {min: 5001, max: 9000, per_client: 100}}}";
    let loaded = loaded(&format!(
        "roles: [{{type: stateserver, control: 2001}}, {role}, {}, {{type: database, control: 4003, generate: {{min: 8999, max: 9999}}, \
         backend: {{type: yaml, directory: x}}}}]",
        role.replace("4400", "4402").replace("min: 5001", "min: 8801")
    ));
    let warnings = format!("{:?}", conflicts(&loaded.config));
    for expected in [
        "clients' doIds 8801-9000 overlaps clients' doIds 5001-9000",
        "generated ids 8999-9999 overlaps",
    ] {
        assert!(warnings.contains(expected), "{warnings}");
    }
}

#[test]
fn what_does_not_fit_the_dc_files() {
    let dc = |text: &str| dclass::parse(&[Source::new("test.dc", text)]).expect("a right file");
    let found = |client: &str, dc_text: &str, others: &str| {
        let loaded = loaded(&format!(
            "roles: [{others}{{type: clientagent, client: {{type: panda3d{client}}}}}]"
        ));
        let findings = panda3d::findings(&loaded, &dc(dc_text));
        findings
            .iter()
            .map(|finding| format!("{}: {}", finding.key, finding.message))
            .collect::<Vec<_>>()
    };
    let server = "{type: stateserver, control: 2001}, ";
    assert_eq!(found(", create: [Message], time_manager: {zone: 1}", DC, server), [""; 0]);
    let [any] = &found("", DC, server)[..] else { panic!("one warning") };
    assert!(
        any.starts_with("roles[1].client.create: every client may make objects of every class"),
        "{any}"
    );
    let cases = [
        (
            ", create: [TimeManager], time_manager: {zone: 1}",
            DC,
            server,
            "roles[1].client.create[0]: there would be a second one beside `time_manager`",
        ),
        (
            ", create: [], trusted: {bind: '0.0.0.0:4401'}",
            DC,
            server,
            "roles[1].client.trusted.bind: whoever reaches this address may make objects of all classes",
        ),
        (
            ", create: [Mesage]",
            DC,
            server,
            "roles[1].client.create[0]: the DC files have no class `Mesage`",
        ),
        (
            ", create: []",
            DC,
            "",
            "roles[0].client.stateserver: without `stateserver` there has to be just one",
        ),
        (
            ", create: [], time_manager: {zone: 1}",
            "dclass A {};",
            server,
            "roles[1].client.time_manager: the DC files have no class `TimeManager`",
        ),
        (
            ", create: [], time_manager: {zone: 1}",
            "dclass TimeManager { requestServerTime(uint8); };",
            server,
            "roles[1].client.time_manager: class `TimeManager` has no field `serverTime`",
        ),
        (
            ", create: [], time_manager: {zone: 1}",
            "dclass TimeManager { requestServerTime(uint16); serverTime(uint8, int32); };",
            server,
            "roles[1].client.time_manager: `TimeManager` is not Panda3D's",
        ),
        (", create: []", "", server, "roles[1].client.root: the DC files have no class"),
    ];
    for (client, dc, others, expected) in cases {
        let findings = found(client, dc, others);
        assert!(
            matches!(&findings[..], [one] if one.starts_with(expected)),
            "{expected}: {findings:?}"
        );
    }
}

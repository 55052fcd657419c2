//! `client.type: otp` and `toontown2003`.

use std::time::Duration;

use dclass::Source;

use super::*;
use crate::config::otp;
use crate::ids::{DoId, ZoneId};

const DC: &str =
    "dclass Login { ask(uint8); login(blob message); }; dclass Mute { say(string text); };";
const UBERDOGS: &str = "uberdogs: [{id: 4665, class: Login}, {id: 4666, class: Mute}]\n";

fn role(client: &str) -> String {
    format!(
        "{UBERDOGS}roles: [{{type: clientagent, channels: {{min: 1000, max: 1009}}, client: {{{client}}}}}]"
    )
}

fn agent(client: &str) -> ClientAgentConfig {
    match valid(&role(client)).roles.into_iter().next() {
        Some(RoleConfig::ClientAgent(agent)) => agent,
        other => panic!("{other:?}"),
    }
}

fn otp_of(client: &str) -> OtpConfig {
    OtpConfig::clone(agent(client).client.kind.otp().expect("it is of this type"))
}

#[test]
fn nothing_has_to_be_said() {
    let agent = agent("type: otp");
    let config = agent.client.kind.otp().expect("it is of this type");
    assert_eq!(**config, OtpConfig::of(Era::Otp));
    assert_eq!((config.root, config.owner_view), (DoId(4618), OwnerView::Object));
    assert_eq!(*config.login, [16, 111, 112, 125]);
    assert_eq!((config.quiet, config.historical_ttl), (ZoneId(1), Duration::from_secs(300)));
    assert!(agent.client.relocate);
    assert_eq!(agent.client.add_interest, InterestPermission::Visible);
    assert_eq!(agent.offences, OffencesConfig::default());
    let old = otp_of("type: toontown2003");
    assert_eq!(
        (old.era, old.owner_view, old.uber),
        (Era::Toontown2003, OwnerView::Avatar, ZoneId(2))
    );
}

#[test]
fn all_can_be_said() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("zones.json"), "{\"5\": [5, 6]}").expect("a file");
    let text = role(
        "type: toontown2003, root: 5000, owner_view: 15, heartbeat_ms: 20000, login: [16, 3, 16], login_to: 4665, \
         historical_ttl: 9000, zones: {visible: ./zones.json, quiet: 7, uber: 8}, relocate: false, add_interest: visible",
    );
    let loaded =
        read_in(folder.path(), text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
    let [RoleConfig::ClientAgent(agent)] = &loaded.config.roles[..] else { panic!("one agent") };
    let config = agent.client.kind.otp().expect("it is of this type");
    assert_eq!((config.root, config.owner_view), (DoId(5000), OwnerView::Avatar));
    assert_eq!(*config.login, [3, 16]);
    let class = Some("Login".to_owned());
    assert_eq!(config.login_to, Some(LoginTo { do_id: DoId(4665), class }));
    assert_eq!((config.quiet, config.uber), (ZoneId(7), ZoneId(8)));
    assert_eq!(config.historical_ttl, Duration::from_secs(9));
    let visible = config.visible.as_ref().expect("the file of zones");
    assert_eq!(visible.from(&ZoneId(5)), [ZoneId(5), ZoneId(6)]);
    assert_eq!(agent.client.heartbeat_timeout_ms, 20_000);
    assert!(!agent.client.relocate);
    assert_eq!(agent.client.add_interest, InterestPermission::Visible);
    let warnings = headlines(loaded.warnings.iter());
    assert!(warnings.contains("client.login[2]: `16` stands in this list already"), "{warnings}");
}

#[test]
fn what_cannot_be() {
    for (client, expected) in [
        (
            "type: otp, owner_view: 16",
            "client.owner_view: found `16`, expected one of `15` and `36`",
        ),
        (
            "type: toontown2003, owner_view: 36",
            "client.owner_view: clients of 2003 know no message 36",
        ),
        (
            "type: otp, login: [70000]",
            "client.login[0]: found `70000`, expected a whole number from 1 to 65535",
        ),
        (
            "type: otp, login: [111, 24]",
            "client.login[1]: message 24 is CLIENT_OBJECT_UPDATE_FIELD, which is about objects: the agent handles it itself",
        ),
        (
            "type: toontown2003, login: 29",
            "client.login: message 29 is CLIENT_SET_ZONE, which is about objects",
        ),
        ("type: otp, login: []", "client.login: found an empty list"),
        ("type: otp, login_to: 5", "client.login_to: found `5`, expected a doId"),
        ("type: otp, root: 12", "client.root: found `12`, expected a doId"),
        (
            "type: otp, zones: {uber: 2}",
            "client.zones.uber: only agents with `client.type: toontown2003` have this key",
        ),
        (
            "type: toontown2003, zones: {quiet: 2}",
            "client.zones.quiet: `quiet` and `uber` are the same zone, 2",
        ),
        (
            "type: otp, zones: {visible: none.json}",
            "client.zones.visible: /srv/game/none.json: the file cannot be read",
        ),
        (
            "type: otp, heartbeat_ms: 5, heartbeat_timeout: 5",
            "client.heartbeat_ms: this is the same as `heartbeat_timeout`; give one of them",
        ),
        (
            "type: otp, doids: {}",
            "client.doids: only agents with `client.type: panda3d` have this key",
        ),
        (
            "type: libastron, login_to: 4665",
            "client.login_to: only agents with `client.type: otp` or `toontown2003` have this key",
        ),
        (
            "type: panda3d, zones: {quiet: 1}",
            "client.zones: only agents with `client.type: otp` or `toontown2003` have this key",
        ),
        (
            "type: otp2013",
            "client.type: found `otp2013`, expected one of `libastron`, `panda3d`, `otp` and `toontown2003`",
        ),
    ] {
        let errors = errors(&role(client));
        assert!(errors.contains(expected), "{client}: {errors}");
    }
}

#[test]
fn what_does_nothing_is_said() {
    let text = role("type: otp, resume_ms: 5")
        .replace("{type: clientagent,", "{type: clientagent, version: v1, ");
    let warnings = warnings(&text);
    for expected in [
        "roles[0].client.resume_ms: it does nothing",
        "roles[0].version: it does nothing: version and hash of these clients stand in their log-in messages",
    ] {
        assert!(warnings.contains(expected), "{warnings}");
    }
}

#[test]
fn what_does_not_fit_the_dc_files() {
    let dc = dclass::parse(&[Source::new("test.dc", DC)]).expect("a right file");
    for (to, expected) in [
        ("login_to: 4665", None),
        ("login_to: 4666", Some("class `Mute` of UberDOG 4666 has no field with a single blob")),
        ("login_to: 4667", Some("`uberdogs` has none with the doId 4667")),
        ("quiet_nothing", Some("without this key, or `client.script`, nobody hears")),
    ] {
        let to = if to.starts_with("login_to") { format!(", {to}") } else { String::new() };
        let findings = otp::findings(&loaded(&role(&format!("type: otp{to}"))), &dc);
        let found = findings.first().map(|finding| format!("{}: {}", finding.key, finding.message));
        let expected = expected.map(|text| format!("roles[0].client.login_to: {text}"));
        match (&found, &expected) {
            (Some(found), Some(expected)) => assert!(found.starts_with(expected), "{found}"),
            _ => assert_eq!(found, expected, "{to}"),
        }
    }
    let class = dc.class_by_name("Login").expect("a class");
    let (field, tag) = otp::login_field(class).expect("its field");
    assert_eq!((field.name(), tag), ("login", 2));
}

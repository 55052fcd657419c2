//! Fields that go to an UberDOG first.

use super::*;
use crate::config::{RoleConfig, Survey, survey};

const DC: &str = "
dclass Avatar {
  setTalk(string) ownsend broadcast;
  setName(string) required broadcast ownsend;
  setMood(string) broadcast;
};
dclass Filter {
  note(uint8 a, uint16 b, blob c);
  heard(uint32 doId, uint16 field, blob value) airecv;
};
dclass Open { intercepted(uint32 doId, uint16 field, blob value) clsend; };
dclass Deaf { heard(uint32 doId, uint16 field, string value); };
dclass Heir : Filter {};
";

const UBERDOGS: &str = "uberdogs: [{id: 4700, class: Filter}, {id: 4701, class: Open}, {id: 4702, class: Deaf}, \
                        {id: 4703, class: Heir}]";

fn role(intercept: &str) -> String {
    format!(
        "{{type: clientagent, channels: {{min: 1000000, max: 1000001}}, client: {{intercept: {{{intercept}}}}}}}"
    )
}

fn look_at(uberdogs: &str, role: &str) -> Survey {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("game.dc"), DC).expect("a file");
    let file = folder.path().join("game.yml");
    let text = format!(
        "general: {{dc_files: [game.dc]}}\n{uberdogs}\nroles: [{{type: stateserver, control: 5000}}, {role}]"
    );
    std::fs::write(&file, text).expect("a file");
    survey(&file)
}

/// What is found, each with its key below `client.intercept`.
fn findings(uberdogs: &str, role: &str) -> Vec<String> {
    let found = look_at(uberdogs, role).findings;
    let found = found.iter().filter(|found| found.key.contains("intercept"));
    let shown = |found: &Finding| {
        let key = found.key.replace("roles[1].client.intercept.", "");
        format!("{key}: {}", found.message)
    };
    found.map(shown).collect()
}

#[test]
fn fields_each_with_an_uberdog() {
    let text =
        format!("{UBERDOGS}\nroles: [{}]", role("Avatar.setTalk: 4700, Avatar.setMood: 4703"));
    let [RoleConfig::ClientAgent(agent)] = &valid(&text).roles[..] else { panic!() };
    let read: Vec<_> =
        agent.client.intercept.iter().map(|one| (one.name.shown(), one.uberdog.0)).collect();
    let expected = [("Avatar.setMood".to_owned(), 4703), ("Avatar.setTalk".to_owned(), 4700)];
    assert_eq!(read, expected);
    for (wrong, expected) in [
        (
            "setTalk: 4700",
            "setTalk: found `setTalk`, expected a field of a class, such as `DistributedAvatar.setPos`",
        ),
        (
            "Avatar.setTalk: 5",
            "Avatar.setTalk: found `5`, expected a doId: a whole number from 1000 to 4294967295; 0 to 999 belong to the protocol",
        ),
        (
            "Avatar.setTalk: Filter",
            "Avatar.setTalk: found `Filter`, expected a doId: a whole number from 1000 to 4294967295",
        ),
        (
            "Avatar.setTalk: {id: 4700}",
            "Avatar.setTalk: found a map, expected a doId: a whole number from 1000 to 4294967295",
        ),
    ] {
        let errors = errors(&format!("roles: [{}]", role(wrong)));
        let (_, error) = errors.split_once(": ").expect("a place");
        assert_eq!(error, format!("roles[0].client.intercept.{expected}"));
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let needed = "`(uint32 doId, uint16 field, blob value)`, such as `intercepted`, without clsend";
    let cases = [
        ("Avatr.setTalk: 4700", "Avatr.setTalk: the DC files have no class `Avatr`; did you mean `Avatar`?".to_owned()),
        ("Avatar.setTlak: 4700", "Avatar.setTlak: class `Avatar` has no field `setTlak`; did you mean `setTalk`?".to_owned()),
        ("Avatar.setTalk: 4800", "Avatar.setTalk: `uberdogs` has none with the id 4800; known are 4700, 4701, 4702, 4703".to_owned()),
        ("Avatar.setTalk: 4701", format!("Avatar.setTalk: clients may send `Open.intercepted` themselves, and could put words into the mouths of others; it has to be {needed}")),
        ("Avatar.setTalk: 4702", format!("Avatar.setTalk: class `Deaf` of UberDOG 4702 has no field by which it could be told; it needs one of the form {needed}")),
        ("Avatar.setMood: 4700", "Avatar.setMood: `Avatar.setMood` is neither clsend nor ownsend: clients may not set it at all, unless an AI allows them to with SET_FIELDS_SENDABLE".to_owned()),
    ];
    for (text, expected) in cases {
        assert_eq!(findings(UBERDOGS, &role(text)), [expected], "{text}");
        let is_right = look_at(UBERDOGS, &role(text)).complete().is_ok();
        assert_eq!(is_right, text.contains("setMood"), "{text}");
    }
    let none = "Avatar.setTalk: `uberdogs` has none with the id 4700; there are none";
    assert_eq!(findings("", &role("Avatar.setTalk: 4700")), [none]);
    for right in ["Avatar.setTalk: 4700", "Avatar.setTalk: 4703, Avatar.setName: 4700"] {
        assert_eq!(findings(UBERDOGS, &role(right)), [""; 0]);
    }
}

#[test]
fn clients_that_make_objects_say_required_fields_past_everybody() {
    let role = "{type: clientagent, client: {type: panda3d, create: [Avatar], intercept: {Avatar.setName: 4700, Avatar.setMood: 4700}}}";
    let expected = "Avatar.setName: `Avatar.setName` is required: clients say it with the objects that they make, past the UberDOG";
    assert_eq!(findings(UBERDOGS, role), [expected]);
}

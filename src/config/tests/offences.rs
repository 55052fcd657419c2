//! What becomes of clients that break a rule.

use std::time::Duration;

use super::*;

fn agent(keys: &str) -> String {
    format!("roles: [{{type: clientagent, channels: {{min: 2000, max: 2999}}, {keys}}}]")
}

fn offences(keys: &str) -> OffencesConfig {
    let text = agent(&format!("banlist: bans.txt, offences: {{{keys}}}"));
    let RoleConfig::ClientAgent(agent) = valid(&text).roles.remove(0) else { panic!("{keys}") };
    agent.offences
}

/// What becomes of an offence of which nothing is said. Astron knows no rules for fields.
fn usual(offence: Offence) -> Reaction {
    if offence == Offence::Rule { Reaction::Warn } else { Reaction::Eject }
}

#[test]
fn what_is_not_said_ejects_as_in_astron_and_a_ban_is_for_an_hour() {
    for offences in [offences(""), OffencesConfig::default()] {
        for offence in Offence::ALL {
            let expected = usual(offence);
            assert_eq!(offences.reaction(offence), expected, "{offence:?}");
        }
        assert_eq!(offences.ban_for, Some(Duration::from_secs(3600)));
    }
}

#[test]
fn each_offence_can_be_set_by_its_own_key() {
    for offence in Offence::ALL {
        let read = offences(&format!("{}: ban, ban_for: 2d", offence.name()));
        for other in Offence::ALL {
            let expected = if other == offence { Reaction::Ban } else { usual(other) };
            assert_eq!(read.reaction(other), expected, "{offence:?}: {other:?}");
        }
        assert_eq!(read.ban_for, Some(Duration::from_secs(2 * 24 * 3600)));
    }
    let read = offences("permission: ignore, value: warn, message: eject, limit: ban, ban_for: 0");
    let expected = [
        (Offence::Permission, Reaction::Ignore),
        (Offence::Value, Reaction::Warn),
        (Offence::Message, Reaction::Eject),
        (Offence::Limit, Reaction::Ban),
    ];
    for (offence, reaction) in expected {
        assert_eq!(read.reaction(offence), reaction, "{offence:?}");
    }
    assert_eq!(read.ban_for, None, "for ever");
}

#[test]
fn an_offence_after_which_no_session_can_go_on_is_not_left_unpunished() {
    let cases = [
        ("malformed", "what a client means that writes its messages otherwise is not known"),
        ("hello", "without a hello there is no session that could go on"),
        (
            "version",
            "with another version a client is not let in, and there is no session that could go on",
        ),
        (
            "limit",
            "a limit for which nobody is put out is none; set that to 0, or `limits.patience_ms` if clients are only \
             to be slowed down",
        ),
    ];
    for (name, why) in cases {
        for word in ["ignore", "warn"] {
            let text = format!(
                "roles:\n  - type: clientagent\n    channels: {{min: 2000, max: 2999}}\n    offences:\n      \
                 {name}: {word}\n"
            );
            let column = 7 + name.len() + 2;
            let expected = format!(
                "5:{column}: roles[0].offences.{name}: found `{word}`, expected `eject` or `ban`: {why}"
            );
            check_error(&text, &expected);
        }
    }
}

#[test]
fn a_ban_needs_a_list() {
    check_error(
        &agent("offences: {permission: ban}"),
        "1:86: roles[0].offences.permission: `ban` needs a list in which bans are entered: the key `banlist` of this \
         role, with the path of a file",
    );
}

#[test]
fn other_words_and_keys_are_errors_and_a_time_without_a_ban_is_odd() {
    let section = |keys: &str| agent(&format!("offences: {{{keys}}}"));
    check_error(
        &section("value: kick, permision: warn"),
        "1:81: roles[0].offences.value: found `kick`, expected one of `ignore`, `warn`, `eject` and `ban`\n\
         1:87: roles[0].offences.permision: there is no such key; did you mean `permission`?",
    );
    check_error(
        &section("ban_for: 3600"),
        "1:83: roles[0].offences.ban_for: found `3600`, expected `0` (for ever) or a duration such as `30m`, `12h` or \
         `7d`",
    );
    let odd = warnings(&section("ban_for: 2h"));
    let expected =
        "1:83: roles[0].offences.ban_for: nobody is banned: there is no offence with `ban`";
    assert_eq!(odd.lines().last(), Some(expected));
}

//! Rules for the interests of clients.

use super::*;
use crate::ids::{DoId, ZoneId};

fn agent(rules: &str) -> String {
    format!(
        "roles:\n  - type: clientagent\n    channels: {{min: 2000, max: 2999}}\n    client:\n      add_interest: {rules}"
    )
}

fn rules(rules: &str) -> InterestRules {
    let RoleConfig::ClientAgent(agent) = valid(&agent(rules)).roles.remove(0) else { panic!() };
    let InterestPermission::Rules(rules) = agent.client.add_interest else { panic!("{rules}") };
    rules
}

/// The first zone that is denied.
fn denied(rules: &InterestRules, parent: u32, zones: &[u32]) -> Option<u32> {
    let zones: Vec<ZoneId> = zones.iter().map(|&zone| ZoneId(zone)).collect();
    rules.first_denied(DoId(parent), false, &zones).map(|zone| zone.0)
}

#[test]
fn the_first_rule_about_a_zone_decides_and_without_one_it_is_denied() {
    let rules = rules(
        "
        - deny: {parent: 4700}
        - deny: {parent: [4650, 4660-4669], zones: 7}
        - allow: {parent: 4600-4700, zones: [1, 100-399]}
        - allow: {parent: 4650, zones: 7}
        - allow: {zones: 0}",
    );
    for (parent, zones, expected) in [
        (4600, &[1, 100, 399][..], None),
        (4600, &[1, 2, 400], Some(2)),
        (4699, &[399, 99], Some(99)),
        (4700, &[1], Some(1)),
        (4700, &[0], Some(0)),
        (4650, &[7], Some(7)),
        (4665, &[1, 7], Some(7)),
        (4599, &[1], Some(1)),
        (4599, &[0], None),
        (4599, &[], None),
    ] {
        assert_eq!(denied(&rules, parent, zones), expected, "{parent} {zones:?}");
    }
}

#[test]
fn a_rule_may_be_about_parents_that_the_client_sees() {
    let rules = rules("[{deny: {parent: visible, zones: 5}}, {allow: {parent: [visible, 0x10]}}]");
    let denied = |parent, is_visible, zone| {
        rules.first_denied(DoId(parent), is_visible, &[ZoneId(zone)]).is_some()
    };
    assert!(!denied(9000, true, 6) && denied(9000, true, 5));
    assert!(denied(9000, false, 6) && !denied(16, false, 5) && denied(16, true, 5));
    assert!(self::rules("[{allow: {}}]").first_denied(DoId(0), false, &[ZoneId(0)]).is_none());
}

#[test]
fn ranges_may_come_in_any_order_overlap_and_reach_to_the_ends() {
    let max = u32::MAX;
    let zones = format!("[200-300, 5, 0-4, 250-260, 301, 4294967290-{max}, 6-0x8, {max}]");
    let rules = rules(&format!("[{{allow: {{zones: {zones}}}}}]"));
    for allowed in [0, 4, 5, 8, 200, 260, 300, 301, max - 5, max] {
        assert_eq!(denied(&rules, 1, &[allowed]), None, "{allowed}");
    }
    for zone in [9, 199, 302, max - 6] {
        assert_eq!(denied(&rules, 1, &[zone]), Some(zone));
    }
}

#[test]
fn every_mistake_is_said_with_its_place() {
    let what = "a doId, a range of them such as `4600-4699`, or `visible`";
    let cases = [
        ("[]", "", "found an empty list, expected rules; `disabled` allows no interest"),
        ("{allow: {}}", "", "found a map, expected a list (lines that begin with `- `)"),
        ("[allow]", "[0]", "found `allow`, expected a map (lines of the form `key: value`)"),
        (
            "[{allow: {}, deny: {}}]",
            "[0].deny",
            "a rule either allows or denies; make this one of its own",
        ),
        ("[{allw: {}}]", "[0].allw", "there is no such key; did you mean `allow`?"),
        (
            "[{}]",
            "[0].allow",
            "the key is missing; expected `allow` or `deny`, and below it `parent`, `zones`, or `{}` for all",
        ),
        ("[{allow: {zone: 1}}]", "[0].allow.zone", "there is no such key; did you mean `zones`?"),
        (
            "[{allow: {parent: visibel}}]",
            "[0].allow.parent",
            &format!("found `visibel`, expected {what}; did you mean `visible`?"),
        ),
        (
            "[{allow: {parent: [5, 4294967296]}}]",
            "[0].allow.parent[1]",
            &format!("found `4294967296`, expected {what}"),
        ),
        (
            "[{deny: {zones: 7-a}}]",
            "[0].deny.zones",
            "found `7-a`, expected a zone, or a range of them such as `100-399`",
        ),
        (
            "[{deny: {zones: 010-20}}]",
            "[0].deny.zones",
            "found `010-20`, expected a zone, or a range of them such as `100-399`",
        ),
        (
            "[{deny: {zones: -1}}]",
            "[0].deny.zones",
            "found `-1`, expected a zone, or a range of them such as `100-399`",
        ),
        (
            "[{deny: {zones: 9-7}}]",
            "[0].deny.zones",
            "found `9-7`, expected a range with its lower end first",
        ),
        (
            "[{deny: {zones: []}}]",
            "[0].deny.zones",
            "found an empty list, expected at least one value",
        ),
    ];
    for (text, key, message) in cases {
        let errors = errors(&agent(text));
        let (place, rest) = errors.split_once(": ").expect("a place");
        assert_eq!(rest, format!("roles[0].client.add_interest{key}: {message}"), "{text}");
        assert!(place.starts_with("5:"), "{errors}");
    }
}

#[test]
fn what_can_decide_nothing_is_warned_of() {
    let text = agent("[{allow: {parent: 5}}, {deny: {}}, {allow: {parent: 6}}]");
    let expected = "roles[0].client.add_interest[2].allow: this decides nothing: a rule before it is about everything";
    let found = warnings(&text);
    let found: Vec<&str> = found.lines().filter(|line| line.contains("add_interest")).collect();
    assert!(matches!(found[..], [line] if line.ends_with(expected)), "{found:?}");
}

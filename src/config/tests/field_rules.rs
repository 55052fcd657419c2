//! Rules for what clients set fields to.

use std::time::Duration;

use super::*;
use crate::config::{FieldRule, RoleConfig, Survey, places, survey};

const DC: &str = "
dclass Thing {
  setXY(int16/10 x, int16/10 y) ownsend broadcast ram;
  setH(int16 h) ownsend broadcast ram;
  say(string text, uint8(0-5) mood) ownsend broadcast;
  setAll : setXY, setH;
  setPlan(float32 far) ram;
  poke() clsend;
};
dclass Box : Thing {};
dclass Cart : Box {
  setXY(int16/10 x, int16/10 y, int16/10 z) ownsend broadcast ram;
};
dclass Sled : Box {
  setH(string h) clsend;
};
dclass Other {
  setXY(int8 x) ownsend;
};
dclass Both : Other, Thing {};
";

fn agent(fields: &str) -> String {
    format!(
        "roles: [{{type: clientagent, channels: {{min: 1000, max: 1000}}, client: {{fields: {{{fields}}}}}}}]"
    )
}

fn look_at_agent(agent: &str) -> Survey {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("game.dc"), DC).expect("a file");
    let file = folder.path().join("game.yml");
    let text = format!("general: {{dc_files: [game.dc]}}\n{agent}");
    std::fs::write(&file, text).expect("a file");
    survey(&file)
}

/// What is found, each with its key below `client.fields`.
fn findings(fields: &str) -> Vec<String> {
    let found = look_at_agent(&agent(fields)).findings;
    let shown = |found: &Finding| {
        let key = found.key.replace("roles[0].client.fields.", "");
        format!("{key}: {}", found.message)
    };
    found.iter().map(shown).collect()
}

fn rules(fields: &str) -> Vec<FieldRule> {
    let [RoleConfig::ClientAgent(agent)] = &valid(&agent(fields)).roles[..] else { panic!() };
    agent.client.fields.clone()
}

#[test]
fn all_that_can_be_said_of_a_field() {
    assert_eq!(rules(""), []);
    let [rule] = &rules(
        "Thing.setXY: {per_second: 20, burst: 40, max_step: 5.5, axes: 2, ranges: [[-100, 1e2], ~], correct: true}",
    )[..] else {
        panic!()
    };
    assert_eq!(rule.name.shown(), "Thing.setXY");
    let rate = rule.rate.expect("a rate");
    assert_eq!((rate.interval, rate.burst.get()), (Duration::from_millis(50), 40));
    let step = rule.step.expect("a step");
    assert_eq!((step.max.get(), step.axes), (5.5, Some(2)));
    let ranges: Vec<_> =
        rule.ranges.iter().map(|r| r.map(|(low, high)| (low.get(), high.get()))).collect();
    assert_eq!(ranges, [Some((-100.0, 100.0)), None]);
    assert!(rule.correct);
    for (per_second, burst) in
        [("0.5", 1), ("1", 1), ("2.5", 3), ("20", 20), ("1000000", 1_000_000)]
    {
        let [rule] = &rules(&format!("Thing.setXY: {{per_second: {per_second}}}"))[..] else {
            panic!()
        };
        assert_eq!(rule.rate.expect("a rate").burst.get(), burst);
        assert!(!rule.correct && rule.step.is_none() && rule.ranges.is_empty());
    }
}

#[test]
fn what_is_no_rule_is_an_error_with_its_place() {
    let nothing = "the key is missing; expected `max_step`, `ranges` or `per_second`: without one of them nothing is refused";
    let range =
        "expected two numbers such as `[-100, 100]`, the lower one first, or `~` for any value";
    let rate = "expected a number from 0.001 to 1000000";
    let cases = [
        (
            "setXY: {max_step: 1}",
            "setXY",
            "found `setXY`, expected a field of a class, such as `DistributedAvatar.setPos`"
                .to_owned(),
        ),
        (
            "Thing.: {max_step: 1}",
            "Thing.",
            "found `Thing.`, expected a field of a class, such as `DistributedAvatar.setPos`"
                .to_owned(),
        ),
        (
            "Thing.setXY: 5",
            "Thing.setXY",
            "found `5`, expected a map (lines of the form `key: value`)".to_owned(),
        ),
        ("Thing.setXY: {}", "Thing.setXY.max_step", nothing.to_owned()),
        ("Thing.setXY: {correct: true}", "Thing.setXY.max_step", nothing.to_owned()),
        (
            "Thing.setXY: {maxstep: 1}",
            "Thing.setXY.maxstep",
            "there is no such key; did you mean `max_step`?".to_owned(),
        ),
        (
            "Thing.setXY: {max_step: -1}",
            "Thing.setXY.max_step",
            "found `-1`, expected a number from 0 up".to_owned(),
        ),
        (
            "Thing.setXY: {max_step: .nan}",
            "Thing.setXY.max_step",
            "found `.nan`, expected a number from 0 up".to_owned(),
        ),
        (
            "Thing.setXY: {max_step: nan}",
            "Thing.setXY.max_step",
            "found `nan`, expected a number from 0 up".to_owned(),
        ),
        (
            "Thing.setXY: {max_step: 1e999}",
            "Thing.setXY.max_step",
            "found `1e999`, expected a number from 0 up".to_owned(),
        ),
        ("Thing.setXY: {per_second: 0}", "Thing.setXY.per_second", format!("found `0`, {rate}")),
        ("Thing.setXY: {per_second: -3}", "Thing.setXY.per_second", format!("found `-3`, {rate}")),
        (
            "Thing.setXY: {per_second: inf}",
            "Thing.setXY.per_second",
            format!("found `inf`, {rate}"),
        ),
        (
            "Thing.setXY: {per_second: 5, burst: 0}",
            "Thing.setXY.burst",
            "found `0`, expected a whole number from 1 to 65535".to_owned(),
        ),
        (
            "Thing.setXY: {max_step: 5, burst: 3}",
            "Thing.setXY.burst",
            "without `per_second` this says nothing".to_owned(),
        ),
        (
            "Thing.setXY: {per_second: 5, axes: 2}",
            "Thing.setXY.axes",
            "without `max_step` this says nothing".to_owned(),
        ),
        (
            "Thing.setXY: {max_step: 5, axes: 0}",
            "Thing.setXY.axes",
            "found `0`, expected a whole number from 1 to 65535".to_owned(),
        ),
        (
            "Thing.setXY: {max_step: 5, correct: maybe}",
            "Thing.setXY.correct",
            "found `maybe`, expected `true` or `false`".to_owned(),
        ),
        (
            "Thing.setXY: {ranges: []}",
            "Thing.setXY.ranges",
            "found an empty list, expected a range for each argument".to_owned(),
        ),
        ("Thing.setXY: {ranges: [5]}", "Thing.setXY.ranges[0]", format!("found `5`, {range}")),
        (
            "Thing.setXY: {ranges: [~, [1]]}",
            "Thing.setXY.ranges[1]",
            format!("found a list, {range}"),
        ),
        ("Thing.setXY: {ranges: [[1, x]]}", "Thing.setXY.ranges[0]", format!("found `x`, {range}")),
        (
            "Thing.setXY: {ranges: [[2, 1]]}",
            "Thing.setXY.ranges[0]",
            format!("found `[2, 1]`, {range}"),
        ),
        (
            "Thing.setXY: {ranges: [[1, 2, 3]]}",
            "Thing.setXY.ranges[0]",
            format!("found a list, {range}"),
        ),
    ];
    for (text, key, message) in cases {
        let errors = errors(&agent(text));
        let (_, error) = errors.split_once(": ").expect("a place");
        assert_eq!(error, format!("roles[0].client.fields.{key}: {message}"), "{text}");
    }
}

#[test]
fn what_does_not_fit_the_dc_files_is_an_error() {
    let cases = [
        (
            "Ting.setXY: {max_step: 1}",
            "Ting.setXY: the DC files have no class `Ting`; did you mean `Thing`?",
        ),
        (
            "Thing.setXZ: {max_step: 1}",
            "Thing.setXZ: class `Thing` has no field `setXZ`; did you mean `setXY`?",
        ),
        (
            "Thing.setAll: {per_second: 1}",
            "Thing.setAll: `Thing.setAll` is molecular: rules are for its parts, `setXY` and `setH`, and hold in it, too",
        ),
        (
            "Thing.say: {max_step: 1}",
            "Thing.say.max_step: `text`, argument 1 of `Thing.say`, is no number; say with `axes` how many are coordinates",
        ),
        (
            "Thing.say: {max_step: 1, axes: 2}",
            "Thing.say.axes: `text`, argument 1 of `Thing.say`, is no number",
        ),
        ("Box.setXY: {max_step: 1, axes: 3}", "Box.setXY.axes: `Box.setXY` has 2 arguments"),
        ("Other.setXY: {max_step: 1, axes: 3}", "Other.setXY.axes: `Other.setXY` has one argument"),
        (
            "Thing.poke: {max_step: 1}",
            "Thing.poke.max_step: `Thing.poke` has no arguments, and so no coordinates",
        ),
        (
            "Thing.setXY: {ranges: [~, ~, [1, 2]]}",
            "Thing.setXY.ranges[2]: `Thing.setXY` has 2 arguments",
        ),
        (
            "Thing.say: {ranges: [[1, 2]]}",
            "Thing.say.ranges[0]: `text`, argument 1 of `Thing.say`, is no number; write `~` for any value",
        ),
        (
            "Thing.say: {ranges: [~, [0, 6]]}",
            "Thing.say.ranges[1]: found `[0, 6]`, but `mood`, argument 2 of `Thing.say`, can only be 0 to 5",
        ),
        (
            "Thing.setXY: {ranges: [[-3276.9, 0]]}",
            "Thing.setXY.ranges[0]: found `[-3276.9, 0]`, but `x`, argument 1 of `Thing.setXY`, can only be -3276.8 to 3276.7",
        ),
        (
            "Thing.setH: {max_step: 5}",
            "Thing.setH: it does not fit class `Sled`, which inherits it: `h`, argument 1 of `Sled.setH`, is no number; say with \
             `axes` how many are coordinates; give `Sled.setH` a rule of its own",
        ),
        (
            "Thing.setPlan: {max_step: 5}",
            "Thing.setPlan: `Thing.setPlan` is neither clsend nor ownsend: clients may not set it at all, unless an AI allows them \
             to with SET_FIELDS_SENDABLE",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(findings(text), [expected], "{text}");
        let is_right = look_at_agent(&agent(text)).complete().is_ok();
        assert_eq!(is_right, text.contains("setPlan"), "{text}");
    }
    for right in [
        "Thing.setXY: {max_step: 1, axes: 2, ranges: [[-3276.8, 3276.7]]}",
        "Thing.setH: {per_second: 5}",
        "Thing.setH: {max_step: 5}, Sled.setH: {per_second: 1}",
        "Thing.poke: {per_second: 1}",
        "Thing.say: {ranges: [~, [1, 2]]}",
    ] {
        assert_eq!(findings(right), [""; 0], "{right}");
    }
    // All of them are found, each where it stands.
    let both = "Ting.setXY: {max_step: 1}, Thing.say: {ranges: [[1, 2]]}";
    let survey = look_at_agent(&agent(both));
    let columns: Vec<_> =
        survey.findings.iter().filter_map(|f| Some(f.position()?.column)).collect();
    let column = |what: &str| agent(both).find(what).map(|at| at + 1).expect("it is there");
    let mut expected = vec![column("{max_step"), column("[1, 2]")];
    expected.sort_unstable();
    let mut found = columns;
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn panda3d_s_owners_set_any_field() {
    let text = "roles: [{type: stateserver, control: 5000}, {type: clientagent, client: {type: panda3d, create: [Thing], \
                fields: {Thing.setPlan: {max_step: 5}}}}]";
    let found = look_at_agent(text).findings;
    assert!(found.iter().all(|found| !found.key.contains("fields")), "{found:?}");
}

#[test]
fn a_rule_is_for_all_who_inherit_and_have_none_of_their_own() {
    let named = |text: &str| {
        let dc = dclass::parse(&[dclass::Source::new("game.dc", DC)]).expect("valid");
        let rules = rules(text);
        let (places, wrong) = places(&rules, &dc);
        assert_eq!(wrong, []);
        let shown = |place: &crate::config::Place| {
            let class = dc.class(place.class).expect("a class").name();
            let [of, field] = [place.of, place.field].map(|id| {
                let field = dc.field(id).expect("a field");
                dc.class(field.class_id()).expect("a class").name()
            });
            format!("{class} {of} {field} by {}", rules[place.rule].name.shown())
        };
        let mut shown: Vec<_> = places.iter().map(shown).collect();
        shown.sort();
        shown
    };
    // Both has its field from Other, and the molecular field of Thing; a cart has another one, and the old one in that.
    let expected = [
        "Both Thing Thing by Thing.setH",
        "Box Thing Thing by Thing.setH",
        "Cart Thing Thing by Thing.setH",
        "Sled Sled Sled by Thing.setH",
        "Sled Sled Thing by Thing.setH",
        "Thing Thing Thing by Thing.setH",
    ];
    assert_eq!(named("Thing.setH: {per_second: 1}"), expected);
    let expected = [
        "Box Thing Thing by Thing.setXY",
        "Cart Cart Cart by Thing.setXY",
        "Cart Cart Thing by Thing.setXY",
        "Sled Thing Thing by Thing.setXY",
        "Thing Thing Thing by Thing.setXY",
    ];
    assert_eq!(named("Thing.setXY: {max_step: 1, axes: 2}"), expected);
    let expected = [
        "Box Thing Thing by Box.setXY",
        "Cart Cart Cart by Cart.setXY",
        "Cart Cart Thing by Cart.setXY",
        "Sled Thing Thing by Box.setXY",
        "Thing Thing Thing by Thing.setXY",
    ];
    let three =
        "Thing.setXY: {max_step: 1}, Box.setXY: {max_step: 2}, Cart.setXY: {max_step: 3, axes: 2}";
    assert_eq!(named(three), expected);
    assert_eq!(
        named("Other.setXY: {max_step: 1}"),
        [
            "Both Other Other by Other.setXY",
            "Both Other Thing by Other.setXY",
            "Other Other Other by Other.setXY"
        ]
    );
}

//! Whose interests follow the rules of parents.

use super::*;
use crate::config::{Survey, survey};

const DC: &str = "
dclass Avatar { setName(string name) required broadcast; };
dclass Map { setParentingRules(string type, string rule) required; };
";

fn agent(rules: &str) -> String {
    format!(
        "roles: [{{type: clientagent, channels: {{min: 2000, max: 2999}}, parenting_rules: {rules}}}]"
    )
}

fn look_at(dc: &str, rules: &str) -> Survey {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("game.dc"), dc).expect("a file");
    let file = folder.path().join("game.yml");
    let text = format!("general: {{dc_files: [game.dc]}}\n{}", agent(rules));
    std::fs::write(&file, text).expect("a file");
    survey(&file)
}

fn findings(dc: &str, rules: &str) -> Vec<String> {
    let found = look_at(dc, rules).findings;
    found.iter().map(|found| format!("{}: {}", found.key, found.message)).collect()
}

#[test]
fn nobody_everybody_or_some_classes() {
    let read = |text: &str| {
        let RoleConfig::ClientAgent(agent) = valid(text).roles.remove(0) else { panic!() };
        agent.parenting_rules
    };
    assert_eq!(read(&agent("true")), ParentingRules::All);
    assert_eq!(read(&agent("false")), ParentingRules::Off);
    assert_eq!(read(&agent("false").replace(", parenting_rules: false", "")), ParentingRules::Off);
    let named = |name: &str, number| FollowedClass { name: name.into(), number };
    let expected = ParentingRules::Of(vec![named("Avatar", 0), named("Boat", 1)]);
    assert_eq!(read(&agent("[Avatar, Boat]")), expected);
    let key = "roles[0].parenting_rules";
    for (wrong, expected) in [
        ("Avatar", ": found `Avatar`, expected `true` or `false`"),
        ("[]", ": found an empty list, expected names of classes, or `true` or `false`"),
        ("[[Avatar]]", "[0]: found a list, expected the name of a class"),
    ] {
        let errors = errors(&agent(wrong));
        assert!(errors.ends_with(&format!("{key}{expected}")), "{errors}");
    }
}

#[test]
fn classes_that_are_not_there_and_rules_that_nobody_can_give_are_found() {
    let of = |dc: &str, rules| {
        let all = findings(dc, rules).into_iter();
        all.filter(|line| line.contains("parenting")).collect::<Vec<_>>()
    };
    let key = "roles[0].parenting_rules";
    assert_eq!(of(DC, "true"), [""; 0]);
    assert_eq!(of(DC, "[Avatar, Map]"), [""; 0]);
    let expected = format!("{key}[1]: the DC files have no class `Avatr`; did you mean `Avatar`?");
    assert_eq!(of(DC, "[Avatar, Avatr]"), [expected]);
    look_at(DC, "[Avatr]").complete().err().expect("no daemon starts with it");
    let without = DC.replace("setParentingRules", "setRules");
    let expected = format!(
        "{key}: no class of the DC files has a field `setParentingRules`: this does nothing"
    );
    assert_eq!(of(&without, "true"), [expected]);
    assert_eq!(of(&without, "false"), [""; 0]);
    look_at(&without, "true").complete().ok().expect("it does no harm");
}

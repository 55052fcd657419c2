//! Fields of which only the newest value is told to who does not read.

use super::*;
use crate::config::{RoleConfig, Survey, survey};

const DC: &str = "
dclass Thing {
  setPos(int16 x, int16 y) broadcast ram;
  setName(string name) required broadcast;
  setTurn(int16 turn) broadcast ram;
  setAll : setPos, setTurn;
  setMood(uint8 mood) clrecv;
  setHint(uint8 hint) ownrecv;
  setPlan(uint8 plan) ram;
};
dclass Box : Thing {};
dclass Cart : Box {
  setPos(int16 x) broadcast ram;
};
dclass Other {
  setPos(int16 x) broadcast;
};
";

fn agent(merge: &str) -> String {
    format!(
        "roles: [{{type: clientagent, channels: {{min: 1000, max: 1000}}, client: {{merge: {merge}}}}}]"
    )
}

fn look_at(merge: &str) -> Survey {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("game.dc"), DC).expect("a file");
    let file = folder.path().join("game.yml");
    let text = format!("general: {{dc_files: [game.dc]}}\n{}", agent(merge));
    std::fs::write(&file, text).expect("a file");
    survey(&file)
}

/// What is found, each with its key.
fn findings(merge: &str) -> Vec<String> {
    let found = look_at(merge).findings;
    found.iter().map(|found| format!("{}: {}", found.key, found.message)).collect()
}

#[test]
fn a_list_of_fields_by_their_classes() {
    let merged = |text: &str| {
        let [RoleConfig::ClientAgent(agent)] = &valid(&agent(text)).roles[..] else { panic!() };
        let named = agent.client.merge.iter();
        named.map(|field| format!("{}+{}", field.name.class, field.name.field)).collect::<Vec<_>>()
    };
    assert_eq!(merged("[]"), [""; 0]);
    assert_eq!(merged("[Thing.setPos, Box.setTurn]"), ["Thing+setPos", "Box+setTurn"]);
    for wrong in ["[setPos]", "[Thing.]", "[.setPos]", "[[Thing.setPos]]", "[5]"] {
        let errors = errors(&agent(wrong));
        assert!(errors.contains("roles[0].client.merge[0]: "), "{errors}");
        assert!(
            errors.contains("a field of a class, such as `DistributedAvatar.setPos`"),
            "{errors}"
        );
    }
    assert!(errors(&agent("Thing.setPos")).contains("roles[0].client.merge: "));
}

#[test]
fn what_the_dc_files_do_not_have_or_clients_are_not_told_is_an_error() {
    let key = |i: usize| format!("roles[0].client.merge[{i}]");
    for (name, expected) in [
        ("Ting.setPos", "the DC files have no class `Ting`; did you mean `Thing`?"),
        ("Thing.setPoss", "class `Thing` has no field `setPoss`; did you mean `setPos`?"),
        (
            "Box.setPlan",
            "clients are never told `Box.setPlan`: it is neither broadcast nor clrecv nor ownrecv",
        ),
    ] {
        let merge = format!("[Thing.setName, {name}]");
        let survey = look_at(&merge);
        let column = agent(&merge).find(name).map(|at| at + 1);
        assert_eq!(survey.findings[0].position().map(|position| position.column), column);
        assert_eq!(findings(&merge), [format!("{}: {expected}", key(1))]);
        survey.complete().err().expect("no daemon starts with it");
    }
    assert_eq!(findings("[Thing.setMood, Thing.setHint, Thing.setAll, Other.setPos]"), [""; 0]);
    for twice in [
        "[Thing.setTurn, Thing.setTurn]",
        "[Box.setTurn, Thing.setTurn]",
        "[Thing.setPos, Cart.setPos]",
    ] {
        let expected = format!("{}: this field is named by {} already", key(1), key(0));
        assert_eq!(findings(twice), [expected], "{twice}");
        look_at(twice).complete().ok().expect("it does no harm");
    }
}

#[test]
fn a_field_is_meant_in_all_classes_that_inherit_or_declare_it_anew() {
    let complete = look_at("[Thing.setPos, Box.setPos, Cart.setPos, Box.setTurn]").complete();
    let complete = complete.ok().expect("all are there");
    let [RoleConfig::ClientAgent(agent)] = &complete.loaded.config.roles[..] else { panic!() };
    let found: Vec<Vec<u16>> = (agent.client.merge.iter())
        .map(|named| {
            let mut fields = named.find(&complete.dc).expect("it is there");
            fields.dedup();
            fields.into_iter().map(|field| field.0).collect()
        })
        .collect();
    assert_eq!(found, [vec![0, 7], vec![0, 7], vec![7], vec![2]]);
}

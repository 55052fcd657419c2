//! `donet dc diff`.

use crate::program::Folder;

const OLD: &str = "\
dclass Person {
  setName(string name) required db broadcast;
  setAge(uint8 age = 20) required db clsend;
  setTitle(string title) db;
};
dclass Hat {
  setSize(uint8 size) broadcast;
};
";
const NEW: &str = "\
dclass Person {
  setGold(uint32 gold = 50) required db;
  setName(string name) required db broadcast;
  setAge(uint16 age = 20) required db ownsend;
};
dclass Hat {
  setSize(uint8 size) broadcast;
};
";

fn folder() -> Folder {
    Folder::with(&[("old.dc", OLD), ("new.dc", NEW)])
}

#[test]
fn both_hashes_are_to_be_listed_only_where_old_clients_can_stay() {
    let folder = folder();
    let more = format!("{OLD}dclass Another {{ f(uint8 x) broadcast; }};\n");
    std::fs::write(folder.path("more.dc"), more).expect("a file");
    let advice = "the hash is another one: list both in `manual_dc_hash` of the client agent\n";
    folder.run(&["dc", "diff", "old.dc", "more.dc"]).code(1).says(&[advice]);
    let ended = folder.run(&["dc", "diff", "old.dc", "new.dc"]).code(1);
    assert!(!ended.stdout.contains("manual_dc_hash"), "{ended:#?}");
}

#[test]
fn what_changes_is_said_by_class_and_then_who_may_stay() {
    let folder = folder();
    let ended = folder.run(&["dc", "diff", "old.dc", "new.dc"]).code(1);
    let hash = |file: &str| folder.run(&["dc", "hash", file]).code(0).stdout.trim().to_owned();
    let expected = format!(
        "\
- {}  old.dc
+ {}  new.dc

dclass Person
  +     0  setGold(uint32 gold) required db   [wire, hash, stored]
           default (50)
           stored objects without a value get (50)
  -     1  setAge(uint8 age) required db clsend
  +     2  setAge(uint16 age) required db ownsend   [wire, hash, stored]
           uint8 → uint16: all values fit
           + ownsend: the owner may send it
           - clsend: a client that sends it is ejected, unless it may as the owner
  -     2  setTitle(string title) db   [wire, hash, stored]
    numbers: setName 0 → 1, setAge 1 → 2

What can stay, with a daemon that has the new files
  old clients                          no
      ✗ fields have other numbers: Person.setName 0 → 1, Person.setAge 1 → 2
      ✗ values are packed otherwise: Person.setAge
      · the hash is another one
  old AIs, UberDOGs and daemons        no
      ✗ fields have other numbers: Person.setName 0 → 1, Person.setAge 1 → 2
      ✗ numbers mean something else now: 2 was Person.setTitle and is setAge
      ✗ values are packed otherwise: Person.setAge
      ✗ objects are created and shown with other required values: Person
      · they do not know, and must not be sent: Person.setGold
      · nobody compares the files of servers: they would misread each other without a word
  values in SQLite, PostgreSQL, MySQL  no
      ✗ the daemon does not start where there are values of: Person.setAge
      · stored values are out of reach: Person.setTitle
      · objects that have no value get the default when they are loaded: Person.setGold
  values in YAML                       yes, if
      · stored values are out of reach: Person.setTitle
      · objects that have no value get the default when they are loaded: Person.setGold
  `donet db migrate` carries stored values over
",
        hash("old.dc"),
        hash("new.dc")
    );
    assert_eq!(ended.stdout, expected, "\n{}", ended.stdout);
}

#[test]
fn exit_codes_are_those_of_diff() {
    let folder = folder();
    let same = folder.run(&["dc", "diff", "old.dc", "old.dc"]).code(0);
    assert!(same.stdout.starts_with("nothing changes; hash 0x"), "{same:?}");
    folder.run(&["dc", "diff", "old.dc", "new.dc"]).code(1);
    folder.run(&["dc", "diff", "none.dc", "new.dc"]).code(2).complains(&["none.dc"]);
    folder.run(&["dc", "diff", "old.dc"]).code(1).complains(&["<NEW>"]);
}

#[test]
fn either_side_may_be_several_files() {
    let (person, hat) = OLD.split_at(OLD.find("dclass Hat").expect("it is there"));
    let folder = folder();
    folder.write("person.dc", person);
    folder.write("hat.dc", hat);
    folder.run(&["dc", "diff", "old.dc", "person.dc,hat.dc"]).code(0);
    let sides = ["dc", "diff", "--old", "person.dc", "hat.dc", "--new", "old.dc"];
    folder.run(&sides).code(0);
}

#[test]
fn a_program_reads_json() {
    let folder = folder();
    let ended = folder.run(&["dc", "diff", "--format", "json", "old.dc", "new.dc"]).code(1);
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(document["changed"], true);
    assert_eq!(document["classes"][0]["name"], "Person");
    assert_eq!(document["classes"][0]["moved"]["count"], 2);
    assert_eq!(document["verdicts"][0]["who"], "clients");
    assert_eq!(document["verdicts"][0]["can_stay"], "no");
}

#[test]
fn a_map_says_what_is_called_otherwise() {
    let new = "dclass Player {\n  setName(string name) required db broadcast;\n  setYears(uint8 age = 20) required db clsend;\n  setTitle(string title) db;\n};\ndclass Hat {\n  setSize(uint8 size) broadcast;\n};\n";
    let folder = folder();
    folder.write("new.dc", new);
    let guessed = folder.run(&["dc", "diff", "old.dc", "new.dc"]).code(1);
    guessed.says(&[
        "dclass Player, was Person by the look of it",
        "\n  Person: Player\n  Person.setAge: setYears\n",
    ]);
    folder.write("map.yml", "Person: Player\nPerson.setAge: setYears\n");
    let told = folder.run(&["dc", "diff", "old.dc", "new.dc", "--map", "map.yml"]).code(1);
    assert!(!told.stdout.contains("by the look of it"), "{}", told.stdout);
    folder.write("map.yml", "Person: Player\nPerson.setAge: setOld\n");
    let wrong = "map.yml:2:1: Person.setAge: `Player` has no field `setOld` in the new files\n";
    let ended = folder.run(&["dc", "diff", "old.dc", "new.dc", "--map", "map.yml"]).code(2);
    assert_eq!(ended.stderr, wrong);
}

#[test]
fn what_stored_objects_get_is_said() {
    let old = "dclass A { f(uint8 x) required db; q(uint8 x); };\n";
    let new = "dclass A { f(uint8 x) required db; q(uint8 x = 5) db; g(uint8 x = 7, string s) required db; \
               h(uint8 x) required db; i(uint8 x) db; j(uint8 x = 3) ram; k : f, g; };\n\
               dclass B { l(uint8 x = 9) required db; };\n";
    let folder = Folder::with(&[("old.dc", old), ("new.dc", new)]);
    let page = folder.run(&["dc", "diff", "old.dc", "new.dc"]).code(1).stdout;
    let (changes, _) = page.split_once("\nWhat can stay").expect("verdicts");
    let expected = r#"
dclass A
  -     1  q(uint8 x)
  +     1  q(uint8 x) db   [hash, stored]
           + db: it is stored
           default none → (5)
           stored objects without a value get (5)
  +     2  g(uint8 x, string s) required db   [wire, hash, stored]
           default (7, "")
           stored objects without a value get (7, "")
  +     3  h(uint8 x) required db   [wire, hash, stored]
           stored objects without a value get (0)
  +     4  i(uint8 x) db   [wire, hash, stored]
  +     5  j(uint8 x) ram   [wire, hash]
           default (3)
  +     6  k : f, g required db   [wire, hash, stored]

dclass B, new
  +     7  l(uint8 x) required db
           default (9)
"#;
    assert!(changes.ends_with(expected), "{changes}");
    let json = folder.run(&["dc", "diff", "--format", "json", "old.dc", "new.dc"]).code(1).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let expected = serde_json::json!([
        {"aspect": "default", "old": null, "new": "(7, \"\")"},
        {"aspect": "filled", "new": "(7, \"\")"},
    ]);
    assert_eq!(json["classes"][0]["fields"][1]["aspects"], expected, "{json:#}");
}

#[test]
fn limits_within_structs_are_limits_of_the_fields_that_hold_one() {
    let game = |item: &str, percent: &str| {
        format!(
            "typedef {percent} Pct;\nstruct Item {{ {item} wear = 1; }};\ndclass A {{\n  setA(Pct a) db clsend;\n  \
             setI(Item i) db clsend;\n  setL(Item l[]) db clsend;\n  setR(Item i) required broadcast db clsend;\n}};\n"
        )
    };
    let folder = Folder::with(&[
        ("narrow.dc", &game("uint8(0-50)", "uint8(0-50)")),
        ("wide.dc", &game("uint8(0-100)", "uint8(0-100)")),
        ("long.dc", &game("uint16", "uint8(0-50)")),
    ]);
    let said = |old: &str, new: &str| {
        let page = folder.run(&["dc", "diff", old, new]).code(1).stdout;
        // As one line, wherever it was wrapped.
        page.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let narrower = said("wide.dc", "narrow.dc");
    let fields = "A.setA, A.setI, A.setL and 1 more";
    for expected in [
        &*format!("clients that send one are ejected: {fields} old AIs"),
        &format!("· values may be refused that were allowed: {fields} ·"),
        &format!(
            "values in YAML yes, if · values outside of the new limits fail when they are read: {fields}"
        ),
        &format!(
            "MySQL yes, if · values outside of the new limits fail when they are read: {fields}"
        ),
        "`donet db migrate` carries stored values over",
    ] {
        assert!(narrower.contains(expected), "{expected}\n{narrower}");
    }
    let wider = said("narrow.dc", "wide.dc");
    let unread = "values outside of their limits, which they cannot read, must not be sent: A.s";
    for expected in [
        &*format!("{unread}etR old AIs"),
        &format!("{unread}etA, A.setI, A.setL and 1 more ·"),
        "values in SQLite, PostgreSQL, MySQL yes values in YAML yes",
    ] {
        assert!(wider.contains(expected), "{expected}\n{wider}");
    }
    // Text has no widths, and limits all the same.
    let shorter = said("long.dc", "narrow.dc");
    let expected = "values in YAML yes, if · values outside of the new limits fail when they are read: A.setI, A.setL, A.setR";
    assert!(shorter.contains(expected), "{shorter}");
}

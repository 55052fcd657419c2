//! What can be asked of a schema.

use dclass::{ClassId, DcFile, FieldId, FieldKind, Keywords, Source, parse};

const TEXT: &str = "
keyword p2p;
struct Point { uint8 x; uint8 y; };
dclass Base {
    Base(uint8 seed);
    setA(uint8 a = 7) required ram;
    setB(uint16 b) ram ram db;
};
dclass Child : Base {
    setC(string c) required db p2p;
    setD(uint8 d) required broadcast;
    setBoth : setD;
    setE(Point p) airecv;
    uint32 extra db = 5;
};
";

fn file() -> DcFile {
    let text = TEXT.replace("extra db = 5", "extra = 5 db");
    parse(&[Source::new("schema.dc", text)]).unwrap()
}

#[test]
fn a_schema_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&file());
}

#[test]
fn classes_and_structs() {
    let file = file();
    let names: Vec<&str> = file.classes().map(|class| class.name()).collect();
    assert_eq!(names, ["Base", "Child"]);
    assert!(file.class(ClassId(0)).is_none(), "a struct has no objects");
    assert!(file.class(ClassId(3)).is_none());
    assert!(file.class_by_name("Point").is_none());
    assert_eq!(file.class_or_struct_by_name("Point").unwrap().id(), ClassId(0));
    assert_eq!(file.structs().count(), 1);
    let child = file.class_by_name("Child").unwrap();
    assert_eq!((child.id(), child.parents()), (ClassId(2), &[ClassId(1)][..]));
}

#[test]
fn fields_of_a_class() {
    let file = file();
    let child = file.class_by_name("Child").unwrap();
    let ids: Vec<u16> = child.fields().iter().map(|field| field.id().0).collect();
    assert_eq!(ids, [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(child.field(FieldId(3)).unwrap().name(), "setA");
    assert_eq!(child.field_by_name("setBoth").unwrap().kind(), FieldKind::Molecular);
    assert_eq!(child.field_by_name("extra").unwrap().kind(), FieldKind::Parameter);
    assert!(child.field_by_name("x").is_none() && child.field(FieldId(0)).is_none());
    assert!(file.field(FieldId(0)).is_some() && file.field(FieldId(10)).is_none());
    assert!(!file.class_by_name("Base").unwrap().has_field(FieldId(5)));
}

#[test]
fn constructors_are_found_but_not_listed() {
    let file = file();
    for name in ["Base", "Child"] {
        let class = file.class_by_name(name).unwrap();
        assert!(class.has_field(FieldId(2)));
        assert_eq!(class.field_by_name("Base").unwrap().id(), FieldId(2));
        assert!(class.fields().iter().all(|field| field.id() != FieldId(2)));
    }
    assert!(file.class_by_name("Base").unwrap().constructor().is_some());
    assert!(file.class_by_name("Child").unwrap().constructor().is_none());
}

#[test]
fn tables_leave_out_molecular_fields() {
    let file = file();
    let child = file.class_by_name("Child").unwrap();
    let mut ids = Vec::new();
    for field in child.required() {
        ids.push(field.id().0);
    }
    assert_eq!(ids, [3, 5, 6]);
    assert_eq!(child.required_index(FieldId(5)), Some(1));
    assert_eq!(child.required_index(FieldId(7)), None, "the molecular field is required, too");
    let names = |fields: &[std::sync::Arc<dclass::Field>]| -> Vec<String> {
        fields.iter().map(|field| field.name().to_owned()).collect()
    };
    assert_eq!(names(child.ram_fields()), ["setA", "setB"]);
    assert_eq!(names(child.db_fields()), ["setB", "setC", "extra"]);
}

/// Those of Panda3D's own server are custom keywords, declared or not, and no others are.
#[test]
fn p2p_and_reflect_need_no_declaration() {
    let read = |text: &str| dclass::parse(&[dclass::Source::new("test.dc", text)]);
    let class = "dclass A { ask(uint8) reflect p2p; };";
    let declared = read(&format!("keyword p2p reflect;\n{class}")).expect("a right file");
    let bare = read(class).expect("a right file");
    assert_eq!(bare.hash(), declared.hash());
    let field = bare.class_by_name("A").and_then(|class| class.field_by_name("ask"));
    assert_eq!(field.expect("it is there").custom_keywords(), ["p2p", "reflect"]);
    let errors = read("dclass A { ask(uint8) reflects; };").expect_err("it is not declared");
    let text = errors.to_string();
    assert!(text.contains("unknown keyword `reflects`") && text.contains("`reflect`"), "{text}");
}

#[test]
fn keywords_of_a_field() {
    let file = file();
    let child = file.class_by_name("Child").unwrap();
    let field = child.field_by_name("setC").unwrap();
    let keywords = field.keywords();
    assert!(keywords.required() && keywords.db() && !keywords.ram());
    assert_eq!(keywords, Keywords::REQUIRED | Keywords::DB);
    assert!(keywords.intersects(Keywords::RAM | Keywords::DB));
    assert!(!keywords.contains(Keywords::RAM | Keywords::DB));
    assert_eq!(field.custom_keywords(), ["p2p"]);
    assert_eq!(keywords.to_string(), "required db");
    let both = child.field_by_name("setBoth").unwrap();
    assert_eq!(both.keywords(), child.field_by_name("setD").unwrap().keywords());
    assert_eq!(both.parts()[0].name(), "setD");
}

#[test]
fn defaults_and_sizes() {
    let file = file();
    let field = |name: &str| file.class_by_name("Child").unwrap().field_by_name(name).unwrap();
    assert_eq!(field("setA").default_value(), Some(&[7][..]));
    assert_eq!(field("setB").default_value(), None);
    assert_eq!(field("setB").implicit_value(), [0, 0]);
    assert_eq!(field("setE").fixed_size(), Some(2));
    assert_eq!(field("setC").fixed_size(), None);
    assert_eq!(field("extra").type_text(), "uint32");
    assert_eq!(field("setE").type_text(), "({uint8, uint8})");
}

#[test]
fn files_are_one_model() {
    let first = Source::new("a.dc", "typedef uint8 kind; dclass A { f(kind k); };");
    let second = Source::new("b.dc", "dclass B : A { g(kind k); };");
    let file = parse(&[first.clone(), second.clone()]).unwrap();
    assert_eq!(file.class_by_name("B").unwrap().fields().len(), 2);
    assert_eq!(file.class_by_name("B").unwrap().field_by_name("g").unwrap().id(), FieldId(1));
    let error = parse(&[second, first]).unwrap_err();
    assert_eq!(error.iter().next().unwrap().place.file, "b.dc");
    assert_eq!(
        (error.iter().next().unwrap().place.line, error.iter().next().unwrap().place.column),
        (1, 12)
    );
}

/// As in the documentation of the crate.
#[test]
fn the_example_is_right() {
    let text = "dclass Avatar { setXY(int16/10 x = 5, int16/10 y) required broadcast ram; };";
    let file = parse(&[Source::new("avatar.dc", text)]).unwrap();
    let avatar = file.class_by_name("Avatar").unwrap();
    let field = avatar.field_by_name("setXY").unwrap();
    assert!(field.keywords().required());
    assert_eq!(field.default_value(), Some(&[50, 0, 0, 0][..]));
    assert_eq!(field.validate(&[1, 0, 2, 0]), Ok(4));
    assert_eq!(field.format(&[1, 0, 2, 0]).unwrap(), "(1, 2)");
    assert_eq!(field.parse("(1, 2)").unwrap(), [1, 0, 2, 0]);
}

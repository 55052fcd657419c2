//! The files in `data/ok` and `data/err`, each beside what is made of it. To write the expected
//! files anew after a change that is meant, run the tests with `UPDATE_EXPECTED=1`.

use dclass::{Class, DcFile, Source, format_source, parse};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dc"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn source(path: &Path) -> Source {
    let name = path.file_name().unwrap().to_str().unwrap();
    Source::new(name, std::fs::read(path).unwrap())
}

/// Compares with the expected file, or writes it.
fn expect(path: &Path, extension: &str, found: &str) -> Result<(), String> {
    let path = path.with_extension(extension);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, found).unwrap();
        return Ok(());
    }
    match std::fs::read_to_string(&path) {
        Ok(expected) if expected == found => Ok(()),
        _ => Err(format!("{} should be:\n{found}", path.display())),
    }
}

fn describe(file: &DcFile) -> String {
    let mut out = format!("hash {:#010x}\n", file.hash());
    for import in file.imports() {
        let _ = writeln!(out, "import {} {:?}", import.module, import.symbols);
    }
    if !file.warnings().is_empty() {
        let _ = writeln!(out, "\n{}", file.warnings());
    }
    out.push_str(&file.show());
    file.structs().chain(file.classes()).for_each(|class| describe_class(file, class, &mut out));
    out
}

fn describe_class(file: &DcFile, class: &Class, out: &mut String) {
    let _ = writeln!(out, "\n{} {}", class.id().0, class.name());
    if !class.name().is_empty() {
        out.push_str(&file.show_fields(class));
    }
    let ids = |fields: &[std::sync::Arc<dclass::Field>]| -> Vec<u16> {
        fields.iter().map(|field| field.id().0).collect()
    };
    let tables = [ids(class.required()), ids(class.ram_fields()), ids(class.db_fields())];
    let _ = writeln!(out, "required {:?} ram {:?} db {:?}", tables[0], tables[1], tables[2]);
    for field in class.constructor().into_iter().chain(class.own_fields().iter().map(|f| &**f)) {
        let value = field.implicit_value();
        let text = match field.format(value) {
            Ok(text) => text,
            Err(_) if !field.parts().is_empty() => "molecular".to_owned(),
            Err(error) => error.to_string(),
        };
        let size = field.fixed_size().map_or("-".to_owned(), |size| size.to_string());
        let sign = if field.default_value().is_some() { "=" } else { "-" };
        let (id, kind) = (field.id().0, format!("{:?}", field.kind()).to_lowercase());
        let (types, keywords) = (field.type_text(), field.keywords());
        let _ = writeln!(out, "{id} {kind} {types} size {size} {sign} {text} [{keywords}]");
    }
}

#[test]
fn files_that_are_right() {
    let mut wrong = Vec::new();
    for path in files("ok") {
        let source = source(&path);
        let file = match parse(std::slice::from_ref(&source)) {
            Ok(file) => file,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        wrong.extend(expect(&path, "txt", &describe(&file)).err());
        let printed = format_source(&source).unwrap();
        wrong.extend(expect(&path, "fmt", &printed).err());
        let again = Source::new(source.name.clone(), printed.clone());
        assert_eq!(format_source(&again).unwrap(), printed, "printed twice");
        let again = parse(&[again]).unwrap();
        let facts = |file: &DcFile| describe(file).lines().filter(|l| !l.contains('|')).count();
        assert_eq!(again.hash(), file.hash());
        assert_eq!(facts(&again), facts(&file));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_that_are_wrong() {
    let mut wrong = Vec::new();
    for path in files("err") {
        match parse(&[source(&path)]) {
            Ok(_) => wrong.push(format!("{} should be refused", path.display())),
            Err(error) => wrong.extend(expect(&path, "txt", &format!("{error}\n")).err()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

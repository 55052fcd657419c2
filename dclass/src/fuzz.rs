//! An entry for fuzzers: whatever the bytes are, nothing here may panic, hang or disagree.

use crate::{Field, Options, Source, StringEncoding, format_source, parse_with};

/// Reads `data` as a DC file and the rest, after the first zero byte, as values of its fields.
///
/// # Panics
/// If two ways that must agree do not: a layout with another meaning, a value whose text
/// reads back differently, `skip` and `validate` that measure different lengths,
/// two ways to split a value that find different parts.
pub fn fuzz(data: &[u8]) {
    let (text, values) = match data.iter().position(|byte| *byte == 0) {
        Some(zero) => (&data[..zero], &data[zero + 1..]),
        None => (data, &[][..]),
    };
    let source = Source::new("fuzz.dc", text);
    let options = Options { string_encoding: StringEncoding::Bytes };
    let Ok(file) = parse_with(std::slice::from_ref(&source), options) else {
        let _ = format_source(&source);
        return;
    };
    let printed = format_source(&source).expect("what parses can be laid out");
    let again = parse_with(&[Source::new("printed.dc", printed.clone())], options)
        .expect("the layout parses");
    assert_eq!(file.hash(), again.hash(), "the layout has the same meaning");
    assert_eq!(file.astron_hash(), again.astron_hash(), "to Astron as well");
    for (field, same) in file.fields.iter().zip(&again.fields) {
        assert_eq!(field.implicit, same.implicit, "the layout has the same defaults");
        assert_eq!(field.declaration(), same.declaration(), "the layout has the same fields");
    }
    let twice = format_source(&Source::new("printed.dc", printed.clone()));
    assert_eq!(twice.ok(), Some(printed), "a layout stays as it is");
    for field in &file.fields {
        fuzz_value(field, values);
        let implicit = field.implicit_value();
        if field.validate_all(implicit).is_ok() {
            fuzz_value(field, implicit);
        }
    }
    let _ = file.show();
    file.classes().chain(file.structs()).for_each(|class| drop(file.show_fields(class)));
}

fn fuzz_value(field: &Field, bytes: &[u8]) {
    let skipped = field.skip(bytes);
    let validated = field.validate(bytes);
    let mut found = Vec::new();
    let parted = field.validate_parts(bytes, |part, value| found.push((part.id(), value)));
    assert_eq!(validated, parted, "with and without the parts, the walk is the same");
    let Ok(len) = validated else {
        return;
    };
    assert_eq!(skipped, Ok(len), "skip and validate measure the same");
    let value = &bytes[..len];
    let parts = field.split(value).expect("a valid value can be split");
    assert_eq!(parts.map(|(part, value)| (part.id(), value)).collect::<Vec<_>>(), found);
    assert_eq!(found.iter().map(|(_, part)| part.len()).sum::<usize>(), len);
    let text = field.format(value).expect("a valid value has a text");
    if !text.contains("nan") {
        assert_eq!(field.parse(&text).as_deref(), Ok(value), "the text reads back: {text}");
    }
}

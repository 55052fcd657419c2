//! Reading a large DC file, and checking values by it.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dclass::{Source, parse};
use std::fmt::Write;
use std::hint::black_box;

/// A file of 400 classes and 4,000 lines, of the kinds that games have.
fn large_file() -> String {
    let mut text = String::from("typedef uint32 doId;\nstruct Item { uint16 id; string name; };\n");
    for class in 0..400 {
        let parent = match class {
            0 => String::new(),
            _ => format!(" : Class{}", class / 8),
        };
        let _ = write!(
            text,
            "dclass Class{class}{parent} {{
    setName{class}(string(0-40) name = \"nobody\") required broadcast ram db;
    setXY{class}(int16/10 x, int16/10 y) broadcast ram ownsend airecv;
    setHP{class}(int16%360/10 h, int16%360/10 p) broadcast ram ownsend airecv;
    setAll{class} : setXY{class}, setHP{class};
    setItems{class}(Item[] items, uint8(0-9) level) required db ownrecv;
    request{class}(doId who, uint8 mode, string reason) airecv clsend;
    setColour{class}(uint8 r = 255, uint8 g = 255, uint8 b = 255) broadcast ram;
    uint32[] friends{class} db;
}};
"
        );
    }
    text
}

fn read(c: &mut Criterion) {
    let text = large_file();
    assert!(text.lines().count() >= 4_000);
    let source = [Source::new("large.dc", text)];
    let mut group = c.benchmark_group("file");
    group.throughput(Throughput::Bytes(source[0].text.len() as u64));
    group.bench_function("parse and hash", |b| {
        b.iter(|| parse(black_box(&source)).unwrap().hash());
    });
    group.finish();
}

fn values(c: &mut Criterion) {
    let file = parse(&[Source::new("large.dc", large_file())]).unwrap();
    let class = file.class_by_name("Class399").unwrap();
    let mut group = c.benchmark_group("validate");
    let cases: [(&str, &str, &[u8]); 3] = [
        ("fixed size", "setXY399", &[1, 0, 2, 0]),
        ("string", "setName399", b"\x06\0nobody"),
        ("array of structs", "setItems399", b"\x0e\0\x01\0\x03\0one\x02\0\x03\0two\x07"),
    ];
    for (name, field, value) in cases {
        let id = class.field_by_name(field).unwrap().id();
        group.bench_function(name, |b| {
            b.iter(|| class.field(black_box(id)).unwrap().validate(black_box(value)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, read, values);
criterion_main!(benches);

//! What other readers of DC files make of the same files.

use dclass::{Source, parse};

#[test]
fn hashes_are_those_of_panda3d() {
    let mut wrong = Vec::new();
    for line in include_str!("data/golden/hashes.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let (hash, text) = line.split_once(' ').unwrap_or((line, ""));
        let expected = u32::from_str_radix(&hash[2..], 16).unwrap();
        match parse(&[Source::new("test.dc", text)]) {
            Ok(file) if file.hash() == expected => {}
            Ok(file) => wrong.push(format!("{:#010x} instead of {line}", file.hash())),
            Err(error) => wrong.push(format!("{line}\n{error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

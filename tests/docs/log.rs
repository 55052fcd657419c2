//! The page of symptoms against what the program can log, and the codes with which it puts clients out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{book, read, rows};

/// Lines that say what somebody else has put into words: of them the page names the texts, if they ask for anything.
const WORDS_OF_OTHERS: [(&str, &str); 9] = [
    ("src/daemon/bans.rs", "a command: …"),
    ("src/daemon/operator.rs", "…"),
    // Findings of the configuration, which are explained there.
    ("src/main.rs", "…"),
    ("src/net/tls/keeper.rs", "…: …"),
    ("src/role/client_agent/parenting/mod.rs", "…"),
    ("src/role/client_agent/session/cluster.rs", "…"),
    ("src/role/client_agent/shell/mod.rs", "…"),
    ("src/role/message_director/upstream/link.rs", "…"),
    ("src/store/sql/sqlite_file.rs", "…"),
];

/// Files of the program's own code, without its tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of code") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("tests") {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            sources.push(path);
        }
    }
    sources.sort();
    sources
}

/// What a macro is given, up to the end of its parentheses.
fn arguments(text: &str) -> &str {
    let (mut depth, mut is_text, mut is_escaped) = (1, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '"' => is_text = !is_text,
            '(' | '[' | '{' if !is_text => depth += 1,
            ')' | ']' | '}' if !is_text => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

/// The text of a log line among a macro's arguments, with `…` for what differs.
fn message(arguments: &str) -> Option<String> {
    let quoted: Vec<&str> = arguments.split('"').collect();
    // A text that a field has is not the line's.
    let is_field = |before: &str| before.trim_end().ends_with(['=', ':', '!', '(']);
    let mut pairs = quoted.chunks(2).take_while(|pair| pair.len() == 2);
    let [_, text] = pairs.find(|pair| !is_field(pair[0]))? else { return None };
    let lines: Vec<&str> = text.split("\\\n").map(str::trim_start).collect();
    let text = lines.concat();
    // What stands in backticks or braces; the page cannot quote the former.
    let parts = text.split(['`', '{', '}']).enumerate();
    Some(parts.map(|(number, part)| if number % 2 == 0 { part } else { "…" }).collect())
}

/// The lines that are logged by these macros, each with its file.
fn logged(macros: &[&str]) -> BTreeSet<(String, String)> {
    let root = book().with_file_name("");
    let mut logged = BTreeSet::new();
    for path in sources(&root.join("src")) {
        let text = read(&path);
        let code = text.split("#[cfg(test)]\nmod tests {").next().expect("the file's beginning");
        let file = path.strip_prefix(&root).expect("below the root").display().to_string();
        for name in macros {
            for (at, _) in code.match_indices(name) {
                let is_whole = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let Some(message) = message(arguments(&code[at + name.len()..])) else { continue };
                if is_whole {
                    logged.insert((file.clone(), message));
                }
            }
        }
    }
    logged
}

/// Whether a line of the page is what the program says; both may leave out what differs.
fn is_the_same(line: &str, message: &str) -> bool {
    let mut rest = line;
    let pieces = message.split('…').filter(|piece| piece.chars().any(char::is_alphanumeric));
    let mut pieces = pieces.peekable();
    pieces.peek().is_some()
        && pieces.all(|piece| {
            let found = rest.split_once(piece.trim());
            rest = found.map_or("", |(_, behind)| behind);
            found.is_some()
        })
}

/// The log lines that the page tells of.
fn told() -> BTreeSet<String> {
    let rows = rows(&read(&book().join("symptoms.md")));
    let tables = rows.values().flat_map(|rows| rows.split(|row| row[0] == "Log line").skip(1));
    let cells = tables.flatten().map(|row| row[0].clone());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

const URGENT: [&str; 5] = ["warn!(", "error!(", "security!(", "say!(warn,", "say!(error,"];

#[test]
fn the_page_of_symptoms_has_every_warning_and_error() {
    let (told, logged) = (told(), logged(&URGENT));
    for (file, message) in WORDS_OF_OTHERS {
        let is_there = logged.contains(&(file.to_owned(), message.to_owned()));
        assert!(is_there, "nothing like `{message}` is in {file} any more");
    }
    let missing: Vec<String> = logged
        .into_iter()
        .filter(|(file, message)| !WORDS_OF_OTHERS.contains(&(file.as_str(), message.as_str())))
        .filter(|(_, message)| !told.iter().any(|line| is_the_same(line, message)))
        .map(|(file, message)| format!("{file}: {message}"))
        .collect();
    assert!(missing.is_empty(), "docs/symptoms.md has no row for\n{}", missing.join("\n"));
}

#[test]
fn the_page_of_symptoms_has_no_line_that_is_never_logged() {
    let mut code = String::new();
    for path in sources(&book().with_file_name("src")) {
        code.push_str(&read(&path).replace("\\\n", ""));
    }
    let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
    // What differs is named in the code, or put in.
    let is_said = |line: &String| {
        let pieces = line.split('…').map(|piece| piece.trim_matches(['…', ' ', ';', ':']));
        pieces.filter(|piece| !piece.is_empty()).all(|piece| code.contains(piece))
    };
    let invented: Vec<String> = told().into_iter().filter(|line| !is_said(line)).collect();
    assert!(invented.is_empty(), "the code says nowhere\n{}", invented.join("\n"));
}

#[test]
fn the_page_of_symptoms_has_every_code_of_an_ejection() {
    let code = read(&book().with_file_name("src").join("message/client.rs"));
    let reasons = code.split_once("pub enum EjectReason {").expect("the reasons").1;
    let reasons = reasons.split('}').next().expect("their end");
    let numbers: BTreeSet<&str> =
        reasons.lines().filter_map(|line| line.split_once(" = ")?.1.strip_suffix(',')).collect();
    assert!(numbers.contains("345"), "{numbers:?}");
    let mut rows = rows(&read(&book().join("symptoms.md")));
    let table = rows.remove("Eject codes").expect("a table of codes");
    let named: BTreeSet<&str> = table.iter().map(|row| row[0].as_str()).collect();
    let missing: Vec<_> = numbers.difference(&named).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}

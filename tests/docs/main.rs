//! The book in docs/ against itself and against the program.

mod commands;
mod log;
#[cfg(feature = "lua")]
mod scripts;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use donet::config;
use donet::finding::Finding;
use donet::message::whole_table;

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All pages below `folder`, the table of contents excepted.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the book") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            pages.extend(self::pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md")
            && !path.ends_with("SUMMARY.md")
        {
            pages.push(path);
        }
    }
    pages.sort();
    pages
}

/// The lines of a page outside of code blocks, with code spans emptied.
fn prose(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut in_code = false;
    text.lines().filter_map(move |line| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        let outside = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        (!in_code).then_some(outside)
    })
}

/// Where the links of a page lead, addresses of other sites excepted.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        links.extend(targets.filter(|target| !target.contains("://")).map(str::to_owned));
    }
    links
}

/// The names by which a page's headings can be linked to.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut in_code = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let Some(heading) = line.strip_prefix('#').filter(|_| !in_code) else { continue };
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        anchors.insert(heading.chars().filter(kept).collect::<String>().replace(' ', "-"));
    }
    anchors
}

#[test]
fn the_table_of_contents_lists_every_page_and_no_other() {
    let book = book();
    let listed: Vec<PathBuf> =
        links(&read(&book.join("SUMMARY.md"))).iter().map(|link| book.join(link)).collect();
    let unique: BTreeSet<&PathBuf> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len(), "a page is listed twice");
    let found = pages(&book);
    assert_eq!(unique, found.iter().collect(), "left: listed, right: there");
}

#[test]
fn links_lead_somewhere() {
    let book = book();
    let mut sources = pages(&book);
    sources.push(book.join("SUMMARY.md"));
    sources.push(book.with_file_name("README.md"));
    let mut dead = Vec::new();
    for page in sources {
        let text = read(&page);
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                _ => page.with_file_name("").join(file),
            };
            let leads =
                target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !leads {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// Rows of tables as their cells, by the nearest heading above.
fn rows(text: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut rows: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    let mut heading = String::new();
    for line in text.lines() {
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().to_owned();
        } else if let Some(row) = line.strip_prefix('|') {
            let cells = row.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned());
            rows.entry(heading.clone()).or_default().push(cells.collect());
        }
    }
    rows
}

/// What the names of messages begin with.
const FAMILIES: [&str; 6] =
    ["`CONTROL_", "`CLIENT_", "`CLIENTAGENT_", "`STATESERVER_", "`DBSS_", "`DBSERVER_"];

#[test]
fn every_message_is_in_the_reference_and_no_other() {
    let reference: Vec<Vec<String>> = pages(&book().join("protocol"))
        .iter()
        .flat_map(|page| rows(&read(page)).into_values().flatten())
        .collect();
    let missing: Vec<String> = whole_table()
        .map(|row| [row.number.to_string(), format!("`{}`", row.name)])
        .filter(|row| !reference.iter().any(|cells| cells.starts_with(row)))
        .map(|row| row.join(" "))
        .collect();
    assert!(missing.is_empty(), "no table has a row for {missing:#?}");

    let known: BTreeSet<String> = whole_table().map(|row| format!("`{}`", row.name)).collect();
    let is_message = |name: &str| FAMILIES.iter().any(|family| name.starts_with(family));
    let invented: Vec<&String> = reference
        .iter()
        .filter_map(|cells| cells.get(1).filter(|_| cells[0].parse::<u16>().is_ok()))
        .filter(|name| is_message(name) && !known.contains(*name))
        .collect();
    assert!(invented.is_empty(), "the program has no {invented:#?}");
}

/// The code blocks of a page: the line before each, its language, and its lines.
fn blocks(text: &str) -> Vec<(String, String, String)> {
    let mut blocks = Vec::new();
    let mut before = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let code = lines.by_ref().take_while(|line| *line != "```");
            let code = code.map(|line| format!("{line}\n")).collect();
            blocks.push((before.clone(), language.to_owned(), code));
        } else if !line.is_empty() {
            before = line.to_owned();
        }
    }
    blocks
}

#[test]
fn the_tutorial_shows_the_new_game_as_it_is() {
    let game = book().with_file_name("src").join("cli/init/mygame");
    let folders = [game.clone(), game.join("objects")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let texts: Vec<String> = files.map(|path| read(&path)).collect();
    let mut file = String::new();
    let mut shown = 0;
    for (before, language, code) in blocks(&read(&book().join("tutorial.md"))) {
        let found = match language.as_str() {
            "python" | "c" | "yaml" => texts.iter().filter(|text| text.contains(&code)).count(),
            // What is to be changed, in the file that the line before names, or the one before that.
            "diff" => {
                file = before.split('`').nth(1).map_or(file, str::to_owned);
                let old = code.lines().filter_map(|line| line.strip_prefix([' ', '-']));
                let old: String = old.map(|line| format!("{line}\n")).collect();
                read(&game.join(&file)).matches(&old).count()
            }
            _ => continue,
        };
        assert_eq!(found, 1, "{language}:\n{code}");
        shown += 1;
    }
    assert!(shown > 15, "{shown}");
}

#[test]
fn the_page_of_the_otp_era_shows_its_example_as_it_is() {
    let folder = book().with_file_name("config");
    let entries = fs::read_dir(folder).expect("a folder");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let is_of_it = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("otp") && [".yml", ".dc", ".py"].iter().any(|end| name.ends_with(end))
    };
    let texts: Vec<String> = files.filter(is_of_it).map(|path| read(&path)).collect();
    let mut shown = 0;
    for (_, language, code) in blocks(&read(&book().join("otp.md"))) {
        // Zones that are seen are not of the example.
        if matches!(language.as_str(), "python" | "c") || code.contains("login_to") {
            let found = texts.iter().filter(|text| text.contains(&code)).count();
            assert_eq!(found, 1, "{language}:\n{code}");
            shown += 1;
        }
    }
    assert!(shown > 10, "{shown}");
}

/// The crates that a manifest depends on, those of this repository excepted.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut is_list = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_list = line.ends_with("dependencies]") && !line.contains("workspace");
        } else if let Some((name, what)) = line.split_once('=').filter(|_| is_list)
            && !what.contains("path =")
        {
            names.push(name.trim().trim_end_matches(".workspace").to_owned());
        }
    }
    names
}

#[test]
fn the_page_of_dependencies_has_every_crate_and_no_other() {
    let book = book();
    let manifests = ["Cargo.toml", "dclass/Cargo.toml", "tests/fuzz/Cargo.toml"];
    let used: BTreeSet<String> = manifests
        .iter()
        .flat_map(|path| dependencies(&read(&book.with_file_name("").join(path))))
        .collect();
    assert!(used.contains("nom") && used.contains("proptest"), "{used:?}");
    let mut rows = rows(&read(&book.join("dependencies.md")));
    let crates = rows.remove("Crates").expect("a table of crates");
    // The head and the line below it.
    let named = crates.iter().skip(2).flat_map(|row| row[0].split(", ").map(str::to_owned));
    assert_eq!(used, named.collect(), "left: the manifests', right: the page's");
    let own = rows.remove("Own code where there are crates").expect("a table of own code");
    for row in own.iter().skip(2) {
        let paths = row[0].split('`').skip(1).step_by(2);
        for path in paths.map(|path| book.with_file_name("").join(path)) {
            assert!(path.exists(), "{}", path.display());
        }
    }
}

/// A key that no section can have, and that is like none.
const PROBE: &str = "qqqqqqqqqqqqqqqqqqqqqqqq";

/// Finds out by asking which keys the configuration has: an unknown key, or an unknown word for
/// `type`, is answered with those that are known.
struct Explorer {
    folder: tempfile::TempDir,
    /// Keys by the heading under which the book has them.
    found: BTreeMap<String, BTreeSet<String>>,
}

impl Explorer {
    /// What is wrong with a file of this text, as far as it is about the probe.
    fn complaint(&self, text: &str) -> Option<String> {
        let file = self.folder.path().join("probe.yml");
        fs::write(&file, text).expect("a temporary file");
        let errors = config::load_with_warnings(&file).expect_err("the probe is wrong").0;
        let about_probe =
            |error: &&Finding| error.key.ends_with(PROBE) || error.message.contains(PROBE);
        errors.iter().find(about_probe).map(|error| error.message.clone())
    }

    /// Explores the map between `before` and `after`, which is at `path` below `heading`.
    fn explore(&mut self, before: &str, after: &str, heading: &str, path: &str) {
        let keys = self.complaint(&format!("{before}{PROBE}: 1{after}"));
        if let Some(keys) = keys.as_deref().and_then(|text| words_after(text, "known are")) {
            for key in &keys {
                // The type that has been chosen above.
                if key != "type" || !before.ends_with(", ") {
                    self.explore_key(before, after, heading, &join(path, key), key);
                }
            }
            if keys.iter().any(|key| key == "type") && !before.ends_with(", ") {
                self.explore_types(before, after, path, &keys);
            }
            return;
        }
        // Which keys there are may depend on the type.
        let types = self.complaint(&format!("{before}type: {PROBE}{after}"));
        let types = types.as_deref().and_then(|text| words_after(text, "one of"));
        for word in types.unwrap_or_default() {
            self.note(heading, &join(path, "type"));
            self.explore(&format!("{before}type: {word}, "), after, &word, "");
        }
    }

    /// A map of which some types have keys beyond those that all have: these stand below the type's name.
    fn explore_types(&mut self, before: &str, after: &str, path: &str, of_all: &[String]) {
        let types = self.complaint(&format!("{before}type: {PROBE}{after}"));
        for word in
            types.as_deref().and_then(|text| words_after(text, "one of")).unwrap_or_default()
        {
            let before = format!("{before}type: {word}, ");
            let keys = self.complaint(&format!("{before}{PROBE}: 1{after}"));
            let keys = keys.as_deref().and_then(|text| words_after(text, "known are"));
            for key in keys.unwrap_or_default().iter().filter(|key| !of_all.contains(key)) {
                self.explore_key(&before, after, &word, &join(path, key), key);
            }
        }
    }

    fn explore_key(&mut self, before: &str, after: &str, heading: &str, path: &str, key: &str) {
        let known = self.count();
        let (heading, path) = match heading {
            // Each section of the file has a heading of its own.
            "" => (key, ""),
            _ => (heading, path),
        };
        self.explore(&format!("{before}{key}: {{"), &format!("}}{after}"), heading, path);
        let items = if path.is_empty() { String::new() } else { format!("{path}[]") };
        self.explore(&format!("{before}{key}: [{{"), &format!("}}]{after}"), heading, &items);
        // Maps that have names which somebody chooses.
        for name in ["NAME", "CLASS.FIELD"] {
            if self.count() > known {
                break;
            }
            self.explore(
                &format!("{before}{key}: {{{name}: {{"),
                &format!("}}}}{after}"),
                heading,
                &join(path, name),
            );
        }
        // Neither a map nor a list of maps.
        if self.count() == known {
            self.note(heading, path);
        }
    }

    fn count(&self) -> usize {
        self.found.values().map(BTreeSet::len).sum()
    }

    fn note(&mut self, heading: &str, path: &str) {
        self.found.entry(heading.to_owned()).or_default().insert(path.to_owned());
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The words between backticks after `marker`, up to the end of the sentence.
fn words_after(text: &str, marker: &str) -> Option<Vec<String>> {
    let rest = text.split_once(marker)?.1;
    let rest = rest.split(';').next().unwrap_or(rest);
    Some(rest.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

#[test]
fn the_configuration_page_has_every_key_and_no_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut explorer = Explorer { folder, found: BTreeMap::new() };
    explorer.explore("{", "}", "", "");

    let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (heading, rows) in rows(&read(&book().join("configuration.md"))) {
        let tables = rows.split(|row| row[0] == "Key").skip(1);
        for row in tables.flatten().filter(|row| !row[0].starts_with("--")) {
            let keys = documented.entry(heading.clone()).or_default();
            keys.extend(row[0].split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert!(explorer.count() > 50, "the sections tell their keys: {:#?}", explorer.found);
    assert_eq!(explorer.found, documented, "left: the program's keys, right: the book's");
}

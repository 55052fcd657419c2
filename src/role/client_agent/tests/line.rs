//! What the module page promises about the code itself.

use std::fs;
use std::path::{Path, PathBuf};

/// The line along which the role's modules stand. A module uses only those before it.
const LINE: &[&str] = &["agent", "view", "interest", "session", "dialect", "core", "shell"];

/// Pairs that stand beside each other.
const STRANGERS: &[(&str, &str)] = &[("interest", "view")];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn module_of(path: &Path) -> Option<&'static str> {
    let first = path.components().next()?.as_os_str().to_str()?;
    LINE.iter().find(|module| **module == first.trim_end_matches(".rs")).copied()
}

#[test]
fn a_module_of_the_role_uses_only_what_stands_before_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/role/client_agent");
    let place = |name: &str| LINE.iter().position(|module| *module == name);
    let mut wrong = Vec::new();
    let mut checked = 0;
    for path in sources(&root) {
        let path = path.strip_prefix(&root).expect("below the root");
        let Some(module) = module_of(path).filter(|_| !path.ends_with("tests.rs")) else {
            continue;
        };
        let text = fs::read_to_string(root.join(path)).expect("source code is text");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for before in ["super::", "client_agent::"] {
                for rest in line.split(before).skip(1) {
                    let used = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                    let Some(used) = used.filter(|used| place(used).is_some()) else { continue };
                    checked += 1;
                    if place(used) > place(module) || STRANGERS.contains(&(module, used)) {
                        wrong.push(format!("{}: {module} uses {used}", path.display()));
                    }
                }
            }
        }
    }
    assert!(checked > 20, "{checked}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Tables of a session that grow with what its client has done, and what would walk one.
const TABLES: &[&str] = &[
    "objects",
    "by_location",
    "by_id",
    "open",
    "coverage",
    "queries",
    "pending",
    "held_back",
    "maybe_ready",
    "declared",
    "sendable",
    "session_objects",
    "left_at",
    "channels",
    "doubtful",
    "by_channel",
    "places",
];
const WALKS: &[&str] =
    &["iter", "iter_mut", "into_iter", "values", "values_mut", "keys", "retain", "drain", "clone"];
/// Where a session ends, and its tables with it.
const ENDS: &[&str] = &["end_operations", "take_session_objects", "clear", "leave"];
/// What looks at each thing once, so that it costs no more than the thing's coming did.
const ONCE: &[&str] = &["index"];
/// What notes what a session has, once after a gap: one session at a time, and what comes of it in slices.
const AFTER_A_GAP: &[&str] = &["all", "all_open"];
/// What has a client that is back told all anew: that costs as much as the interests did that it had opened.
const ANEW: &[&str] = &[
    "ask_anew",
    "ask_for_all",
    "tell_anew",
    "values_mut",
    "all_untold",
    "count_unheard",
    "retelling_due",
];
/// What shows some of it to somebody who looks at a session, and no more than he has asked for.
const SHOWN: &[&str] = &["every"];

#[test]
fn nothing_that_happens_to_a_session_walks_a_table_of_all_that_it_has() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/role/client_agent");
    let mut walks = Vec::new();
    let mut looked_at = 0;
    for path in ["agent", "view", "interest", "session"].map(|part| root.join(part)) {
        for path in sources(&path) {
            let text = fs::read_to_string(&path).expect("source code is text");
            let code = text.split("#[cfg(test)]").next().expect("the first part");
            let mut function = "";
            // A chain of calls may go over several lines.
            let mut chain = String::new();
            for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
                if let Some((_, name)) = line.split_once("fn ") {
                    function =
                        name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                }
                if !line.starts_with('.') {
                    chain.clear();
                }
                chain += line;
                looked_at += 1;
                let is_walk = |(table, walk): (&&str, &&str)| {
                    chain.ends_with(&format!("{table}.{walk}()"))
                        || chain.contains(&format!("{table}.{walk}("))
                        || chain.contains(&format!("in &self.{table} "))
                };
                let mut pairs = TABLES.iter().flat_map(|t| WALKS.iter().map(move |w| (t, w)));
                let mut excused = [ENDS, ONCE, AFTER_A_GAP, ANEW, SHOWN].into_iter();
                if pairs.any(is_walk) && !excused.any(|excused| excused.contains(&function)) {
                    walks.push(format!("{}: {function}: {chain}", path.display()));
                }
            }
        }
    }
    assert!(looked_at > 1000, "{looked_at}");
    assert!(walks.is_empty(), "{walks:#?}");
}

//! What the architecture page promises about the code itself.

use std::fs;
use std::path::{Path, PathBuf};

use donet::message;

/// The line along which data flows. A module uses only those before it.
const LINE: &[&str] = &[
    "hash", "ids", "wire", "message", "trace", "script", "router", "object", "role", "console",
    "daemon", "demo",
];

/// The modules beside the line, and all that each may use.
const BESIDE: &[(&str, &[&str])] = &[
    ("platform", &[]),
    ("yaml", &[]),
    ("finding", &["yaml"]),
    (
        "config",
        &["ids", "message", "script", "yaml", "finding", "telemetry", "credentials", "platform"],
    ),
    ("telemetry", &["ids", "metrics", "recent", "platform"]),
    ("control", &["trace", "platform"]),
    ("credentials", &[]),
    ("metrics", &[]),
    ("recent", &["ids"]),
    ("readiness", &[]),
    ("event", &["ids", "config", "metrics"]),
    ("store", &["hash", "ids", "yaml", "config", "platform"]),
    ("banlist", &["store", "config", "platform"]),
    ("net", &["hash", "ids", "wire", "router", "finding", "config", "metrics", "platform"]),
    (
        "cli",
        &[
            "banlist",
            "ids",
            "message",
            "finding",
            "config",
            "control",
            "credentials",
            "telemetry",
            "trace",
            "store",
            "net",
            // What is to be said about it, and nothing else.
            "demo",
            "platform",
        ],
    ),
];

/// What every module on the line may use as well. Only tests are built with `fault`.
const OPEN_TO_ALL: &[&str] =
    &["config", "telemetry", "metrics", "event", "recent", "platform", "fault"];

/// The modules beside the line that only some on the line may use.
const OPEN_TO_SOME: &[(&str, &[&str])] = &[
    ("net", &["role", "console", "daemon", "demo"]),
    ("store", &["role", "daemon", "demo"]),
    ("banlist", &["role", "console", "daemon"]),
    ("control", &["console", "daemon", "demo"]),
    ("finding", &["trace", "script", "daemon"]),
    ("readiness", &["console", "daemon"]),
    ("credentials", &["console", "demo"]),
];

const LINES_MAX: usize = 600;

/// Numbers that look like a message's and are none.
const NO_MESSAGES: &[(&str, &str)] = &[
    // The context that wakes children.
    ("src/object/location.rs", "1001"),
    // The upper half of an avatar's channel.
    ("src/ids.rs", "1001"),
    // A year, numbers of connections and objects, what a client may do in a second, the lowest doId.
    ("src/role/event_logger/core.rs", "2000"),
    ("src/config/model.rs", "1000"),
    ("src/config/model.rs", "2000"),
    ("src/config/read_backend.rs", "1000"),
    ("src/config/read_role.rs", "1000"),
    ("src/store/sql/shown.rs", "1000"),
    // Actions that are remembered.
    ("src/console/audit.rs", "1000"),
    // A character that joins words.
    ("src/trace/text.rs", "2060"),
    // How much is kept, or shown.
    ("src/console/inside.rs", "2000"),
    ("src/console/seen.rs", "1000"),
    ("src/script/api/log.rs", "1000"),
    ("src/console/api/clients.rs", "1000"),
    // Milliseconds in a second, nanoseconds in a microsecond.
    ("src/daemon/drain.rs", "1000"),
    ("src/platform/unix/process.rs", "1000"),
    // A doId, and how many there may be.
    ("src/demo/cluster.rs", "1001"),
    ("src/demo/cluster.rs", "2001"),
    ("src/demo/ai/places.rs", "1000"),
    ("src/demo/uberdog/gate.rs", "1000"),
    ("src/demo/uberdog/gate.rs", "2000"),
    // What is counted in thousands.
    ("src/cli/top/words.rs", "1000"),
    // With which a WebSocket is closed.
    ("src/wire/websocket/flaw.rs", "1000"),
    ("src/wire/websocket/flaw.rs", "1001"),
    ("src/wire/websocket/flaw.rs", "1002"),
    ("src/wire/websocket/flaw.rs", "1003"),
    ("src/wire/websocket/flaw.rs", "1007"),
    ("src/wire/websocket/flaw.rs", "1009"),
    ("src/wire/websocket/flaw.rs", "1014"),
    ("src/wire/websocket/flaw.rs", "3000"),
];

/// Files of roles beside their `shell` that run as tasks, so that the time is theirs to ask for.
const TASKS: &[&str] = &[
    "src/role/database/lane.rs",
    "src/role/message_director/downstream.rs",
    "src/role/message_director/ear.rs",
    "src/role/message_director/namesakes.rs",
    "src/role/message_director/peers.rs",
    "src/role/message_director/upstream/link.rs",
    "src/role/message_director/upstream/mod.rs",
    "src/role/message_director/upstream/retry.rs",
    "src/role/message_director/upstream/talk.rs",
    "src/role/message_director/rivals.rs",
    "src/role/message_director/roll.rs",
];

/// What a core gets from its shell, or leaves to it.
const OUTSIDE_OF_A_CORE: &[&str] = &[
    "Instant::now(",
    "SystemTime::now(",
    "Timestamp::now(",
    "Zoned::now(",
    "Seed::random(",
    "RandomState",
    "std::env",
    "std::fs",
    "async ",
];

struct Source {
    /// From the repository's folder.
    path: String,
    text: String,
}

impl Source {
    /// The module at the top level of `src/` that the file belongs to.
    fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        Some(inside.split(['/', '.']).next().unwrap_or(inside))
    }

    /// The role that the file belongs to.
    fn role(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/role/")?;
        inside.split_once('/').map(|(role, _)| role)
    }

    /// Whether it belongs to the pure part of a role: what is neither a shell nor a task.
    fn is_core(&self) -> bool {
        let is_shell = self.path.split(['/', '.']).any(|part| part == "shell");
        !is_shell && !self.is_test() && !TASKS.contains(&&*self.path)
    }

    fn is_test(&self) -> bool {
        self.path.split(['/', '.']).any(|part| part == "tests" || part == "testing")
    }

    /// The code without comments, texts and tests, each line with its number.
    fn code(&self) -> impl Iterator<Item = (usize, String)> {
        let tests = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        self.text[..tests]
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, without_comments_and_texts(line)))
    }
}

fn without_comments_and_texts(line: &str) -> String {
    let mut code = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['"', '/']) {
        code.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("//") {
            return code;
        }
        let end = match rest.strip_prefix('"') {
            Some(text) => text.find('"').map_or(rest.len(), |end| end + 2),
            None => 1,
        };
        rest = &rest[end..];
    }
    code + rest
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).expect("source code is text");
                let path = path.strip_prefix(root).expect("below the root");
                let path = path.to_str().expect("plain names").replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The words that follow `before` in the code of a file.
fn words_after<'s>(
    source: &'s Source,
    before: &'static str,
) -> impl Iterator<Item = (usize, String)> + 's {
    source.code().flat_map(move |(line, code)| {
        let ends = code.match_indices(before).map(|(at, _)| at + before.len());
        let word = |at: usize| {
            code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        ends.map(|at| (line, word(at))).collect::<Vec<_>>()
    })
}

fn may_use(module: &str, used: &str) -> bool {
    if module == used {
        return true;
    }
    if let Some((_, allowed)) = BESIDE.iter().find(|(name, _)| *name == module) {
        return allowed.contains(&used);
    }
    let place = |name| LINE.iter().position(|module| *module == name);
    let Some(own) = place(module) else {
        // `main` and the map itself.
        return true;
    };
    let is_open = OPEN_TO_SOME.iter().any(|(name, to)| *name == used && to.contains(&module));
    is_open || OPEN_TO_ALL.contains(&used) || place(used).is_some_and(|place| place < own)
}

fn modules() -> Vec<String> {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    let map = map.expect("the map of the modules");
    let names = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

#[test]
fn every_module_has_its_place() {
    let placed = |name: &str| LINE.contains(&name) || BESIDE.iter().any(|(n, _)| *n == name);
    let lost: Vec<String> = modules().into_iter().filter(|name| !placed(name)).collect();
    assert!(lost.is_empty(), "neither on the line nor beside it: {lost:?}");
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let modules = modules();
    let mut wrong = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| !source.is_test()) {
        let Some(module) = source.module() else { continue };
        for (line, used) in words_after(source, "crate::") {
            // A list in braces would hide what is used from this test.
            let hidden = used.is_empty();
            if hidden || modules.contains(&used) && !may_use(module, &used) {
                wrong.push(format!("{}:{line}: {module} uses {used}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_role_does_not_know_another_role() {
    let all = sources(&["src/role"]);
    let roles: Vec<&str> = all.iter().filter_map(Source::role).collect();
    let mut wrong = Vec::new();
    for source in &all {
        let Some(role) = source.role() else { continue };
        for (line, used) in words_after(source, "role::") {
            if used != role && roles.contains(&used.as_str()) {
                wrong.push(format!("{}:{line}: {role} uses {used}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_of_a_role_never_reads_the_clock_or_a_random_number() {
    let mut wrong = Vec::new();
    for source in sources(&["src/role", "src/object"]).iter().filter(|source| source.is_core()) {
        for (line, code) in source.code() {
            let found = OUTSIDE_OF_A_CORE.iter().find(|outside| code.contains(**outside));
            wrong.extend(found.map(|outside| format!("{}:{line}: {outside}", source.path)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_is_too_long_to_be_read_at_a_sitting() {
    let all = sources(&["src", "dclass", "tests", "benches"]);
    let long: Vec<String> = all
        .iter()
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn message_numbers_stand_in_one_place() {
    // Smaller numbers, those of clients' messages, have too many other meanings to be looked for.
    let numbers: Vec<String> = message::table()
        .map(|row| row.number)
        .filter(|n| *n >= 1_000)
        .map(|n| n.to_string())
        .collect();
    assert!(numbers.len() > 50, "{numbers:?}");
    let mut wrong = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| !source.is_test()) {
        if source.module() == Some("message") {
            continue;
        }
        for (line, code) in source.code() {
            let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            for word in words.map(|word| word.replace('_', "")) {
                let excused = NO_MESSAGES.contains(&(&source.path, &word));
                if numbers.contains(&word) && !excused {
                    wrong.push(format!("{}:{line}: {word}", source.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

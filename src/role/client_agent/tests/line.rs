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

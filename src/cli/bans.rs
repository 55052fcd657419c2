//! What is wrong with ban lists, shown where the configuration names them.

use crate::banlist::{self, Flaw, List};
use crate::config::{Loaded, RoleConfig};
use crate::finding::{Finding, Severity};

/// How many lines of a file are named.
const LINES_MAX: usize = 20;

/// Reads all ban lists that a configuration names. A line that is not understood bans nobody, which is not what was meant by it.
pub(super) fn check_banlists(loaded: &Loaded) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, role) in loaded.config.numbered_roles() {
        let RoleConfig::ClientAgent(agent) = role else { continue };
        let Some(path) = &agent.banlist else { continue };
        let file = path.display();
        let mut about = |severity, message: String| {
            findings.push(loaded.about(severity, &format!("roles[{i}].banlist"), message));
        };
        match banlist::read_file(path) {
            Err(error) => about(Severity::Error, format!("{file} cannot be read: {error}")),
            Ok(None) => {
                let message = format!("{file}: there is no such file yet; `donet ban` makes it");
                about(Severity::Warning, message);
            }
            Ok(Some(text)) => {
                for Flaw { line, message } in List::read(&text).1.into_iter().take(LINES_MAX) {
                    about(Severity::Error, format!("{file}: line {line}: {message}"));
                }
            }
        }
    }
    findings
}

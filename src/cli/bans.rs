//! What is wrong with ban lists, shown where the configuration names them.

use crate::banlist;
use crate::config::{Loaded, RoleConfig};
use crate::finding::{Finding, Severity};

/// Reads all ban lists that a configuration names. What cannot be read ends the start; a line that is not understood does not.
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
            Ok(Some(text)) => banlist::tell_flaws(path, &text)
                .into_iter()
                .for_each(|flaw| about(Severity::Warning, flaw)),
        }
    }
    findings
}

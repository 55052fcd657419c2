//! What is wrong with certificates and keys, shown where the configuration names them.

use crate::config::Loaded;
use crate::finding::{Finding, Severity};
use crate::net::tls::{Flaw, look_at};

/// Reads all certificates and keys that a configuration names: what is wrong and odd about them.
pub fn check_certificates(loaded: &Loaded) -> Vec<Finding> {
    let mut findings = Vec::new();
    for section in loaded.config.tls_sections() {
        let flaws = look_at(section);
        let about = |severity| move |Flaw { key, message }| loaded.about(severity, &key, message);
        findings.extend(flaws.errors.into_iter().map(about(Severity::Error)));
        findings.extend(flaws.warnings.into_iter().map(about(Severity::Warning)));
    }
    findings
}

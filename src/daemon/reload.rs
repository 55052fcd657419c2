//! Reading the configuration again, and what whoever has asked for it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use crate::banlist;
use crate::config::{self, Config, Reading, RoleConfig, is_of_access};
use crate::finding::{Finding, Severity};
use crate::net::tls::{check_certificates, look_at};
use crate::role::event_logger;
use crate::telemetry::Log;

/// How long is waited for a log file to be open again: the disk may be frozen.
const PATIENCE: Duration = Duration::from_secs(2);

/// What has been read, or what is wrong with it.
pub(super) struct Read {
    pub outcome: Result<Reading, Vec<Finding>>,
    /// Files of the daemon that runs that cannot be used: it goes on with those it has.
    pub warnings: Vec<String>,
}

/// Reads the configuration `file` and what it names, for a daemon with the configuration `running` whose log files are being
/// opened anew. May take a while.
pub(super) fn read(file: &Path, running: &Config, log: &Log) -> Read {
    let mut warnings = log.not_reopened(PATIENCE);
    warnings.extend(running.roles.iter().filter_map(|role| match role {
        RoleConfig::EventLogger(logger) => {
            let (path, error) = event_logger::check_output(logger, &running.base_dir).err()?;
            let path = path.display();
            Some(format!(
                "the event log {path} cannot be opened again: {error}; the old file stays"
            ))
        }
        _ => None,
    }));
    warnings.extend(unread_banlists(running));
    let outcome = match config::survey(file).complete() {
        Err(survey) => Err(survey.findings),
        Ok(complete) => {
            let mut wrong = check_certificates(&complete.loaded);
            wrong.retain(|finding| finding.severity == Severity::Error);
            wrong.extend(bad_certificates(running, &complete.loaded.config));
            if wrong.is_empty() { Ok(Reading::from(&complete)) } else { Err(wrong) }
        }
    };
    Read { outcome, warnings }
}

/// What is wrong with certificates that are in use, and no longer named.
fn bad_certificates(running: &Config, newer: &Config) -> Vec<Finding> {
    let is_gone = |section: &&_| newer.tls_sections().all(|newer| newer != *section);
    let flaws = running.tls_sections().filter(is_gone).flat_map(|section| look_at(section).errors);
    let finding = |flaw: crate::net::tls::Flaw| Finding {
        key: flaw.key,
        ..Finding::of_file(Severity::Error, String::new(), flaw.message)
    };
    flaws.map(finding).collect()
}

fn unread_banlists(running: &Config) -> Vec<String> {
    let paths = running.roles.iter().filter_map(|role| match role {
        RoleConfig::ClientAgent(agent) => agent.banlist.as_ref(),
        _ => None,
    });
    let mut warnings = Vec::new();
    for path in paths.collect::<BTreeSet<_>>() {
        let file = path.display();
        match banlist::read_file(path) {
            Err(error) => warnings.push(format!(
                "the ban list {file} cannot be read: {error}; what it said before stays in force"
            )),
            Ok(None) => {}
            Ok(Some(text)) => warnings.extend(banlist::tell_flaws(path, &text)),
        }
    }
    warnings
}

/// What a daemon that runs does by, of all that can be taken over.
#[derive(Default)]
pub(super) struct InForce(BTreeMap<String, String>);

impl InForce {
    pub fn new(reading: &Reading) -> Self {
        InForce(reading.taken_over(reading))
    }

    /// Notes what is taken over from `newer` by a daemon that was started with `started`: the keys whose values are others.
    pub fn change(&mut self, started: &Reading, newer: &Reading) -> Vec<String> {
        let has_same_roles = started.has_same_roles(newer);
        let mut taken = started.taken_over(newer);
        if !has_same_roles {
            // Whose they are is not known.
            let is_of_a_role = |key: &str| key.starts_with("roles[");
            taken.retain(|key, _| !is_of_a_role(key));
            let kept = self.0.iter().filter(|(key, _)| is_of_a_role(key));
            taken.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
        }
        if !started.keeps_console(newer) {
            let kept = self.0.iter().filter(|(key, _)| is_of_access(key));
            taken.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
        }
        let keys: BTreeSet<&String> = self.0.keys().chain(taken.keys()).collect();
        let is_other = |key: &&String| self.0.get(*key) != taken.get(*key);
        let changed = keys.into_iter().filter(is_other).cloned().collect();
        self.0 = taken;
        changed
    }
}

/// What has been done, in a line.
pub(super) fn in_a_line(applied: &[String], needs_restart: bool) -> String {
    /// So many keys are named.
    const SHOWN: usize = 20;
    let read = "the configuration has been read again";
    let shown = applied.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match (applied.len(), needs_restart) {
        // Of other files only those who keep them know whether they are others now.
        (0, false) => {
            format!("{read}: nothing in it has changed; other files are taken as they are now")
        }
        (0, true) => {
            format!("{read}: nothing of what has changed can be applied without a restart")
        }
        (1..=SHOWN, _) => format!("{read}; applied: {shown}"),
        (count, _) => format!("{read}; applied: {shown} and {} more", count - SHOWN),
    }
}

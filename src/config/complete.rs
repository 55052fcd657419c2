//! A configuration together with the DC files that it names: all that a daemon reads before it does anything.

use std::path::Path;
use std::sync::Arc;

use dclass::{DcFile, Diagnostics, Twice};

use super::field_rules;
use super::intercepts;
use super::merge;
use super::model::{BackendConfig, Config, RoleConfig};
use super::otp;
use super::panda3d;
use super::parenting::{self, ParentingRules};
use super::script;
use super::tls::TlsConfig;
use super::{Loaded, read_path};
use crate::finding::{Finding, Severity};

/// A configuration that a daemon can be started with, as far as files tell.
pub struct Complete {
    /// The configuration, and its file.
    pub loaded: Loaded,
    /// What the DC files say.
    pub dc: Arc<DcFile>,
    /// What does no harm but is hardly meant: of the configuration first, then of the DC files.
    pub warnings: Vec<Finding>,
}

/// What can be said of a configuration, whatever is wrong with it.
pub struct Survey {
    /// What could be read of it: parts with mistakes are left out. `None` if nothing could.
    pub loaded: Option<Loaded>,
    /// What the DC files say, if all could be read.
    pub dc: Option<Arc<DcFile>>,
    /// What is wrong or odd: of the configuration first, then of the DC files.
    pub findings: Vec<Finding>,
    /// What has not been looked at, since what is wrong stands before it.
    pub unseen: Vec<String>,
}

/// Reads the file at `path` and the DC files that it names, as far as there is anything to read.
pub fn survey(path: &Path) -> Survey {
    let (loaded, mut findings) = read_path(path);
    let Some(loaded) = loaded else {
        let unseen = match findings.iter().any(|finding| finding.position().is_some()) {
            true => {
                vec!["all that the configuration says, and names on this machine".to_owned()]
            }
            // There is no file.
            false => Vec::new(),
        };
        return Survey { loaded: None, dc: None, findings, unseen };
    };
    let mut unseen = Vec::new();
    const SHOWN: usize = 10;
    let left_out = &loaded.config.places.left_out;
    if let Some(more) = left_out.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let shown = left_out[..SHOWN].join(", ");
        unseen.push(format!("{shown} and {more} more together with the rest"));
    } else if let [most @ .., last] = &left_out[..] {
        let parts = match most {
            [] => last.clone(),
            most => format!("{} and {last}", most.join(", ")),
        };
        unseen.push(format!("{parts} together with the rest"));
    }
    let dc = match loaded.config.places.knows_dc_files {
        true => read_dc_of(&loaded, &mut findings),
        false => {
            unseen.push("the DC files".to_owned());
            None
        }
    };
    if let Some(dc) = &dc {
        findings.extend(unknown_classes(&loaded, dc));
        findings.extend(merge::findings(&loaded, dc));
        findings.extend(field_rules::findings(&loaded, dc));
        findings.extend(intercepts::findings(&loaded, dc));
        findings.extend(script::findings(&loaded, dc));
        findings.extend(panda3d::findings(&loaded, dc));
        findings.extend(otp::findings(&loaded, dc));
        findings.extend(parenting::findings(&loaded, dc));
    } else {
        let Config { uberdogs, roles, .. } = &loaded.config;
        unseen.extend((!uberdogs.is_empty()).then(|| "the classes of UberDOGs".to_owned()));
        unseen.extend(roles.iter().any(has_merge).then(|| "the fields of client.merge".to_owned()));
        unseen.extend(
            roles
                .iter()
                .any(has_rules)
                .then(|| "the fields of client.fields and client.intercept".to_owned()),
        );
        unseen.extend(roles.iter().any(has_script).then(|| "scripts".to_owned()));
        unseen.extend(
            roles.iter().any(names_followed).then(|| "the classes of parenting_rules".to_owned()),
        );
        let has_store = roles.iter().any(is_stored_here);
        unseen.extend(has_store.then(|| "what databases hold".to_owned()));
    }
    Survey { loaded: Some(loaded), dc, findings, unseen }
}

impl Survey {
    /// What a daemon can be started with, if there is no error.
    ///
    /// # Errors
    /// Itself.
    pub fn complete(self) -> Result<Complete, Box<Self>> {
        match self {
            Survey { loaded: Some(loaded), dc: Some(dc), findings, .. }
                if !has_errors(&findings) =>
            {
                Ok(Complete { loaded, dc, warnings: findings })
            }
            survey => Err(Box::new(survey)),
        }
    }

    /// In one line what has not been looked at; `None` if everything has.
    pub fn unseen(&self) -> Option<String> {
        let unseen = self.unseen.join(", ");
        (!unseen.is_empty()).then(|| format!("not looked at before that is mended: {unseen}"))
    }
}

fn has_merge(role: &RoleConfig) -> bool {
    matches!(role, RoleConfig::ClientAgent(agent) if !agent.client.merge.is_empty())
}

fn has_rules(role: &RoleConfig) -> bool {
    matches!(role, RoleConfig::ClientAgent(agent) if !agent.client.fields.is_empty() || !agent.client.intercept.is_empty())
}

fn has_script(role: &RoleConfig) -> bool {
    matches!(role, RoleConfig::ClientAgent(agent) if agent.client.script.is_some())
}

fn names_followed(role: &RoleConfig) -> bool {
    matches!(role, RoleConfig::ClientAgent(agent) if matches!(agent.parenting_rules, ParentingRules::Of(_)))
}

/// Whether it is a database with a store on this machine's disks.
fn is_stored_here(role: &RoleConfig) -> bool {
    let RoleConfig::Database(database) = role else { return false };
    matches!(database.backend, BackendConfig::Sqlite { .. } | BackendConfig::Yaml { .. })
}

fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// The DC files, unless they have errors, with what is to be said of them.
fn read_dc_of(loaded: &Loaded, findings: &mut Vec<Finding>) -> Option<Arc<DcFile>> {
    match loaded.config.read_dc() {
        Ok(dc) => {
            findings.extend(dc.warnings().iter().map(|found| shown(loaded, found)));
            Some(Arc::new(dc))
        }
        Err(diagnostics) => {
            findings.extend(diagnostics.iter().map(|found| of_dc_file(loaded, found)));
            None
        }
    }
}

impl Config {
    /// All sections about TLS.
    pub fn tls_sections(&self) -> impl Iterator<Item = &TlsConfig> {
        let links = self.message_director.tls.iter().map(|links| &links.tls);
        let agents = self.roles.iter().filter_map(|role| match role {
            RoleConfig::ClientAgent(agent) => Some(agent),
            _ => None,
        });
        let clients = agents.flat_map(|agent| {
            let websocket = agent.websocket.as_ref().and_then(|websocket| websocket.tls.as_ref());
            agent.tls.as_ref().map(|clients| &clients.tls).into_iter().chain(websocket)
        });
        let web = self.web.iter().filter_map(|web| web.tls.as_ref());
        links.chain(clients).chain(web)
    }

    /// Reads the DC files.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn read_dc(&self) -> Result<DcFile, Diagnostics> {
        let options = dclass::Options { string_encoding: self.general.string_encoding };
        dclass::read_with(&self.general.dc_files, options)
    }
}

/// A DC file that is named twice, with both places.
fn named_twice(loaded: &Loaded, twice: Twice) -> Finding {
    let [key, first] = [twice.index, twice.first].map(|i| format!("general.dc_files[{i}]"));
    let message = format!("this is the same file as {first}: all of it would be declared twice");
    let mut finding = loaded.about(Severity::Error, &key, message);
    finding.marks.push(loaded.report.mark(loaded.root.at(&first), "named here already"));
    finding
}

/// A file that cannot be read is shown where it is named.
fn of_dc_file(loaded: &Loaded, found: &dclass::Diagnostic) -> Finding {
    if let Some(twice) = found.twice {
        return named_twice(loaded, twice);
    }
    let place = || {
        let mut files = loaded.config.general.dc_files.iter();
        files.position(|file| file.display().to_string() == found.place.file)
    };
    match Some(found).filter(|found| !found.place.file.is_empty()).and_then(|_| place()) {
        Some(i) if found.place.line == 0 => {
            let message = format!("{}: {}", found.place.file, found.message);
            let key = format!("general.dc_files[{i}]");
            let Finding { severity, help, stands_for, .. } = Finding::from(found);
            Finding { help, stands_for, ..loaded.about(severity, &key, message) }
        }
        _ => shown(loaded, found),
    }
}

/// With the DC files below the folder of the configuration as that is written.
fn shown(loaded: &Loaded, found: &dclass::Diagnostic) -> Finding {
    let as_written = |file: &str| {
        let below = Path::new(file).strip_prefix(&loaded.config.base_dir).ok()?;
        Some(Path::new(loaded.report.file()).parent()?.join(below).display().to_string())
    };
    let mut finding = Finding::from(found);
    if let Some(beside) = &mut finding.beside {
        beside.file = as_written(&beside.file).unwrap_or_else(|| beside.file.clone());
    }
    finding.file = as_written(&finding.file).unwrap_or(finding.file);
    finding
}

fn unknown_classes(loaded: &Loaded, dc: &DcFile) -> Vec<Finding> {
    let unknown = loaded.config.numbered_uberdogs().filter_map(|(i, uberdog)| {
        let class = &uberdog.class;
        if dc.class_by_name(class).is_some() {
            return None;
        }
        let (key, message) =
            (format!("uberdogs[{i}].class"), format!("the DC files have no class `{class}`"));
        Some(loaded.about(Severity::Error, &key, message))
    });
    unknown.collect()
}

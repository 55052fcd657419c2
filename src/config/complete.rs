//! A configuration together with the DC files that it names: all that a daemon reads before it does anything.

use std::path::Path;

use dclass::{DcFile, Diagnostics};

use super::model::Config;
use super::{Loaded, load_with_warnings};
use crate::finding::{Finding, Severity};

/// A configuration that a daemon can be started with, as far as files tell.
pub struct Complete {
    /// The configuration, and its file.
    pub loaded: Loaded,
    /// What the DC files say.
    pub dc: DcFile,
    /// What does no harm but is hardly meant: of the configuration first, then of the DC files.
    pub warnings: Vec<Finding>,
}

/// Reads the file at `path` and the DC files that it names.
///
/// # Errors
/// All that is wrong with them, and what is odd.
pub fn load_complete(path: &Path) -> Result<Complete, Vec<Finding>> {
    let mut loaded = load_with_warnings(path).map_err(|errors| errors.0)?;
    let mut findings = std::mem::take(&mut loaded.warnings);
    let dc = match loaded.config.read_dc() {
        Ok(dc) => dc,
        Err(diagnostics) => {
            findings.extend(diagnostics.iter().map(|found| of_dc_file(&loaded, found)));
            return Err(findings);
        }
    };
    findings.extend(dc.warnings().iter().map(Finding::from));
    let unknown = unknown_classes(&loaded, &dc);
    findings.extend(unknown);
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(findings);
    }
    Ok(Complete { loaded, dc, warnings: findings })
}

impl Config {
    /// Reads the DC files.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn read_dc(&self) -> Result<DcFile, Diagnostics> {
        let options = dclass::Options { string_encoding: self.general.string_encoding };
        dclass::read_with(&self.general.dc_files, options)
    }
}

/// A file that cannot be read is shown where it is named.
fn of_dc_file(loaded: &Loaded, found: &dclass::Diagnostic) -> Finding {
    let mut files = loaded.config.general.dc_files.iter();
    let named = files.position(|file| file.display().to_string() == found.file);
    match named {
        Some(i) if found.line == 0 => {
            let message = format!("{}: {}", found.file, found.message);
            loaded.about(Severity::Error, &format!("general.dc_files[{i}]"), message)
        }
        _ => Finding::from(found),
    }
}

fn unknown_classes(loaded: &Loaded, dc: &DcFile) -> Vec<Finding> {
    let unknown = loaded.config.uberdogs.iter().enumerate().filter_map(|(i, uberdog)| {
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

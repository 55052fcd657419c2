//! The DC files at the start: reading them, and saying what is wrong with them.

use anyhow::{Context as _, Error};
use dclass::{DcFile, Diagnostic, Diagnostics, Severity};

use crate::config::Config;
use crate::telemetry::Format;

const UNREADABLE: &str = "could not read the DC files";

/// Reads the DC files of the configuration, and says what is odd about them.
pub fn read(config: &Config) -> anyhow::Result<DcFile> {
    let options = dclass::Options { string_encoding: config.general.string_encoding };
    let dc = dclass::read_with(&config.general.dc_files, options).context(UNREADABLE)?;
    dc.warnings().iter().for_each(log);
    tracing::info!(
        files = config.general.dc_files.len(),
        hash = format!("{:#010x}", dc.hash()),
        astron_hash = dc.astron_hash().map(|hash| format!("{hash:#010x}")),
        "DC files read"
    );
    Ok(dc)
}

/// What to say of the error that ends the process. People see what is wrong with a DC file with the lines in
/// question; for programs, a record for each mistake is logged.
pub fn explain(error: &Error, format: Format) -> String {
    let Some(diagnostics) = error.downcast_ref::<Diagnostics>() else {
        return format!("{error:#}");
    };
    if format == Format::Human {
        return format!("{UNREADABLE}\n{diagnostics}");
    }
    diagnostics.iter().for_each(log);
    UNREADABLE.to_owned()
}

fn log(diagnostic: &Diagnostic) {
    let Diagnostic { file, line, column, message, label, help, .. } = diagnostic;
    let file = Some(file).filter(|file| !file.is_empty());
    // 0 stands for the file as a whole.
    let place = |number: &u32| Some(*number).filter(|number| *number > 0);
    let (line, column) = (place(line), place(column));
    let label = Some(label).filter(|label| !label.is_empty());
    match diagnostic.severity {
        Severity::Error => tracing::error!(file, line, column, label, help, "{message}"),
        Severity::Warning => tracing::warn!(file, line, column, label, help, "{message}"),
    }
}

//! `client.script`: what a client agent calls where something happens to its clients.

use std::path::Path;
use std::sync::Arc;

use dclass::{DcFile, input};

use super::Loaded;
use super::left_out::without;
use super::model::RoleConfig;
use super::path::tidy;
use super::section::{Found, Section};
use super::value;
use crate::finding::{Finding, Severity};
use crate::script::Source;

pub(super) const KEY: &str = "script";
/// No script is that long.
const BYTES_MAX: u64 = 4 << 20;
const HAS_LUA: bool = cfg!(feature = "lua");

/// Reads the key of a section `client`, and the file.
pub(super) fn script(section: &mut Section<'_>, base_dir: &Path) -> Option<Arc<Source>> {
    section.optional(KEY, |node| read(node, base_dir)).map(Arc::new)
}

fn read(node: &Found<'_>, base_dir: &Path) -> Result<Source, String> {
    let file = value::name("the path of a file")(node)?;
    if !HAS_LUA {
        return Err(without("Lua", "lua"));
    }
    let path = tidy(&base_dir.join(file));
    let name = path.display().to_string();
    let text = input::read_file(&path, BYTES_MAX)
        .map_err(|error| format!("{name}: the file cannot be read: {error}"))?;
    Ok(Source::new(name, input::without_mark(&text)))
}

/// What is wrong with scripts, for these DC files. Those that are right are ready then.
pub(super) fn findings(loaded: &Loaded, dc: &Arc<DcFile>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, role) in loaded.config.numbered_roles() {
        let RoleConfig::ClientAgent(agent) = role else { continue };
        let Some(source) = &agent.client.script else { continue };
        if let Some(fault) = source.prepare(dc).err() {
            let key = format!("roles[{i}].client.{KEY}");
            findings.push(loaded.about(Severity::Error, &key, fault.to_string()));
        }
    }
    findings
}

//! `client.script`: what a client agent calls where something happens to its clients.

use std::path::Path;
use std::sync::Arc;

use dclass::{DcFile, input};

use super::Loaded;
use super::left_out::without;
use super::model::{ClientKind, RoleConfig};
use super::path::tidy;
use super::section::{Found, Section};
use super::value;
use crate::finding::{Finding, Severity};
use crate::script::{Hooks, Source};

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

/// What is to be said of hooks that nothing calls, with clients of this type.
fn never_called(hooks: Hooks, kind: &ClientKind) -> Vec<String> {
    let makes_objects = matches!(kind, ClientKind::Panda3d(_));
    let logs_in = matches!(kind, ClientKind::Otp(_));
    let all = [
        ("on_create", hooks.create && !makes_objects, "make no objects"),
        ("on_message", hooks.message && !logs_in, "log in without messages of the game's own"),
        ("on_hello", hooks.hello && makes_objects, "need not be let in"),
    ];
    let wrong = all.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
    let kind = kind.name();
    let say =
        |(hook, _, why)| format!("`donet.{hook}` is never called: clients of `type: {kind}` {why}");
    wrong.map(say).collect()
}

/// What is wrong with scripts, for these DC files. Those that are right are ready then.
pub(super) fn findings(loaded: &Loaded, dc: &Arc<DcFile>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, role) in loaded.config.numbered_roles() {
        let RoleConfig::ClientAgent(agent) = role else { continue };
        let Some(source) = &agent.client.script else { continue };
        let key = format!("roles[{i}].client.{KEY}");
        match source.prepare(dc) {
            Err(fault) => findings.push(loaded.about(Severity::Error, &key, fault.to_string())),
            Ok(hooks) => {
                let warnings = never_called(hooks, &agent.client.kind).into_iter();
                findings.extend(warnings.map(|it| loaded.about(Severity::Warning, &key, it)));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_nothing_calls_is_named() {
        let hooks = Hooks { create: true, message: true, hello: true, ..Hooks::default() };
        let warnings = |kind: &ClientKind| never_called(hooks, kind);
        let [create, message] = &warnings(&ClientKind::LibAstron)[..] else { panic!("two") };
        assert!(
            create.starts_with("`donet.on_create` is never called: clients of `type: libastron`")
        );
        assert!(message.starts_with("`donet.on_message` is never called"), "{message}");
        let panda3d = warnings(&ClientKind::Panda3d(Arc::default()));
        assert!(panda3d[0].starts_with("`donet.on_message`"), "{panda3d:?}");
        assert!(panda3d[1].starts_with("`donet.on_hello`"), "{panda3d:?}");
        assert_eq!(never_called(Hooks::default(), &ClientKind::LibAstron), [""; 0]);
    }
}

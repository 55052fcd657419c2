//! Where the socket is if nobody says where.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The socket of a daemon with this configuration, by default: of several folders for the runtime the first.
pub fn default_path(config: &Path) -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let runtime =
        set("RUNTIME_DIRECTORY").and_then(|folders| std::env::split_paths(&folders).next());
    let folder = runtime.or_else(|| set("XDG_RUNTIME_DIR").map(PathBuf::from));
    folder.unwrap_or_else(std::env::temp_dir).join(name(config))
}

/// Where the unit of the docs has it, for whoever gives a command in a shell.
const OF_SERVICE: &str = "/run/donet";

/// Where a command looks for that socket: a service has another environment than a shell.
pub fn places(config: &Path) -> Vec<PathBuf> {
    let mut places = vec![default_path(config), Path::new(OF_SERVICE).join(name(config))];
    places.dedup();
    places
}

/// The same for each way to write the configuration's path.
fn name(config: &Path) -> String {
    let path = config.canonicalize().or_else(|_| std::path::absolute(config));
    let path = path.unwrap_or_else(|_| config.to_owned());
    format!("donet-{:016x}.sock", fnv(path.as_os_str().as_encoded_bytes()))
}

/// FNV-1a, which is the same in each version of the program.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_has_one_name_however_it_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("a.yml"), folder.path().join("b.yml"));
        std::fs::write(&file, "").expect("a file");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert_eq!(name(&file), name(&folder.path().join("./a.yml")));
        assert_eq!(name(&file), name(&link));
        assert_ne!(name(&file), name(&folder.path().join("c.yml")));
        assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn a_command_looks_where_the_service_is_too() {
        let config = Path::new("/etc/donet/cluster.yml");
        let places = places(config);
        assert_eq!(places[0], default_path(config));
        assert_eq!(places[1], Path::new("/run/donet").join(name(config)));
    }
}

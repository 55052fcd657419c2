//! Replays the inputs that fuzzing has kept, through the bodies of the fuzz targets.

#[path = "fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

/// One test for each target, which is also the name of its folder.
macro_rules! replay {
    ($($target:ident)*) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), fuzz::$target);
        }
    )*};
}

replay! {
    client_agent
    database
    db_state_server
    dc
    event_log
    frames
    messages
    otp
    panda3d
    proxy_protocol
    state_server
    websocket
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz"))
}

fn replay(target: &str, body: fn(&[u8])) {
    body(&[]);
    let mut replayed = 0;
    for entry in fs::read_dir(folder().join("corpus").join(target)).expect("a corpus") {
        let path = entry.expect("it can be read").path();
        // Shown with the panic of an input that fails.
        println!("{}", path.display());
        body(&fs::read(&path).expect("it can be read"));
        replayed += 1;
    }
    assert!(replayed > 0, "the corpus of {target} is empty");
}

#[test]
fn every_target_is_replayed_and_can_be_built() {
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder of the fuzz crate");
        let paths = entries.map(|entry| entry.expect("it can be read").path());
        let stem = |path: &Path| path.file_stem()?.to_str().map(str::to_owned);
        let mut names: Vec<String> = paths.filter_map(|path| stem(&path)).collect();
        names.sort();
        names
    };
    let targets = names(&folder().join("targets"));
    assert_eq!(targets, names(&folder().join("corpus")));
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).expect("the manifest");
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file!()));
    let own = own.expect("this file");
    for target in targets {
        assert!(manifest.contains(&format!("path = \"targets/{target}.rs\"")), "{target}");
        assert!(own.lines().any(|line| line.trim() == target), "{target} is not replayed");
    }
}

//! The files in `config/`.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use donet::config::{self, Config};

use crate::program::{Folder, repository};

fn examples(extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository("config")).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension() == Some(OsStr::new(extension)));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

#[test]
fn every_example_is_right() {
    for path in examples("yml") {
        let path = path.to_str().expect("UTF-8");
        let ended = Folder::new().run(&["check", path]).code(0);
        // They are for machines that have a folder for logs.
        let is_odd = |line: &&str| {
            line.starts_with("warning: ") && !line.contains(" cannot be written here: ")
        };
        assert_eq!(ended.stderr.lines().find(is_odd), None, "{path}");
    }
}

#[test]
fn every_dc_file_is_laid_out() {
    for path in examples("dc") {
        let path = path.to_str().expect("UTF-8");
        Folder::new().run(&["dc", "fmt", "--check", path]).code(0);
    }
}

#[test]
fn the_machines_of_the_cluster_fit_together() {
    let load = |name: &str| -> Config {
        let path = repository("config").join(name);
        config::load(&path).unwrap_or_else(|errors| panic!("{errors}"))
    };
    let director = load("cluster-director.yml");
    let bind = director.message_director.bind.clone();
    let mut cluster = director;
    for name in ["cluster-game.yml", "cluster-database.yml", "cluster-clients.yml"] {
        let machine = load(name);
        assert_eq!(machine.message_director.connect, bind, "{name}");
        cluster.uberdogs.extend(machine.uberdogs);
        cluster.roles.extend(machine.roles);
    }
    assert_eq!(config::conflicts(&cluster), []);
}

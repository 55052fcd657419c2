//! What can happen to the files of a store while it is in use: deleted, replaced, no room left.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use donet::config::BackendConfig;
use donet::hash::Seed;
use donet::ids::DoId;
use donet::message::Database;
use donet::store::transfer::JsonLines;
use donet::store::{self, Schema, check_start, open_archive};

use crate::harness::{Cluster, Setup};
use crate::stores::number_in;

/// Long enough for what succeeds, and what fails does so in time.
const SHORT_TIMEOUT_MS: u64 = 1_000;

fn file(setup: &Setup) -> PathBuf {
    match &setup.backend {
        BackendConfig::Sqlite { file, .. } => file.clone(),
        BackendConfig::Yaml { directory, .. } => directory.clone(),
        other => panic!("{other:?} has no files"),
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", file.display()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).mode() & 0o777
}

async fn set_and_see(cluster: &mut Cluster, do_id: DoId, coins: &str) {
    cluster.set(do_id, "Person.coins", coins);
    cluster.expect_set(do_id, "Person.coins", coins).await;
}

/// Deletes files of a database that is in use. Nothing that was or is acknowledged is lost.
async fn survive_without(setup: Setup, suffixes: &[&str]) {
    let file = file(&setup);
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("set");
    for suffix in suffixes {
        fs::remove_file(beside(&file, suffix)).expect("deleted");
    }
    cluster.expect_field(do_id, "Person.coins", Some("1")).await;
    set_and_see(&mut cluster, do_id, "2").await;
    let other = cluster.create("Person", &[("Person.coins", "3")]).await;
    // The files where they belong have it all before the server ends.
    assert_eq!(number_in(&setup.backend, "SELECT count(*) FROM donet_object").await, 2);
    assert_eq!(mode(&file), if suffixes.contains(&"") { 0o600 } else { 0o640 });
    cluster.stop().await;
    let mut cluster = Cluster::start(&setup).await;
    cluster.expect_field(do_id, "Person.coins", Some("2")).await;
    cluster.expect_field(other, "Person.coins", Some("3")).await;
    cluster.stop().await;
}

pub async fn a_deleted_database_is_put_back(setup: Setup) {
    survive_without(setup, &["", "-wal", "-shm"]).await;
}

pub async fn a_database_deleted_without_its_log_is_put_back(setup: Setup) {
    survive_without(setup, &[""]).await;
}

/// Pages lie elsewhere in the new file, so nothing of the old log may be read into it.
pub async fn a_large_database_deleted_without_its_log_is_put_back(setup: Setup) {
    const OBJECTS: usize = 300;
    let file = file(&setup);
    let setup = Setup { range: (1_000_000, 2_000_000), ..setup };
    let mut cluster = Cluster::start(&setup).await;
    // More than a thousand pages, after which SQLite moves the log into the file by itself.
    let photo = format!("\"{}\"", "x".repeat(20_000));
    let mut ids = Vec::new();
    for _ in 0..OBJECTS {
        ids.push(cluster.create("Person", &[("Person.photo", &photo)]).await);
    }
    // Pages that are free are left out of the new file.
    for do_id in ids.drain(..OBJECTS / 2) {
        cluster.send(&Database::ObjectDelete { do_id });
        cluster.expect_broadcast(do_id, &Database::ObjectDelete { do_id }).await;
    }
    fs::remove_file(&file).expect("deleted");
    for do_id in &ids {
        set_and_see(&mut cluster, *do_id, "2").await;
    }
    cluster.stop().await;
    let wrong = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'";
    assert_eq!(number_in(&setup.backend, wrong).await, 0);
    let mut cluster = Cluster::start(&setup).await;
    for do_id in ids {
        cluster.expect_field(do_id, "Person.photo", Some(&photo)).await;
        cluster.expect_field(do_id, "Person.coins", Some("2")).await;
    }
    cluster.stop().await;
}

pub async fn a_deleted_log_of_a_database_takes_nothing_with_it(setup: Setup) {
    survive_without(setup, &["-wal"]).await;
}

/// Nobody asks for anything between the deletion and the end.
pub async fn a_database_deleted_before_the_end_is_put_back(setup: Setup) {
    let file = file(&setup);
    for (number, suffixes) in [&["", "-wal", "-shm"][..], &[""], &["-wal"]].iter().enumerate() {
        let mut cluster = Cluster::start(&setup).await;
        let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
        for suffix in *suffixes {
            fs::remove_file(beside(&file, suffix)).expect("deleted");
        }
        cluster.stop().await;
        let mut cluster = Cluster::start(&setup).await;
        cluster.expect_field(do_id, "Person.coins", Some("1")).await;
        let objects = number_in(&setup.backend, "SELECT count(*) FROM donet_object").await;
        assert_eq!(objects, number as i64 + 1);
        cluster.stop().await;
    }
}

pub async fn a_replaced_database_takes_nothing(setup: Setup) {
    let file = file(&setup);
    let setup = Setup { timeout_ms: SHORT_TIMEOUT_MS, ..setup };
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    let away = beside(&file, ".away");
    fs::rename(&file, &away).expect("moved");
    fs::write(&file, "").expect("written");
    assert_eq!(cluster.create("Person", &[]).await, DoId(0));
    cluster.expect_field(do_id, "Person.coins", None).await;
    assert_eq!(fs::metadata(&file).expect("there").len(), 0, "it is left alone");
    fs::rename(&away, &file).expect("moved");
    cluster.expect_field(do_id, "Person.coins", Some("1")).await;
    set_and_see(&mut cluster, do_id, "2").await;
    cluster.stop().await;
    let mut cluster = Cluster::start(&setup).await;
    cluster.expect_field(do_id, "Person.coins", Some("2")).await;
    cluster.stop().await;
}

pub async fn a_replaced_directory_takes_nothing(setup: Setup) {
    let directory = file(&setup);
    let setup = Setup { timeout_ms: SHORT_TIMEOUT_MS, ..setup };
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    let away = beside(&directory, ".away");
    fs::rename(&directory, &away).expect("moved");
    assert_eq!(cluster.create("Person", &[]).await, DoId(0));
    fs::create_dir(&directory).expect("made");
    assert_eq!(cluster.create("Person", &[]).await, DoId(0));
    assert_eq!(fs::read_dir(&directory).expect("listed").count(), 0, "it is left alone");
    fs::remove_dir(&directory).expect("removed");
    fs::rename(&away, &directory).expect("moved");
    cluster.expect_field(do_id, "Person.coins", Some("1")).await;
    set_and_see(&mut cluster, do_id, "2").await;
    cluster.stop().await;
}

pub async fn new_files_are_for_their_owner_alone(setup: Setup) {
    let file = file(&setup);
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[]).await;
    let files = match &setup.backend {
        BackendConfig::Sqlite { .. } => {
            vec![file.clone(), beside(&file, "-wal"), beside(&file, "-shm")]
        }
        _ => vec![file.join(format!("{do_id}.yaml")), file.join("info.yaml")],
    };
    for path in &files {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    cluster.stop().await;
    let export = beside(&file, ".jsonl");
    JsonLines::open_mut(&export).expect("made");
    assert_eq!(mode(&export), 0o600);
}

pub async fn a_replaced_file_keeps_its_mode_and_owner(setup: Setup) {
    let directory = file(&setup);
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[]).await;
    let path = directory.join(format!("{do_id}.yaml"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
    // Only root can give a file away.
    let is_root = chown(&path, Some(12_345), Some(23_456)).is_ok();
    let old = fs::metadata(&path).expect("there");
    set_and_see(&mut cluster, do_id, "2").await;
    let new = fs::metadata(&path).expect("there");
    assert_ne!(old.ino(), new.ino(), "it is replaced as a whole");
    assert_eq!((old.mode(), old.uid(), old.gid()), (new.mode(), new.uid(), new.gid()));
    assert!(!is_root || new.uid() == 12_345);
    cluster.stop().await;
}

/// A disk of this many bytes, until it is dropped; `None` if this user cannot make one.
struct Disk(PathBuf);

impl Disk {
    fn new(path: &Path, bytes: u32) -> Option<Self> {
        fs::create_dir_all(path).expect("made");
        let size = format!("size={bytes}");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then(|| Disk(path.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a test that has failed may have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// What a start on a full disk leaves beside the database has nothing in it, and is in nobody's way.
pub async fn a_database_on_a_full_disk_can_be_looked_at(mut setup: Setup) {
    let path = file(&setup).with_extension("disk");
    let Some(disk) = Disk::new(&path, 4 << 20) else {
        println!("skipped: only root can make a small disk");
        return;
    };
    let file = disk.0.join("objects.sqlite");
    setup.backend = BackendConfig::Sqlite { file: file.clone(), file_mode: 0o600 };
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "5")]).await;
    cluster.stop().await;
    // The system writes until there is no room.
    fs::write(disk.0.join("others"), vec![0; 8 << 20]).expect_err("it is full");
    let schema = Schema::new(Arc::clone(&setup.dc));
    let opened = store::open(&setup.config(), &schema, Seed::random(), None).await;
    let error = opened.err().expect("there is no room for its log").to_string();
    assert!(error.contains("disk I/O error: no room is left in "), "{error}");
    let log = file.with_extension("sqlite-wal");
    assert_eq!(fs::metadata(log).expect("left behind").len(), 0);
    let mut archive = open_archive(&setup.backend, &schema).await.expect("opens");
    assert_eq!(archive.find(&[do_id]).await.expect("read").len(), 1);
    archive.close().await;
    check_start(&setup.config(), &schema).await.expect("nothing is wrong with what it holds");
    fs::remove_file(disk.0.join("others")).expect("removed");
    let mut cluster = Cluster::start(&setup).await;
    cluster.expect_field(do_id, "Person.coins", Some("5")).await;
    cluster.stop().await;
}

pub async fn a_full_disk_is_a_failure_and_nothing_else(mut setup: Setup) {
    const BYTES: u32 = 4 << 20;
    let path = file(&setup).with_extension("disk");
    let Some(disk) = Disk::new(&path, BYTES) else {
        println!("skipped: only root can make a small disk");
        return;
    };
    match &mut setup.backend {
        BackendConfig::Sqlite { file, .. } => *file = disk.0.join("objects.sqlite"),
        BackendConfig::Yaml { directory, .. } => *directory = disk.0.join("objects"),
        other => panic!("{other:?} has no files"),
    }
    // An answer that takes that long never comes.
    let setup = Setup { timeout_ms: 600_000, range: (1_000_000, 2_000_000), ..setup };
    let mut cluster = Cluster::start(&setup).await;
    let photo = format!("\"{}\"", "x".repeat(20_000));
    let values = [("Person.photo", &photo[..]), ("Person.coins", "5")];
    fs::write(disk.0.join("others"), vec![0; 2 << 20]).expect("there is room");
    let mut stored = Vec::new();
    let mut failures = 0;
    while failures < 3 {
        assert!(stored.len() < 1_000, "the disk becomes full");
        match cluster.create("Person", &values).await {
            DoId(0) => failures += 1,
            do_id => stored.push(do_id),
        }
    }
    // What is there can be read, and asked for together with what fails.
    let field = cluster.field("Person.coins");
    let last = *stored.last().expect("something was stored");
    cluster.set_all(last, &[("Person.photo", &photo[..]), ("Person.coins", "5")]);
    let context = cluster.context();
    cluster.send(&Database::ObjectGetField { context, do_id: last, field });
    while !cluster.receive().await.ends_with(&5_u32.to_le_bytes()) {}
    fs::remove_file(disk.0.join("others")).expect("removed");
    for _ in 0..3 {
        let do_id = cluster.create("Person", &values).await;
        assert!(do_id.is_some(), "there is room again");
        stored.push(do_id);
    }
    cluster.stop().await;
    let mut cluster = Cluster::start(&setup).await;
    for do_id in stored {
        cluster.expect_field(do_id, "Person.photo", Some(&photo)).await;
    }
    cluster.stop().await;
}

//! What is logged of a database whose files somebody deletes. What becomes of the objects is `tests/database`'s.

use std::fs;

use crate::harness::*;

const DATABASE: Channel = Channel(4_003);
const ACTOR: Channel = Channel(5_000);

/// What the database server says when these files have been deleted, somebody asks for an object, and the daemon ends.
fn said_without(suffixes: &[&str]) -> Vec<String> {
    let keys = "type: database, control: 4003, generate: {min: 1000, max: 9999}, \
                backend: {type: sqlite, file: world.sqlite}";
    let mut daemon = Setup::new().role(keys).start();
    let mut actor = daemon.link();
    actor.subscribe(ACTOR);
    for suffix in suffixes {
        fs::remove_file(daemon.path(&format!("world.sqlite{suffix}"))).expect("deleted");
    }
    let context = Context(7);
    actor.send(DATABASE, ACTOR, &Database::ObjectGetAll { context, do_id: DoId(1000) });
    let object = None;
    actor.expect(ACTOR, DATABASE, &Database::ObjectGetAllResp { context, object });
    assert_eq!(daemon.terminate("TERM").code(), Some(0));
    let log = daemon.log();
    let lines = log.lines().filter(|line| line.contains(" database: "));
    lines.filter(|line| !line.contains("database ready")).map(str::to_owned).collect()
}

#[test]
fn a_deleted_database_is_worth_one_line_that_says_what_became_of_it() {
    let cases = [
        (&["", "-wal", "-shm"][..], "it has been put back with all that was acknowledged"),
        (&[""], "it has been put back with all that was acknowledged"),
        (&["-wal"], "world.sqlite-wal was deleted while it is in use"),
        (&["-shm"], "world.sqlite-shm was deleted while it is in use"),
    ];
    for (suffixes, what) in cases {
        let said = said_without(suffixes);
        let [line] = &said[..] else { panic!("{suffixes:?}: {said:#?}") };
        for part in ["ERROR", what, "all that was acknowledged", "store=\"the SQLite database /"] {
            assert!(line.contains(part), "{suffixes:?}: {part} is missing in {line}");
        }
    }
}

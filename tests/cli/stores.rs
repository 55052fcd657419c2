//! Files of a database that may not grow.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::damage::alter;
use crate::program::{Folder, Running, make_fifo};

const TEXT: &str = "
general: {dc_files: [game.dc]}
messagedirector: {bind: '127.0.0.1:0'}
roles: [{type: database, control: 4003, generate: {min: 5000}, backend: {type: sqlite, file: o.sqlite}}]
";
const EXPORT: &str = "{\"donet\":\"export\",\"version\":1}\n{\"end\":0}\n";
const DC: &str = "dclass Note {\n  text(blob) db;\n};\n";
/// In units of 512 or 1024 bytes, as the shell has it: less than what SQLite keeps in its log before it empties it.
const LIMIT: u32 = 512;
const AI: u64 = 100;

/// An AI that has one note at a time.
pub struct Ai(TcpStream);

impl Ai {
    /// Connects to a daemon that is starting, and gets its channel.
    pub fn connect(running: &mut Running) -> Self {
        let line = running.wait_for("message director listening");
        let (_, address) = line.split_once("address=").expect("an address");
        running.wait_for("INFO: daemon: ready");
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("an option");
        let mut ai = Ai(stream);
        // CONTROL_ADD_CHANNEL
        ai.send_datagram(&[&[1, 1][..], &[0; 7], &[0x28, 0x23], &AI.to_le_bytes()].concat());
        ai
    }

    fn send(&mut self, recipient: u64, msgtype: u16, arguments: &[&[u8]]) {
        let head = [&[1], &recipient.to_le_bytes()[..], &AI.to_le_bytes(), &msgtype.to_le_bytes()];
        let datagram = [head.concat(), arguments.concat()].concat();
        self.send_datagram(&datagram);
    }

    fn send_datagram(&mut self, datagram: &[u8]) {
        let length = u16::try_from(datagram.len()).expect("it fits");
        let frame = [&length.to_le_bytes()[..], datagram].concat();
        self.0.write_all(&frame).expect("it reads");
    }

    /// The id of a new note, or 0.
    pub fn create(&mut self) -> u32 {
        let text = [0x5a; 20_000];
        let length = u16::try_from(text.len()).expect("it fits").to_le_bytes();
        // Context, class, one value: that of the first field.
        self.send(4003, 3000, &[&[0; 4], &[0, 0], &[1, 0], &[0, 0], &length, &text]);
        // Length, one recipient, sender, type, context, and the id.
        let mut answer = [0; 2 + 1 + 8 + 8 + 2 + 4 + 4];
        self.0.read_exact(&mut answer).expect("an answer");
        u32::from_le_bytes(answer[25..].try_into().expect("four bytes"))
    }

    pub fn delete(&mut self, note: u32) {
        self.send(4003, 3032, &[&note.to_le_bytes()]);
    }
}

#[test]
fn a_log_of_changes_that_may_not_grow_is_emptied() {
    let folder = Folder::with(&[("game.yml", TEXT), ("game.dc", DC)]);
    let mut running = folder.start_with_file_limit(LIMIT, &["game.yml"]);
    let mut ai = Ai::connect(&mut running);
    // Much more than the log may hold.
    let notes: Vec<u32> = (0..100)
        .map(|_| {
            let note = ai.create();
            ai.delete(note);
            note
        })
        .collect();
    assert!(!notes.contains(&0), "{notes:?}");
    // The database itself may not grow for ever either.
    let notes: Vec<u32> = (0..100).map(|_| ai.create()).collect();
    assert_eq!(notes.last(), Some(&0), "{notes:?}");
    running.signal("TERM");
    let ended = running.wait().code(0);
    let text = "the store cannot be written; what only reads goes on";
    assert_eq!(ended.stdout.matches(text).count(), 1, "{ended:#?}");
}

/// What is no regular file never ends, or never begins: nobody waits for it.
#[test]
fn what_is_no_file_in_a_store_is_not_waited_for() {
    let why = "it is no regular file";
    let of = |backend: &str| {
        format!(
            "general: {{dc_files: [game.dc]}}\nmessagedirector: {{bind: '127.0.0.1:0'}}\n\
             roles: [{{type: database, control: 4003, generate: {{min: 1000, max: 1999}}, backend: {{{backend}}}}}]\n"
        )
    };
    let (yaml, pipe) = (of("type: yaml, directory: objects"), of("type: sqlite, file: pipe"));
    let (null, dc) =
        (of("type: sqlite, file: /dev/null"), "dclass Note {\n  text(string) db;\n};\n");
    let folder = Folder::with(&[
        ("yaml.yml", &yaml),
        ("pipe.yml", &pipe),
        ("null.yml", &null),
        ("game.dc", dc),
        ("objects/1000.yaml", "class: Note\nfields: {}\n"),
    ]);
    let refuse = |config| {
        folder.run(&["check", config]).code(1).complains(&[why]);
        folder.run(&[config]).code(1).says(&[why]);
    };
    refuse("null.yml");
    let at = |name: &str| folder.path("objects").join(name);
    std::os::unix::fs::symlink("/dev/zero", at("1001.yaml")).expect("linked");
    make_fifo(&at("1002.yaml"));
    let both = ["object 1001: it is no regular file", "object 1002: it is no regular file"];
    folder.run(&["db", "verify", "yaml.yml"]).code(1).says(&both);
    folder.run(&["db", "show", "yaml.yml", "1002"]).code(1).complains(&["object 1002 in ", why]);
    make_fifo(&at("info.yaml"));
    make_fifo(&folder.path("pipe"));
    refuse("yaml.yml");
    refuse("pipe.yml");
}

#[test]
fn a_directory_that_a_daemon_has_is_said_to_be_in_use_and_what_to_do() {
    let text = TEXT.replace("sqlite, file: o.sqlite", "yaml, directory: db");
    let folder = Folder::with(&[("game.yml", &text), ("game.dc", DC), ("o.jsonl", EXPORT)]);
    let running = folder.start(&["game.yml"]).ready();
    let what = "is in use by another process: stop the daemon that has it first; `donet db backup` makes a copy while it runs";
    for command in [
        &["db", "import", "game.yml", "o.jsonl"][..],
        &["db", "migrate", "game.yml", "--from", "game.dc", "--apply"],
    ] {
        let ended = folder.run(command).code(1).complains(&[what]);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
    }
    folder.run(&["db", "backup", "game.yml", "copy"]).code(0);
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn who_names_a_class_instead_of_an_object_is_told_how_to_find_its_objects() {
    let folder = Folder::with(&[("game.yml", TEXT), ("game.dc", DC)]);
    let ended = folder.run(&["db", "show", "game.yml", "Note"]).code(1);
    let expected = "`Note` is no id of an object: expected a number from 0 to 4294967295\n\
                    `donet db list game.yml Note` lists the objects of a class, and `donet db stats game.yml` counts \
                    them\n";
    assert_eq!(ended.stderr, expected);
    folder
        .run(&["db", "show", "game.yml", "4294967296"])
        .code(1)
        .complains(&["`donet db list game.yml [CLASS]`"]);
}

/// What nothing but a look at everything finds.
#[test]
fn what_a_store_says_that_cannot_be_is_named() {
    let yaml = TEXT.replace("sqlite, file: o.sqlite", "yaml, directory: db");
    let object = "class: Note\nfields: {}\n";
    let folder = Folder::with(&[
        ("game.yml", &yaml),
        ("game.dc", DC),
        ("db/5000.yaml", object),
        ("db/5001.yaml", object),
        ("db/info.yaml", "next: 5009\nfree: [5001, 5003, 5004, 5003]\n"),
    ]);
    std::os::unix::fs::symlink("nowhere.yaml", folder.path("db/5002.yaml")).expect("linked");
    let verified = folder.run(&["db", "verify", "game.yml"]).code(1).says(&[
        "info.yaml, `free`: 5001 is the id of an object that is there\n",
        "info.yaml, `free`: 5003 stands there more than once\n",
        "object 5002: it is a symbolic link that leads to nothing\n",
    ]);
    assert_eq!(verified.stdout.lines().count(), 3, "{verified:#?}");
    let export = ["db", "export", "game.yml", "o.jsonl"];
    folder.run(&export).code(1).complains(&["object 5002: it is a symbolic link"]);
    folder.run(&["db", "show", "game.yml", "5002"]).code(1).complains(&["it is a symbolic link"]);

    let folder = Folder::with(&[("game.yml", TEXT), ("game.dc", DC), ("o.jsonl", EXPORT)]);
    folder.run(&["db", "import", "game.yml", "o.jsonl"]).code(0);
    folder.run(&["db", "verify", "game.yml"]).code(0);
    let sql = "CREATE TRIGGER mine AFTER INSERT ON donet_object BEGIN SELECT 1; END; DROP VIEW donet_content";
    alter(&folder.path("o.sqlite"), sql);
    folder.run(&["db", "verify", "game.yml"]).code(1).says(&[
        "the trigger mine of table donet_object is none of donet's",
        "the view donet_content is missing",
    ]);
}

#[test]
fn objects_are_listed_by_class() {
    let long = "x".repeat(100);
    let export = format!(
        "{{\"donet\":\"export\",\"version\":1}}\n\
         {{\"id\":5000,\"class\":\"Note\",\"fields\":{{\"text\":\"(\\\"a\\\")\",\"n\":\"(1)\",\"m\":\"(2)\",\"o\":\"(3)\"}}}}\n\
         {{\"id\":5001,\"class\":\"Other\",\"fields\":{{}}}}\n\
         {{\"id\":5002,\"class\":\"Note\",\"fields\":{{\"text\":\"(\\\"{long}\\\")\"}}}}\n\
         {{\"end\":3}}\n"
    );
    let dc = "dclass Note {\n  text(string) db;\n  n(uint8) db;\n  m(uint8) db;\n  o(uint8) db;\n};\ndclass Other {};\n";
    let yaml = TEXT.replace("sqlite, file: o.sqlite", "yaml, directory: db");
    let files = [("game.yml", TEXT), ("yaml.yml", &yaml), ("game.dc", dc), ("o.jsonl", &export)];
    let folder = Folder::with(&files);
    for config in ["game.yml", "yaml.yml"] {
        folder.run(&["db", "import", config, "o.jsonl"]).code(0);
        let notes = folder.run(&["db", "list", config, "Note"]).code(0);
        let shown = format!("(\"{}…", &long[..38]);
        let expected =
            format!("5000: Note text = (\"a\"), n = (1), m = (2), …\n5002: Note text = {shown}\n");
        assert_eq!(notes.stdout, expected);
        notes.complains(&["2 objects of class Note in the "]);
        let all = folder.run(&["db", "list", config, "--format", "json"]).code(0);
        let lines: Vec<serde_json::Value> =
            all.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines[1], serde_json::json!({"id": 5001, "class": "Other", "fields": {}}));
        assert_eq!(lines[0]["fields"]["o"], "(3)");
        assert_eq!(lines.len(), 3);
    }
    let meant = "no object is of a class `Nots`, and the DC files have none: did you mean `Note`?";
    folder.run(&["db", "list", "game.yml", "Nots"]).code(1).complains(&[meant]);
    alter(&folder.path("o.sqlite"), "UPDATE donet_object SET class_id = 9 WHERE id = 5002");
    let broken = folder.run(&["db", "list", "game.yml", "Note"]).code(1);
    broken
        .says(&["5002: no class has the number 9\n"])
        .complains(&["1 object of class Note in the ", ", and 1 object that cannot be read"]);
}

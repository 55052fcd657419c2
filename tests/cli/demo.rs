//! `donet demo`, as somebody sees it who types that.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Folder, Running};

const FREE: &[&str] = &["demo", "--no-browser", "--bind", "127.0.0.1:0"];

fn start(folder: &Folder, arguments: &[&str]) -> Running {
    let mut command = folder.command(arguments);
    fs::create_dir_all(folder.path("tmp")).expect("a folder");
    command.env("TMPDIR", folder.path("tmp"));
    Folder::start_command(command)
}

/// Where the page is.
fn page(demo: &mut Running) -> SocketAddr {
    let line = demo.wait_for("  play ");
    let address = line.split("http://").nth(1).and_then(|rest| rest.strip_suffix('/'));
    address.expect("a URL").parse().expect("an address")
}

/// What is answered to a question, head and body.
fn ask(address: SocketAddr, head: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket takes options");
    let question = format!("{head}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).expect("text").to_lowercase(), body)
}

fn get(address: SocketAddr, path: &str) -> (String, Vec<u8>) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}"))
}

/// The folders of demos.
fn folders(folder: &Folder) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder.path("tmp")).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn the_page_and_what_it_has_to_know_are_served() {
    let folder = Folder::new();
    let mut demo = start(&folder, FREE);
    let address = page(&mut demo);
    let (head, body) = get(address, "/");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("\r\ncontent-security-policy: default-src 'none'; script-src 'self'"));
    assert!(String::from_utf8_lossy(&body).contains("<html"));
    let (head, body) = get(address, "/donet.js");
    assert!(head.contains("\r\ncontent-type: text/javascript"), "{head}");
    let client = fs::read(crate::program::repository("docs/client/donet.js")).expect("a file");
    assert!(body == client);
    let (_, body) = get(address, "/world.json");
    let world: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(world["version"], "demo 1");
    assert_eq!(
        (&world["gate"], &world["columns"], &world["rows"]),
        (&1001.into(), &4.into(), &3.into())
    );
    assert!(world["dc"]["hash"].is_u64());
    let console = world["console"].as_str().expect("it is asked from this machine");
    let console =
        console.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
    assert!(get(console, "/").0.starts_with("http/1.1 200 "));
    for (path, code) in [
        ("/nothing", 404),
        ("/page/nothing.js", 404),
        ("/page/../mod.rs", 404),
        ("/messages?ticket=none", 404),
        ("/messages", 400),
        ("/socket", 426),
    ] {
        let (head, _) = get(address, path);
        assert!(head.starts_with(&format!("http/1.1 {code} ")), "{path}: {head}");
    }
    for (head, code) in [
        ("GET / HTTP/1.1\r\nHost: evil.example", 421),
        ("GET /world.json HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site", 403),
        (
            "GET /socket HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nUpgrade: websocket",
            403,
        ),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0", 405),
    ] {
        let (answer, _) = ask(address, head);
        assert!(answer.starts_with(&format!("http/1.1 {code} ")), "{head}: {answer}");
    }
}

#[test]
fn its_files_are_private_and_go_with_it() {
    for signal in ["INT", "TERM", "HUP"] {
        let folder = Folder::new();
        let mut demo = start(&folder, FREE);
        page(&mut demo);
        let [ref own] = folders(&folder)[..] else { panic!("one folder") };
        let mode = fs::metadata(own).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        demo.wait_for("Ctrl-C ends it");
        demo.signal(signal);
        let ended = demo.wait().code(0);
        assert!(folders(&folder).is_empty());
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn what_a_killed_one_has_left_behind_goes_with_the_next() {
    let folder = Folder::new();
    let mut killed = start(&folder, FREE);
    page(&mut killed);
    killed.signal("KILL");
    assert_eq!(killed.wait().code, None);
    let left = folders(&folder);
    assert_eq!(left.len(), 1);
    let mut demo = start(&folder, FREE);
    page(&mut demo);
    let there = folders(&folder);
    assert!(there.len() == 1 && there != left, "{there:?}");
}

#[test]
fn a_trace_of_it_can_be_had_as_it_says() {
    let folder = Folder::new();
    let mut demo = start(&folder, FREE);
    let line = demo.wait_for("  messages ");
    let control = line.split("--control ").nth(1).expect("a path");
    folder.run(&["trace", "--control", control, "--seconds", "1"]).code(0);
}

#[test]
fn a_port_that_is_taken_is_an_error_if_it_is_named() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let ended = start(&folder, &["demo", "--no-browser", "--bind", &address]).wait().code(1);
    ended.complains(&[&format!("error: --bind: cannot listen on {address}"), "in use"]);
    assert!(folders(&folder).is_empty());
}

#[test]
fn a_database_that_cannot_be_opened_is_an_error() {
    let folder = Folder::with(&[(
        "notes.txt",
        "no database at all, but a text that is long enough to be one\n",
    )]);
    fs::create_dir(folder.path("folder")).expect("a folder");
    for (file, why) in [
        ("notes.txt", "notes.txt: file is not a database"),
        ("nowhere/accounts.sqlite", "nowhere/accounts.sqlite: No such file or directory"),
        ("folder", "folder is no file"),
    ] {
        let words = [FREE, &["--database", file]].concat();
        let ended = start(&folder, &words).wait().code(1);
        ended.complains(&["error: --database: ", why]);
        assert!(folders(&folder).is_empty());
    }
}

#[test]
fn the_database_of_another_program_stays_as_it_is() {
    let folder = Folder::new();
    let file = folder.path("photos.sqlite");
    crate::damage::alter(&file, "CREATE TABLE photo (name TEXT)");
    let before = fs::read(&file).expect("a file");
    let words = [FREE, &["--database", "photos.sqlite"]].concat();
    let ended = start(&folder, &words).wait().code(1);
    ended.complains(&["photos.sqlite is the database of another program", "the tables photo"]);
    assert!(fs::read(&file).expect("a file") == before);
}

#[test]
fn two_demos_do_not_keep_their_accounts_in_one_file() {
    let folder = Folder::new();
    let words = [FREE, &["--database", "accounts.sqlite"]].concat();
    let mut first = start(&folder, &words);
    page(&mut first);
    let ended = start(&folder, &words).wait().code(1);
    ended.says(&["another demo keeps its accounts in accounts.sqlite"]);
}

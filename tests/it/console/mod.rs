//! The console's API, as browsers and scripts see it: who gets in, what is refused, and that nobody can hold up the daemon.

mod access;
mod actions;
mod data;
mod hostile;

use std::io::{Read, Write};
use std::net::TcpStream;

use donet::credentials::{PasswordProof, TokenProof};
use serde_json::Value;

use crate::harness::{Daemon, LIMIT, Setup};

const TOKEN: &str = "donet_0000000000000000000000000000000000000000000000000000000000000001";
const ROLES: [&str; 2] = [
    "type: clientagent, bind: $CA, version: v, channels: {min: 1000, max: 1999}, banlist: bans.txt",
    "type: stateserver, control: 4002",
];

/// Alice, who may operate, and bob, who may view, with their names as passwords; a token of a program, which may operate.
fn users() -> String {
    let user = |name: &str, role: &str| {
        format!("{name}: {{password: '{}', role: {role}}}", PasswordProof::of(name))
    };
    let (alice, bob, token) =
        (user("alice", "operate"), user("bob", "view"), TokenProof::of(TOKEN));
    format!("users: {{{alice}, {bob}}}, tokens: {{ci: {{hash: '{token}', role: operate}}}}")
}

fn start_with(keys: &str) -> Daemon {
    let setup = Setup::new().web_with(keys).daemon("control: control.sock");
    ROLES.iter().fold(setup, |setup, role| setup.role(*role)).start()
}

/// A daemon with users.
fn start() -> Daemon {
    start_with(&users())
}

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// An error of the API, with its word for programs.
    #[track_caller]
    fn says(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.json()["error"]["code"], code, "{answer:#?}");
        assert!(answer.json()["error"]["message"].is_string(), "{answer:#?}");
        answer
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut pairs = lines.filter_map(|line| line.split_once(": "));
        pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A question in the making.
struct Question<'d> {
    daemon: &'d Daemon,
    line: String,
    host: String,
    headers: String,
    body: String,
}

impl<'d> Question<'d> {
    fn new(daemon: &'d Daemon, method: &str, path: &str) -> Self {
        let line = format!("{method} {path} HTTP/1.1\r\n");
        let host = daemon.address("WEB").to_string();
        Question { daemon, line, host, headers: String::new(), body: String::new() }
    }

    fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    fn json(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.header("content-type", "application/json")
    }

    fn ask(self) -> Answer {
        let stream = connect(self.daemon);
        self.ask_on(stream)
    }

    /// Over a connection that is there.
    fn ask_on(self, mut stream: impl Read + Write) -> Answer {
        let length = self.body.len();
        let text = format!(
            "{}host: {}\r\nconnection: close\r\n{}content-length: {length}\r\n\r\n{}",
            self.line, self.host, self.headers, self.body
        );
        // It may be answered before all of it has been read.
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.flush();
        read_answer(stream)
    }
}

fn read_answer(mut stream: impl Read) -> Answer {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{read:?}: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn connect(daemon: &Daemon) -> TcpStream {
    let stream = TcpStream::connect(daemon.address("WEB")).expect("somebody listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a time");
    stream
}

fn get<'d>(daemon: &'d Daemon, path: &str) -> Question<'d> {
    Question::new(daemon, "GET", path)
}

fn post<'d>(daemon: &'d Daemon, path: &str, body: &str) -> Question<'d> {
    Question::new(daemon, "POST", path).json(body)
}

/// The program with the token.
fn by_token(question: Question<'_>) -> Question<'_> {
    question.header("authorization", &format!("Bearer {TOKEN}"))
}

/// Somebody who has logged in.
struct Session {
    cookie: String,
    csrf: String,
}

impl Session {
    fn on<'d>(&self, question: Question<'d>) -> Question<'d> {
        question.header("cookie", &self.cookie)
    }

    fn acts<'d>(&self, question: Question<'d>) -> Question<'d> {
        self.on(question).header("x-csrf-token", &self.csrf)
    }
}

fn try_to_log_in(daemon: &Daemon, name: &str, password: &str) -> Answer {
    let body = format!("{{\"name\": \"{name}\", \"password\": \"{password}\"}}");
    post(daemon, "/api/v1/session", &body).ask()
}

fn log_in(daemon: &Daemon, name: &str) -> Session {
    let answer = try_to_log_in(daemon, name, name).is(200);
    let cookie = answer.header("set-cookie").expect("a cookie");
    let cookie = cookie.split(';').next().expect("its value").to_owned();
    let csrf = answer.json()["csrf"].as_str().expect("a text").to_owned();
    Session { cookie, csrf }
}

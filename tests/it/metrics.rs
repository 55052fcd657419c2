//! Figures over HTTP, and what the book says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;

use donet::metrics::{self, Kind};

use crate::harness::{Blob, Channel, ClientAgent, ClientMessage, Daemon, LIMIT, Setup, wait_until};

const ROLES: [&str; 3] = [
    "type: clientagent, bind: $CA, version: v, channels: {min: 1000, max: 1999}",
    "type: stateserver, control: 4002",
    "type: database, control: 4003, generate: {min: 5000, max: 5999}, backend: {type: sqlite, file: o.sqlite}",
];

fn start() -> Daemon {
    ROLES.iter().fold(Setup::new().web(), |setup, role| setup.role(*role)).start()
}

fn connect(daemon: &Daemon) -> TcpStream {
    let stream = TcpStream::connect(daemon.address("WEB")).expect("somebody listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a time");
    stream
}

/// All that is answered to `question`.
fn ask(daemon: &Daemon, question: &str) -> String {
    let mut stream = connect(daemon);
    stream.write_all(question.as_bytes()).expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, and an end");
    answer
}

fn get(daemon: &Daemon, path: &str) -> String {
    ask(daemon, &format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"))
}

fn metrics_of(daemon: &Daemon) -> String {
    let answer = get(daemon, "/metrics");
    let (head, text) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    text.to_owned()
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a number"))
}

#[track_caller]
fn wait_for(daemon: &Daemon, series: &str, expected: f64) {
    wait_until(series, || (value(&metrics_of(daemon), series) == Some(expected)).then_some(()));
}

/// What the book's tables say: type, unit and labels, by the names.
fn documented() -> BTreeMap<String, [String; 3]> {
    let page = fs::read_to_string(book("metrics.md")).expect("a page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `donet_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[3].replace('`', "");
        let name = format!("donet_{}", cells[0].trim_end_matches('`'));
        (name, [cells[1].to_owned(), cells[2].to_owned(), labels])
    })
    .collect()
}

fn book(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file)
}

/// The same, of a daemon: labels are those that it is known to tell.
fn told(text: &str) -> BTreeMap<String, [String; 3]> {
    let mut told = BTreeMap::new();
    for line in text.lines() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' '))
        else {
            continue;
        };
        let suffix = if kind == "counter" { "_total" } else { "" };
        let unit = text.lines().find_map(|line| line.strip_prefix(&format!("# UNIT {name} ")));
        let name = format!("{name}{suffix}");
        let known = metrics::ALL.iter().find(|metric| metric.name == name);
        let labels = known.expect("it is in the table").labels.join(", ");
        told.insert(name, [kind.to_owned(), unit.unwrap_or_default().to_owned(), labels]);
    }
    told
}

#[test]
fn the_book_has_every_metric_and_no_other() {
    let daemon = start();
    let text = metrics_of(&daemon);
    assert!(told(&text).len() > 30);
    assert_eq!(told(&text), documented(), "left: what is told, right: the book");
    let page = fs::read_to_string(book("metrics.md")).expect("a page");
    for metric in metrics::ALL {
        let cells = format!("| {} |", metric.help);
        assert!(page.contains(&cells), "{}: the book says something else", metric.name);
        let kind = format!("{:?}", metric.kind).to_lowercase();
        assert_eq!(told(&text)[metric.name][0], kind);
    }
}

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_of_name(c)).filter(|word| word.starts_with("donet_"));
    words.map(str::to_owned).collect()
}

#[test]
fn dashboard_and_alerts_ask_for_what_there_is() {
    let known: BTreeSet<String> = metrics::ALL
        .iter()
        .flat_map(|metric| match metric.kind {
            Kind::Histogram => {
                ["_bucket", "_count", "_sum"].map(|end| metric.name.to_owned() + end).to_vec()
            }
            Kind::Counter | Kind::Gauge => vec![metric.name.to_owned()],
        })
        .collect();
    let page = fs::read_to_string(book("metrics.md")).expect("a page");
    let dashboard = fs::read_to_string(book("grafana/donet.json")).expect("a dashboard");
    let alerts = fs::read_to_string(book("alerts.yml")).expect("rules");
    for (file, text) in [("donet.json", &dashboard), ("alerts.yml", &alerts)] {
        let unknown: Vec<_> = names(text).difference(&known).cloned().collect();
        assert!(names(text).len() > 10 && unknown.is_empty(), "{file}: {unknown:?}");
    }
    let shown: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(shown["panels"].as_array().is_some_and(|panels| panels.len() > 10));
    let alerts = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let headings = || page.lines().filter_map(|line| line.strip_prefix("### Donet"));
    let explained: Vec<String> = headings().map(|name| format!("Donet{name}")).collect();
    assert_eq!(alerts.collect::<Vec<_>>(), explained);
    // Whatever is not shown might as well not be told.
    let shown = names(&dashboard);
    let bases: BTreeSet<&str> = shown
        .iter()
        .map(|name| name.trim_end_matches("_bucket").trim_end_matches("_count"))
        .collect();
    let hidden = ["donet_dropped_bytes_total", "donet_participants"];
    let missing: Vec<&str> = metrics::ALL
        .iter()
        .map(|metric| metric.name)
        .filter(|name| !bases.contains(name) && !hidden.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_happens_is_counted() {
    let daemon = start();
    wait_for(&daemon, "donet_stage{stage=\"ready\"}", 1.0);
    let before = metrics_of(&daemon);
    let client = daemon.client();
    wait_for(&daemon, "donet_clients{state=\"new\",transport=\"tcp\"}", 1.0);
    let link = daemon.link();
    // The harness has a link of its own.
    wait_for(&daemon, "donet_links{direction=\"in\"}", 2.0);
    // It has no upstream.
    assert_eq!(value(&before, "donet_links{direction=\"out\"}"), None);
    // What is no hello ends a session.
    let mut stranger = TcpStream::connect(daemon.address("CA")).expect("a client agent");
    stranger.write_all(&[2, 0, 9, 0]).expect("it is taken");
    let mut answer = Vec::new();
    stranger.read_to_end(&mut answer).expect("an end");
    let ejected = "donet_ejects_total{code=\"";
    let text = metrics_of(&daemon);
    assert!(text.contains(ejected), "{text}");
    let grown = |series: &str| value(&text, series).zip(value(&before, series));
    for series in ["donet_router_hold_seconds_count", "donet_sent_bytes_total{peer=\"client\"}"] {
        let (after, before) = grown(series).expect(series);
        assert!(after > before, "{series}: {before}, then {after}");
    }
    drop((client, link));
    wait_for(&daemon, "donet_clients{state=\"new\",transport=\"tcp\"}", 0.0);
    wait_for(&daemon, "donet_links{direction=\"in\"}", 1.0);
}

/// Whoever looks how much something has grown must have seen it before, and whoever asks for a share of times needs a limit for the
/// longest.
#[test]
fn what_has_not_happened_yet_is_told_and_the_last_limit_of_times_has_no_end() {
    let text = metrics_of(&start());
    for series in [
        "donet_dropped_messages_total{reason=\"slow_link\"}",
        "donet_refused_connections_total{peer=\"client\"}",
        "donet_handshakes_total{direction=\"in\",result=\"ok\"}",
        "donet_clients{state=\"established\",transport=\"tls\"}",
        "donet_panics_total",
    ] {
        assert_eq!(value(&text, series), Some(0.0), "{series}");
    }
    for name in ["donet_router_hold_seconds", "donet_interest_seconds"] {
        let last = value(&text, &format!("{name}_bucket{{le=\"+Inf\"}}"));
        assert_eq!(last, value(&text, &format!("{name}_count")), "{name}");
        assert!(last.is_some(), "{name}");
    }
}

#[test]
fn who_is_refused_is_counted() {
    let agent = "type: clientagent, bind: $CA, version: v, channels: {min: 1000, max: 1999}, \
                 limits: {connections: 1}";
    let daemon = Setup::new().web().role(agent).start();
    let one = daemon.client();
    wait_for(&daemon, "donet_clients{state=\"new\",transport=\"tcp\"}", 1.0);
    let two = daemon.client();
    wait_for(&daemon, "donet_refused_connections_total{peer=\"client\"}", 1.0);
    wait_for(&daemon, "donet_limits_total{limit=\"connections\"}", 1.0);
    drop((one, two));
}

#[test]
fn only_questions_are_answered_one_for_a_connection() {
    let daemon = start();
    assert!(get(&daemon, "/livez").starts_with("HTTP/1.1 200 "));
    assert!(get(&daemon, "/readyz").ends_with("\r\n\r\nready\n"));
    // Of the console that is there, too, nobody hears by the name of another host.
    assert!(get(&daemon, "/").starts_with("HTTP/1.1 421 "));
    let head = ask(&daemon, "HEAD /livez HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let question =
            format!("{method} /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
        assert!(ask(&daemon, &question).starts_with("HTTP/1.1 405 "), "{method}");
    }
    let asked_twice = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2);
    assert_eq!(ask(&daemon, &asked_twice).matches("HTTP/1.1").count(), 1);
    let long = format!("GET /livez HTTP/1.1\r\na: {}\r\n\r\n", "a".repeat(100_000));
    let mut stream = connect(&daemon);
    // It may be hung up on in the middle.
    let _ = stream.write_all(long.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn whoever_says_nothing_is_hung_up_on_and_the_others_are_answered() {
    let daemon = start();
    // More than there may be at a time.
    let idle: Vec<TcpStream> = (0..70).map(|_| connect(&daemon)).collect();
    assert!(get(&daemon, "/livez").starts_with("HTTP/1.1 200 "));
    for mut stream in idle {
        let mut nothing = Vec::new();
        let _ = stream.read_to_end(&mut nothing);
        assert!(!nothing.starts_with(b"HTTP/1.1 200 "));
        let _ = stream.shutdown(Shutdown::Both);
    }
}

#[test]
fn what_a_client_does_not_read_is_counted_when_it_is_dropped() {
    let agent = "type: clientagent, bind: $CA, version: v, channels: {min: 1000, max: 1000}, \
                 client: {write_buffer_size: 65536}";
    let daemon = Setup::new().web().role(agent).start();
    let dropped = |reason: &str| {
        let text = metrics_of(&daemon);
        let of = |what: &str| {
            value(&text, &format!("donet_dropped_{what}_total{{reason=\"{reason}\"}}"))
        };
        of("messages").zip(of("bytes"))
    };
    assert_eq!(dropped("client"), Some((0.0, 0.0)));
    let client = daemon.client();
    wait_for(&daemon, "donet_clients{state=\"new\",transport=\"tcp\"}", 1.0);
    let mut link = daemon.link();
    let counted = wait_until("the client is dropped", || {
        for _ in 0..100 {
            let datagram = [7u8; 20_000];
            let message = ClientAgent::SendDatagram { datagram: Blob(&datagram) };
            link.send(Channel(1000), Channel(4321), &message);
        }
        dropped("client").filter(|(messages, _)| *messages > 0.0)
    });
    // They are some 20 KB each, and the last may have gone in part.
    let (messages, bytes) = counted;
    assert!(messages >= 3.0 && bytes >= 65_536.0, "{messages}, {bytes}");
    assert!((bytes / 20_000.0 - messages).abs() <= 2.0, "{messages}, {bytes}");
    drop(client);
}

#[test]
fn offences_are_counted_by_what_becomes_of_them() {
    let agent = "type: clientagent, bind: $CA, version: v, manual_dc_hash: 7, channels: {min: 1000, max: 1999}, \
                 offences: {message: ignore}";
    let daemon = Setup::new().web().role(agent).start();
    let series = |offence: &str, reaction: &str| {
        format!("donet_offences_total{{offence=\"{offence}\",reaction=\"{reaction}\"}}")
    };
    wait_for(&daemon, &series("message", "ignore"), 0.0);
    let mut client = daemon.client();
    client.send(&ClientMessage::Hello { dc_hash: 7, version: Blob(b"v") });
    client.expect(&ClientMessage::HelloResp {});
    for _ in 0..3 {
        client.send(&ClientMessage::HelloResp {});
    }
    wait_for(&daemon, &series("message", "ignore"), 3.0);
    client.stream().send(b"!");
    wait_for(&daemon, &series("malformed", "eject"), 1.0);
}

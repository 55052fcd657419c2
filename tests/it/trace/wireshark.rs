//! What Wireshark's dissector makes of datagrams. Without tshark there is nothing to see.

use std::fs;

use super::*;

/// The fields of each packet, as tshark has them.
fn dissect(daemon: &Daemon, file: &str, fields: &[&str]) -> Option<String> {
    let (script, _, code) = {
        let mut command = Command::new(daemon.operate("trace", &[]).get_program());
        command.args(["dc", "wireshark"]).arg(daemon.path("world.dc"));
        let done = command.output().expect("the program is built");
        let text = String::from_utf8(done.stdout).expect("UTF-8");
        (text, done.stderr, done.status.code())
    };
    assert_eq!(code, Some(0));
    let lua = daemon.path("donet.lua");
    fs::write(&lua, script).expect("the folder is ours");
    let mut command = Command::new("tshark");
    command.args(["-X", &format!("lua_script:{}", lua.display()), "-r", file, "-T", "fields"]);
    command.args(fields.iter().flat_map(|field| ["-e", field]));
    let done = match command.env("HOME", daemon.path("")).output() {
        Ok(done) => done,
        Err(_) => {
            eprintln!("skipped: there is no tshark");
            return None;
        }
    };
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && !err.contains("Lua"), "{err}");
    Some(String::from_utf8(done.stdout).expect("UTF-8"))
}

#[test]
fn what_is_caught_is_shown_with_names_and_values() {
    let daemon = setup().start();
    let mut ai = daemon.link();
    let pcap = daemon.path("a.pcapng").display().to_string();
    let trace = Trace::begin(&daemon, &["--pcap", &pcap, "--count", "7", "--doid", "700"]);
    play(&mut ai, 1);
    assert_eq!(trace.end().2, Some(0));
    let fields = ["donet.message", "donet.sender", "donet.doid", "donet.field", "donet.value"];
    let Some(shown) = dissect(&daemon, &pcap, &fields) else { return };
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "STATESERVER_CREATE_OBJECT_WITH_REQUIRED\t4500\t700\t\t(\"Bo\"),(1, 2)");
    let update = "STATESERVER_OBJECT_SET_FIELD\t4500\t700\tAvatar.setPosition\t(0, 0)";
    assert!(lines.contains(&update), "{shown}");
    assert!(!shown.contains("unknown"), "{shown}");
    let malformed = dissect(&daemon, &pcap, &["donet.malformed"]).expect("tshark is there");
    assert_eq!(malformed.trim(), "");
}

#[test]
fn a_client_is_caught_too() {
    let daemon = setup().start();
    let pcap = daemon.path("a.pcapng").display().to_string();
    let trace = Trace::begin(&daemon, &["--pcap", &pcap, "--count", "2", "--client", "1000"]);
    daemon.client().hello();
    assert_eq!(trace.end().2, Some(0));
    let Some(shown) = dissect(&daemon, &pcap, &["donet.message", "tcp.dstport"]) else { return };
    assert_eq!(shown, "CLIENT_HELLO\t7198\nCLIENT_HELLO_RESP\t49152\n");
}

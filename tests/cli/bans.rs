//! `donet ban`, `donet unban`, and what `donet check` says of a ban list.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use crate::program::Folder;

const CONFIG: &str = "daemon: {control: control.sock}\n\
                      roles: [{type: clientagent, bind: '127.0.0.1:0', banlist: bans.txt, \
                      channels: {min: 1000, max: 1999}}]\n";

#[test]
fn bans_are_kept_in_the_file_and_the_rest_of_it_stays() {
    let folder = Folder::with(&[("game.yml", CONFIG), ("bans.txt", "# ours\naccount 6 never\n")]);
    let file = folder.path("bans.txt");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o604)).expect("ours");
    let running = folder.start(&["game.yml"]).ready();
    let run = |words: &[&str]| folder.run(&[words, &["--config", "game.yml"]].concat());
    let ended = run(&["ban", "::ffff:192.0.2.1", "--reason", "an aimbot"]).code(0);
    assert_eq!(ended.stdout, "192.0.2.1 is banned for ever\n");
    run(&["ban", "--account", "5"]).code(0);
    let kept = "# ours\naccount 6 never\n192.0.2.1 never an aimbot\naccount 5 never\n";
    assert_eq!(folder.read("bans.txt"), kept);
    let ended = run(&["ban", "10.1.2.3/8", "--for", "1h"]).code(0);
    assert!(ended.stdout.starts_with("10.0.0.0/8 is banned until 2"), "{ended:#?}");
    let ended = run(&["unban", "10.0.0.0/8"]).code(0);
    assert_eq!(ended.stdout, "10.0.0.0/8 is banned no more\n");
    assert_eq!(folder.read("bans.txt"), kept);
    let ended = run(&["bans"]).code(0);
    let in_force = "192.0.2.1 never an aimbot\naccount 5 never\naccount 6 never\n";
    assert_eq!(ended.stdout, in_force);
    run(&["unban", "--account", "9"]).code(1).complains(&["account 9 is not in the ban list"]);
    let long = "x".repeat(5_000);
    for words in [
        &["ban", "nonsense"][..],
        &["ban"],
        &["ban", "192.0.2.1", "--for", "soon"],
        &["ban", "192.0.2.1", "--for", "0"],
        &["ban", "192.0.2.1", "--reason", &long],
    ] {
        let ended = run(words).code(1);
        assert!(!ended.stderr.is_empty(), "{ended:#?}");
    }
    assert_eq!(folder.read("bans.txt"), kept);
    let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o604);
    running.signal("TERM");
    running.wait().code(0);
    let ended = run(&["ban", "192.0.2.1"]).code(1);
    assert!(ended.stderr.starts_with("no daemon with this configuration runs"), "{ended:#?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
}

#[test]
fn who_may_not_be_meant_is_only_banned_by_force() {
    let config = CONFIG
        .replace("banlist:", "haproxy: {from: [127.0.0.0/8, 198.51.100.0/24]}, banlist:")
        .replace("daemon: {", "daemon: {loglevel: debug, ");
    let folder = Folder::with(&[("game.yml", &config)]);
    let mut running = folder.start(&["game.yml"]);
    let line = running.wait_for("client agent is listening");
    let address = line.split("address=").nth(1).and_then(|rest| rest.split(' ').next());
    let address = address.expect("an address");
    let mut running = running.ready();
    let connect = |ip: &str| {
        let mut stream = TcpStream::connect(address).expect("it listens");
        write!(stream, "PROXY TCP4 {ip} 198.51.100.1 4000 7198\r\n").expect("it reads");
        stream
    };
    let _school: Vec<_> = (0..12).map(|_| connect("192.0.2.50")).collect();
    let _household = [(); 2].map(|()| connect("192.0.2.60"));
    (0..14).for_each(|_| drop(running.wait_for("client connected")));
    let run = |words: &[&str]| folder.run(&[words, &["--config", "game.yml"]].concat());
    for (whom, why) in [
        ("0.0.0.0/0", "that is everybody"),
        ("::/0", "that is everybody"),
        ("127.0.0.1", "this machine is in it"),
        ("::1", "this machine is in it"),
        ("198.0.0.0/8", "a proxy is in it for whose clients it may stand"),
        ("192.0.2.50", "12 clients that are there now would be put out"),
    ] {
        let ended = run(&["ban", whom]).code(1);
        let expected = format!("{whom} is not banned: {why}; `--force` bans it all the same\n");
        assert_eq!(ended.stderr, expected);
    }
    assert!(!folder.files().contains(&"bans.txt".to_owned()));
    let ended = run(&["ban", "192.0.2.60"]).code(0);
    assert_eq!(ended.stdout, "192.0.2.60 is banned for ever\n");
    assert_eq!(ended.stderr, "warning: 2 clients are put out\n");
    run(&["ban", "192.0.2.61"]).code(0);
    let ended = run(&["ban", "192.0.2.50", "--force"]).code(0);
    assert_eq!(ended.stderr, "warning: 12 clients are put out\n");
    run(&["ban", "127.0.0.1", "--force"]).code(0);
    run(&["unban", "127.0.0.1"]).code(0);
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn without_a_ban_list_nobody_can_be_banned() {
    let folder = Folder::with(&[("game.yml", "daemon: {control: control.sock}\n")]);
    let running = folder.start(&["game.yml"]).ready();
    let ended = folder.run(&["ban", "192.0.2.1", "--config", "game.yml"]).code(1);
    let expected = "no client agent of this daemon has a ban list: see `clientagent.banlist`\n";
    assert_eq!(ended.stderr, expected);
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn a_list_that_is_missing_and_a_bad_line_are_warnings() {
    let folder = Folder::with(&[("game.yml", CONFIG)]);
    let ended = folder.run(&["check", "game.yml"]).code(0);
    assert!(ended.stderr.contains("there is no such file yet; `donet ban` makes it"), "{ended:#?}");
    folder.write("bans.txt", "192.0.2.1 never\n192.0.2.2 tomorrow\n");
    let flaw = "bans.txt:2: the line is ignored: \"tomorrow\" is no time";
    let ended = folder.run(&["check", "game.yml"]).code(0);
    assert!(ended.stderr.contains(flaw), "{ended:#?}");
    let running = folder.start(&["game.yml"]).ready();
    let ended = folder.run(&["reload", "--config", "game.yml"]).code(0);
    assert!(ended.stderr.contains(flaw), "{ended:#?}");
    running.signal("TERM");
    running.wait().code(0);
    std::fs::remove_file(folder.path("bans.txt")).expect("ours");
    std::fs::create_dir(folder.path("bans.txt")).expect("ours");
    let ended = folder.run(&["check", "game.yml"]).code(1);
    assert!(ended.stderr.contains("bans.txt cannot be read"), "{ended:#?}");
}

#[test]
fn two_daemons_that_share_a_list_lose_nothing_of_it() {
    let other = CONFIG.replace("control.sock", "other.sock");
    let folder = Folder::with(&[("game.yml", CONFIG), ("other.yml", &other)]);
    let daemons = ["game.yml", "other.yml"].map(|file| folder.start(&[file]).ready());
    let ban = &|file: &str, account: u32| {
        let account = account.to_string();
        folder.run(&["ban", "--account", &account, "--config", file]).code(0);
    };
    std::thread::scope(|scope| {
        for (first, file) in
            [(1, "game.yml"), (101, "other.yml"), (201, "game.yml"), (301, "other.yml")]
        {
            scope.spawn(move || (first..first + 10).for_each(|account| ban(file, account)));
        }
    });
    let mut lines: Vec<String> = folder.read("bans.txt").lines().map(str::to_owned).collect();
    lines.sort();
    let firsts = [1, 101, 201, 301].into_iter().flat_map(|first| first..first + 10);
    let mut expected: Vec<String> = firsts.map(|n: u32| format!("account {n} never")).collect();
    expected.sort();
    assert_eq!(lines, expected);
    for daemon in daemons {
        daemon.signal("TERM");
        daemon.wait().code(0);
    }
    let left = ["bans.txt", "game.yml", "other.yml"];
    assert_eq!(folder.files(), left, "nothing is left");
}

#[test]
fn many_who_ban_at_the_same_time_are_all_heard() {
    let folder = Folder::with(&[("game.yml", CONFIG)]);
    let running = folder.start(&["game.yml"]).ready();
    let commands: Vec<_> = (1..=30u32)
        .map(|account| {
            let account = account.to_string();
            folder.start(&["ban", "--account", &account, "--config", "game.yml"])
        })
        .collect();
    for command in commands {
        command.wait().code(0);
    }
    assert_eq!(folder.read("bans.txt").lines().count(), 30);
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn where_one_of_two_lists_cannot_be_written_it_is_said_which_was() {
    let agents = "daemon: {control: control.sock}\nroles:\n\
                  - {type: clientagent, bind: '127.0.0.1:0', banlist: gone/bans.txt, channels: {min: 1000, max: 1999}}\n\
                  - {type: clientagent, bind: '127.0.0.1:0', banlist: bans.txt, channels: {min: 2000, max: 2999}}\n";
    let folder = Folder::with(&[("game.yml", agents)]);
    let running = folder.start(&["game.yml"]).ready();
    let ended = folder.run(&["ban", "--account", "5", "--config", "game.yml"]).code(1);
    assert!(ended.stderr.contains("gone/bans.txt: No such file"), "{ended:#?}");
    let written =
        format!("it was written to {}, and is in force there", folder.path("bans.txt").display());
    assert!(ended.stderr.contains(&written), "{ended:#?}");
    assert_eq!(folder.read("bans.txt"), "account 5 never\n");
    running.signal("TERM");
    running.wait().code(0);
}

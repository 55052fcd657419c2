//! `donet reload` and SIGHUP: what a daemon that runs takes over, and what it says of the rest.

use std::os::unix::fs::PermissionsExt;

use crate::program::{Ended, Folder, Running};

const CONFIG: &str = "daemon: {control: control.sock}\nmessagedirector: {bind: '127.0.0.1:0'}\n";

fn stage(text: &str) -> (Folder, Running) {
    let folder = Folder::with(&[("game.yml", text)]);
    let running = folder.start(&["game.yml"]).ready();
    (folder, running)
}

fn reload(folder: &Folder) -> Ended {
    folder.run(&["reload", "--config", "game.yml"])
}

#[test]
fn what_can_be_is_taken_over_and_the_rest_is_named() {
    let (folder, mut running) = stage(CONFIG);
    let mode = std::fs::metadata(folder.path("control.sock")).expect("a socket").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let ended = reload(&folder).code(0);
    assert_eq!(
        ended.stdout,
        "the configuration has been read again: nothing in it has changed; other files are taken as they are now\n"
    );
    let changed = "daemon: {control: control.sock, loglevel: debug, name: new}\n\
                   messagedirector: {bind: '127.0.0.1:0', settle_ms: 5}\n";
    folder.write("game.yml", changed);
    let expected = "the configuration has been read again; applied: daemon.loglevel\n\
                    daemon.name: changed, and needs a restart\n\
                    messagedirector.settle_ms: changed, and needs a restart\n";
    let ended = reload(&folder).code(0);
    assert_eq!((&*ended.stdout, &*ended.stderr), (expected, ""));
    running.wait_for("WARNING: daemon: changed, and needs a restart key=daemon.name");
    running.signal("USR1");
    running.wait_for("DEBUG: daemon: signal ignored signal=SIGUSR1");
    // What has been applied is not applied again, and what needs a restart still does.
    let ended = reload(&folder).code(0);
    let nothing = "the configuration has been read again: nothing of what has changed can be applied without a restart\n";
    assert!(ended.stdout.starts_with(nothing), "{ended:#?}");
    assert_eq!(ended.stdout.lines().count(), 3, "{ended:#?}");
    running.wait_for("nothing of what has changed");
    // By a signal as by the command; it is what runs that is compared with.
    folder.write("game.yml", CONFIG);
    running.signal("HUP");
    running.wait_for("the configuration has been read again");
    running.signal("USR1");
    running.signal("TERM");
    let ended = running.wait().code(0);
    assert_eq!(ended.stdout.matches("signal ignored").count(), 1, "{ended:#?}");
    assert_eq!(folder.files(), ["game.yml"], "the socket is gone");
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let (folder, mut running) = stage(CONFIG);
    folder.write("game.yml", &format!("{CONFIG}roles: [{{type: stateserver}}]\n"));
    let socket = folder.path("control.sock").display().to_string();
    let ended = folder.run(&["reload", "--control", &socket]).code(1).complains(&[
        "game.yml:3:9: roles[0].control: the key is missing",
        "the configuration has errors: nothing is changed",
    ]);
    assert_eq!(ended.stdout, "");
    running.wait_for("ERROR: daemon: the configuration has errors: nothing is changed");
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn the_command_line_has_the_last_word_about_the_log() {
    let folder = Folder::with(&[("game.yml", "daemon: {control: c, loglevel: debug}")]);
    let mut running = folder.start(&["-l", "info", "game.yml"]).ready();
    folder.write("game.yml", "daemon: {control: c, loglevel: error}");
    let overruled = "daemon.loglevel: changed, but `--loglevel` of the command line holds\n";
    reload(&folder).code(0).says(&[overruled]);
    running.wait_for("the configuration has been read again");
    running.signal("USR1");
    running.signal("TERM");
    let ended = running.wait().code(0);
    assert!(!ended.stdout.contains("DEBUG"), "{ended:#?}");
}

#[test]
fn log_files_that_cannot_be_opened_again_are_named() {
    let logger = "roles: [{type: eventlogger, bind: '127.0.0.1:0', output: logs/events}]\n";
    let folder =
        Folder::with(&[("game.yml", &format!("{CONFIG}{logger}")), ("logs/daemon.log", "")]);
    let running = folder.start(&["-L", "logs/daemon.log", "game.yml"]).ready();
    assert_eq!(reload(&folder).code(0).stderr, "");
    std::fs::rename(folder.path("logs"), folder.path("old")).expect("ours");
    reload(&folder).code(0).complains(&[
        "warning: the log file logs/daemon.log cannot be opened again: No such file or directory",
        "warning: the event log ",
        "logs/events cannot be opened again: No such file or directory (os error 2); the old file stays",
    ]);
    std::fs::create_dir(folder.path("logs")).expect("ours");
    assert_eq!(reload(&folder).code(0).stderr, "");
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn a_file_that_is_gone_is_named() {
    let (folder, running) = stage(CONFIG);
    std::fs::remove_file(folder.path("game.yml")).expect("ours");
    let socket = folder.path("control.sock").display().to_string();
    let missing = "game.yml: the file cannot be read: No such file or directory";
    folder
        .run(&["reload", "--control", &socket])
        .code(1)
        .complains(&[missing, "the configuration has errors: nothing is changed"]);
    // Where its daemon is to be found is not known either.
    reload(&folder).code(1).complains(&[missing, "name the daemon's socket with --control PATH"]);
    let which = "name the configuration of the daemon with --config FILE";
    folder.run(&["drain"]).code(1).complains(&["astrond.yml: the file cannot be read: ", which]);
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn a_bad_certificate_is_an_error_and_nothing_is_changed() {
    let folder = Folder::new();
    crate::tls::write_certificate(&folder);
    let text = |keys: &str| {
        format!(
            "daemon: {{control: control.sock{keys}}}\nroles:\n  - {{type: clientagent, bind: '127.0.0.1:0', \
             channels: {{min: 1000, max: 1999}}, tls: {{certificate: game.pem, key_file: game.key}}}}\n"
        )
    };
    folder.write("game.yml", &text(""));
    let mut running = folder.start(&["game.yml"]).ready();
    folder.write("game.yml", &text(", loglevel: debug"));
    folder.write("game.pem", "nonsense");
    let ended = reload(&folder).code(1).complains(&[
        "game.yml:3:",
        "roles[0].tls.certificate: ",
        "nothing is changed",
    ]);
    assert_eq!(ended.stdout, "");
    running.wait_for("ERROR: daemon: the configuration has errors: nothing is changed");
    // It is in use, whatever the configuration says by now.
    folder.write(
        "game.yml",
        "daemon: {control: control.sock}\nmessagedirector: {bind: '127.0.0.1:0'}\n",
    );
    reload(&folder).code(1).complains(&["roles[0].tls.certificate: "]);
    crate::tls::write_certificate(&folder);
    folder.write("game.yml", &text(", loglevel: debug"));
    reload(&folder).code(0).says(&["; applied: daemon.loglevel\n"]);
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn a_ban_list_that_is_not_understood_is_said() {
    let agent = "roles: [{type: clientagent, bind: '127.0.0.1:0', channels: {min: 1000, max: 1999}, \
                 banlist: bans, limits: {interests: 7}}]\n";
    let (folder, running) = stage(&format!("{CONFIG}{agent}"));
    folder.write("bans", "192.0.2.1 never\n192.0.2.2 tomorrow\n");
    folder.write("game.yml", &format!("{CONFIG}{}", agent.replace("interests: 7", "interests: 8")));
    let ended = reload(&folder).code(0).complains(&["bans:2: the line is ignored: \"tomorrow\""]);
    let applied = "the configuration has been read again; applied: roles[0].limits.interests\n";
    assert_eq!(ended.stdout, applied);
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn without_a_daemon_one_line_says_so() {
    let folder = Folder::with(&[("game.yml", CONFIG)]);
    let ended = reload(&folder).code(1);
    let expected = "no daemon with this configuration runs: nobody listens at ";
    assert!(ended.stderr.starts_with(expected), "{ended:#?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
}

/// Root alone can try it.
#[test]
fn root_commands_a_daemon_of_another_user_where_nobody_else_could_stand() {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let safe = Folder::in_safe_place().filter(|_| rustix::process::geteuid().is_root());
    let Some(safe) = safe else { return };
    for (folder, is_safe) in [(safe, true), (Folder::new(), false)] {
        folder.write("game.yml", "daemon: {control: control.sock}\n");
        let there = folder.path("");
        std::os::unix::fs::chown(&there, Some(NOBODY), Some(NOBODY)).expect("root may");
        let mut command = folder.command(&["game.yml"]);
        command.uid(NOBODY).gid(NOBODY);
        let running = Folder::start_command(command).ready();
        let ended = reload(&folder);
        match is_safe {
            true => drop(ended.code(0)),
            false => {
                let ended = ended.code(1);
                let why = "belongs to user 65534, and others could have put it there";
                assert!(ended.stderr.contains(why), "{ended:#?}");
            }
        }
        running.signal("TERM");
        running.wait().code(0);
    }
}

#[test]
fn a_daemon_that_cannot_have_its_socket_runs_all_the_same() {
    for path in ["/nowhere/to/be/found", "file"] {
        let text = format!("daemon: {{control: {path}}}");
        let folder = Folder::with(&[("game.yml", &text), ("file", "precious")]);
        let mut running = folder.start(&["game.yml"]);
        running.wait_for("WARNING: daemon: no commands such as `donet reload` can be given");
        let running = running.ready();
        running.signal("TERM");
        running.wait().code(0);
        assert_eq!(folder.read("file"), "precious");
    }
}

#[test]
fn two_daemons_with_one_socket_leave_it_to_the_first() {
    let (folder, first) = stage(CONFIG);
    let mut second = folder.start(&["game.yml"]);
    second.wait_for("error=\"another daemon that runs has it\"");
    let second = second.ready();
    second.signal("TERM");
    second.wait().code(0);
    reload(&folder).code(0);
    first.signal("TERM");
    first.wait().code(0);
}

#[test]
fn all_of_the_json_log_has_one_shape() {
    let odd =
        format!("{CONFIG}roles: [{{type: dbss, database: 4003, ranges: [{{min: 9, max: 8}}]}}]\n");
    let folder = Folder::with(&[("game.yml", CONFIG), ("odd.yml", &odd)]);
    let refused = folder.run(&["--log-format", "json", "odd.yml"]).code(1);
    let mut running = folder.start(&["--log-format", "json", "game.yml"]);
    running.wait_for("\"ready\"");
    folder.write("game.yml", &odd);
    folder.run(&["reload", "--config", "game.yml"]).code(1);
    running.signal("TERM");
    let ended = running.wait().code(0);
    let keys = |line: &str| -> Vec<String> {
        // Not read as JSON, which has no order.
        let parts = line.split('"').skip(1).step_by(2);
        parts.filter(|part| line.contains(&format!("\"{part}\":"))).map(str::to_owned).collect()
    };
    let about = |log: &str| -> Vec<Vec<String>> {
        let lines = log.lines().inspect(|line| {
            assert_eq!(keys(line)[..4], ["time", "level", "target", "message"], "{line}");
            assert!(!line.contains("\"severity\""), "{line}");
        });
        lines.filter(|line| line.contains("\"line\":")).map(keys).collect()
    };
    let (first, later) = (about(&refused.stdout), about(&ended.stdout));
    assert!(!first.is_empty(), "{refused:#?}");
    assert_eq!(first, later, "{ended:#?}");
}

//! Options that Astron has, and what happens to mistakes.

use crate::program::Folder;

#[test]
fn help_goes_to_stdout() {
    for option in ["-h", "--help", "help"] {
        let help = Folder::new().run(&[option]).code(0);
        help.says(&["Usage: donet", "--loglevel", "--config", "check", "dc"]);
    }
    Folder::new().run(&["help", "check"]).code(0).says(&["Usage: donet check", "--format"]);
    Folder::new().run(&["help", "dc", "hash"]).code(0).says(&["Usage: donet dc hash"]);
}

#[test]
fn the_version_says_how_it_was_built() {
    for option in ["-v", "-V", "--version", "version"] {
        Folder::new().run(&[option]).code(0).says(&[
            "donet 0.1.0",
            "Compilation options: 16-bit length tag datagrams, 64-bit channels, \
             32-bit distributed object ids, 32-bit zones",
            "messagedirector, clientagent, stateserver, database, dbss, eventlogger",
            "sqlite",
        ]);
    }
}

#[test]
fn a_mistake_is_answered_in_few_lines_on_stderr() {
    for arguments in [
        &["--bogus"][..],
        &["-x"],
        &["-L"],
        &["-l"],
        &["--loglevel", "nonsense"],
        &["--log-format", "nonsense"],
        &["check", "--bogus"],
        &["dc"],
        &["dc", "hash"],
        &["dc", "hsah"],
        &["db"],
        &["check", "a", "b"],
        &["start"],
        &["migrate", "game.yml"],
        &["help", "nonsense"],
        &["help", "check", "nonsense"],
    ] {
        let ended = Folder::new().run(arguments).code(1).complains(&["error: ", "--help"]);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(ended.stderr.lines().count() <= 10, "{arguments:?}: {}", ended.stderr);
    }
    Folder::new().run(&["dc"]).complains(&["a command is missing: check, ", "Usage: donet dc <"]);
    Folder::new().run(&["-l", "nonsense"]).complains(&["nonsense", "packet", "security", "fatal"]);
}

#[test]
fn a_second_configuration_is_ignored() {
    Folder::new()
        .run(&["one.yml", "two.yml"])
        .code(1)
        .complains(&["two.yml is ignored"])
        .says(&["one.yml: the file cannot be read"]);
}

#[test]
fn without_an_argument_astrons_file_is_meant() {
    let ended = Folder::new().run(&[]).code(1);
    assert_eq!(ended.stdout, "");
    let demo = if cfg!(feature = "demo") { "\nTo see what it can do: donet demo" } else { "" };
    let expected = format!(
        "error: no configuration is named, and there is no astrond.yml here\n\n\
         To run the daemon: donet CONFIG\nTo begin a new game: donet init NAME{demo}\n\
         For more information, try 'donet --help'.\n"
    );
    assert_eq!(ended.stderr, expected);
    let folder = Folder::with(&[("astrond.yml", "{}")]);
    let running = folder.start(&[]).ready();
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn a_file_may_be_named_like_a_command() {
    let folder = Folder::with(&[("check", "{}")]);
    let running = folder.start(&["--config", "check"]).ready();
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn a_mistyped_command_is_named() {
    for (name, command) in [
        ("chekc", "check"),
        ("Check", "check"),
        ("versoin", "version"),
        ("hlep", "help"),
        ("dv", "db"),
    ] {
        let expected = format!("did you mean `donet {command}`?");
        let ended =
            Folder::new().run(&[name, "game.yml"]).code(1).complains(&[&expected, "--config"]);
        assert!(ended.stderr.lines().count() <= 10, "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    // A file of this name is one.
    let folder = Folder::with(&[("chekc", "messagedirector: {bind: '127.0.0.1:0'}")]);
    let running = folder.start(&["chekc"]).ready();
    running.signal("TERM");
    running.wait().code(0);
    // Nothing is like this.
    Folder::new().run(&["game.yml"]).code(1).says(&["game.yml: the file cannot be read"]);
}

#[test]
fn a_command_of_a_command_is_named() {
    for (arguments, expected) in [
        (&["migrate", "game.yml"][..], "did you mean `donet db migrate`?"),
        (&["verify", "game.yml"], "did you mean `donet db verify`?"),
        (&["exprot", "game.yml"], "did you mean `donet db export`?"),
        (&["show"], "did you mean `donet db show` or `donet dc show`?"),
        (&["db", "migrat"], "did you mean `donet db migrate`?"),
        (&["help", "db", "migrat"], "did you mean `donet db migrate`?"),
        (&["help", "migrate"], "did you mean `donet db migrate`?"),
        (&["help", "dc", "shwo"], "did you mean `donet dc show`?"),
        (&["db", "hash", "game.dc"], "did you mean `donet dc hash`?"),
        (&["help", "chekc"], "did you mean `donet check`?"),
        (&["-l", "debug", "check", "game.yml"], "write `donet check` first"),
        (&["-b", "-L", "log", "db", "stats", "game.yml"], "write `donet db` first"),
        (&["db", "m"], "`donet db` has no command `m`; there are export, import, "),
        (&["start"], "To run the daemon: donet CONFIG"),
        // Without what is shown nowhere else either.
        (&["help", "nothing"], "there are ban, bans, check, console, db, dc, "),
    ] {
        let ended = Folder::new().run(arguments).code(1).complains(&[expected, "--help"]);
        assert!(ended.stderr.lines().count() <= 10, "{}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    // Of what is as short as this, anything is like it.
    for name in ["x", "d", "ab", "start"] {
        let ended = Folder::new().run(&[name]).code(1);
        assert!(!ended.stderr.contains("did you mean"), "{}", ended.stderr);
    }
}

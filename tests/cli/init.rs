//! `donet init`: the folder of a new game.

use std::fs;
use std::path::Path;

use crate::program::{Folder, repository};

/// All files below a folder, as paths in it, sorted.
fn files_in(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.strip_prefix(folder).expect("below it");
                found.push(path.to_str().expect("UTF-8").replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_new_game_has_all_files_and_they_are_right() {
    let folder = Folder::new();
    let ended = folder.run(&["init", "mygame"]).code(0);
    assert_eq!(ended.stderr, "");
    let source = repository("src/cli/init/mygame");
    let mut expected: Vec<String> = files_in(&source)
        .into_iter()
        .filter(|path| !path.contains("__pycache__"))
        .map(|path| if path == "gitignore" { ".gitignore".to_owned() } else { path })
        .collect();
    expected.sort();
    assert_eq!(files_in(&folder.path("mygame")), expected);

    for arguments in [
        &["check", "mygame/cluster.yml"][..],
        &["dc", "check", "mygame/game.dc"],
        &["dc", "fmt", "--check", "mygame/game.dc"],
    ] {
        let ended = folder.run(arguments).code(0);
        assert_eq!(ended.stderr, "", "{arguments:?}");
    }
}

#[test]
fn the_tutorial_has_what_the_command_says() {
    let ended = Folder::new().run(&["init", "mygame"]).code(0);
    let tutorial = fs::read_to_string(repository("docs/tutorial.md")).expect("a page");
    if !cfg!(windows) {
        assert!(tutorial.contains(&format!("\n```\n{}```\n", ended.stdout)), "{}", ended.stdout);
    }
}

#[test]
fn the_last_part_of_a_path_names_the_game() {
    let folder = Folder::new();
    let ended = folder.run(&["init", "my games/Pandas-2"]).code(0);
    assert!(ended.stdout.starts_with("Pandas-2 is a game that runs."), "{}", ended.stdout);
    assert!(ended.stdout.contains("  cd 'my games/Pandas-2'\n"), "{}", ended.stdout);
    let game = folder.path("my games/Pandas-2");
    for path in files_in(&game) {
        let text = fs::read_to_string(game.join(&path)).expect("a text");
        assert!(!text.contains("mygame"), "{path}");
    }
    let configuration = folder.read("my games/Pandas-2/cluster.yml");
    assert!(configuration.contains("    version: Pandas-2 1\n"), "{configuration}");
    assert!(folder.read("my games/Pandas-2/settings.py").contains("VERSION = \"Pandas-2 1\"\n"));
    folder.run(&["check", "my games/Pandas-2/cluster.yml"]).code(0);
}

#[test]
fn nothing_is_ever_overwritten() {
    let files = ["a", "b", "c", "cluster.yml"].map(|name| format!("mygame/{name}"));
    let folder = Folder::new();
    files.iter().for_each(|file| folder.write(file, "mine"));
    let ended = folder.run(&["init", "mygame"]).code(1);
    assert_eq!(
        ended.stderr,
        "error: mygame is not empty: it has a, b, c and 1 more; nothing is overwritten\n"
    );
    assert_eq!(ended.stdout, "");
    assert_eq!(files_in(&folder.path("mygame")), ["a", "b", "c", "cluster.yml"]);
    files.iter().for_each(|file| assert_eq!(folder.read(file), "mine"));

    folder.write("taken", "mine");
    for path in ["taken", "taken/inside"] {
        let ended = folder.run(&["init", path]).code(1);
        assert!(ended.stderr.contains(path), "{}", ended.stderr);
        assert_eq!(folder.read("taken"), "mine");
    }
}

#[test]
fn an_empty_folder_is_filled_and_a_full_one_is_not_filled_twice() {
    let folder = Folder::new();
    fs::create_dir(folder.path("mygame")).expect("a folder");
    folder.run(&["init", "mygame"]).code(0);
    folder.run(&["init", "mygame"]).code(1);
}

#[test]
fn a_name_is_checked() {
    let long = "a".repeat(33);
    for name in ["2nd", "my game", "my.game", "grün", "a\"b", "CON", "lpt1", &long] {
        let folder = Folder::new();
        let ended = folder.run(&["init", name]).code(1);
        assert!(ended.stderr.starts_with(&format!("error: `{name}`: ")), "{}", ended.stderr);
        assert!(ended.stderr.ends_with("`, say\n"), "{}", ended.stderr);
        assert!(folder.files().is_empty(), "{name}");
    }
    for path in ["", "..", "a/..", "/"] {
        let ended = Folder::new().run(&["init", path]).code(1);
        let expected = format!("error: a game needs a name, and `{path}` ends with none: ");
        assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
    }
    let ended = Folder::new().run(&["init"]).code(1);
    assert!(ended.stderr.contains("NAME"), "{}", ended.stderr);
}

#[test]
#[cfg(unix)]
fn a_name_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new();
    let mut command = folder.command(&["init"]);
    command.arg(std::ffi::OsStr::from_bytes(b"my\xff\xfegame"));
    let ended = Folder::start_command(command).wait().code(1);
    assert!(ended.stderr.ends_with("; take `my__game`, say\n"), "{}", ended.stderr);
}

#[test]
fn this_folder_becomes_the_game() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("mygame/.git")).expect("a folder");
    let run = |path: &str| {
        let mut command = folder.command(&["init", path]);
        command.current_dir(folder.path("mygame"));
        Folder::start_command(command).wait()
    };
    let ended = run(".").code(0);
    let beside = Folder::new().run(&["init", "mygame"]).code(0);
    let expected = beside.stdout.replace("  cd mygame\n", "").replace(" there ", " here ");
    assert_eq!(ended.stdout, expected);
    assert!(folder.path("mygame/objects/Avatar.py").exists());
    assert_eq!(folder.files(), ["mygame"]);
    run("./.").code(1).complains(&["error: . is not empty: it has .gitignore, README.md, "]);

    // Others have chosen its name.
    let folder = Folder::with(&[("my game/.git/config", "")]);
    let mut command = folder.command(&["init", "."]);
    command.current_dir(folder.path("my game"));
    let ended = Folder::start_command(command).wait().code(1);
    ended.complains(&["my game`: a game's name has ", "; take `my_game`, say"]);
}

#[test]
fn a_path_says_the_same_in_many_ways() {
    for path in ["./z/.", "z/", "z/./", "no/such/./folder/z"] {
        let folder = Folder::new();
        folder.run(&["init", path]).code(0);
        assert!(folder.path(path).join("cluster.yml").exists(), "{path}");
    }
}

#[test]
fn nothing_is_left_of_a_game_that_could_not_be_written() {
    let folder = Folder::new();
    let ended = folder.start_with_file_limit(4, &["init", "games/mygame"]).wait().code(1);
    assert!(ended.stderr.starts_with("error: cannot make games/mygame/"), "{}", ended.stderr);
    assert!(folder.files().is_empty(), "{:?}", folder.files());
    // So it is with a folder that was there.
    fs::create_dir(folder.path("mygame")).expect("a folder");
    let ended = folder.start_with_file_limit(4, &["init", "mygame"]).wait().code(1);
    assert!(ended.stderr.starts_with("error: cannot make mygame/"), "{}", ended.stderr);
    assert!(files_in(&folder.path("mygame")).is_empty());
}

/// What a process leaves that has been killed is not taken for a game, and keeps nobody from making one.
#[test]
fn a_game_that_is_not_complete_is_none() {
    let folder = Folder::with(&[("mygame.unfinished-1/cluster.yml", "")]);
    folder.run(&["init", "mygame"]).code(0);
    let folder = Folder::with(&[("mygame/unfinished-1/cluster.yml", "")]);
    let ended = folder.run(&["init", "mygame"]).code(1);
    assert_eq!(
        ended.stderr.replace('\\', "/"),
        "error: mygame/unfinished-1 is what is left of a `donet init` that was ended before its game was complete: delete \
         it, and try again\n"
    );
    let files = [("mygame/unfinished-1/ai.py", ""), ("mygame/cluster.yml", "")];
    let ended = Folder::with(&files).run(&["init", "mygame"]).code(1);
    ended.complains(&["delete it, and what it had put here already (cluster.yml), and try again"]);
}

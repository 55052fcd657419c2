//! What packages put beside the program.

use std::process::{Command, Stdio};

use crate::program::Folder;

#[test]
fn the_manual_has_all_commands_and_no_warnings() {
    let folder = Folder::new();
    let page = folder.run(&["man"]).code(0).stdout;
    for part in [
        ".TH DONET 1 \"\" \"donet ",
        ".SH COMMANDS",
        ".SS \"donet check\"",
        ".SS \"donet db migrate\"",
        ".SS \"donet dc hash\"",
        ".SS \"donet top\"",
        "\\-\\-loglevel",
        "SIGHUP",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for hidden in ["donet man", "donet completions", "donet\\-man", "donet help"] {
        assert!(!page.contains(hidden), "{hidden}");
    }
    folder.write("donet.1", &page);
    let formatted = Command::new("groff")
        .args(["-man", "-Tutf8", "-ww", "-z"])
        .arg(folder.path("donet.1"))
        .output();
    // Where there is no groff, a package's builder sees it.
    let Ok(formatted) = formatted else { return };
    assert_eq!(String::from_utf8_lossy(&formatted.stderr), "");
    assert!(formatted.status.success());
}

#[test]
fn shells_are_told_all_commands() {
    let folder = Folder::new();
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = folder.run(&["completions", shell]).code(0).stdout;
        for word in ["check", "migrate", "loglevel", "unban"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        assert!(!script.contains("completions"), "{shell} is told what is hidden");
        folder.write(shell, &script);
        let read =
            Command::new(shell).arg(check).arg(folder.path(shell)).stdin(Stdio::null()).output();
        // Not every shell is everywhere.
        let Ok(read) = read else { continue };
        assert_eq!(String::from_utf8_lossy(&read.stderr), "", "{shell}");
        assert!(read.status.success(), "{shell}");
    }
}

#[test]
fn bash_completes_what_is_begun() {
    let folder = Folder::new();
    folder.write("script", &folder.run(&["completions", "bash"]).code(0).stdout);
    let completed = |words: &str| {
        let line = format!(
            ". ./script; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _donet donet \"${{COMP_WORDS[COMP_CWORD]}}\" \"\"; echo \"${{COMPREPLY[*]}}\""
        );
        let shell = Command::new("bash").args(["-c", &line]).current_dir(folder.path("")).output();
        let shell = shell.expect("every system that tests has it");
        String::from_utf8(shell.stdout).expect("a text").trim().to_owned()
    };
    assert_eq!(completed("donet unb"), "unban");
    assert_eq!(completed("donet db mig"), "migrate");
    assert_eq!(completed("donet check --fo"), "--format");
}

#[test]
fn they_are_not_in_the_help() {
    let help = Folder::new().run(&["--help"]).code(0).stdout;
    assert!(!help.contains("completions") && !help.contains("  man"), "{help}");
    let error = Folder::new().run(&["completions", "dos"]).code(1).stderr;
    assert!(error.contains("[possible values: bash, "), "{error}");
}

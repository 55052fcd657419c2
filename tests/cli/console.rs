//! The console as whoever sets it up sees it: passwords, tokens, and what does not start.

use std::io::Write;
use std::process::Stdio;

use crate::program::Folder;

/// What the command says, given this on standard input.
fn password(input: &[u8]) -> (Option<i32>, String, String) {
    let folder = Folder::new();
    let mut command = folder.command(&["console", "password"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_line_becomes_a_hash_and_nothing_else_is_said() {
    let (code, hash, said) = password(b"correct horse\nmore\n");
    assert_eq!((code, &*said), (Some(0), ""));
    let proof: donet::credentials::PasswordProof = hash.trim_end().parse().expect("a hash");
    assert!(proof.is_of("correct horse") && hash.ends_with('\n') && hash.lines().count() == 1);
    for (input, expected) in [
        (&b""[..], "an empty password is none"),
        (b"\n", "an empty password is none"),
        (b"\xff\n", "a password is text"),
        (&[b'a'; 5_000], "a password has at most 1024 bytes"),
    ] {
        let (code, hash, said) = password(input);
        assert_eq!((code, &*hash), (Some(1), ""));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_token_comes_with_its_hash() {
    let ended = Folder::new().run(&["console", "token"]).code(0);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let [token, hash] = lines[..] else { panic!("{ended:?}") };
    assert_eq!(donet::credentials::TokenProof::of(token).to_string(), hash);
    assert!(
        ended.stderr.contains("Authorization: Bearer") && ended.stderr.contains("web: {tokens:"),
        "{ended:?}"
    );
}

#[test]
fn a_console_that_everybody_could_see_does_not_start() {
    let text = "messagedirector: {bind: '127.0.0.1:0'}\nweb: {bind: '0.0.0.0:0'}\n";
    let folder = Folder::with(&[("game.yml", text)]);
    let expected = "others reach 0.0.0.0:0, and there is nobody who may see the console";
    for arguments in [&["game.yml"][..], &["check", "game.yml"]] {
        let ended = folder.run(arguments).code(1);
        let said = ended.stdout.clone() + &ended.stderr;
        assert!(said.contains(expected) && said.contains("console: false"), "{ended:?}");
    }
    folder.write("game.yml", &text.replace("'0.0.0.0:0'", "'0.0.0.0:0', console: false"));
    let ended = folder.run(&["check", "game.yml"]).code(0);
    assert!(ended.stdout.contains("web: on 0.0.0.0:0, figures alone"), "{ended:?}");
    let running = folder.start(&["game.yml"]).ready();
    running.signal("TERM");
    running.wait().code(0);
    // A password that is none is not shown.
    let plain =
        text.replace("'0.0.0.0:0'", "'127.0.0.1:0', users: {a: {password: hunter2, role: view}}");
    folder.write("game.yml", &plain);
    let ended = folder.run(&["check", "game.yml"]).code(1);
    assert!(
        ended.stderr.contains("donet console password") && !ended.stderr.contains("hunter2"),
        "{ended:?}"
    );
}

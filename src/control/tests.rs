//! A socket, who may use it, and what becomes of it.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("control");
    (folder, path)
}

/// Asks from a thread of its own, as another process would.
async fn asked(path: &Path) -> (Result<u8, String>, Vec<Answer>) {
    let path = path.to_owned();
    let asking = tokio::task::spawn_blocking(move || {
        let mut answers = Vec::new();
        let code = ask(&path, &Request::Reload, |answer| {
            answers.push(answer);
            std::ops::ControlFlow::Continue(())
        });
        (code.map_err(|error| error.to_string()), answers)
    });
    asking.await.expect("no panic")
}

#[tokio::test]
async fn a_request_is_heard_and_answered() {
    let (folder, path) = place();
    let bound = Bound::new(&path).expect("a socket");
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (sender, mut requests) = mpsc::channel::<Heard>(1);
    let says = [Answer::Say("yes".to_owned()), Answer::Complain("but".to_owned())];
    let answer = async {
        let (request, replies) = requests.recv().await.expect("a request");
        assert_eq!(request, Request::Reload);
        for answer in says.clone().into_iter().chain([Answer::Exit(3)]) {
            replies.send(answer).await.expect("it listens");
        }
        drop(replies);
        std::future::pending::<()>().await;
    };
    let asked = async { asked(&path).await };
    tokio::select! {
        never = bound.serve(sender) => match never {},
        () = answer => unreachable!("it has no end"),
        (code, answers) = asked => assert_eq!((code, answers), (Ok(3), says.to_vec())),
    }
    drop(bound);
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "nothing is left");
}

#[tokio::test]
async fn a_socket_of_the_dead_is_replaced_and_one_of_the_living_is_not() {
    let (_folder, path) = place();
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let (code, _) = asked(&path).await;
    let error = code.expect_err("it is dead");
    assert!(error.starts_with("no daemon with this configuration runs"), "{error}");
    let bound = Bound::new(&path).expect("the dead need none");
    let error = Bound::new(&path).expect_err("it is in use").to_string();
    assert_eq!(error, "another daemon that runs has it");
    // Somebody has put another there: that is not removed.
    std::fs::remove_file(&path).expect("it is ours");
    let another = Bound::new(&path).expect("nothing is there");
    drop(bound);
    assert!(path.exists());
    drop(another);
    assert!(!path.exists());
    std::fs::write(&path, "precious").expect("a file");
    Bound::new(&path).expect_err("it is a file");
    assert_eq!(std::fs::read(&path).expect("it is there"), b"precious");
}

#[tokio::test]
async fn peers_that_say_nonsense_or_nothing_keep_nobody_waiting() {
    let (_folder, path) = place();
    let bound = Bound::new(&path).expect("a socket");
    let (sender, _requests) = mpsc::channel::<Heard>(1);
    let talk = async {
        let path = path.clone();
        let talk = tokio::task::spawn_blocking(move || {
            let connect = || UnixStream::connect(&path).expect("it listens");
            let silent: Vec<UnixStream> = (0..7).map(|_| connect()).collect();
            for nonsense in [b"{}\n".to_vec(), vec![b'x'; REQUEST_BYTES_MAX]] {
                let (mut stream, mut answer) = (connect(), String::new());
                stream.write_all(&nonsense).expect("it reads");
                // It may be reset then.
                let _ = stream.read_to_string(&mut answer);
                assert!(answer.contains("does not understand"), "{answer}");
                assert!(answer.ends_with("{\"exit\":1}\n"), "{answer}");
            }
            drop(silent);
        });
        talk.await.expect("no panic");
    };
    tokio::select! {
        never = bound.serve(sender) => match never {},
        () = talk => {}
    }
}

#[tokio::test]
async fn whoever_comes_when_many_are_heard_is_told_so() {
    let (_folder, path) = place();
    let bound = Bound::new(&path).expect("a socket");
    let (sender, mut requests) = mpsc::channel::<Heard>(64);
    let talk = async {
        let silent = {
            let path = path.clone();
            let connect = move |_| UnixStream::connect(&path).expect("it listens");
            let all = move || (0..64).map(connect).collect::<Vec<_>>();
            tokio::task::spawn_blocking(all).await.expect("no panic")
        };
        let (code, answers) = asked(&path).await;
        let busy = Answer::Complain("the daemon is busy with other commands".to_owned());
        assert_eq!((code, answers), (Ok(1), vec![busy]));
        drop(silent);
    };
    tokio::select! {
        never = bound.serve(sender) => match never {},
        () = talk => {}
    }
    assert!(requests.try_recv().is_err(), "it has not been heard");
}

//! The daemon's end.
//!
//! A peer can cost little: 64 are heard at a time, others are told so at once, and each has a limit of bytes and of time. Only
//! the daemon's own user and root are heard: the file's mode says so, and the system is asked besides.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::{Answer, PATIENCE, REQUEST_BYTES_MAX, Request};
use crate::platform::{files, sockets};

/// How many peers are heard at a time.
const PEERS_MAX: usize = 64;
/// What is said to whoever comes when so many are heard.
const BUSY: &str = "the daemon is busy with other commands";
/// How many answers wait for their peer.
const ANSWERS_MAX: usize = 256;

/// Where the answers to a request go. What the peer does not take in time is lost, and nobody waits for it.
pub type Replies = mpsc::Sender<Answer>;

/// A request, and where its answers go. It is answered when the latter is dropped.
pub type Heard = (Request, Replies);

/// A socket that is there. It is removed when it is dropped.
#[derive(Debug)]
pub struct Bound {
    listener: sockets::Commands,
    path: PathBuf,
    /// Device and number of the file: another daemon may have put its own there since.
    file: (u64, u64),
    /// For those who are heard.
    places: Arc<Semaphore>,
}

impl Bound {
    /// Makes the socket. That of a daemon that has died is replaced, and that of one that lives is not.
    ///
    /// # Errors
    /// If it cannot be made, or is in use.
    pub fn new(path: &Path) -> io::Result<Self> {
        let (listener, file) = sockets::bind(path)?;
        let places = Arc::new(Semaphore::new(PEERS_MAX));
        Ok(Bound { listener, path: path.to_owned(), file, places })
    }

    /// Hears requests, without end.
    pub async fn serve(&self, requests: mpsc::Sender<Heard>) -> std::convert::Infallible {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                // There are no files left, say.
                tokio::time::sleep(PATIENCE).await;
                continue;
            };
            if !sockets::is_trusted(&stream) {
                continue;
            }
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                // Nobody waits for it: there is room for a line in a socket that is new.
                let lines = [Answer::Complain(BUSY.to_owned()), Answer::Exit(1)]
                    .map(|answer| line_of(&answer));
                let _ = stream.try_write(&lines.concat());
                continue;
            };
            let requests = requests.clone();
            tokio::spawn(async move {
                // Whoever asks may have gone.
                let _ = converse(stream, requests).await;
                drop(place);
            });
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let there = fs::symlink_metadata(&self.path);
        if there.is_ok_and(|metadata| files::identity(&metadata) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

async fn converse(mut stream: sockets::Commander, requests: mpsc::Sender<Heard>) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    let mut read = BufReader::new(read.take(REQUEST_BYTES_MAX as u64));
    timeout(PATIENCE, read.read_line(&mut line)).await??;
    let (replies, mut answers) = mpsc::channel(ANSWERS_MAX);
    let has_no_end;
    match serde_json::from_str(&line) {
        Ok(request) => {
            has_no_end = Request::has_no_end(&request);
            let Ok(()) = requests.try_send((request, replies)) else {
                send(&mut write, &Answer::Complain(BUSY.to_owned())).await?;
                return send(&mut write, &Answer::Exit(1)).await;
            };
        }
        Err(error) => {
            let text = format!("the daemon does not understand this command: {error}");
            send(&mut write, &Answer::Complain(text)).await?;
            return send(&mut write, &Answer::Exit(1)).await;
        }
    }
    if has_no_end {
        let mut nowhere = tokio::io::sink();
        return tokio::select! {
            // He has gone: whoever answers sees it by what is dropped here.
            gone = tokio::io::copy(&mut read, &mut nowhere) => gone.map(drop),
            sent = send_all(&mut write, &mut answers) => sent,
        };
    }
    while let Some(answer) = answers.recv().await {
        send(&mut write, &answer).await?;
        if let Answer::Exit(_) = answer {
            drop(answers);
            // Who waits for the end of the process hears of it by that of the connection.
            let mut nowhere = tokio::io::sink();
            let gone = tokio::io::copy(&mut read, &mut nowhere);
            return timeout(PATIENCE, gone).await?.map(drop);
        }
    }
    Ok(())
}

/// Sends answers to somebody who takes his time.
async fn send_all(
    write: &mut (impl AsyncWriteExt + Unpin),
    answers: &mut mpsc::Receiver<Answer>,
) -> io::Result<()> {
    while let Some(answer) = answers.recv().await {
        write.write_all(&line_of(&answer)).await?;
    }
    Ok(())
}

async fn send(write: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    timeout(PATIENCE, write.write_all(&line_of(answer))).await?
}

fn line_of(answer: &Answer) -> Vec<u8> {
    let mut line = serde_json::to_vec(answer).expect("texts and numbers have a form in JSON");
    line.push(b'\n');
    line
}

//! The command's end.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;

use super::{Answer, PATIENCE, Request};
use crate::platform::{process, sockets};

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Why a daemon has not answered.
#[derive(thiserror::Error, Debug)]
pub enum Unheard {
    /// There is no socket, or nobody behind it.
    #[error("no daemon with this configuration runs: nobody listens at {0}")]
    Nobody(String),
    /// The socket is somebody else's.
    #[error("{path} belongs to user {owner}, who is neither you nor root: nothing is sent there")]
    Stranger {
        /// Where.
        path: String,
        /// Whose it is.
        owner: u32,
    },
    /// The socket is somebody else's, and root cannot tell whether he should have it.
    #[error(
        "{path} belongs to user {owner}, and others could have put it there: nothing is sent there; let `daemon.control` \
         name a folder that nobody else can write to, such as one below /run, or give the command as that user"
    )]
    Doubtful {
        /// Where.
        path: String,
        /// Whose it is.
        owner: u32,
    },
    /// It may be another user's.
    #[error("cannot ask the daemon at {path}: {error}")]
    Io {
        /// Where.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// The daemon has ended meanwhile.
    #[error("the daemon has ended before it has answered")]
    Ended,
}

impl Unheard {
    /// Whether nobody has been asked for anything.
    pub const fn is_before_asking(&self) -> bool {
        matches!(self, Unheard::Nobody(_) | Unheard::Stranger { .. } | Unheard::Doubtful { .. })
    }
}

/// Asks the daemon at `path` for something, hands over what it says, and returns the exit code: its, or that with which `heard` breaks
/// off.
///
/// # Errors
/// When it cannot be asked, or does not answer.
pub fn ask(
    path: &Path,
    request: &Request,
    mut heard: impl FnMut(Answer) -> ControlFlow<u8>,
) -> Result<u8, Unheard> {
    let shown = || path.display().to_string();
    let failed = |error: io::Error| Unheard::Io { path: shown(), error };
    let mut stream = sockets::connect(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => Unheard::Nobody(shown()),
        _ => failed(error),
    })?;
    let owner = sockets::owner(&stream).map_err(failed)?;
    let own = process::user();
    if ![own, 0].contains(&owner) {
        // Root may tell everybody's daemon what to do, if it is one.
        if own != 0 {
            return Err(Unheard::Stranger { path: shown(), owner });
        } else if !sockets::is_in_safe_place(path, owner).map_err(failed)? {
            return Err(Unheard::Doubtful { path: shown(), owner });
        }
    }
    let mut line = serde_json::to_vec(request).expect("it has a form in JSON");
    line.push(b'\n');
    let sent = stream.set_write_timeout(Some(PATIENCE)).and_then(|()| stream.write_all(&line));
    let mut answers = BufReader::new(stream);
    // A daemon that is too busy says so without having read anything.
    let code = match (hear(&mut answers, &mut heard, &failed), sent) {
        (Ok(code), _) => code,
        (Err(_), Err(error)) => return Err(failed(error)),
        (Err(error), Ok(())) => return Err(error),
    };
    if let Request::Drain { wait: true, .. } = request {
        // It keeps the connection until its process ends.
        let _ = io::copy(&mut answers, &mut io::sink());
    }
    Ok(code)
}

/// Hands over answers until the last, and returns the exit code.
fn hear(
    answers: &mut impl BufRead,
    heard: &mut impl FnMut(Answer) -> ControlFlow<u8>,
    failed: &impl Fn(io::Error) -> Unheard,
) -> Result<u8, Unheard> {
    loop {
        let mut line = String::new();
        let read = answers.by_ref().take(ANSWER_BYTES_MAX).read_line(&mut line);
        match read.map_err(failed)? {
            0 => return Err(Unheard::Ended),
            _ => match serde_json::from_str(&line) {
                Ok(Answer::Exit(code)) => return Ok(code),
                Ok(answer) => {
                    if let ControlFlow::Break(code) = heard(answer) {
                        return Ok(code);
                    }
                }
                Err(error) => return Err(failed(error.into())),
            },
        }
    }
}

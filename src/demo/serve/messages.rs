//! `/messages`: what the cluster routes for a player, as he plays.
//!
//! It comes by the daemon's control socket, as for `donet trace`, and each line is one of `donet trace --json`. However many look, the daemon
//! is asked once, for everything; each gets what is about his session and his avatar.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dclass::DcFile;
use futures_util::stream;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast};

use super::Pages;
use crate::control::{Answer, Request};
use crate::demo::board::{Board, Playing};
use crate::ids::DoId;
use crate::trace::record::{self, Record};
use crate::trace::{Filter, Names, Wanted, decode, json};

/// How many may look at a time.
const LOOKERS_MAX: usize = 64;
/// What waits for each of them, in what the daemon hands over at a time; who is too slow misses some.
const CHUNKS_MAX: usize = 64;
/// How often a browser is told that it is still there.
const ALIVE: Duration = Duration::from_secs(15);

/// What is routed, in the form of [`record`].
type Records = Arc<[u8]>;

/// Looks at what is routed as long as somebody wants to see it.
pub struct Messages {
    control: PathBuf,
    board: Arc<Board>,
    names: Arc<Names>,
    lookers: Arc<Semaphore>,
    tap: Arc<Mutex<Option<broadcast::Sender<Records>>>>,
}

/// What is asked.
#[derive(Deserialize)]
pub struct Asked {
    ticket: String,
}

impl Messages {
    /// Of a daemon that is asked there.
    pub fn new(control: PathBuf, board: Arc<Board>, dc: Arc<DcFile>) -> Self {
        let names = Arc::new(Names::new(dc));
        let lookers = Arc::new(Semaphore::new(LOOKERS_MAX));
        Messages { control, board, names, lookers, tap: Arc::default() }
    }

    /// All that is routed from now on.
    fn look(&self) -> broadcast::Receiver<Records> {
        let mut tap = self.tap.lock();
        if let Some(sender) = &*tap {
            return sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(CHUNKS_MAX);
        *tap = Some(sender.clone());
        let (control, tap) = (self.control.clone(), self.tap.clone());
        tokio::spawn(async move {
            if let Err(error) = hand_over(control, &sender, &tap).await {
                tracing::debug!(%error, "what is routed cannot be seen");
                *tap.lock() = None;
            }
        });
        receiver
    }
}

/// Asks the daemon, and hands over what it says until nobody wants to hear it.
async fn hand_over(
    control: PathBuf,
    sender: &broadcast::Sender<Records>,
    tap: &Mutex<Option<broadcast::Sender<Records>>>,
) -> io::Result<()> {
    let mut stream = UnixStream::connect(control).await?;
    let request = Request::Trace { wanted: Wanted::default() };
    let mut line = serde_json::to_vec(&request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answers = BufReader::new(stream).lines();
    while let Some(line) = answers.next_line().await? {
        match serde_json::from_str(&line)? {
            Answer::Records(text) => {
                let records = STANDARD.decode(text).map_err(io::Error::other)?;
                let _ = sender.send(records.into());
            }
            Answer::Complain(text) => return Err(io::Error::other(text)),
            _ => {}
        }
        // Whoever comes now either finds it or has another one begun.
        let mut tap = tap.lock();
        if sender.receiver_count() == 0 {
            *tap = None;
            return Ok(());
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Shows a player's.
pub(super) async fn messages(
    State(pages): State<Arc<Pages>>,
    Query(Asked { ticket }): Query<Asked>,
) -> Response {
    let all = &pages.messages;
    let Some(player) = all.board.of(&ticket) else {
        return (StatusCode::NOT_FOUND, "nobody plays with this ticket\n").into_response();
    };
    // Of the player's own panels first, so that he takes no more places than these.
    let places = [&player.lookers, &all.lookers].map(|of| of.clone().try_acquire_owned());
    let [Ok(own), Ok(place)] = places else {
        let text =
            "as many look at messages as may; try again when somebody has closed his panel\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    let (records, mine) = (all.look(), Mine::new(&player, all.names.clone()));
    let state = (records, mine, player.stay, (own, place));
    let lines = stream::unfold(state, |(mut records, mine, mut stay, places)| async {
        let text = tokio::select! {
            biased;
            // He has gone.
            _ = stay.changed() => return None,
            records = records.recv() => match records {
                Ok(records) => mine.lines(&records),
                Err(RecvError::Lagged(_)) => String::new(),
                Err(RecvError::Closed) => return None,
            },
        };
        Some((text, (records, mine, stay, places)))
    });
    let events = futures_util::StreamExt::flat_map(lines, |text| {
        let lines: Vec<_> =
            text.lines().map(|line| Event::default().data(line)).map(Ok::<_, Infallible>).collect();
        stream::iter(lines)
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE).text("")).into_response()
}

/// What is about a player: said by or to his session, or about his avatar.
struct Mine {
    session: Filter,
    avatar: Filter,
    names: Arc<Names>,
}

impl Mine {
    fn new(&Playing { client, avatar: DoId(avatar), .. }: &Playing, names: Arc<Names>) -> Self {
        let channels = vec![(client.0, client.0)];
        let session = Wanted { channels, ..Wanted::default() };
        let avatar = Wanted { do_ids: vec![avatar], ..Wanted::default() };
        Mine {
            session: Filter::new(session, names.clone()),
            avatar: Filter::new(avatar, names.clone()),
            names,
        }
    }

    /// Those of some records, as lines.
    fn lines(&self, mut records: &[u8]) -> String {
        let mut text = String::new();
        while let Some(found) = record::next(&mut records) {
            let line = match &found {
                Record::Lost { .. } => json(&found, None),
                Record::Datagram { path, bytes, .. } => {
                    if !self.session.passes(bytes) && !self.avatar.passes(bytes) {
                        continue;
                    }
                    json(&found, Some(&decode(&self.names, path.speech(), bytes)))
                }
            };
            text.push_str(&line.to_string());
            text.push('\n');
        }
        text
    }
}

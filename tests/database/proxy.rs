//! A network between donet and a database that can be cut, or go silent, at the worst moment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use donet::config::BackendConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

/// What is done with the connections that there are.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Both sides get what the other sends.
    Forward,
    /// Nobody gets anything, until it goes on.
    Hold,
    /// The next COMMIT is not passed on, and its connection is closed.
    CutBeforeCommit,
    /// The next COMMIT is not passed on. The database keeps the connection and hears nothing of it any more.
    LoseBeforeCommit,
    /// The next COMMIT waits until it is let go.
    HoldCommit,
    /// The next COMMIT is passed on, and its connection is closed when the database has answered.
    CutAfterCommit,
}

/// What new connections meet with.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Door {
    Open,
    Closed,
}

#[derive(Debug)]
struct State {
    mode: watch::Sender<Mode>,
    door: watch::Sender<Door>,
    /// How often all connections were cut, or dropped in silence.
    cuts: watch::Sender<u32>,
    drops: watch::Sender<u32>,
    /// How often a COMMIT that waited was let go.
    releases: watch::Sender<u32>,
    accepted: AtomicUsize,
    commits_hit: AtomicUsize,
}

/// The way to a database.
#[derive(Clone, Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

impl Proxy {
    /// A way to the server of `backend`, and the backend that uses it.
    pub async fn new(backend: &BackendConfig) -> (Self, BackendConfig) {
        let (BackendConfig::Postgres { url, .. } | BackendConfig::MySql { url, .. }) = backend
        else {
            panic!("{backend:?} has no server");
        };
        let mut url = Url::parse(url).expect("a URL");
        let default_port = if url.scheme() == "postgres" { 5432 } else { 3306 };
        let host = url.host_str().expect("a host").to_owned();
        let server = (host, url.port().unwrap_or(default_port));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = Proxy {
            address: listener.local_addr().expect("bound"),
            state: Arc::new(State {
                mode: watch::Sender::new(Mode::Forward),
                door: watch::Sender::new(Door::Open),
                cuts: watch::Sender::new(0),
                drops: watch::Sender::new(0),
                releases: watch::Sender::new(0),
                accepted: AtomicUsize::new(0),
                commits_hit: AtomicUsize::new(0),
            }),
        };
        tokio::spawn(accept(listener, server, Arc::clone(&proxy.state)));
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(proxy.address.port())).expect("a port");
        // The proxy has to see what is said.
        let (key, value) = match url.scheme() {
            "postgres" => ("sslmode", "disable"),
            _ => ("ssl-mode", "DISABLED"),
        };
        url.query_pairs_mut().append_pair(key, value);
        let mut backend = backend.clone();
        match &mut backend {
            BackendConfig::Postgres { url: target, .. }
            | BackendConfig::MySql { url: target, .. } => *target = url.into(),
            _ => unreachable!("it has a server"),
        }
        (proxy, backend)
    }

    pub fn set(&self, mode: Mode) {
        self.state.mode.send_replace(mode);
    }

    pub fn set_door(&self, door: Door) {
        self.state.door.send_replace(door);
    }

    /// Closes all connections.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// From now on, nothing that is sent over any of the connections arrives, and nobody is told.
    pub fn drop_silently(&self) {
        self.state.drops.send_modify(|drops| *drops += 1);
    }

    /// Lets a COMMIT go that waits.
    pub fn release(&self) {
        self.state.releases.send_modify(|releases| *releases += 1);
    }

    /// Connections that were made.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Returns when a connection was made for the `count`th time.
    pub async fn wait_accepted(&self, count: usize) {
        until(|| self.accepted() >= count).await;
    }

    /// COMMITs that have met with their fate.
    pub fn hits(&self) -> usize {
        self.state.commits_hit.load(Ordering::SeqCst)
    }

    /// Returns when a COMMIT has met with its fate.
    pub async fn wait_hit(&self, count: usize) {
        until(|| self.hits() >= count).await;
    }
}

/// Waits for a condition.
pub async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), waiting).await.expect("it comes to that");
}

async fn accept(listener: TcpListener, server: (String, u16), state: Arc<State>) {
    loop {
        let (client, _) = listener.accept().await.expect("accepted");
        state.accepted.fetch_add(1, Ordering::SeqCst);
        if *state.door.borrow() == Door::Closed {
            continue;
        }
        tokio::spawn(serve(client, server.clone(), Arc::clone(&state)));
    }
}

async fn serve(mut client: TcpStream, server: (String, u16), state: Arc<State>) {
    let mut server = TcpStream::connect(server).await.expect("the server listens");
    let (mut cuts, mut drops) = (state.cuts.subscribe(), state.drops.subscribe());
    let (mut mode, mut releases) = (state.mode.subscribe(), state.releases.subscribe());
    let (mut sent, mut answered) = ([0; 1 << 16], [0; 1 << 16]);
    loop {
        let is_held = *mode.borrow_and_update() == Mode::Hold;
        tokio::select! {
            _ = cuts.changed() => return,
            _ = drops.changed() => return std::future::pending().await,
            _ = mode.changed() => {}
            read = client.read(&mut sent), if !is_held => {
                let Ok(length @ 1..) = read else { return };
                let bytes = &sent[..length];
                match hit(&state, bytes) {
                    Mode::CutBeforeCommit => return,
                    Mode::LoseBeforeCommit => {
                        drop(client);
                        let _ = server.read(&mut answered).await;
                        return;
                    }
                    Mode::CutAfterCommit => {
                        server.write_all(bytes).await.expect("passed on");
                        let answer = server.read(&mut answered).await;
                        assert!(answer.is_ok_and(|length| length > 0), "the database answers");
                        state.commits_hit.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    Mode::HoldCommit => {
                        releases.mark_unchanged();
                        state.commits_hit.fetch_add(1, Ordering::SeqCst);
                        let _ = releases.changed().await;
                    }
                    Mode::Forward | Mode::Hold => {}
                }
                if server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answered), if !is_held => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What is to be done with these bytes.
fn hit(state: &State, bytes: &[u8]) -> Mode {
    let mode = *state.mode.borrow();
    let is_commit = bytes.windows(6).any(|word| word == b"COMMIT");
    if !is_commit || matches!(mode, Mode::Forward | Mode::Hold) {
        return Mode::Forward;
    }
    state.mode.send_replace(Mode::Forward);
    if !matches!(mode, Mode::CutAfterCommit | Mode::HoldCommit) {
        state.commits_hit.fetch_add(1, Ordering::SeqCst);
    }
    mode
}

//! Connections over which is asked and answered.
//!
//! Strangers must not be able to hold up the daemon, nor to take its files: there are few of their connections at a time, each
//! lives for a few seconds, and when there are as many, one gives way to the next one: the oldest that has been answered and waits
//! for nothing, else the oldest that has not asked yet. So nobody is kept out by those who ask slowly. Whoever is known may stay, and
//! has places of his own, which strangers cannot take.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::stream::HttpStream;
use super::tries::household;
use crate::net::Socket;
use crate::net::tls::Tls;

/// How many connections strangers may have at a time at one address.
const STRANGERS_MAX: usize = 64;
/// How many those may have besides who are known.
const KNOWN_MAX: usize = 128;
/// How long the head of a question may take to come, and how long a connection waits for the next one.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// How long a stranger's connection may take from its beginning to its end.
const LIFE_MAX: Duration = Duration::from_secs(15);
/// The most bytes that the head of a question may have.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long it takes until something is tried again that the system refuses.
const PAUSE: Duration = Duration::from_millis(100);

/// Where is listened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The address.
    pub local: SocketAddr,
    /// The name that has led there, if it is one.
    pub name: Option<String>,
    /// Whether others than those on this machine reach it.
    pub is_public: bool,
    /// Whether connections are encrypted.
    pub is_encrypted: bool,
}

/// From where a question comes.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The other end of the connection.
    pub address: IpAddr,
    /// This end.
    pub place: Arc<Place>,
    /// What is known of the connection.
    pub guest: Arc<Guest>,
}

/// Somebody who is answered.
#[derive(Debug, Default)]
pub struct Guest {
    phase: AtomicU8,
    /// By what name he is known, if he is.
    known: Mutex<Option<String>>,
}

/// What a connection is at.
const SILENT: u8 = 0;
const ASKING: u8 = 1;
const ANSWERED: u8 = 2;

impl Guest {
    /// Notes that he may see the console, and under which name.
    pub fn is_known(&self, name: String) {
        *self.known.lock() = Some(name);
    }

    fn name(&self) -> Option<String> {
        self.known.lock().clone()
    }

    fn is(&self, phase: u8) -> bool {
        self.phase.load(Ordering::Relaxed) == phase
    }

    fn begins(&self, phase: u8) {
        self.phase.store(phase, Ordering::Relaxed);
    }
}

/// A connection.
#[derive(Debug)]
struct Seat {
    task: AbortHandle,
    guest: Arc<Guest>,
    /// From where it comes: an address, or a network that is as good as one.
    from: IpAddr,
}

/// Has one of those leave who are there, if there are as many as may be.
fn make_room(seats: &mut Vec<Seat>) {
    seats.retain(|seat| !seat.task.is_finished());
    let (mut strangers, mut known) = (Vec::new(), Vec::new());
    for (place, seat) in seats.iter().enumerate() {
        match seat.guest.name() {
            None => strangers.push(place),
            Some(name) => known.push((place, name)),
        }
    }
    let is = |place: &usize, phase| seats[*place].guest.is(phase);
    let mut leaving = Vec::new();
    if strangers.len() >= STRANGERS_MAX {
        // One who floods takes the places of nobody else.
        let count =
            |from: IpAddr| strangers.iter().filter(|place| seats[**place].from == from).count();
        let most =
            strangers.iter().map(|place| count(seats[*place].from)).max().unwrap_or_default();
        let greedy: Vec<usize> =
            strangers.iter().copied().filter(|place| count(seats[*place].from) == most).collect();
        let answered = greedy.iter().find(|place| is(place, ANSWERED));
        let silent = || greedy.iter().find(|place| is(place, SILENT));
        leaving.extend(answered.or_else(silent).or(greedy.first()).copied());
    }
    if known.len() > KNOWN_MAX {
        let count = |name: &str| known.iter().filter(|(_, other)| other == name).count();
        let greediest = known.iter().map(|(_, name)| &**name).max_by_key(|name| count(name));
        let own = || known.iter().filter(|(_, name)| Some(&**name) == greediest);
        let answered = own().find(|(place, _)| is(place, ANSWERED));
        leaving.extend(answered.or_else(|| own().next()).map(|(place, _)| *place));
    }
    leaving.sort_unstable();
    for place in leaving.into_iter().rev() {
        seats.remove(place).task.abort();
    }
}

/// Answers whoever connects, without end.
pub async fn serve(
    listener: TcpListener,
    place: Arc<Place>,
    tls: Option<Arc<Tls>>,
    routes: axum::Router,
) {
    // Who is still there is hung up on with the end of this.
    let mut connections = JoinSet::new();
    let mut seats = Vec::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Who has just come is heard once before others can take his place.
        tokio::task::yield_now().await;
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // It has gone again, or too many files are open.
            Err(error) => {
                tracing::debug!(%error, "a connection to web.bind cannot be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        make_room(&mut seats);
        let guest = Arc::<Guest>::default();
        let address = peer.ip().to_canonical();
        let caller = Caller { address, place: place.clone(), guest: guest.clone() };
        let task = connections.spawn(attend(stream, caller, tls.clone(), routes.clone()));
        seats.push(Seat { task, guest, from: household(address) });
    }
}

/// Answers, and hangs up on whoever is too slow, unless he is known.
async fn attend(stream: TcpStream, caller: Caller, tls: Option<Arc<Tls>>, routes: axum::Router) {
    let guest = caller.guest.clone();
    let mut answering = std::pin::pin!(answer(stream, caller, tls, routes));
    tokio::select! {
        () = &mut answering => {}
        () = tokio::time::sleep(LIFE_MAX) => if guest.name().is_some() {
            answering.await;
        },
    }
}

async fn answer(stream: TcpStream, caller: Caller, tls: Option<Arc<Tls>>, routes: axum::Router) {
    // What is said comes in one piece, and should not wait for another one.
    let _ = stream.set_nodelay(true);
    let remote = caller.address;
    let socket = match tls {
        None => Socket::from(stream),
        Some(tls) => match tls.accept(stream.into(), Vec::new()).await {
            Ok(socket) => socket,
            Err(error) => {
                tracing::debug!(%remote, %error, "no TLS with somebody who has asked for the console");
                return;
            }
        },
    };
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut question: hyper::Request<hyper::body::Incoming>| {
        let guest = caller.guest.clone();
        guest.begins(ASKING);
        question.extensions_mut().insert(caller.clone());
        let answering = routes.call(question);
        async move {
            let answer: Response = answering.await?;
            Ok::<_, std::convert::Infallible>(answer.map(|body| Watched { body, guest }))
        }
    });
    let answering = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(HttpStream::new(socket), service);
    if let Err(error) = answering.await {
        tracing::debug!(%remote, %error, "no answer to a question over HTTP");
    }
}

/// The body of an answer: when it has gone, or nobody wants it any more, the guest has been answered.
struct Watched {
    body: Body,
    guest: Arc<Guest>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.guest.begins(ANSWERED);
    }
}

#[cfg(test)]
impl Place {
    /// One of this machine alone.
    pub fn for_tests() -> Self {
        Place {
            local: ([127, 0, 0, 1], 7180).into(),
            name: Some("console.example".to_owned()),
            is_public: false,
            is_encrypted: false,
        }
    }
}

#[cfg(test)]
impl Caller {
    /// Somebody on this machine.
    pub fn for_tests() -> Self {
        let place = Arc::new(Place::for_tests());
        Caller { address: place.local.ip(), place, guest: Arc::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(phase: u8, name: Option<&str>) -> Seat {
        let guest = Guest::default();
        guest.begins(phase);
        name.inspect(|name| guest.is_known((*name).to_owned()));
        let task = tokio::spawn(std::future::pending::<()>()).abort_handle();
        Seat { task, guest: guest.into(), from: [127, 0, 0, 1].into() }
    }

    /// Who has to leave, by his place.
    async fn leaving(seats: &mut Vec<Seat>) -> Vec<usize> {
        let tasks: Vec<AbortHandle> = seats.iter().map(|seat| seat.task.clone()).collect();
        let before = seats.len();
        make_room(seats);
        let ended = || tasks.iter().filter(|task| task.is_finished()).count();
        while ended() < before - seats.len() {
            tokio::task::yield_now().await;
        }
        (0..before).filter(|place| tasks[*place].is_finished()).collect()
    }

    #[tokio::test]
    async fn whoever_waits_for_nothing_gives_way_then_whoever_has_not_asked_then_the_oldest() {
        for (phases, leaves) in
            [(vec![(5, SILENT), (9, ANSWERED)], 9), (vec![(5, SILENT)], 5), (vec![], 0)]
        {
            let phase = |n: usize| {
                phases.iter().find(|(place, _)| *place == n).map_or(ASKING, |(_, phase)| *phase)
            };
            let mut seats: Vec<Seat> = (0..STRANGERS_MAX).map(|n| seat(phase(n), None)).collect();
            assert_eq!(leaving(&mut seats).await, [leaves]);
            assert_eq!(leaving(&mut seats).await, [0usize; 0], "there is room");
        }
    }

    #[tokio::test]
    async fn one_who_floods_takes_only_his_own_places() {
        let mut seats: Vec<Seat> = (0..STRANGERS_MAX).map(|_| seat(SILENT, None)).collect();
        for (place, from) in [(0, [192, 0, 2, 1]), (1, [192, 0, 2, 2])] {
            seats[place].from = from.into();
        }
        assert_eq!(leaving(&mut seats).await, [2]);
        let network = |text: &str| household(text.parse().expect("an address"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::2:3"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    }

    #[tokio::test]
    async fn strangers_do_not_take_the_places_of_others() {
        let mut seats = vec![seat(ANSWERED, Some("alice")), seat(SILENT, Some("alice"))];
        seats.extend((0..STRANGERS_MAX).map(|_| seat(ASKING, None)));
        assert_eq!(leaving(&mut seats).await, [2]);
    }

    #[tokio::test]
    async fn of_those_who_are_known_whoever_has_most_gives_way() {
        let mut seats = vec![seat(ANSWERED, Some("alice")), seat(ASKING, Some("bob"))];
        seats.extend((2..KNOWN_MAX).map(|_| seat(ASKING, Some("bob"))));
        assert_eq!(leaving(&mut seats).await, [0usize; 0]);
        seats.push(seat(ANSWERED, Some("bob")));
        assert_eq!(leaving(&mut seats).await, [KNOWN_MAX], "he does not need it");
        seats.push(seat(ASKING, Some("bob")));
        assert_eq!(leaving(&mut seats).await, [1]);
    }
}

//! The one port to which browsers come: the page, what it has to know, its WebSocket, and the messages that are routed for a player.
//!
//! Whoever reaches it may ask for anything. There are so many connections at a time, a question may take so long to come, and nothing that
//! is asked costs more than answering it.

mod facts;
mod files;
mod messages;
mod relay;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;

use super::board::Board;
use crate::config::AccessConfig;
use crate::console::{Place, check_host, check_origin, keep_nothing, secure};
use facts::Answers;
pub use facts::Facts;
use messages::Messages;

/// How many connections there may be.
const CONNECTIONS_MAX: usize = 4_096;
/// How long the head of a question may take to come.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// The most bytes that it may have.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long somebody may take nothing of what there is for him.
const STALL_MAX: Duration = Duration::from_secs(30);
/// How long it takes until something is tried again that the system refuses.
const PAUSE: Duration = Duration::from_millis(100);

/// What is answered from.
pub struct Pages {
    facts: Facts,
    answers: Answers,
    messages: Messages,
    place: Place,
}

/// Who asks, by which connection.
#[derive(Clone)]
struct Caller {
    address: SocketAddr,
    /// Held for as long as the connection is used.
    _place: Arc<OwnedSemaphorePermit>,
}

impl Pages {
    /// Of a daemon, which has its control socket there, and of those who play. Browsers find them at an address, and perhaps by a name.
    pub fn new(
        facts: Facts,
        (control, board): (PathBuf, Arc<Board>),
        (local, name): (SocketAddr, Option<String>),
    ) -> Self {
        let messages = Messages::new(control, board, facts.dc.clone());
        let is_public = !local.ip().is_loopback();
        let answers = Answers::new(&facts);
        Pages {
            facts,
            answers,
            messages,
            place: Place { local, name, is_public, is_encrypted: false },
        }
    }

    /// Answers whoever connects, without end.
    pub async fn serve(self, listener: TcpListener) -> anyhow::Result<()> {
        let routes = routes(Arc::new(self));
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let place = places.clone().acquire_owned().await?;
            match listener.accept().await {
                Ok((stream, address)) => {
                    let caller = Caller { address, _place: Arc::new(place) };
                    tokio::spawn(answer(stream, caller, routes.clone()));
                }
                // It has gone again, or too many files are open.
                Err(error) => {
                    tracing::debug!(%error, "a connection to the page cannot be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn routes(pages: Arc<Pages>) -> Router {
    Router::new()
        .route("/", get(files::index))
        .route("/page/{*path}", get(files::file))
        .route("/donet.js", get(files::client))
        .route("/world.json", get(facts::facts))
        .route("/socket", get(relay::socket))
        .route("/messages", get(messages::messages))
        .fallback(async || (StatusCode::NOT_FOUND, "there is nothing here\n"))
        .layer(axum::middleware::from_fn_with_state(pages.clone(), guard))
        .with_state(pages)
}

/// Answers only whom the page is for: see [`check_host`].
async fn guard(State(pages): State<Arc<Pages>>, request: Request, next: Next) -> Response {
    // However many come at once on a connection, others have their turn between them: the daemon's tasks are on the same thread.
    tokio::task::yield_now().await;
    let (headers, uri, access) = (request.headers(), request.uri(), AccessConfig::default());
    // A WebSocket is as good as sending something.
    let method = match uri.path() {
        "/socket" => Method::POST,
        _ => request.method().clone(),
    };
    if check_host(headers, uri, &pages.place, &access).is_err() {
        let text = "the demo is not known by that name: ask for localhost\n";
        return secure((StatusCode::MISDIRECTED_REQUEST, text).into_response());
    }
    // A link that leads here from elsewhere is no harm.
    let is_page = uri.path() == "/";
    if !is_page && check_origin(headers, uri, &method, &pages.place, &access).is_err() {
        let text = "this comes from another page than the demo's\n";
        return secure((StatusCode::FORBIDDEN, text).into_response());
    }
    let mut response = next.run(request).await;
    keep_nothing(&mut response);
    secure(response)
}

async fn answer(stream: TcpStream, caller: Caller, routes: Router) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALL_MAX));
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut question: hyper::Request<hyper::body::Incoming>| {
        question.extensions_mut().insert(caller.clone());
        routes.call(question)
    });
    let answering = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .with_upgrades();
    if let Err(error) = answering.await {
        tracing::debug!(%error, "no answer to a question of a page");
    }
}

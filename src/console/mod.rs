//! What is answered over HTTP: figures, and whether the daemon lives and is ready.
//!
//! Whoever asks must not be able to hold up the daemon, nor to take its files. So there are few connections at a time, each
//! for one question and for a few seconds; when there are as many, the oldest that has not asked yet gives way to the next one, so
//! that nobody is kept out by those who ask slowly; whatever is asked beyond its head is not read; and figures are gathered for one
//! at a time.

mod figures;
mod process;
mod seen;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinSet};

use crate::config::{Address, Host};
use crate::metrics::{self, Figures};
use crate::net::Passed;
use crate::readiness::{Readiness, Stage};
use crate::router::Router;
pub use process::open_files;
pub use seen::Seen;

/// How many connections there may be at a time at one address; for the next one the oldest that has not asked yet gives way.
const CONNECTIONS_MAX: usize = 64;
/// How long the head of a question may take to come.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// How long a connection may take from its beginning to its end.
const LIFE_MAX: Duration = Duration::from_secs(15);
/// The most bytes that the head of a question may have.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long it takes until something is tried again that the system refuses.
const PAUSE: Duration = Duration::from_millis(100);
/// What the format of figures is called.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is asked for.
#[derive(Clone)]
struct Asked {
    readiness: Readiness,
    router: Router,
    /// Held by whoever gathers figures.
    gathering: Arc<Mutex<()>>,
}

/// Answers until it is dropped.
pub struct Console {
    tasks: Vec<AbortHandle>,
}

impl Drop for Console {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Console {
    /// Listens at an address, if there is one, by the socket that was passed on for it if there is one.
    ///
    /// # Errors
    /// If it cannot be listened there.
    pub async fn start(
        address: Option<&Address>,
        passed: &Passed,
        readiness: Readiness,
        router: Router,
    ) -> anyhow::Result<Self> {
        process::begin();
        let Some(address) = address else { return Ok(Console { tasks: Vec::new() }) };
        let what = || format!("web.bind: cannot listen on {address}");
        let addresses = address.resolve().await.with_context(what)?;
        let is_open = addresses.iter().any(|address| !address.ip().is_loopback());
        if is_open && matches!(address.host, Host::Name(_)) {
            tracing::warn!(
                %address,
                "web.bind leads to an address that is open, unencrypted and without a password, to whoever reaches it"
            );
        }
        let asked = Asked { readiness, router, gathering: Arc::default() };
        let mut tasks = Vec::new();
        for address in addresses {
            let listener = match passed.take_tcp(address) {
                Some(listener) => TcpListener::from_std(listener),
                None => TcpListener::bind(address).await,
            };
            let listener = listener.with_context(what)?;
            let address = listener.local_addr().with_context(what)?;
            tracing::info!(%address, "answering /metrics, /livez and /readyz");
            let serving = serve(listener, routes(asked.clone()));
            tasks.push(tokio::spawn(serving).abort_handle());
        }
        Ok(Console { tasks })
    }
}

fn routes(asked: Asked) -> axum::Router {
    // Of what has a route, everything but GET and HEAD is answered with 405.
    axum::Router::new()
        .route("/metrics", get(tell_metrics))
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(tell_readiness))
        .with_state(asked)
}

async fn tell_readiness(State(asked): State<Asked>) -> (StatusCode, String) {
    let stage = asked.readiness.stage();
    let status = match stage {
        Stage::Ready => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{}\n", stage.name()))
}

type Text = ([(HeaderName, &'static str); 1], String);

async fn tell_metrics(State(asked): State<Asked>) -> Result<Text, StatusCode> {
    let _gathering = asked.gathering.lock().await;
    let mut figures = Figures::default();
    asked.router.measure(&mut figures).await;
    metrics::measure_bytes(&mut figures);
    figures.set(&metrics::STAGE, &[asked.readiness.stage().name()], 1.0);
    // The system is asked, which may take longer than others should wait.
    let text = tokio::task::spawn_blocking(move || {
        process::measure(&mut figures);
        figures::encode(figures)
    });
    match text.await {
        Ok(Ok(text)) => Ok(([(CONTENT_TYPE, OPEN_METRICS)], text)),
        _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Somebody who is answered.
#[derive(Debug)]
struct Guest {
    task: AbortHandle,
    has_asked: Arc<AtomicBool>,
}

/// Has one of those leave who have come first, if there are as many as may be.
fn make_room(guests: &mut Vec<Guest>) {
    guests.retain(|guest| !guest.task.is_finished());
    if guests.len() >= CONNECTIONS_MAX {
        let has_asked = |guest: &Guest| guest.has_asked.load(Ordering::Relaxed);
        let slowest = guests.iter().position(|guest| !has_asked(guest)).unwrap_or(0);
        guests.remove(slowest).task.abort();
    }
}

async fn serve(listener: TcpListener, routes: axum::Router) {
    // Who is still there is hung up on with the end of this.
    let mut connections = JoinSet::new();
    let mut guests = Vec::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Who has just come is heard once before others can take his place.
        tokio::task::yield_now().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // It has gone again, or too many files are open.
            Err(error) => {
                tracing::debug!(%error, "a connection to web.bind cannot be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        make_room(&mut guests);
        let (routes, has_asked) = (routes.clone(), Arc::<AtomicBool>::default());
        let asks = has_asked.clone();
        let task = connections.spawn(async move {
            // Whoever is too slow is hung up on.
            let _ = tokio::time::timeout(LIFE_MAX, answer(stream, routes, asks)).await;
        });
        guests.push(Guest { task, has_asked });
    }
}

/// Answers one question, and notes when it has come.
async fn answer(stream: TcpStream, routes: axum::Router, has_asked: Arc<AtomicBool>) {
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |question| {
        has_asked.store(true, Ordering::Relaxed);
        routes.call(question)
    });
    let answering = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = answering.await {
        tracing::debug!(%error, "no answer to a question over HTTP");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_that_has_not_asked_gives_way_and_where_all_have_the_oldest() {
        let guest = |has_asked: bool| Guest {
            task: tokio::spawn(std::future::pending::<()>()).abort_handle(),
            has_asked: Arc::new(has_asked.into()),
        };
        for (first_silent, leaves) in [(5, 5), (CONNECTIONS_MAX, 0)] {
            let mut guests: Vec<Guest> =
                (0..CONNECTIONS_MAX).map(|n| guest(n < first_silent)).collect();
            let tasks: Vec<AbortHandle> = guests.iter().map(|guest| guest.task.clone()).collect();
            make_room(&mut guests);
            assert_eq!(guests.len(), CONNECTIONS_MAX - 1);
            while !tasks[leaves].is_finished() {
                tokio::task::yield_now().await;
            }
            let ended = tasks.iter().filter(|task| task.is_finished()).count();
            assert_eq!(ended, 1, "nobody else");
            make_room(&mut guests);
            assert_eq!(guests.len(), CONNECTIONS_MAX - 1, "there is room");
        }
    }
}

//! What is answered over HTTP: figures, whether the daemon lives and is ready, and the console by which people look into it and
//! operate it.
//!
//! A connection (`serve`) brings questions; each passes the `guard`, which knows who asks and what may be asked, and then
//! reaches a handler: of the `probes`, of the [`api`], or of the page's `files`. Handlers reach the daemon by [`Inside`]. What
//! changes something goes through the queue by which commands come, too ([`control`](crate::control)), so that there is one way to do it.

pub mod api;
mod asker;
mod audit;
mod checker;
mod figures;
mod files;
mod guard;
mod headers;
mod host;
mod inside;
mod probes;
mod process;
mod roles;
mod sampler;
mod seen;
mod serve;
mod sessions;
mod stream;
mod streams;
mod time;
mod tries;
mod values;
mod walk;
mod warnings;

use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::config::{Host, WebConfig};
use crate::net::Passed;
use crate::net::tls::Tls;
use api::ApiError;
pub use api::top;
pub use audit::{Action, Audit};
pub use files::tell;
pub use guard::{Operator, Pass, Viewer};
pub use headers::{keep_nothing, secure};
pub use host::{check_host, check_origin};
pub use inside::{Given, Inside};
pub use process::open_files;
pub use seen::Seen;
pub use serve::Place;
pub use sessions::Sessions;
pub use streams::Streams;
pub use tries::household;

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
    /// Listens where the configuration says so, by the socket that was passed on for it if there is one. Certificates are read
    /// again when `reload` changes.
    ///
    /// # Errors
    /// If it cannot be listened there, or everybody could look.
    pub async fn start(
        config: Option<&WebConfig>,
        passed: &Passed,
        reload: watch::Receiver<()>,
        inside: Arc<Inside>,
    ) -> anyhow::Result<Self> {
        process::begin();
        let Some(config) = config else { return Ok(Console { tasks: Vec::new() }) };
        if config.has_console {
            inside.begin_to_look();
        }
        let what = || format!("web.bind: cannot listen on {}", config.bind);
        let addresses = config.bind.resolve().await.with_context(what)?;
        let is_open = addresses.iter().any(|address| !address.ip().is_loopback());
        let name = match &config.bind.host {
            Host::Name(name) => Some(name.clone()),
            Host::Ip(_) => None,
        };
        // What addresses are by themselves has been said when the configuration was read.
        if is_open && name.is_some() {
            warn_of_open(config)?;
        }
        let mut tasks = Vec::new();
        let tls = config.tls.as_ref().map(Tls::load).transpose().context("web")?;
        if let Some(tls) = &tls {
            tls.say_expiry();
            tasks.push(tokio::spawn(tls.clone().keep(reload)).abort_handle());
        }
        for address in addresses {
            let listener = match passed.take_tcp(address) {
                Some(listener) => TcpListener::from_std(listener),
                None => TcpListener::bind(address).await,
            };
            let listener = listener.with_context(what)?;
            let local = listener.local_addr().with_context(what)?;
            let is_public = !local.ip().is_loopback();
            let is_encrypted = tls.is_some();
            say_where(local, is_encrypted, config.has_console);
            let place = Arc::new(Place { local, name: name.clone(), is_public, is_encrypted });
            let routes = routes(inside.clone(), config.has_console);
            let serving = serve::serve(listener, place, tls.clone(), routes);
            tasks.push(tokio::spawn(serving).abort_handle());
        }
        Ok(Console { tasks })
    }
}

fn say_where(address: std::net::SocketAddr, is_encrypted: bool, has_console: bool) {
    let tls = if is_encrypted { " with TLS" } else { "" };
    let besides = if has_console { ", with a console" } else { "" };
    tracing::info!(%address, "answering /metrics, /livez and /readyz{tls}{besides}");
}

/// A name leads to an address that others reach.
fn warn_of_open(config: &WebConfig) -> anyhow::Result<()> {
    let (address, access) = (&config.bind, &config.access);
    match (config.has_console, access.is_empty(), config.tls.is_some()) {
        (true, true, _) => bail!("web.bind: {}", WebConfig::unguarded(address)),
        (true, false, false) if access.trusted_proxies.is_empty() => {
            tracing::warn!(
                %address,
                "web.bind leads to an address that is open, and passwords and tokens come there without encryption; use web.tls"
            );
        }
        (false, _, false) => {
            tracing::warn!(
                %address,
                "web.bind leads to an address that is open, unencrypted and without a password, to whoever reaches it"
            );
        }
        _ => {}
    }
    Ok(())
}

fn routes(inside: Arc<Inside>, has_console: bool) -> axum::Router {
    let probes = probes::routes();
    let routes = match has_console {
        false => probes,
        true => {
            let (api, _) = api::routes().split_for_parts();
            let api = api
                .route("/api", get(nothing_there))
                .route("/api/{*path}", axum::routing::any(nothing_there))
                .method_not_allowed_fallback(not_so);
            let page = axum::Router::new()
                .route("/", get(files::index))
                .route("/page/{*path}", get(files::file));
            probes.merge(api).merge(page)
        }
    };
    let routes = routes.fallback(async || (StatusCode::NOT_FOUND, "there is nothing here\n"));
    let guard = axum::middleware::from_fn_with_state(inside.clone(), guard::guard);
    routes.layer(guard).with_state(inside)
}

async fn nothing_there() -> ApiError {
    ApiError::not_found("there is nothing like it; /api/v1/openapi.json says what there is")
}

async fn not_so() -> Response {
    let message = "this is not done in that way; /api/v1/openapi.json says in which";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message).into_response()
}

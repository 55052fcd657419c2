//! `/socket`: a page's WebSocket, handed on to the client agent, so that there is one port for everything.
//!
//! That is what a proxy before donet does: the request goes there as it has come, with `X-Forwarded-For` to say from whom, and after the answer bytes
//! go both ways. Nothing here knows what they mean.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Caller, Pages, STALL_MAX};

/// How long the agent may take to answer, when many come at once.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How long one side may go on when the other has ended.
const END_MAX: Duration = Duration::from_secs(5);
/// What pages are called that have been found to be ours; `demo.yml` knows it.
const ORIGIN: &str = "http://demo.invalid";
/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The most fields that it may have.
const FIELDS_MAX: usize = 32;
/// How much is handed on at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// Hands a connection on.
pub(super) async fn socket(State(pages): State<Arc<Pages>>, mut request: Request) -> Response {
    let is_upgrade = request
        .headers()
        .get(UPGRADE)
        .is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let Some(caller) = request.extensions().get::<Caller>().cloned().filter(|_| is_upgrade) else {
        let headers = [(UPGRADE, "websocket"), (CONNECTION, "upgrade")];
        return (StatusCode::UPGRADE_REQUIRED, headers, "for WebSockets\n").into_response();
    };
    let asking = ask(pages.facts.clients, request.headers(), &caller);
    let (agent, answer) = match timeout(ANSWER_MAX, asking).await {
        Ok(Ok(answered)) => answered,
        _ => {
            return (StatusCode::BAD_GATEWAY, "the client agent does not answer\n").into_response();
        }
    };
    if answer.status != StatusCode::SWITCHING_PROTOCOLS {
        return (answer.status, "the client agent takes no WebSocket of this kind\n")
            .into_response();
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(browser) = upgrade.await {
            hand_on(TokioIo::new(browser), agent, answer.rest).await;
        }
        // Until now the connection counts.
        drop(caller);
    });
    (answer.status, answer.headers).into_response()
}

/// What the agent says.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// What has come after its head.
    rest: Vec<u8>,
}

/// Asks the agent for what a page has asked for.
async fn ask(
    address: std::net::SocketAddr,
    asked: &HeaderMap,
    caller: &Caller,
) -> io::Result<(TcpStream, Answer)> {
    let mut agent = TcpStream::connect(address).await?;
    agent.set_nodelay(true)?;
    let mut head = b"GET / HTTP/1.1\r\n".to_vec();
    let is_passed_on = |name: &HeaderName| {
        [HOST, UPGRADE, CONNECTION].contains(name) || name.as_str().starts_with("sec-websocket-")
    };
    for (name, value) in asked.iter().filter(|(name, _)| is_passed_on(name)) {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let from = caller.address.ip().to_canonical();
    head.extend(format!("origin: {ORIGIN}\r\nx-forwarded-for: {from}\r\n\r\n").as_bytes());
    agent.write_all(&head).await?;
    let answer = read_answer(&mut agent).await?;
    Ok((agent, answer))
}

async fn read_answer(agent: &mut TcpStream) -> io::Result<Answer> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut bytes = Vec::new();
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut head = httparse::Response::new(&mut fields);
        if let httparse::Status::Complete(length) = head.parse(&bytes).map_err(|_| invalid())? {
            let status = head.code.and_then(|code| StatusCode::from_u16(code).ok());
            let mut headers = HeaderMap::new();
            for field in head.headers.iter() {
                let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| invalid())?;
                let value = HeaderValue::from_bytes(field.value).map_err(|_| invalid())?;
                headers.append(name, value);
            }
            let status = status.ok_or_else(invalid)?;
            return Ok(Answer { status, headers, rest: bytes.split_off(length) });
        }
        if bytes.len() > HEAD_BYTES_MAX || agent.read_buf(&mut bytes).await? == 0 {
            return Err(invalid());
        }
    }
}

/// Hands bytes on, both ways, until one of them ends.
async fn hand_on(browser: impl AsyncRead + AsyncWrite, mut agent: TcpStream, first: Vec<u8>) {
    let (from_browser, mut to_browser) = tokio::io::split(browser);
    let (from_agent, to_agent) = agent.split();
    if to_browser.write_all(&first).await.is_err() {
        return;
    }
    let mut there = std::pin::pin!(one_way(from_browser, to_agent));
    let mut back = std::pin::pin!(one_way(from_agent, to_browser));
    // What one of them has said last still reaches the other.
    tokio::select! {
        () = &mut there => drop(timeout(END_MAX, back).await),
        () = &mut back => drop(timeout(END_MAX, there).await),
    }
}

async fn one_way(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let sent = timeout(STALL_MAX, to.write_all(&chunk[..count])).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
    let _ = to.shutdown().await;
}

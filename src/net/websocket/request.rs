//! One request, and what it is answered.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest, Sha1};

use super::forwarded;
use crate::config::WebSocketConfig;

/// The most fields that a request may have.
const FIELDS_MAX: usize = 100;
/// What a server proves with that it has understood the request.
const PROOF: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The sub-protocol in which messages hold any number of datagrams, each with its tag.
const FRAMES: &str = "donet.frames";
/// The version of WebSocket: there is one.
const VERSION: &str = "13";

/// A WebSocket that may begin.
#[derive(PartialEq, Eq, Debug)]
pub struct Accepted {
    /// Messages hold datagrams with their tags.
    pub has_tags: bool,
    /// What the peer is answered.
    pub answer: Vec<u8>,
    /// For whom it connects, if it is believed to know that; a port that it has not said is 0.
    pub client: Option<(IpAddr, u16)>,
}

/// An answer of HTTP that says what is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    status: Status,
    /// For whoever asks.
    told: &'static str,
    /// For the log: the peer's own words may be in it.
    reason: String,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Status {
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    UpgradeRequired,
    FieldsTooLarge,
    ServiceUnavailable,
}

impl Status {
    /// The number and the words, and what belongs into the answer besides.
    const fn line(self) -> (&'static str, &'static str) {
        match self {
            Status::BadRequest => ("400 Bad Request", ""),
            Status::Forbidden => ("403 Forbidden", ""),
            Status::NotFound => ("404 Not Found", ""),
            Status::MethodNotAllowed => ("405 Method Not Allowed", "Allow: GET\r\n"),
            Status::RequestTimeout => ("408 Request Timeout", ""),
            Status::UpgradeRequired => {
                ("426 Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n")
            }
            Status::FieldsTooLarge => ("431 Request Header Fields Too Large", ""),
            Status::ServiceUnavailable => ("503 Service Unavailable", ""),
        }
    }
}

impl Refusal {
    fn new(status: Status, told: &'static str) -> Self {
        Refusal { status, told, reason: told.to_owned() }
    }

    fn because(self, reason: String) -> Self {
        Refusal { reason, ..self }
    }

    /// There are too many connections, or soon none.
    pub(super) fn no_place() -> Self {
        Self::new(Status::ServiceUnavailable, "there is no room for another player now")
    }

    /// The server ends.
    pub(super) fn stopping(is_back_soon: bool) -> Self {
        let told = if is_back_soon { "the server restarts" } else { "the server stops" };
        Self::new(Status::ServiceUnavailable, told)
    }

    /// Who asks is banned.
    pub(super) fn banned() -> Self {
        Self::new(Status::Forbidden, "you are banned")
    }

    pub(super) fn too_long(bytes: usize) -> Self {
        let refusal = Self::new(Status::FieldsTooLarge, "the request is too long");
        refusal.because(format!("its request is longer than {bytes} bytes"))
    }

    pub(super) fn too_slow() -> Self {
        Self::new(Status::RequestTimeout, "the request has taken too long")
    }

    /// What the peer is sent.
    pub(super) fn answer(&self) -> Vec<u8> {
        let ((status, more), told) = (self.status.line(), self.told);
        let length = told.len() + 1;
        format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\n{more}Content-Type: text/plain\r\n\
             Content-Length: {length}\r\n\r\n{told}\n"
        )
        .into_bytes()
    }
}

/// Reads a request that is whole. `peer` is who connects, if that is an address.
///
/// # Errors
/// What is wrong with it.
pub fn read(
    bytes: &[u8],
    config: &WebSocketConfig,
    peer: Option<IpAddr>,
) -> Result<Accepted, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => {
            return Err(Refusal::new(Status::BadRequest, "the request has no end"));
        }
        Err(httparse::Error::TooManyHeaders) => {
            let refusal = Refusal::new(Status::FieldsTooLarge, "the request has too many fields");
            return Err(refusal);
        }
        Err(error) => {
            let refusal = Refusal::new(Status::BadRequest, "this is no request of HTTP/1.1");
            return Err(refusal.because(format!("its request is wrong: {error}")));
        }
    }
    let target = request.path.unwrap_or_default();
    if request.method != Some("GET") {
        return Err(Refusal::new(Status::MethodNotAllowed, "a WebSocket begins with GET"));
    }
    let path = path_of(target);
    if path != config.path {
        let refusal = Refusal::new(Status::NotFound, "there is nothing at this path");
        return Err(refusal.because(format!("its path is {path}, not {}", config.path)));
    }
    let fields = Fields(request.headers);
    let key = fields.key(request.version)?;
    check_origin(&fields, &config.allowed_origins)?;
    let has_tags = fields.has("Sec-WebSocket-Protocol", |offered| offered == FRAMES);
    let client = peer.and_then(|peer| {
        forwarded::client_of(peer, fields.all("X-Forwarded-For"), &config.trusted_proxies)
    });
    Ok(Accepted { has_tags, answer: answer(key, has_tags), client })
}

/// The path of a target, which proxies may write with a host, without what is asked of it.
fn path_of(target: &str) -> &str {
    let target = match target.split_once("://") {
        Some(("http" | "https", rest)) => rest.find('/').map_or("/", |path| &rest[path..]),
        _ => target,
    };
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// Browsers say whose page connects. Nothing keeps others from saying it, too.
fn check_origin(fields: &Fields<'_>, allowed: &[String]) -> Result<(), Refusal> {
    let mut origins = fields.all_raw("Origin");
    if allowed.is_empty() || origins.clone().count() == 0 {
        return Ok(());
    }
    let is_allowed = |origin: &[u8]| {
        allowed.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin))
    };
    if origins.clone().all(is_allowed) {
        return Ok(());
    }
    let origin = origins.next().unwrap_or_default().escape_ascii().to_string();
    let refusal = Refusal::new(Status::Forbidden, "pages from there may not connect");
    Err(refusal.because(format!("its Origin {origin} is not allowed (websocket.allowed_origins)")))
}

/// The fields of a request.
struct Fields<'r>(&'r [httparse::Header<'r>]);

impl<'r> Fields<'r> {
    /// The values of one, in their order.
    fn all_raw(&self, name: &'r str) -> impl DoubleEndedIterator<Item = &'r [u8]> + Clone {
        let fields = self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        fields.map(|field| field.value)
    }

    /// Those that are text.
    fn all(&self, name: &'r str) -> impl DoubleEndedIterator<Item = &'r str> + Clone {
        self.all_raw(name).map(|value| str::from_utf8(value).unwrap_or_default())
    }

    /// Whether one of the items of a list is such a one.
    fn has(&self, name: &'r str, is: impl Fn(&str) -> bool) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|item| is(item.trim()))
    }

    /// The key of a request for a WebSocket of the version that there is.
    fn key(&self, version: Option<u8>) -> Result<&'r str, Refusal> {
        let upgrades = self.has("Upgrade", |item| item.eq_ignore_ascii_case("websocket"))
            && self.has("Connection", |item| item.eq_ignore_ascii_case("upgrade"));
        if version != Some(1) || !upgrades {
            let refusal = Refusal::new(Status::UpgradeRequired, "this address is for WebSocket");
            let reason = "it does not ask for a WebSocket; a proxy has to pass on `Upgrade` and \
                          `Connection`, and to speak HTTP/1.1";
            return Err(refusal.because(reason.to_owned()));
        }
        if !self.all("Sec-WebSocket-Version").eq([VERSION]) {
            let told = "there is version 13 of WebSocket only";
            return Err(Refusal::new(Status::UpgradeRequired, told));
        }
        if self.all_raw("Host").count() != 1 {
            return Err(Refusal::new(Status::BadRequest, "there must be one field Host"));
        }
        let mut keys = self.all("Sec-WebSocket-Key");
        let key = keys.next().filter(|_| keys.next().is_none()).map(str::trim);
        let is_key = |key: &&str| BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16);
        let told = "there must be one Sec-WebSocket-Key, of 16 bytes";
        key.filter(is_key).ok_or_else(|| Refusal::new(Status::BadRequest, told))
    }
}

fn answer(key: &str, has_tags: bool) -> Vec<u8> {
    let proof = Sha1::new().chain_update(key).chain_update(PROOF).finalize();
    let proof = BASE64.encode(proof);
    let protocol = match has_tags {
        true => format!("Sec-WebSocket-Protocol: {FRAMES}\r\n"),
        false => String::new(),
    };
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {proof}\r\n{protocol}\r\n"
    )
    .into_bytes()
}

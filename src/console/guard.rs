//! Who asks, and whether that may be asked: before any handler.
//!
//! Nothing below `/api` is answered to somebody who is not known, and nothing but looking is allowed to whoever may not operate,
//! whatever handlers there are: they need not think of it, and take a [`Viewer`] or an [`Operator`] for who it is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use super::api::ApiError;
use super::serve::Caller;
use super::{Inside, headers, host};
use crate::config::WebRole;
use crate::credentials::is_same;

/// What is answered to whoever asks, by any name: load balancers and monitoring have names of their own.
pub const PROBES: [&str; 3] = ["/metrics", "/livez", "/readyz"];
/// Where somebody who is not known yet can become so.
const SESSION: &str = "/api/v1/session";
/// How many cookies of the name are looked at: with paths and domains there may be several.
const COOKIES_MAX: usize = 4;
/// How often it is looked whether a stream's reader may still have it, besides when somebody is out.
const LOOK: Duration = Duration::from_secs(60);

/// Somebody who may see the console.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The name of the user or the token; nobody has one on a loopback address without users.
    pub name: Option<String>,
    /// What may be done.
    pub role: WebRole,
    /// From where.
    pub address: IpAddr,
    /// What shows it.
    pub pass: Pass,
}

/// What shows that somebody may see the console.
#[derive(Clone, Debug)]
pub enum Pass {
    /// Nothing: everybody here may.
    Nothing,
    /// A session.
    Session {
        /// What its cookie says.
        id: String,
        /// What actions have to name.
        csrf: String,
    },
    /// A token.
    Token(String),
}

/// Somebody who may do everything.
#[derive(Clone, Debug)]
pub struct Operator(pub Viewer);

impl Viewer {
    /// Whether that is still so. Looking is no use of a session.
    pub fn is_still_in(&self, inside: &Inside) -> bool {
        match &self.pass {
            Pass::Nothing => inside.sessions.access().is_empty(),
            Pass::Session { id, .. } => inside.sessions.is_open(id),
            Pass::Token(token) => inside.sessions.of_token(token).is_some(),
        }
    }

    /// Whose connections and streams give way to whose: a name, or an address.
    pub fn key(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.address.to_string())
    }

    /// Checks that an action names what only the console's own page knows. Who shows a token needs nothing more: no browser does so by
    /// itself.
    ///
    /// # Errors
    /// It does not.
    pub fn check_csrf(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Pass::Session { csrf, .. } = &self.pass else { return Ok(()) };
        let named = headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
        let is_right = named.is_some_and(|named| is_same(named, csrf));
        is_right.then_some(()).ok_or_else(|| {
            ApiError::forbidden("the header X-CSRF-Token is missing or wrong: reload the page")
        })
    }

    fn may_operate(&self) -> Result<(), ApiError> {
        match (self.role, &self.pass) {
            (WebRole::Operate, _) => Ok(()),
            (WebRole::View, Pass::Nothing) => Err(ApiError::forbidden(
                "without users everybody may look, and nobody may do anything: give `web.users` one with the role `operate`",
            )),
            (WebRole::View, _) => Err(ApiError::forbidden("this needs the role `operate`")),
        }
    }
}

/// Answers a question, unless it may not be asked.
pub async fn guard(
    State(inside): State<Arc<Inside>>,
    mut request: Request,
    next: Next,
) -> Response {
    if PROBES.contains(&request.uri().path()) {
        return ended(headers::secure(next.run(request).await));
    }
    let caller: Option<Caller> = request.extensions().get().cloned();
    let Some(caller) = caller else { return ApiError::internal().into_response() };
    let is_api = is_api(request.uri().path());
    let viewer = admit(&inside, &caller, &mut request);
    let viewer = match viewer {
        Ok(viewer) => viewer,
        Err(error) => return ended(headers::secure(error.into_response())),
    };
    if let Some(viewer) = &viewer {
        caller.guest.is_known(viewer.key());
    }
    let mut response = next.run(request).await;
    if let Some(viewer) = viewer.as_ref().filter(|_| is_stream(&response)) {
        response = while_in(response, viewer.clone(), inside);
    }
    if is_api {
        headers::keep_nothing(&mut response);
    }
    let response = headers::secure(response);
    // Of a stranger nothing more is heard; but a page has several files, which come one after the other.
    let goes_on = viewer.is_some() || !is_api && response.status().is_success();
    if goes_on { response } else { ended(response) }
}

fn is_api(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Has the connection end after this.
fn ended(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Who asks, if that is somebody; whoever may not ask is refused.
fn admit(
    inside: &Arc<Inside>,
    caller: &Caller,
    request: &mut Request,
) -> Result<Option<Viewer>, ApiError> {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    let (access, place) = (inside.sessions.access(), &*caller.place);
    host::check_host(headers, uri, place, &access)?;
    let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    let is_api = is_api(uri.path());
    if bearer(headers).is_none() && (is_api || !is_safe) {
        host::check_origin(headers, uri, method, place, &access)?;
    }
    let viewer = identify(inside, caller, headers);
    let viewer = match viewer {
        // The page itself says nothing, and lets somebody log in.
        Err(_) if !is_api => return Ok(None),
        Err(_) if uri.path() == SESSION && method == Method::POST => return Ok(None),
        // Who has no session, or no more, is answered that.
        Err(_)
            if uri.path() == SESSION
                && [Method::GET, Method::HEAD].contains(method)
                && !headers.contains_key(AUTHORIZATION) =>
        {
            return Ok(None);
        }
        viewer => viewer?,
    };
    if !is_safe && uri.path() != SESSION {
        viewer.may_operate()?;
        viewer.check_csrf(headers)?;
    }
    request.extensions_mut().insert(viewer.clone());
    Ok(Some(viewer))
}

/// The token that a question shows, if it is the way in which one is shown.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The name of the cookie that has a session. Cookies are for all ports of a host, on which there may be several daemons; and with
/// TLS the browser is asked to believe nobody without.
pub fn cookie_name(caller: &Caller) -> String {
    let prefix = if caller.place.is_encrypted { "__Host-" } else { "" };
    format!("{prefix}donet_session_{}", caller.place.local.port())
}

/// All cookies of a name. Others have theirs in the same header, with whatever in them: those of other ports of the host, say.
fn cookies<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';'));
    let pairs = pairs.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='));
    pairs.filter(move |(found, _)| *found == name).map(|(_, value)| value)
}

fn identify(inside: &Inside, caller: &Caller, headers: &HeaderMap) -> Result<Viewer, ApiError> {
    let access = inside.sessions.access();
    let address = address_of(caller, headers, &access);
    if headers.contains_key(AUTHORIZATION) {
        let token = bearer(headers).ok_or_else(ApiError::unauthorized)?;
        let (name, role) = inside.sessions.of_token(token).ok_or_else(ApiError::unauthorized)?;
        return Ok(Viewer { name: Some(name), role, address, pass: Pass::Token(token.to_owned()) });
    }
    if access.is_empty() && !caller.place.is_public {
        return Ok(Viewer { name: None, role: WebRole::View, address, pass: Pass::Nothing });
    }
    let name = cookie_name(caller);
    let mut sessions = cookies(headers, &name)
        .take(COOKIES_MAX)
        .filter_map(|id| Some((id, inside.sessions.find(id)?)));
    let (id, known) = sessions.next().ok_or_else(ApiError::unauthorized)?;
    let pass = Pass::Session { id: id.to_owned(), csrf: known.csrf };
    Ok(Viewer { name: Some(known.user), role: known.role, address, pass })
}

/// From where somebody asks. Proxies that are trusted say it, each at the end of what was said before; the last one that is no
/// proxy of ours is meant.
pub fn address_of(
    caller: &Caller,
    headers: &HeaderMap,
    access: &crate::config::AccessConfig,
) -> IpAddr {
    let mut address = caller.address;
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let mut said = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    while access.trusted_proxies.contain(address) {
        let Some(before) = said.next().and_then(address_in) else {
            break;
        };
        address = before.to_canonical();
    }
    address
}

/// The address that a proxy names; some add the port.
fn address_in(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port)
}

/// A stream that ends when its reader may not have it any more, or has to give way.
fn while_in(response: Response, viewer: Viewer, inside: Arc<Inside>) -> Response {
    let place = inside.streams.enter(viewer.key());
    let mut changes = inside.sessions.changes();
    let gone = async move {
        loop {
            tokio::select! {
                () = place.gives_way() => return,
                Ok(()) = changes.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            if !viewer.is_still_in(&inside) {
                return;
            }
        }
    };
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(gone))))
}

impl FromRequestParts<Arc<Inside>> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Inside>) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(ApiError::unauthorized)
    }
}

impl FromRequestParts<Arc<Inside>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, inside: &Arc<Inside>) -> Result<Self, ApiError> {
        let viewer = Viewer::from_request_parts(parts, inside).await?;
        viewer.may_operate()?;
        viewer.check_csrf(&parts.headers)?;
        Ok(Operator(viewer))
    }
}

#[cfg(test)]
impl Viewer {
    /// Somebody with a name.
    pub fn named(name: &str) -> Self {
        Viewer {
            name: Some(name.to_owned()),
            role: WebRole::Operate,
            address: [127, 0, 0, 1].into(),
            pass: Pass::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AccessConfig, Networks, parse_network};

    #[test]
    fn proxies_that_are_trusted_say_for_whom_they_ask() {
        let networks =
            ["10.0.0.0/8", "127.0.0.1"].map(|text| parse_network(text).expect("a network"));
        let access = AccessConfig {
            trusted_proxies: Networks::new(networks.to_vec()),
            ..AccessConfig::default()
        };
        let of = |peer: &str, said: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append("x-forwarded-for", line.parse().expect("a value"));
            }
            let caller =
                Caller { address: peer.parse().expect("an address"), ..Caller::for_tests() };
            address_of(&caller, &headers, &access).to_string()
        };
        assert_eq!(of("192.0.2.1", &["198.51.100.1"]), "192.0.2.1", "it is no proxy");
        assert_eq!(of("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(of("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("127.0.0.1", &["203.0.113.9, 198.51.100.1, 10.1.1.1"]), "198.51.100.1");
        assert_eq!(of("127.0.0.1", &["203.0.113.9", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("127.0.0.1", &["198.51.100.1:4444"]), "198.51.100.1");
        assert_eq!(of("127.0.0.1", &["nonsense"]), "127.0.0.1");
    }

    #[test]
    fn cookies_and_tokens_are_found() {
        let mut headers = HeaderMap::new();
        let others =
            HeaderValue::from_bytes("lang=français; a=1; donet_session_7180=x; b".as_bytes());
        headers.append(COOKIE, others.expect("bytes"));
        headers.append(COOKIE, HeaderValue::from_static("donet_session_7181=y"));
        let first = |name| cookies(&headers, name).next();
        assert_eq!(first("donet_session_7180"), Some("x"));
        assert_eq!(first("donet_session_7181"), Some("y"));
        assert_eq!(first("donet_session"), None);
        for (text, token) in
            [("Bearer abc", Some("abc")), ("bearer  abc ", Some("abc")), ("Basic abc", None)]
        {
            let headers = [(AUTHORIZATION, HeaderValue::from_static(text))].into_iter().collect();
            assert_eq!(bearer(&headers), token, "{text}");
        }
    }
}

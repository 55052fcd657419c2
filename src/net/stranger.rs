//! Connections that speak nothing of ours, known by their first bytes.
//!
//! People point a browser, a health check or an encrypted client at any port that is open. The log should say so, rather
//! than that some length tag was odd.

use super::proxy_protocol;

/// What a connection speaks that is no protocol of this family.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Stranger {
    /// TLS: its peer expects an encrypted port.
    Tls,
    /// HTTP: a browser, a health check, a scanner.
    Http,
    /// SSH: a client of it, or a tunnel that ends at the wrong port.
    Ssh,
    /// A PROXY protocol header where none is expected.
    ProxyHeader,
}

/// A fatal alert: unexpected message.
const TLS_ALERT: &[u8] = b"\x15\x03\x01\x00\x02\x02\x0a";
const HTTP_METHODS: [&[u8]; 8] =
    [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"DELETE ", b"CONNECT ", b"PRI * HTTP/2"];

impl Stranger {
    /// What `bytes`, the first of a connection, are for certain.
    pub fn recognise(bytes: &[u8]) -> Option<Stranger> {
        if is_client_hello_of_tls(bytes) {
            return Some(Stranger::Tls);
        }
        if HTTP_METHODS.iter().any(|method| bytes.starts_with(method)) {
            return Some(Stranger::Http);
        }
        if bytes.starts_with(b"SSH-2.0-") || bytes.starts_with(b"SSH-1.") {
            return Some(Stranger::Ssh);
        }
        let is_proxied = bytes.starts_with(proxy_protocol::LINE_START)
            || bytes.starts_with(&proxy_protocol::SIGNATURE);
        is_proxied.then_some(Stranger::ProxyHeader)
    }

    /// What it understands before it is closed, if anything; `http` is the answer of this port to HTTP.
    pub const fn farewell(self, http: &'static [u8]) -> Option<&'static [u8]> {
        match self {
            Stranger::Tls => Some(TLS_ALERT),
            Stranger::Http => Some(http),
            Stranger::Ssh | Stranger::ProxyHeader => None,
        }
    }
}

/// `22 | version 3.x | u16 length | 1 ClientHello | u24 length | version 3.x`
fn is_client_hello_of_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [22, 3, 0..=4, _, _, 1, _, _, _, 3, ..])
}

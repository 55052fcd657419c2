//! For whom a proxy connects.

use std::net::{IpAddr, SocketAddr};

use crate::config::Networks;

/// Of the addresses that proxies have noted, each behind what it was told itself, the last that is none of the `trusted`
/// ones', and its port, if it was noted; `None` if `peer` is not believed. What is no address ends what is believed.
pub fn client_of<'v>(
    peer: IpAddr,
    values: impl DoubleEndedIterator<Item = &'v str>,
    trusted: &Networks,
) -> Option<(IpAddr, u16)> {
    let mut client = None;
    let mut nearest = peer;
    for noted in values.rev().flat_map(|value| value.rsplit(',')) {
        if !trusted.contain(nearest) {
            break;
        }
        let Some((ip, port)) = address(noted.trim()) else { break };
        client = Some((ip, port));
        nearest = ip;
    }
    client
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`, also in quotes.
fn address(text: &str) -> Option<(IpAddr, u16)> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some((address.ip().to_canonical(), address.port()));
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(|ip| (ip.to_canonical(), 0))
}

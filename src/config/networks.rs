//! Networks from which somebody may connect.

use std::net::IpAddr;

use ipnet::IpNet;

/// A list of networks, each as `10.0.0.0/8` or as one address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// These.
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Networks(networks)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is in one of them. An IPv4 address that a socket of both families has is one of IPv4.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Who begins connections with a PROXY header.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ProxyHeaders {
    /// Nobody.
    #[default]
    None,
    /// Everybody.
    All,
    /// Everybody, and only who is in these networks may connect.
    From(Networks),
}

/// Reads a network; an address alone is a network of one.
pub(super) fn parse(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(network) => Some(network),
        Err(_) => text.parse::<IpAddr>().ok().map(|address| address.to_canonical().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_network_whatever_family_its_socket_is_of() {
        let texts = ["10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::ffff:192.0.2.9"];
        let networks = Networks(texts.iter().map(|text| parse(text).expect("one")).collect());
        for (address, expected) in [
            ("10.1.255.255", true),
            ("10.2.0.0", false),
            ("::ffff:10.1.2.3", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("192.0.2.9", true),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(networks.contain(address.parse().expect("one")), expected, "{address}");
        }
        for text in ["10.0.0.0/33", "10.0.0", "", "game.example", "10.0.0.0/"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

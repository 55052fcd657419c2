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

    /// Whether some address of a network is in one of them.
    pub fn overlap(&self, other: &IpNet) -> bool {
        self.0.iter().any(|network| network.contains(other) || other.contains(network))
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

/// The bits of an IPv6 address before an IPv4 address that it stands for.
const MAPPED_BITS: u8 = 96;

/// Reads a network; an address alone is a network of one. IPv4 that is written as IPv6 (`::ffff:10.0.0.0/104`) is IPv4: so are the
/// addresses that are looked for in it. `None` also if it is written so and has others than IPv4 in it.
pub fn parse_network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => text.parse::<IpAddr>().ok()?.into(),
    };
    match network.addr().to_canonical() {
        IpAddr::V4(ip) if network.addr().is_ipv6() => {
            IpNet::new(ip.into(), network.prefix_len().checked_sub(MAPPED_BITS)?).ok()
        }
        _ => Some(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_network_whatever_family_its_socket_is_of() {
        let texts = [
            "10.1.0.0/16",
            "192.0.2.7",
            "2001:db8::/32",
            "::ffff:192.0.2.9",
            "::ffff:10.9.0.0/112",
        ];
        let parsed = texts.iter().map(|text| parse_network(text).expect("one"));
        let networks = Networks(parsed.collect());
        for (address, expected) in [
            ("10.1.255.255", true),
            ("10.2.0.0", false),
            ("::ffff:10.1.2.3", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("192.0.2.9", true),
            ("10.9.255.1", true),
            ("10.10.0.0", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(networks.contain(address.parse().expect("one")), expected, "{address}");
        }
        for text in ["10.0.0.0/33", "10.0.0", "", "game.example", "10.0.0.0/", "::ffff:10.0.0.0/95"]
        {
            assert_eq!(parse_network(text), None, "{text}");
        }
    }
}

//! Where events go: one UDP socket for the whole process.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Event;
use crate::config::Address;

/// A handle to the event logger's address. Clones share one socket.
#[derive(Clone, Debug)]
pub struct EventSender {
    /// `None` if there is no event logger: what is sent is dropped.
    target: Option<Arc<Target>>,
}

#[derive(Debug)]
struct Target {
    socket: UdpSocket,
    address: SocketAddr,
    /// Packets that the socket did not take.
    lost: AtomicU64,
}

impl EventSender {
    /// A sender that drops everything, for when no event logger is configured.
    pub const fn disabled() -> Self {
        EventSender { target: None }
    }

    /// A sender to the event logger at `address`.
    ///
    /// # Errors
    /// Fails when the address cannot be resolved, or no socket can be had.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        let address = address.resolve().await?[0];
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        Ok(EventSender {
            target: Some(Arc::new(Target { socket, address, lost: AtomicU64::new(0) })),
        })
    }

    /// Sends an event. Never waits.
    pub fn send(&self, event: &Event) {
        if self.target.is_some() {
            self.send_raw(&event.to_bytes());
        }
    }

    /// Sends bytes that are an event already, as they are. Never waits.
    pub fn send_raw(&self, packet: &[u8]) {
        let Some(target) = &self.target else {
            return;
        };
        if let Err(error) = target.socket.send_to(packet, target.address) {
            let lost = target.lost.fetch_add(1, Ordering::Relaxed) + 1;
            // Ever more seldom, so that a full socket does not fill the log.
            if lost.is_power_of_two() {
                let address = target.address;
                tracing::warn!(%address, lost, %error, "an event was not sent");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Long enough for any packet on loopback; only a failing test waits for it.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn receiver() -> UdpSocket {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.set_read_timeout(Some(PATIENCE)).expect("not zero");
        socket
    }

    fn receive(socket: &UdpSocket) -> Vec<u8> {
        let mut packet = [0; 1024];
        let length = socket.recv(&mut packet).expect("a packet");
        packet[..length].to_vec()
    }

    #[tokio::test]
    async fn events_arrive_one_a_packet() {
        let socket = receiver();
        let address = socket.local_addr().expect("bound").into();
        let sender = EventSender::connect(&address).await.expect("loopback");
        let event = Event::new("test", "tests");
        sender.send(&event);
        sender.clone().send_raw(b"\x80");
        assert_eq!(receive(&socket), event.to_bytes());
        assert_eq!(receive(&socket), b"\x80");
    }

    #[tokio::test]
    async fn what_does_not_fit_a_packet_is_counted() {
        let socket = receiver();
        let address = socket.local_addr().expect("bound").into();
        let sender = EventSender::connect(&address).await.expect("loopback");
        sender.send_raw(&[0; 70_000]);
        sender.send_raw(b"\x80");
        assert_eq!(receive(&socket), b"\x80");
        let target = sender.target.expect("enabled");
        assert_eq!(target.lost.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_unknown_host_is_an_error() {
        let address = Address::parse("no-such-host.invalid", 7197).expect("well-formed");
        assert!(EventSender::connect(&address).await.is_err());
    }
}

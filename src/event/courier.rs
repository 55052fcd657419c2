//! Who takes events to the event logger: one task and one UDP socket for the whole process.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::sender::{Packets, Queue};
use crate::config::{Address, Host};
use crate::metrics;

/// A host name is looked up this often: the event logger may have moved.
const LOOK_UP_INTERVAL: Duration = Duration::from_secs(30);
/// Lost events are reported this often at most.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// How long packets may wait for the socket.
const SOCKET_PATIENCE: Duration = Duration::from_secs(1);
/// After this many packets others get their turn.
const PACKETS_AT_ONCE: usize = 64;

/// Sends what is put into the queue, in order.
#[derive(Debug)]
pub struct Courier {
    address: Address,
    queue: Arc<Queue>,
    target: Target,
    losses: Losses,
}

/// Where packets go now.
#[derive(Debug)]
struct Target {
    socket: UdpSocket,
    address: SocketAddr,
    /// Whether the host's name could not be looked up when it was last tried.
    is_unknown: bool,
}

/// What is to be said of events that were lost.
#[derive(Debug, Default)]
struct Losses {
    count: u64,
    reason: String,
    /// Nothing is said before.
    quiet_until: Option<Instant>,
}

impl Courier {
    pub(super) async fn new(address: &Address, queue: Arc<Queue>) -> io::Result<Self> {
        let target = Target::new(address.resolve().await?[0]).await?;
        Ok(Courier { address: address.clone(), queue, target, losses: Losses::default() })
    }

    /// Sends events until `stop`, then those that wait already.
    pub async fn run(self, stop: CancellationToken) {
        let address = self.address.clone();
        match address.host {
            Host::Ip(_) => self.run_with(std::future::pending, stop).await,
            Host::Name(_) => {
                let look_up = || async {
                    sleep(LOOK_UP_INTERVAL).await;
                    address.resolve().await
                };
                self.run_with(look_up, stop).await;
            }
        }
    }

    /// `look_up` gives the addresses of the host when it is time to ask for them.
    async fn run_with<F>(mut self, look_up: impl Fn() -> F, stop: CancellationToken)
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>>,
    {
        let queue = self.queue.clone();
        let mut looking_up = Box::pin(look_up());
        loop {
            let quiet_until = self.losses.quiet_until;
            tokio::select! {
                () = queue.filled() => self.send_all().await,
                found = &mut looking_up => {
                    self.target.follow(&self.address, found).await;
                    looking_up = Box::pin(look_up());
                }
                () = until(quiet_until), if self.losses.count > 0 => self.report(),
                () = stop.cancelled() => break,
            }
        }
        self.send_all().await;
        self.losses.quiet_until = None;
        self.report();
    }

    async fn send_all(&mut self) {
        let (packets, lost) = self.queue.take();
        if lost > 0 {
            self.losses.add(lost, "too many wait to be sent");
        }
        self.send(&packets).await;
        self.report();
    }

    async fn send(&mut self, packets: &Packets) {
        let (mut patience, mut count) = (SOCKET_PATIENCE, 0);
        for (index, packet) in packets.iter().enumerate() {
            if index % PACKETS_AT_ONCE == PACKETS_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let sent = self.target.send(packet, patience).await;
            count += u64::from(sent.is_ok());
            if let Err(error) = sent {
                if error.kind() == io::ErrorKind::TimedOut {
                    // Once is enough for all that wait: the next ones are there already.
                    patience = Duration::ZERO;
                }
                self.losses.add(1, &error.to_string());
            }
        }
        metrics::EVENTS_SENT.add(&[], count);
    }

    fn report(&mut self) {
        let Losses { count, reason, quiet_until } = &mut self.losses;
        let now = Instant::now();
        if *count > 0 && quiet_until.is_none_or(|until| until <= now) {
            let address = &self.address;
            tracing::warn!(%address, lost = *count, reason, "events were lost");
            (*count, *quiet_until) = (0, Some(now + REPORT_INTERVAL));
        }
    }
}

impl Target {
    async fn new(address: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        Ok(Target { socket: UdpSocket::bind(any).await?, address, is_unknown: false })
    }

    async fn send(&self, packet: &[u8], patience: Duration) -> io::Result<()> {
        let sent = match self.socket.try_send_to(packet, self.address) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                timeout(patience, self.socket.send_to(packet, self.address)).await?
            }
            sent => sent,
        };
        sent.map(drop)
    }

    /// Goes on to where the host called `name` is now. If nobody knows, it stays with where it was.
    async fn follow(&mut self, name: &Address, found: io::Result<Vec<SocketAddr>>) {
        let was_unknown = std::mem::replace(&mut self.is_unknown, found.is_err());
        match found {
            Ok(found) if found.contains(&self.address) => {}
            Ok(found) => self.move_to(name, found[0]).await,
            Err(error) if !was_unknown => {
                let last = self.address;
                tracing::warn!(address = %name, %error, %last, "the event logger cannot be looked up; its last address is used");
            }
            Err(_) => {}
        }
    }

    async fn move_to(&mut self, name: &Address, address: SocketAddr) {
        if address.is_ipv4() == self.address.is_ipv4() {
            self.address = address;
        } else {
            match Target::new(address).await {
                Ok(target) => *self = target,
                Err(error) => {
                    tracing::warn!(address = %name, %error, "no socket for the event logger's new address");
                    return;
                }
            }
        }
        tracing::info!(address = %name, now = %address, "the event logger has moved");
    }
}

impl Losses {
    fn add(&mut self, count: u64, reason: &str) {
        metrics::EVENTS_LOST.add(&[], count);
        self.count += count;
        reason.clone_into(&mut self.reason);
    }
}

async fn until(time: Option<Instant>) {
    if let Some(time) = time {
        sleep_until(time).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventSender};

    async fn receiver() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = socket.local_addr().expect("bound");
        (socket, address)
    }

    async fn receive(socket: &UdpSocket) -> Vec<u8> {
        let mut packet = [0; 1024];
        let receiving = timeout(Duration::from_secs(1_000), socket.recv(&mut packet)).await;
        let length = receiving.expect("a packet in time").expect("a packet");
        packet[..length].to_vec()
    }

    #[tokio::test]
    async fn events_arrive_one_a_packet_and_in_order() {
        let (socket, address) = receiver().await;
        let (sender, courier) = EventSender::open(&address.into()).await.expect("loopback");
        let stop = CancellationToken::new();
        let event = Event::new("test", "tests");
        sender.send(&event);
        let running = tokio::spawn(courier.run(stop.clone()));
        assert_eq!(receive(&socket).await, event.to_bytes());
        for n in 0..100 {
            sender.clone().send_raw(&[n]);
        }
        for n in 0..100 {
            assert_eq!(receive(&socket).await, [n]);
        }
        // What waits at the end is sent, too.
        sender.send_raw(b"\x80");
        stop.cancel();
        running.await.expect("no panic");
        assert_eq!(receive(&socket).await, b"\x80");
    }

    #[tokio::test]
    async fn what_does_not_fit_a_packet_is_counted() {
        let (socket, address) = receiver().await;
        let (sender, mut courier) = EventSender::open(&address.into()).await.expect("loopback");
        // What is said of it comes later.
        courier.losses.quiet_until = Some(Instant::now() + REPORT_INTERVAL);
        sender.send_raw(&[0; 70_000]);
        sender.send_raw(b"\x80");
        courier.send_all().await;
        assert_eq!(receive(&socket).await, b"\x80");
        assert_eq!(courier.losses.count, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_logger_that_moves_is_followed() {
        let ((before, first), (after, second)) = (receiver().await, receiver().await);
        let (sender, courier) = EventSender::open(&first.into()).await.expect("loopback");
        let stop = CancellationToken::new();
        // First nobody knows, then it is elsewhere.
        let answers = std::sync::Mutex::new(vec![
            Ok(vec![second]),
            Err(io::ErrorKind::NotFound.into()),
            Ok(vec![second, first]),
        ]);
        let look_up = move || {
            let answer = answers.lock().expect("no panic").pop();
            async move {
                sleep(LOOK_UP_INTERVAL).await;
                match answer {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            }
        };
        let running = tokio::spawn(courier.run_with(look_up, stop.clone()));
        for n in 0..2 {
            sender.send_raw(&[n]);
            assert_eq!(receive(&before).await, [n]);
            sleep(LOOK_UP_INTERVAL + Duration::from_secs(1)).await;
        }
        sleep(LOOK_UP_INTERVAL).await;
        sender.send_raw(b"\x80");
        assert_eq!(receive(&after).await, b"\x80");
        stop.cancel();
        running.await.expect("no panic");
    }

    #[tokio::test]
    async fn an_unknown_host_is_an_error() {
        let address = Address::parse("no-such-host.invalid", 7197).expect("well-formed");
        assert!(EventSender::open(&address).await.is_err());
    }
}

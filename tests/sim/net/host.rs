//! A process's access to the network.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use donet::net::{Accept, Connecting, Liveness, Network, Socket};

use super::{End, Listening, Net, Wire};

/// One process on a host. When it has crashed it reaches nobody.
#[derive(Clone)]
pub struct Host {
    net: Net,
    ip: IpAddr,
    process: u64,
}

impl Host {
    /// A process; `process` is nobody else's.
    pub const fn new(net: Net, ip: IpAddr, process: u64) -> Self {
        Host { net, ip, process }
    }
}

impl Network for Host {
    fn bind(&self, address: SocketAddr, _: Liveness) -> io::Result<Box<dyn Accept>> {
        self.net.with(|shared, _| {
            if shared.listeners.contains_key(&address) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let listening =
                Listening { process: self.process, waiting: VecDeque::new(), waker: None };
            shared.listeners.insert(address, listening);
            Ok(Box::new(Acceptor { host: self.clone(), address }) as Box<dyn Accept>)
        })
    }

    fn connect(&self, address: SocketAddr) -> Connecting<'_> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let connected = self
                .net
                .with(|shared, woken| shared.connect(self.process, self.ip, address, woken));
            match connected {
                Ok(link) => {
                    let end = End { net: self.net.clone(), link, side: 0 };
                    Ok(Socket::Other(Box::new(Wire::new(end))))
                }
                // Nobody answers: whoever has asked gives up by himself.
                Err(error) if error.kind() == io::ErrorKind::TimedOut => pending().await,
                Err(error) => Err(error),
            }
        })
    }
}

struct Acceptor {
    host: Host,
    address: SocketAddr,
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.address)
    }
}

impl Accept for Acceptor {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        let accepted = self.host.net.with(|shared, _| {
            let listening = shared.listeners.get_mut(&self.address)?;
            if listening.process != self.host.process {
                return None;
            }
            let next = listening.waiting.pop_front();
            if next.is_none() {
                listening.waker = Some(context.waker().clone());
            }
            next
        });
        let Some((link, peer)) = accepted else { return Poll::Pending };
        let end = End { net: self.host.net.clone(), link, side: 1 };
        Poll::Ready(Ok((Socket::Other(Box::new(Wire::new(end))), peer)))
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        let waiting = self.host.net.with(|shared, _| {
            let is_ours = |listening: &Listening| listening.process == self.host.process;
            let listening = shared.listeners.get(&self.address).filter(|l| is_ours(l));
            listening?;
            shared.listeners.remove(&self.address).map(|listening| listening.waiting)
        });
        // Whoever waited to be accepted is refused after all.
        for (link, _) in waiting.into_iter().flatten() {
            End { net: self.host.net.clone(), link, side: 1 }.close(true);
        }
    }
}

//! The message director that a daemon under test connects to.

use std::net::{SocketAddr, TcpListener, TcpStream};

use donet::message::{Control, Message};

use super::datagram::{control_datagram, server_datagram};
use super::probe::{is_hello, is_of_harness};
use super::{At, Datagram, Expected, FrameStream, Link, Received, To, wait_until};

/// A listener, and the connection that the daemon made to it.
pub struct Upstream {
    listener: TcpListener,
    stream: Option<FrameStream>,
}

impl Upstream {
    /// Listens on a free port.
    pub fn listen() -> Self {
        Self::listen_at("127.0.0.1:0".parse().expect("an address"))
    }

    /// Listens where a daemon is already trying to connect to.
    pub fn listen_at(address: SocketAddr) -> Self {
        let listener = wait_until("the port is free again", || TcpListener::bind(address).ok());
        Upstream { listener, stream: None }
    }

    /// Where the daemon has to connect to.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// Waits for the daemon's connection.
    pub fn accept(&mut self) {
        self.stream = Some(FrameStream::new(self.accept_socket()));
    }

    fn accept_socket(&self) -> TcpStream {
        self.listener.set_nonblocking(true).expect("a listener takes options");
        let socket = wait_until("the daemon connects upstream", || {
            self.listener.accept().ok().map(|(socket, _)| socket)
        });
        socket.set_nonblocking(false).expect("a fresh socket takes options");
        socket
    }

    /// Closes the daemon's connection and listens on.
    pub fn disconnect(&mut self) {
        self.stream = None;
    }

    /// Listens no more, and ends its side of the connection. What the daemon has sent may lie unread: as long as what is returned is
    /// there, that does not make the end a reset.
    pub fn finish(mut self) -> FrameStream {
        let stream = self.stream.take().expect("the daemon has connected");
        drop(self);
        stream.finish();
        stream
    }

    /// The connection itself.
    ///
    /// # Panics
    /// When there is none.
    pub const fn stream(&mut self) -> &mut FrameStream {
        self.stream.as_mut().expect("the daemon has connected")
    }

    /// Sends a datagram down to the daemon.
    pub fn send(&mut self, to: impl To, from: impl At, message: &impl Message) {
        self.stream().send(&server_datagram(to, from, message));
    }

    /// Sends a control message down to the daemon.
    pub fn control(&mut self, message: &Control<'_>) {
        self.stream().send(&control_datagram(message));
    }

    /// Waits for the daemon's hello, and answers it. What came before it is forgotten.
    pub fn answer_hello(&mut self, epoch: u64) {
        self.answer_hello_with(epoch, 0);
    }

    /// As [`Upstream::answer_hello`], from one with these capabilities.
    pub fn answer_hello_with(&mut self, epoch: u64, capabilities: u32) {
        loop {
            match self.stream().receive() {
                Received::Datagram(bytes) if is_hello(&bytes) => break,
                Received::Datagram(_) => {}
                other => panic!("{other:?} where a hello should come"),
            }
        }
        self.control(&Control::HelloResp { version: Control::VERSION, epoch, capabilities });
    }

    /// The next datagram that is not of the harness itself. A hello is ignored, as Astron's daemons do.
    pub fn receive(&mut self) -> Datagram {
        loop {
            match self.stream().receive() {
                Received::Datagram(bytes) if is_of_harness(&bytes) || is_hello(&bytes) => {}
                Received::Datagram(bytes) => return Datagram { bytes },
                other => panic!("{other:?} where a datagram should come"),
            }
        }
    }

    /// Expects this message next.
    #[track_caller]
    pub fn expect(&mut self, to: impl To, from: impl At, message: &impl Message) {
        let came = self.receive();
        assert_eq!(Expected::new(to, from, message), came);
    }

    /// Expects this control message next.
    #[track_caller]
    pub fn expect_control(&mut self, message: &Control<'_>) {
        let came = self.receive();
        assert_eq!(Expected::control(message), came);
    }

    /// Expects these next, in any order.
    #[track_caller]
    pub fn expect_any_order(&mut self, expected: impl IntoIterator<Item = Expected>) {
        let mut missing: Vec<Expected> = expected.into_iter().collect();
        while !missing.is_empty() {
            let came = self.receive();
            match missing.iter().position(|expected| *expected == came) {
                Some(index) => drop(missing.remove(index)),
                None => panic!("{came:?} came where these should: {missing:#?}"),
            }
        }
    }

    /// Expects that nothing came of all that `sender`, at the daemon, has sent so far.
    #[track_caller]
    pub fn expect_nothing_from(&mut self, sender: &mut Link) {
        let mark = sender.send_mark();
        loop {
            match self.stream().receive() {
                Received::Datagram(bytes) if bytes == mark => return,
                Received::Datagram(bytes) if is_of_harness(&bytes) || is_hello(&bytes) => {}
                Received::Datagram(bytes) => panic!("came unexpectedly: {:?}", Datagram { bytes }),
                other => panic!("{other:?} where a mark should come"),
            }
        }
    }
}

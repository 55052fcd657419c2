//! Servers that route messages by name and know nothing of objects, NATS and Redis: how many messages there are, who
//! sends and who gets them is as in the scenarios of the message director. Somebody else has started them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BufMut};

use crate::link::STALL;
use crate::process::Meter;
use crate::scenario::{Latency, Sample, Skipped};
use crate::swarm::Swarm;
use crate::wire::Batch;

/// What messages are published as: as many letters as a channel of the scenarios has digits.
const NEAR: &str = "bench-01";
const FAR: &str = "bench-02";

/// A message, unless it is one that nobody waits for, and how long all of it is.
type Found<'a> = (Option<&'a [u8]>, usize);

/// Which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nats,
    Redis,
}

/// A server.
#[derive(Debug, Clone, Copy)]
pub struct Broker {
    kind: Kind,
    address: SocketAddr,
}

impl Kind {
    /// What its row is called.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Nats => "nats",
            Kind::Redis => "redis",
        }
    }

    /// Subscribes; the answer to it is an empty message.
    fn subscribe(self, name: &str) -> String {
        match self {
            Kind::Nats => format!("{}SUB {name} 1\r\nPING\r\n", self.greeting()),
            Kind::Redis => {
                format!("*2\r\n$9\r\nSUBSCRIBE\r\n${}\r\n{name}\r\n", name.len())
            }
        }
    }

    /// What one who only publishes says first: it wants no answers.
    fn greeting(self) -> &'static str {
        match self {
            Kind::Nats => "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n",
            Kind::Redis => "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n",
        }
    }

    fn publish(self, name: &str, payload: &[u8], bytes: &mut Vec<u8>) {
        let header = match self {
            Kind::Nats => format!("PUB {name} {}\r\n", payload.len()),
            Kind::Redis => format!(
                "*3\r\n$7\r\nPUBLISH\r\n${}\r\n{name}\r\n${}\r\n",
                name.len(),
                payload.len()
            ),
        };
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(b"\r\n");
    }

    /// Hands every whole message of `bytes` to `handle`, an empty one for the answer to a subscription, and returns how
    /// many bytes those were.
    pub fn split(self, bytes: &[u8], mut handle: impl FnMut(&[u8]) -> Result<()>) -> Result<usize> {
        let mut at = 0;
        while let Some((message, length)) = self.first(&bytes[at..])? {
            if let Some(message) = message {
                handle(message)?;
            }
            at += length;
        }
        Ok(at)
    }

    /// The first message; `None` if its end has not arrived.
    fn first(self, bytes: &[u8]) -> Result<Option<Found<'_>>> {
        let mut rest = bytes;
        let message = match self {
            Kind::Nats => nats_message(&mut rest)?,
            Kind::Redis => redis_message(&mut rest)?,
        };
        Ok(message.map(|message| (message, bytes.len() - rest.len())))
    }
}

/// `MSG name number length`, and what it is; or some other line.
fn nats_message<'a>(rest: &mut &'a [u8]) -> Result<Option<Option<&'a [u8]>>> {
    let Some(line) = take_line(rest) else { return Ok(None) };
    if line.starts_with(b"MSG ") {
        let length = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        return Ok(take(rest, number(length)?).map(Some));
    }
    ensure!(!line.starts_with(b"-ERR"), "NATS says {}", String::from_utf8_lossy(line));
    Ok(Some(line.starts_with(b"PONG").then_some(&[])))
}

/// An array of three: a word, a name, and the message; or, of a subscription, how many there are now.
fn redis_message<'a>(rest: &mut &'a [u8]) -> Result<Option<Option<&'a [u8]>>> {
    let Some(line) = take_line(rest) else { return Ok(None) };
    ensure!(line == b"*3", "Redis says {}", String::from_utf8_lossy(line));
    let mut last = None;
    for _ in 0..3 {
        let Some(line) = take_line(rest) else { return Ok(None) };
        last = match line.split_first() {
            Some((b'$', length)) => {
                let Some(text) = take(rest, number(length)?) else { return Ok(None) };
                Some(text)
            }
            Some((b':', _)) => Some(&[][..]),
            _ => bail!("Redis says {}", String::from_utf8_lossy(line)),
        };
    }
    Ok(Some(last))
}

fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let line = &rest[..end];
    rest.advance(end + 2);
    Some(line)
}

/// So many bytes, behind which a line ends.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let bytes = rest.get(..length)?;
    *rest = rest.get(length + 2..)?;
    Some(bytes)
}

fn number(digits: &[u8]) -> Result<usize> {
    let text = std::str::from_utf8(digits)?;
    text.parse().with_context(|| format!("{text} is no length"))
}

impl Broker {
    /// One at `HOST:PORT`.
    pub fn at(kind: Kind, address: &str) -> Result<Broker> {
        let found = address.to_socket_addrs().with_context(|| format!("looking up {address}"))?;
        let address = found.min_by_key(SocketAddr::is_ipv6).context("an address without hosts")?;
        Ok(Broker { kind, address })
    }

    /// A connection that only publishes.
    fn publisher(self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address).map_err(|error| {
            Skipped(format!("no {} at {}: {error}", self.kind.name(), self.address))
        })?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(STALL))?;
        (&stream).write_all(self.kind.greeting().as_bytes())?;
        Ok(stream)
    }

    /// The server's process, if it is one of this machine that may be looked at.
    fn pid(self) -> Option<u32> {
        self.address.ip().is_loopback().then(|| listener(self.address.port())).flatten()
    }

    /// One publishes `count` messages as in `md_fanout` (or `md_route`), which `receivers` get.
    pub fn fan_out(self, receivers: usize, count: usize, payload: usize) -> Result<Sample> {
        let sender = self.publisher()?;
        let mut swarm = Swarm::of(self.kind)?;
        let mut subscription = Batch::default();
        subscription.bytes.extend_from_slice(self.kind.subscribe(NEAR).as_bytes());
        for _ in 0..receivers {
            let index = swarm.connect(self.address)?;
            swarm.send(index, &subscription)?;
        }
        let mut left = receivers;
        swarm.run_until(
            &mut left,
            |left| *left == 0,
            |left, _, message, _| {
                ensure!(message.is_empty(), "a message before there is one");
                *left -= 1;
                Ok(())
            },
        )?;
        let batch = self.numbered(NEAR, count, payload);
        let meter = Meter::start(self.pid())?;
        thread::scope(|scope| {
            let writing = scope.spawn(|| (&sender).write_all(&batch));
            let mut state = (vec![0; receivers], receivers);
            swarm.run_until(
                &mut state,
                |(_, left)| *left == 0,
                |(next, left), index, message, _| {
                    expect_next(message, &mut next[index], payload)?;
                    *left -= usize::from(next[index] == count as u32);
                    Ok(())
                },
            )?;
            Ok::<_, anyhow::Error>(writing.join().expect("the writer does not panic")?)
        })?;
        Ok(Sample::new(receivers * count, meter.stop()?, None))
    }

    /// One message at a time goes to and fro as in `md_pingpong`.
    pub fn ping_pong(self, rounds: usize, payload: usize) -> Result<Sample> {
        let mut near = Party::of(self, NEAR)?;
        let mut far = Party::of(self, FAR)?;
        let ping = self.numbered(FAR, 1, payload);
        let pong = self.numbered(NEAR, 1, payload);
        let mut times = Vec::with_capacity(rounds);
        let measured = thread::scope(|scope| {
            let answering = scope.spawn(move || {
                (0..rounds).try_for_each(|_| {
                    expect_next(&far.hear()?, &mut 0, payload)?;
                    Ok::<_, anyhow::Error>(far.publisher.write_all(&pong)?)
                })
            });
            let meter = Meter::start(self.pid())?;
            for _ in 0..rounds {
                let sent = Instant::now();
                near.publisher.write_all(&ping)?;
                expect_next(&near.hear()?, &mut 0, payload)?;
                times.push(sent.elapsed());
            }
            let measured = meter.stop()?;
            answering.join().expect("the answering thread does not panic")?;
            Ok::<_, anyhow::Error>(measured)
        })?;
        let sample = Sample::new(2 * rounds, measured, None);
        Ok(Sample { latency: Latency::of(times), ..sample })
    }

    fn numbered(self, name: &str, count: usize, payload: usize) -> Vec<u8> {
        let (mut bytes, mut message) = (Vec::new(), Vec::new());
        for number in 0..count as u32 {
            message.clear();
            message.put_u32_le(number);
            message.put_bytes(0x5a, payload);
            self.kind.publish(name, &message, &mut bytes);
        }
        bytes
    }
}

fn expect_next(mut message: &[u8], next: &mut u32, payload: usize) -> Result<()> {
    let number = message.try_get_u32_le()?;
    ensure!(number == *next && message.len() == payload, "message {number} where {next} should be");
    *next += 1;
    Ok(())
}

/// One who gets messages by one connection and sends them by another: who has subscribed to anything in Redis can say
/// nothing else.
struct Party {
    kind: Kind,
    publisher: TcpStream,
    subscriber: TcpStream,
    /// What has arrived and is not done with.
    arrived: Vec<u8>,
}

impl Party {
    fn of(broker: Broker, name: &str) -> Result<Party> {
        let publisher = broker.publisher()?;
        let subscriber = TcpStream::connect(broker.address)?;
        subscriber.set_nodelay(true)?;
        subscriber.set_read_timeout(Some(STALL))?;
        (&subscriber).write_all(broker.kind.subscribe(name).as_bytes())?;
        let mut party = Party { kind: broker.kind, publisher, subscriber, arrived: Vec::new() };
        ensure!(party.hear()?.is_empty(), "a message before there is one");
        Ok(party)
    }

    /// Waits for the next message.
    fn hear(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some((message, length)) = self.kind.first(&self.arrived)? {
                let message = message.map(<[u8]>::to_vec);
                self.arrived.drain(..length);
                match message {
                    Some(message) => return Ok(message),
                    None => continue,
                }
            }
            let mut buffer = [0; 4096];
            let n = self.subscriber.read(&mut buffer).context("waiting for a message")?;
            ensure!(n > 0, "the server has hung up");
            self.arrived.extend_from_slice(&buffer[..n]);
        }
    }
}

/// The process that listens on this port of this machine.
fn listener(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let lines = tables.iter().flatten().flat_map(|table| table.lines());
    let sockets: Vec<String> = lines
        .filter_map(|line| listening(line, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let pids = fs::read_dir("/proc").ok()?.flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(|pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
    })
}

/// The inode of a line of `/proc/net/tcp`, if that is a socket which listens on this port.
fn listening(line: &str, port: u16) -> Option<&str> {
    const LISTENS: &str = "0A";
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = fields.next()?.rsplit(':').next()?;
    let state = fields.nth(1)?;
    let is_it = state == LISTENS && u16::from_str_radix(local, 16) == Ok(port);
    // Behind the state: queues, timer, retransmissions, user, timeout.
    fields.nth(5).filter(|_| is_it)
}

/// What has to be right of splitting, wherever a read ends.
pub fn check_splitting() -> Result<()> {
    let texts: [(Kind, &[u8]); 2] = [
        (Kind::Nats, b"INFO {}\r\nPONG\r\nMSG bench-01 1 2\r\nab\r\nPING\r\nMSG bench-01 1 2\r\n\r\n\r\n"),
        (
            Kind::Redis,
            b"*3\r\n$9\r\nsubscribe\r\n$8\r\nbench-01\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$8\r\nbench-01\r\n$2\r\nab\r\n\
              *3\r\n$7\r\nmessage\r\n$8\r\nbench-01\r\n$2\r\n\r\n\r\n",
        ),
    ];
    for (kind, text) in texts {
        for end in 0..=text.len() {
            let mut messages = Vec::new();
            let mut keep = |message: &[u8]| {
                messages.push(message.to_vec());
                Ok(())
            };
            let whole = kind.split(&text[..end], &mut keep)?;
            kind.split(&text[whole..], &mut keep)?;
            ensure!(messages == [&b""[..], b"ab", b"\r\n"], "{kind:?} to {end}: {messages:?}");
        }
        ensure!(kind.split(b"-ERR no\r\n", |_| Ok(())).is_err(), "{kind:?} says no");
    }
    ensure!(
        listening(
            "  0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1",
            6379
        ) == Some("77"),
        "a listener is not found"
    );
    Ok(())
}

//! Clients that have logged in: connected, greeted, and made ESTABLISHED by an AI.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bytes::{Buf, BufMut};

use crate::daemon::{Daemon, GATE};
use crate::link::{Barrier, Link, break_if};
use crate::swarm::Swarm;
use crate::transport::Way;
use crate::wire::{Batch, DC_HASH, VERSION, dc, envelope, msg, put_str};

/// So many connect before the first of them is answered: fewer than a daemon's listener queues.
const WAVE: usize = 64;
/// CLIENTAGENT_SET_STATE's name for a client that has logged in.
const ESTABLISHED: u16 = 2;
/// What the bench's AI uses as its sender.
pub const AI: u64 = 900_000_002;

/// The first datagram of a client.
pub fn hello() -> Batch {
    let mut batch = Batch::default();
    batch.client(msg::CLIENT_HELLO, |b| {
        b.put_u32_le(DC_HASH);
        put_str(b, VERSION);
    });
    batch
}

/// A client asks the UberDOG to be let in.
pub fn login_request(token: u32) -> Batch {
    let mut batch = Batch::default();
    batch.client(msg::CLIENT_OBJECT_SET_FIELD, |b| {
        b.put_u32_le(GATE);
        b.put_u16_le(dc::LOGIN);
        b.put_u32_le(token);
    });
    batch
}

/// The UberDOG lets a client in and tells it so, giving back its token.
pub fn welcome(answers: &mut Batch, client: u64, token: u32) {
    answers.to(client, AI, msg::CLIENTAGENT_SET_STATE, |b| b.put_u16_le(ESTABLISHED));
    answers.to(client, AI, msg::CLIENTAGENT_SEND_DATAGRAM, |b| {
        b.put_u16_le(6);
        b.put_u16_le(msg::CLIENT_WELCOME);
        b.put_u32_le(token);
    });
}

/// Established clients and the link of the AI that let them in.
pub struct Clients {
    pub swarm: Swarm,
    pub ai: Link,
    /// Each client's channel.
    pub channels: Vec<u64>,
    client_agent: SocketAddr,
}

impl Clients {
    /// An AI that listens for log-ins, and no clients yet.
    pub fn new(daemon: &Daemon, barrier: &mut Barrier) -> Result<Clients> {
        let mut ai = Link::connect(daemon.director)?;
        ai.send(Batch::default().subscribe(GATE.into()).subscribe(AI))?;
        barrier.pass(&mut ai)?;
        let (swarm, channels) = (Swarm::with(daemon.way.clone())?, Vec::new());
        Ok(Clients { swarm, ai, channels, client_agent: daemon.client_agent })
    }

    /// The connections so far, which are the caller's from now on.
    pub fn detach(&mut self, way: Way) -> Result<Swarm> {
        Ok(std::mem::replace(&mut self.swarm, Swarm::with(way)?))
    }

    /// Connects `count` more clients and logs them in; returns how long each took.
    pub fn log_in(&mut self, count: usize) -> Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(count);
        let first = self.channels.len();
        self.channels.resize(first + count, 0);
        for wave in (first..first + count).step_by(WAVE) {
            self.log_in_wave(wave..(wave + WAVE).min(first + count), &mut times)?;
        }
        Ok(times)
    }

    fn log_in_wave(
        &mut self,
        wave: std::ops::Range<usize>,
        times: &mut Vec<Duration>,
    ) -> Result<()> {
        let mut began = Vec::with_capacity(wave.len());
        for _ in wave.clone() {
            began.push(Instant::now());
            let index = self.swarm.connect(self.client_agent)?;
            self.swarm.send(index, &hello())?;
        }
        let mut left = wave.len();
        self.swarm.run_until(
            &mut left,
            |left| *left == 0,
            |left, index, frame, answers| {
                ensure!(frame == msg::CLIENT_HELLO_RESP.to_le_bytes(), "{}", unexpected(frame));
                answers.bytes.extend_from_slice(&login_request(index as u32).bytes);
                *left -= 1;
                Ok(())
            },
        )?;
        let (mut answers, mut left) = (Batch::default(), wave.len());
        let channels = &mut self.channels;
        self.ai.receive(|mut frame| {
            let client = envelope(&mut frame)?.sender;
            frame.advance(6);
            let token = frame.try_get_u32_le()?;
            channels[token as usize] = client;
            welcome(&mut answers, client, token);
            left -= 1;
            Ok(break_if(left == 0))
        })?;
        self.ai.send(&answers)?;
        let mut left = wave.len();
        self.swarm.run_until(
            &mut left,
            |left| *left == 0,
            |left, index, mut frame, _| {
                ensure!(frame.try_get_u16_le()? == msg::CLIENT_WELCOME, "no welcome");
                ensure!(frame.try_get_u32_le()? == index as u32, "another client's welcome");
                times.push(began[index - wave.start].elapsed());
                *left -= 1;
                Ok(())
            },
        )
    }

    /// Every client opens a zone; returns how long each took until all of the objects there had
    /// entered and the interest was done.
    pub fn open_interest(
        &mut self,
        parent: u32,
        zone: u32,
        objects: usize,
    ) -> Result<Vec<Duration>> {
        let clients = self.swarm.len();
        let request = interest(parent, zone);
        let began = Instant::now();
        for index in 0..clients {
            self.swarm.send(index, &request)?;
        }
        let mut state = (vec![0; clients], Vec::with_capacity(clients));
        self.swarm.run_until(
            &mut state,
            |(_, times)| times.len() == clients,
            |(entered, times), index, whole, _| {
                let mut frame = whole;
                match frame.try_get_u16_le()? {
                    msg::CLIENT_ENTER_OBJECT_REQUIRED | msg::CLIENT_ENTER_OBJECT_REQUIRED_OTHER => {
                        entered[index] += 1;
                    }
                    msg::CLIENT_DONE_INTEREST_RESP => {
                        let entered = entered[index];
                        ensure!(entered == objects, "done after {entered} of {objects} objects");
                        times.push(began.elapsed());
                    }
                    _ => bail!(unexpected(whole)),
                }
                Ok(())
            },
        )?;
        Ok(state.1)
    }
}

/// A client opens interest 1.
pub fn interest(parent: u32, zone: u32) -> Batch {
    let mut batch = Batch::default();
    batch.client(msg::CLIENT_ADD_INTEREST, |b| {
        b.put_u32_le(zone);
        b.put_u16_le(1);
        b.put_u32_le(parent);
        b.put_u32_le(zone);
    });
    batch
}

/// Describes a datagram that should not have come, such as an eject.
pub fn unexpected(mut frame: &[u8]) -> String {
    match frame.try_get_u16_le() {
        Ok(msg::CLIENT_EJECT) => {
            let reason = frame.try_get_u16_le().unwrap_or(0);
            let text = String::from_utf8_lossy(frame.get(2..).unwrap_or_default());
            format!("ejected for {reason}: {text}")
        }
        Ok(number) => format!("unexpected client datagram {number}"),
        Err(_) => "empty client datagram".to_owned(),
    }
}

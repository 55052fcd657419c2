//! One run of a schedule: the operations on a cluster, and the peers that do and suffer them.

mod moves;
mod players;
mod records;
mod sessions;
mod steps;

use std::collections::BTreeMap;
use std::time::Duration;

use donet::config::Config;
use donet::ids::{Channel, Context, DoId, Location};
use donet::message::{Cluster as Message, Database, ObjectState, Rest, StateServer};
use donet::wire::Reader;
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, Shape, links_of};
use crate::facts::{Bond, Facts, Life, Record};
use crate::logs::Logs;
use crate::net::Net;
use crate::peers::world::{self, PLACE, ROOM, STATE_SERVER};
use crate::peers::{Ai, Client, Heard, Player, Port, SYNC, Stage, serial_of};
use crate::play::{AIS, Schedule};

/// How long peers go without looking.
const TICK: Duration = Duration::from_millis(5);
/// How often the place is made, until it answers.
const BUILDING: Duration = Duration::from_millis(100);
/// When an AI says again of a thing that it is its own.
const CLAIMED: Duration = Duration::from_millis(100);
/// Some time later, whatever holds up the peers.
const CLAIMED_BY: Duration = Duration::from_millis(300);
/// Clients are put out for a session object that has gone in a gap by then.
const REPRIEVE: Duration = Duration::from_secs(20);
/// Nothing has been read for so long: it is quiet.
const QUIET: Duration = Duration::from_secs(8);
/// It has to be quiet by then.
const QUIET_BY: Duration = Duration::from_secs(300);

/// A cluster, its peers, and what is known of them.
pub struct Run {
    pub shape: Shape,
    pub net: Net,
    pub cluster: Cluster,
    pub ais: Vec<Ai>,
    pub clients: Vec<Client>,
    /// Clients that have left, or whose connections are lost.
    pub gone: Vec<Client>,
    pub players: Vec<Player>,
    pub gone_players: Vec<Player>,
    witnesses: Vec<Option<Port>>,
    pub facts: Facts,
    pub logs: Logs,
    /// Daemons to be started, and when.
    due: BTreeMap<usize, Instant>,
    next: u32,
    /// Clients that have come to have something tied to their sessions.
    guests: usize,
    /// The answers that AIs have got, by context.
    pub answers: BTreeMap<u32, Vec<u8>>,
}

impl Run {
    /// Starts all daemons of a schedule, and waits until they and the AIs are connected.
    pub async fn start(schedule: &Schedule, configs: &[Config], logs: Logs) -> Self {
        let net = Net::new(schedule.seed);
        let cluster = Cluster::new(net.clone(), configs, schedule.seed);
        let count = schedule.shape.count();
        let place = |index: usize| schedule.places[index] % count;
        let mut run = Run {
            shape: schedule.shape,
            net,
            cluster,
            ais: (0..AIS).map(|index| Ai::new(index, place(index), index == 0)).collect(),
            clients: Vec::new(),
            gone: Vec::new(),
            players: Vec::new(),
            gone_players: Vec::new(),
            witnesses: (0..count).map(|_| None).collect(),
            facts: Facts::default(),
            logs,
            due: BTreeMap::new(),
            next: 0,
            guests: 0,
            answers: BTreeMap::new(),
        };
        for index in 0..count {
            run.start_daemon(index).await;
        }
        run.pass(Duration::from_millis(2500)).await;
        run
    }

    async fn start_daemon(&mut self, index: usize) {
        if self.cluster.runs(index) {
            return;
        }
        self.cluster.start(index).await;
        self.facts.lives.push(Life { daemon: index, began: Instant::now(), ended: None });
        if index == self.shape.game() {
            self.ais[0].builds_from = Some(Instant::now());
        }
    }

    fn has_ended(&mut self, index: usize) {
        let now = Instant::now();
        let life = self.facts.lives.iter_mut().rev().find(|life| life.daemon == index);
        life.expect("it has run").ended.get_or_insert(now);
    }

    /// A number that nothing else has.
    pub const fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Has the first AI make the place again.
    pub fn build(&mut self) {
        let values = 1u32.to_le_bytes();
        let location = Location { parent: DoId(0), zone: donet::ids::ZoneId(0) };
        let object = ObjectState { do_id: PLACE, location, class_id: ROOM, values: Rest(&values) };
        let message = StateServer::CreateObjectWithRequired { object };
        self.ais[0].send(STATE_SERVER, &message);
        // What an earlier state server has answered may be on its way yet.
        let context = self.lives_of_the_game();
        self.ais[0].send(PLACE.channel(), &StateServer::ObjectGetLocation { context });
    }

    /// How many processes have run that have the state server.
    fn lives_of_the_game(&self) -> Context {
        let game = self.shape.game();
        let count = self.facts.lives.iter().filter(|life| life.daemon == game).count();
        Context(count as u32)
    }

    /// Lets time pass, with peers that look now and then.
    pub async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            self.pump();
            let now = Instant::now();
            let due: Vec<usize> =
                self.due.iter().filter(|(_, at)| **at <= now).map(|(index, _)| *index).collect();
            for index in due {
                self.due.remove(&index);
                self.start_daemon(index).await;
            }
            if now >= end {
                return;
            }
            sleep(TICK.min(end - now)).await;
        }
    }

    /// Lets time pass until nothing happens any more.
    pub async fn settle(&mut self) {
        let begin = Instant::now();
        loop {
            self.pass(Duration::from_millis(500)).await;
            if self.net.quiet_since().elapsed() >= QUIET {
                return;
            }
            if begin.elapsed() > QUIET_BY {
                self.facts.wrong.push("it does not become quiet".to_owned());
                return;
            }
        }
    }

    /// Everything is in order again, and quiet.
    pub async fn heal(&mut self) {
        self.net.heal();
        self.cluster.disk.heal();
        for index in std::mem::take(&mut self.due).into_keys() {
            self.start_daemon(index).await;
        }
        for ai in &mut self.ais {
            ai.port.iter_mut().for_each(|port| port.is_slow = false);
            let since = ai.slow_since.take();
            self.facts.held_up.extend(since.map(|since| (since, Instant::now())));
        }
        for client in &mut self.clients {
            client.port().into_iter().for_each(|port| port.is_slow = false);
        }
        for player in &mut self.players {
            player.port().into_iter().for_each(|port| port.is_slow = false);
        }
        self.settle().await;
        if self.facts.tied.iter().any(|tied| matches!(tied.what, Bond::Thing(_))) {
            self.pass(REPRIEVE).await;
            self.settle().await;
        }
        if self.facts.has_vanished {
            self.pass(crate::net::PATIENCE).await;
            self.settle().await;
        }
    }

    /// All peers send and take what they can.
    pub fn pump(&mut self) {
        for index in 0..self.witnesses.len() {
            self.pump_witness(index);
        }
        for index in 0..self.ais.len() {
            for heard in self.ais[index].pump(&self.net) {
                self.hear(index, heard);
            }
        }
        self.claim();
        let now = Instant::now();
        if self.ais[0].builds_from.is_some_and(|from| from <= now) {
            self.build();
            self.ais[0].builds_from = Some(now + BUILDING);
        }
        self.clients.iter_mut().for_each(Client::pump);
        let away = self.clients.extract_if(.., |client| client.stage == Stage::Away);
        self.gone.extend(away);
        self.pump_players();
    }

    /// Has AIs say again of what they have made that it is theirs.
    fn claim(&mut self) {
        let now = Instant::now();
        let Run { facts, ais, .. } = self;
        let young = facts.made.iter_mut().rev().take_while(|made| made.at + CLAIMED_BY > now);
        for made in young.filter(|made| made.claimed_at.is_none() && made.at + CLAIMED <= now) {
            let ai = &mut ais[made.ai];
            if ai.port.as_ref().is_some_and(|port| port.link() == made.link) {
                let own = ai.channel();
                ai.send(made.do_id.channel(), &StateServer::ObjectSetAi { ai: own });
                made.claimed_at = Some(now);
            }
        }
    }

    fn pump_witness(&mut self, index: usize) {
        let slot = &mut self.witnesses[index];
        if slot.is_none() {
            let from = std::net::IpAddr::from([10, 0, 0, 200 + index as u8]);
            *slot = Port::connect(&self.net, 3_000_000 + index as u64, from, links_of(index));
            let Some(port) = slot else { return };
            let add = donet::message::Control::AddChannel { channel: world::WITNESSES };
            let mut bytes = Vec::new();
            add.write_control(&mut donet::wire::Writer::new(&mut bytes));
            port.send(&bytes);
        }
        let Some(port) = slot else { return };
        let came = port.pump();
        if port.is_over() {
            *slot = None;
        }
        for serial in came.iter().filter_map(|datagram| serial_of(datagram)) {
            if serial < SYNC {
                self.facts.witnessed.push((index, serial, Instant::now()));
                continue;
            }
            let ais = self.ais.iter_mut().filter(|ai| ai.daemon == index);
            ais.for_each(|ai| ai.has_synced(serial));
        }
    }

    fn hear(&mut self, ai: usize, heard: Heard) {
        match heard {
            Heard::Note(link, serial) => match self.facts.notes.get_mut(&serial) {
                Some(note) => note.heard.push(link),
                None => self.facts.wrong.push(format!("AI {ai} hears a note that nobody sent")),
            },
            Heard::Login(channel, serial) => self.log_in(channel, serial),
            Heard::Answer(bytes) => self.take_answer(&bytes),
        }
    }

    fn log_in(&mut self, channel: Channel, serial: u32) {
        let lives = |serial: u32| {
            self.clients.iter().any(|client| client.serial == serial && client.lives())
        };
        let others = self.facts.logins.iter().filter(|(other, of, _)| {
            *other == channel && *of != serial && lives(*of) && lives(serial)
        });
        for (_, other, _) in others.cloned().collect::<Vec<_>>() {
            let wrong = format!("clients {other} and {serial} both have channel {channel}");
            self.facts.wrong.push(wrong);
        }
        self.facts.logins.push((channel, serial, Instant::now()));
    }

    fn take_answer(&mut self, bytes: &[u8]) {
        let mut reader = Reader::new(bytes);
        let number = reader.u16().expect("written by the AI");
        let message = Message::decode(number, &mut reader);
        match message {
            Ok(Message::Database(Database::CreateObjectResp { context, do_id })) => {
                self.created(context, do_id);
            }
            Ok(Message::Database(Database::ObjectSetFieldIfEqualsResp {
                context,
                done,
                current,
            })) => {
                self.written(context, done, current.0);
            }
            Ok(Message::Database(Database::ObjectSetFieldIfEmptyResp {
                context,
                done,
                current,
            })) => {
                self.written(context, done, current.0);
            }
            Ok(Message::StateServer(StateServer::ObjectGetLocationResp {
                do_id: PLACE,
                context,
                ..
            })) => {
                if context == self.lives_of_the_game() {
                    self.ais[0].builds_from = None;
                }
            }
            Ok(Message::StateServer(StateServer::ObjectGetOwnerResp { context, .. })) => {
                self.answers.insert(context.0, bytes.to_vec());
            }
            Ok(Message::StateServer(_) | Message::ClientAgent(_) | Message::DbStateServer(_))
            | Ok(Message::Database(_))
            | Err(_) => {}
        }
    }

    fn created(&mut self, context: Context, do_id: DoId) {
        // Where it comes again, an AI may hear an answer again.
        let is_others = |record: &Record| record.create != context && record.do_id == Some(do_id);
        let is_there = self.facts.records.iter().any(is_others);
        if do_id != DoId::NONE && is_there {
            self.facts.wrong.push(format!("the database has given {do_id} to two"));
        }
        let mut records = self.facts.records.iter_mut();
        if let Some(record) = records.find(|record| record.create == context) {
            record.do_id = (do_id != DoId::NONE).then_some(do_id);
        }
    }

    fn written(&mut self, context: Context, done: bool, current: &[u8]) {
        let mut records = self.facts.records.iter_mut();
        let Some(record) = records.find(|record| record.open.contains_key(&context.0)) else {
            return;
        };
        let value = record.open.remove(&context.0).expect("just found");
        if done {
            record.stored = Some(value);
            record.known = Some(value);
            // They were written before, or came to nothing.
            record.open.retain(|later, _| *later > context.0);
        } else {
            record.refused.insert(value);
            if let Some(bytes) = current.get(2..6) {
                record.known = Some(u32::from_le_bytes(bytes.try_into().expect("four bytes")));
            }
        }
    }
}

impl Run {
    /// When the first daemon began.
    pub fn begin(&self) -> Instant {
        self.facts.lives[0].began
    }

    /// What has happened, for whoever reads of a failure.
    pub fn story(&self) -> Vec<String> {
        let mut story: Vec<String> = Vec::new();
        for client in self.gone.iter().chain(&self.clients) {
            story.push(format!("client {} at daemon {}:", client.serial, client.daemon));
            story.extend(client.told.iter().map(|word| format!("  {word}")));
        }
        let begin = self.begin();
        for player in self.gone_players.iter().chain(&self.players) {
            story.push(format!("player {} at daemon {}:", player.serial, player.daemon));
            let told = player.told.iter().map(|(at, word)| (at.duration_since(begin), word));
            story.extend(told.map(|(at, word)| format!("{:>8} ms {word}", at.as_millis())));
        }
        for line in self.logs.lines() {
            let at = line.at.duration_since(begin).as_millis();
            story.push(format!("{at:>8} ms {} {}", line.level, line.text));
        }
        story
    }
}

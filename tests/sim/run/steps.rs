//! What each operation does.

use std::collections::BTreeSet;
use std::time::Duration;

use donet::ids::{Context, FieldId};
use donet::message::{ObjectState, Rest, StateServer};
use tokio::time::{Instant, advance, sleep};

use super::moves::CALM;
use super::{Run, TICK};
use crate::cluster::ip;
use crate::facts::{Made, Note};
use crate::peers::world::{self, STATE_SERVER, THING};
use crate::peers::{Client, Port, note};
use crate::play::{AIS, ALL_THINGS, CLIENTS, Op};

/// When objects of a state server that is dead have left clients.
const GONE_BY: Duration = Duration::from_secs(11);
/// Whoever asks the database while it cannot be reached for so long has an answer by then.
const OPERATION: Duration = Duration::from_millis(3500);

impl Run {
    /// Does one step.
    pub async fn step(&mut self, op: Op) {
        match op {
            Op::Create { .. }
            | Op::Delete { .. }
            | Op::Mark { .. }
            | Op::Remark { .. }
            | Op::Wish { .. }
            | Op::Move { .. }
            | Op::Give { .. } => self.play_object(op),
            Op::Say { ai, count, size } => (0..count).for_each(|_| self.say(ai, size)),
            Op::Keep { ai } => {
                let serial = self.number();
                self.ais[ai].keep(serial);
            }
            Op::Activate { .. } | Op::Sign { .. } | Op::Shift { .. } | Op::Retire { .. } => {
                self.play_record(op);
            }
            Op::Bequeath { ai, client } => self.bequeath(ai, client),
            Op::Tie { ai, client } => self.tie(ai, client),
            Op::Tell { client } => self.tell(client),
            Op::Clear { ai } => self.ais[ai].clear(),
            Op::Store { ai } => self.store(ai),
            Op::Write { ai } => self.write(ai),
            Op::Join { agent, zones } => self.join(agent, zones),
            Op::Leave { client } => {
                if let Some(client) = self.client(client) {
                    client.leave();
                }
            }
            Op::Open { client, interest, zones } => {
                if let Some(client) = self.client(client) {
                    client.open(interest, &zones_of(zones));
                }
            }
            Op::Close { client, interest } => {
                if let Some(client) = self.client(client) {
                    client.close(interest);
                }
            }
            Op::Want { client, value } => {
                if let Some(client) = self.client(client) {
                    client.want(value);
                }
            }
            Op::Play(deed) => self.play_deed(deed).await,
            _ => self.go_wrong(op).await,
        }
    }

    async fn go_wrong(&mut self, op: Op) {
        match op {
            Op::SlowAi { ai, is_slow } => {
                if let Some(port) = &mut self.ais[ai].port {
                    port.is_slow = is_slow;
                    self.ais[ai].slow_since.get_or_insert(Instant::now());
                }
            }
            Op::SlowClient { client, is_slow } => {
                if let Some(port) = self.touch(client).and_then(Client::port) {
                    port.is_slow = is_slow;
                }
            }
            Op::CutAi { ai } => {
                if let Some(port) = &self.ais[ai].port {
                    self.net.cut(port.link());
                }
            }
            Op::VanishAi { ai } => {
                // It comes back from another machine, and nobody has told the daemon.
                let now = Instant::now();
                if let Some(port) = &self.ais[ai].port {
                    self.net.vanish(port.link());
                    self.facts.has_vanished = true;
                    // Its successor waits until it is known to be dead, and so on, if that vanishes, too.
                    self.facts.held_up.push((now, now + Duration::from_secs(20)));
                    self.ais[ai].port = None;
                }
            }
            Op::CutClient { client } => {
                let net = self.net.clone();
                if let Some(port) = self.touch(client).and_then(Client::port) {
                    net.cut(port.link());
                }
            }
            Op::CutUplink { daemon } => {
                let links = self.net.links_between(ip(0), ip(daemon % self.shape.count()));
                links.into_iter().for_each(|link| self.net.cut(link));
            }
            Op::CutMidway { ai, count } => {
                // The root's own speak to it at once.
                let ai = if self.ais[ai].daemon == 0 { (ai + 1) % AIS } else { ai };
                (0..count).for_each(|_| self.say(ai, 8));
                let links = self.net.links_between(ip(0), ip(self.ais[ai].daemon));
                // From an AI to the root it takes some milliseconds.
                for _ in 0..8 {
                    sleep(Duration::from_millis(1)).await;
                    if links.iter().any(|link| self.net.carries(*link)) {
                        break;
                    }
                }
                links.into_iter().for_each(|link| self.net.cut(link));
            }
            Op::SayWhileAway { ai, count, ms } => {
                let ai = if self.ais[ai].daemon == 0 { (ai + 1) % AIS } else { ai };
                let (root, daemon) = (ip(0), ip(self.ais[ai].daemon));
                self.net
                    .links_between(root, daemon)
                    .into_iter()
                    .for_each(|link| self.net.cut(link));
                if root != daemon {
                    self.net.part(root, daemon, Instant::now() + Duration::from_millis(ms.into()));
                }
                self.pass(Duration::from_millis(50)).await;
                (0..count).for_each(|_| self.say(ai, 4000));
            }
            Op::EndWhileAway { ai, daemon, ms } => {
                let serial = self.number();
                self.ais[ai].keep(serial);
                self.pass(Duration::from_millis(2500)).await;
                // The root cannot be away from itself.
                let own = self.ais[ai].daemon;
                let daemon =
                    Some(daemon % self.shape.count()).filter(|daemon| *daemon > 0).unwrap_or(own);
                let links = self.net.links_between(ip(0), ip(daemon));
                links.into_iter().for_each(|link| self.net.cut(link));
                if daemon > 0 {
                    let until = Instant::now() + Duration::from_millis(ms.into());
                    self.net.part(ip(0), ip(daemon), until);
                }
                self.pass(Duration::from_millis(1200)).await;
                if let Some(port) = &self.ais[ai].port {
                    self.net.cut(port.link());
                }
            }
            Op::LeaveWhileAway { agent, daemon, ms } => {
                self.leave_while_away(agent, daemon, ms).await;
            }
            Op::LoseWhileAway { agent, ms } => self.lose_while_away(agent, ms).await,
            Op::Succeed { .. } | Op::Replace { .. } => self.succeed(op).await,
            Op::PartUplink { daemon, ms } => {
                let until = Instant::now() + Duration::from_millis(ms.into());
                let daemon = daemon % self.shape.count();
                if daemon > 0 {
                    self.facts.held_up.push((Instant::now(), until));
                    self.net.part(ip(0), ip(daemon), until);
                }
            }
            Op::Flap { daemon, dead, times, ms } => self.flap(daemon, dead, times, ms).await,
            Op::OpenWhileAway { client, interest, zones, ms } => {
                let game = self.shape.game();
                self.kill(game, ms);
                self.pass(Duration::from_millis(100)).await;
                if let Some(client) = self.client(client) {
                    client.open(interest, &zones_of(zones));
                }
            }
            Op::Freeze { ms } => {
                let begin = Instant::now();
                advance(Duration::from_millis(ms.into())).await;
                self.facts.held_up.push((begin, Instant::now()));
            }
            Op::Kill { daemon, down_ms } => self.kill(daemon % self.shape.count(), down_ms),
            Op::Restart { daemon, down_ms } => {
                let daemon = daemon % self.shape.count();
                if self.cluster.runs(daemon) {
                    self.cluster.begin_to_stop(daemon);
                    self.has_ended(daemon);
                    while !self.cluster.has_stopped(daemon) {
                        self.pass(TICK).await;
                    }
                    self.start_later(daemon, down_ms);
                }
            }
            Op::StoreAway { ms } => self.cluster.disk.go_away(Duration::from_millis(ms.into())),
            Op::WriteInVain { ai } => {
                if self.facts.records.iter().all(|record| record.ai != ai) {
                    self.store(ai);
                    self.pass(Duration::from_millis(100)).await;
                }
                self.cluster.disk.go_away(OPERATION);
                self.write(ai);
                self.pass(OPERATION).await;
            }
            Op::StoreLoses { commits } => self.cluster.disk.lose_commits(commits),
            other => unreachable!("{other:?} is no trouble"),
        }
    }

    pub fn kill(&mut self, daemon: usize, down_ms: u16) {
        if self.cluster.runs(daemon) {
            self.cluster.kill(daemon);
            self.has_ended(daemon);
            self.start_later(daemon, down_ms);
        }
    }

    /// A daemon loses its connection again and again, while another is dead. What was there and is not, clients see no more ten
    /// seconds later.
    async fn flap(&mut self, daemon: usize, dead: usize, times: u8, ms: u16) {
        let (daemon, dead) = (daemon % self.shape.count(), dead % self.shape.count());
        let time = Duration::from_millis(ms.into());
        // After other gaps agents take their time to compare.
        self.pass(CALM).await;
        if dead > 0 && dead != daemon {
            self.kill(dead, ms.saturating_mul((times + 1).into()));
        }
        let begin = Instant::now();
        for _ in 0..times {
            let links = self.net.links_between(ip(0), ip(daemon));
            links.into_iter().for_each(|link| self.net.cut(link));
            self.pass(time).await;
            let is_game_dead = dead == self.shape.game() && !self.cluster.runs(dead);
            if is_game_dead && begin.elapsed() > GONE_BY {
                self.judge_gone(begin);
            }
        }
    }

    /// No client sees anything, since all that there was has long been gone. Those are meant whose agents the loss could be told.
    fn judge_gone(&mut self, since: Instant) {
        // Who reads nothing knows nothing.
        let lost = |client: &&Client| client.lives() && client.since < since && client.is_spared;
        // What is tied to a session has more time.
        let sees =
            |client: &&Client| client.view.objects.keys().any(|do_id| !client.tied.contains(do_id));
        let seeing = self.clients.iter().filter(lost).find(sees);
        if let Some(client) = seeing {
            let (serial, seen) = (client.serial, &client.view.objects);
            let wrong = format!("client {serial} sees what has long been gone: {seen:?}");
            self.facts.wrong.push(wrong);
        }
        self.facts.judged_gone += 1;
    }

    fn start_later(&mut self, daemon: usize, down_ms: u16) {
        self.due.insert(daemon, Instant::now() + Duration::from_millis(down_ms.into()));
    }

    pub fn client(&mut self, index: usize) -> Option<&mut Client> {
        let count = self.clients.len();
        if count == 0 { None } else { self.clients.get_mut(index % count) }
    }

    /// A client to whose connection something is done.
    fn touch(&mut self, index: usize) -> Option<&mut Client> {
        let client = self.client(index)?;
        client.is_spared = false;
        Some(client)
    }

    fn join(&mut self, agent: usize, zones: u8) {
        let agents = self.shape.agents();
        let daemon = agents[agent % agents.len()];
        if self.clients.len() < CLIENTS {
            let serial = self.number();
            let mut client = Client::connect(&self.net, serial, daemon);
            client.wish = zones_of(zones);
            self.clients.push(client);
        }
    }

    pub fn play_object(&mut self, op: Op) {
        match op {
            Op::Create { ai, thing, zone, mark } => {
                let do_id = world::thing(thing);
                let mut values = mark.to_le_bytes().to_vec();
                values.extend(7u32.to_le_bytes());
                let (location, values) = (world::zone(zone), Rest(&values));
                let object = ObjectState { do_id, location, class_id: THING, values };
                let own = self.ais[ai].channel();
                if let Some(link) = self.ais[ai].port.as_ref().map(Port::link) {
                    let (daemon, at) = (self.ais[ai].daemon, Instant::now());
                    self.facts.made.push(Made { do_id, ai, daemon, link, at, claimed_at: None });
                }
                self.ais[ai].send(STATE_SERVER, &StateServer::CreateObjectWithRequired { object });
                self.ais[ai].send(do_id.channel(), &StateServer::ObjectSetAi { ai: own });
            }
            Op::Delete { ai, thing } => {
                let do_id = world::thing(thing);
                self.facts.deleted.insert(do_id);
                self.ais[ai].send(do_id.channel(), &StateServer::ObjectDeleteRam { do_id });
            }
            Op::Mark { ai, thing, value } => self.set(ai, thing, world::MARK, value),
            Op::Remark { ai, thing, value } => self.set(ai, thing, world::NOTE, value),
            Op::Wish { ai, thing, value } => self.set(ai, thing, world::WISH, value),
            Op::Move { ai, thing, zone } => {
                let (do_id, location) = (world::thing(thing), world::zone(zone));
                self.ais[ai].send(do_id.channel(), &StateServer::ObjectSetLocation { location });
            }
            Op::Give { ai, thing, client } => {
                let do_id = world::thing(thing);
                let serial = self.client(client).map(|client| client.serial);
                let Some(owner) = serial.and_then(|serial| self.facts.channel_of(serial)) else {
                    return;
                };
                if self.ais[ai].send(do_id.channel(), &StateServer::ObjectSetOwner { owner }) {
                    self.facts.given.entry(do_id).or_default().push((owner, Instant::now()));
                }
            }
            other => unreachable!("{other:?} is about no object"),
        }
    }

    fn set(&mut self, ai: usize, thing: usize, field: FieldId, value: u32) {
        let (do_id, value) = (world::thing(thing), value.to_le_bytes());
        let message = StateServer::ObjectSetField { do_id, field, value: Rest(&value) };
        self.ais[ai].send(do_id.channel(), &message);
    }

    fn say(&mut self, from: usize, size: usize) {
        let (to, daemon) = ((from + 1) % AIS, self.ais[from].daemon);
        let serial = self.number();
        let (own, other) = (self.ais[from].channel(), self.ais[to].channel());
        let Some(link) = self.ais[from].port.as_ref().map(Port::link) else { return };
        self.ais[from].send_raw(&note(other, own, serial, size));
        let sent_at = Instant::now();
        self.facts.notes.insert(
            serial,
            Note { from: daemon, to, sent_at, is_clients: false, link, heard: Vec::new() },
        );
    }

    /// Asks who owns each thing; the answers are in `answers`, by doId.
    pub fn ask_for_owners(&mut self) {
        self.answers.clear();
        for index in 0..ALL_THINGS {
            let do_id = world::thing(index);
            let context = Context(do_id.0);
            self.ais[0].send(do_id.channel(), &StateServer::ObjectGetOwner { context });
        }
    }
}

/// The zones whose bits are set.
pub fn zones_of(bits: u8) -> BTreeSet<u32> {
    (0..4).filter(|zone| bits & (1 << zone) != 0).map(|zone| 1 + zone).collect()
}

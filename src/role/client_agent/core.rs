//! The state machine of all sessions: synchronous, without sockets and clock.

mod absent;
mod comparing;
mod describing;
mod hearing;
mod line;
mod operating;
mod output;
mod returning;
mod rooting;
mod telling;
mod together;
mod watching;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dclass::DcFile;

use self::absent::Absent;
use self::comparing::Comparing;
pub use self::hearing::Heard;
use self::output::Ended;
pub use self::output::Output;
pub use self::returning::Resumed;
use self::returning::Returning;
use self::rooting::Rooting;
use self::together::Together;
use self::watching::Watching;
#[cfg(test)]
use super::agent::Manners;
use super::agent::{
    Context, Given, News, SessionIndex, SessionKey, Shared, Silence, Timer, Told, Translation,
    UberDogs,
};
use super::dialect::{self, Dialect, Share};
use super::session::{Arrival, Departure, End, Flow, Peer, Session, Stop};
use crate::config::ClientAgentConfig;
use crate::event::Event;
use crate::hash::Seed;
use crate::ids::{self, Channel};
use crate::message::{self, Cluster};
use crate::metrics::{self, Figures};
use crate::recent::Closed;
use crate::role::Effects;
use crate::router::{Cursor, Gap, Origin, Page, Query, Role, Watch};
use crate::wire::{Envelope, Framing, Reader};

/// How many timers of a script are done with at once, if many are due.
const SCRIPT_TIMERS_AT_ONCE: usize = 4;
/// So many objects that the receivers of a message know, all together, are more than a processor has at hand. Tests have few, and
/// try both ways.
const CROWD_MIN: usize = if cfg!(test) { 4 } else { 32 * 1_024 };
/// How many channels sessions that end give up at once; what is above that is done by and by.
const DEPARTURE_AT_ONCE: usize = 256;

#[derive(Default)]
struct Slot {
    generation: u32,
    /// For how many reasons the place of a session that has ended is not given to another yet.
    holds: u8,
    /// Boxed: places of sessions that have ended cost little.
    session: Option<Box<Session>>,
}

fn session_at(slots: &mut [Slot], key: SessionKey) -> Option<&mut Session> {
    let session = slots.get_mut(key.index as usize)?.session.as_deref_mut()?;
    (session.key() == key).then_some(session)
}

/// What a datagram for sessions says, if that can be understood.
fn decode<'e>(envelope: &Envelope<'e>) -> Option<Cluster<'e>> {
    let message = Cluster::decode(envelope.message_type, &mut Reader::new(envelope.body));
    let warn = |error: &message::Error| {
        let name = message::name_of(envelope.message_type);
        let (sender, number) = (envelope.sender, envelope.message_type);
        tracing::warn!(%sender, number, name, %error, "a datagram for sessions is ignored");
    };
    message.inspect_err(warn).ok()
}

/// Which of the first 32 sessions know the object of an update, a bit for each. To find out is to wait for memory, and a processor
/// waits for that of many at once if it does nothing else in between.
#[inline(never)]
fn knowing_of(slots: &[Slot], sessions: &[SessionIndex], arrival: &Arrival<'_>) -> u32 {
    let sessions = sessions.iter().map(|&index| slots[index as usize].session.as_ref());
    let knows = |session: &Session| session.knows_object_of(arrival);
    sessions.zip(0..u32::BITS).fold(0, |who_knows, (session, place)| {
        who_knows | u32::from(session.is_some_and(|session| knows(session))) << place
    })
}

/// All sessions of a client agent.
///
/// What it wants done on the router is appended to the [`Effects`] that each call is given; what it
/// has for clients is taken with [`Core::drain_output`], and events with [`Core::drain_events`].
pub struct Core {
    shared: Shared,
    /// What clients say goes through it.
    dialect: Box<dyn Dialect>,
    slots: Vec<Slot>,
    free: Vec<SessionIndex>,
    ended: Vec<Ended>,
    /// Sessions that have ended, with what is left to be done for them that nobody can see.
    departures: VecDeque<Departure>,
    /// How many channels may still be given up before others have their turn.
    at_once: usize,
    /// How far the end of all sessions has come, if that has begun.
    shut_down: Option<usize>,
    /// What clients get for the datagram in hand.
    translation: Translation,
    /// The sessions that the datagram in hand is for.
    receivers: Vec<SessionIndex>,
    /// What clients know is compared with the cluster.
    comparing: Comparing,
    /// What is asked for several sessions.
    together: Together,
    /// Parents that have not answered interests in them.
    absent: Absent,
    /// The parent of all zones that clients know which make objects.
    rooting: Option<Rooting>,
    /// How many of those who are refused the event logger has been told.
    refusals_told: Told,
    /// Clients that have lost their connections, and those that are back.
    returning: Returning,
    /// Somebody looks at what clients say and are told.
    watching: Option<Box<Watching>>,
}

impl Core {
    /// A core without sessions. `seed` is what tables by numbers that clients choose are hashed with.
    pub fn new(
        config: &ClientAgentConfig,
        uberdogs: Arc<UberDogs>,
        dc: Arc<DcFile>,
        seed: Seed,
    ) -> Self {
        let dialect = dialect::of(&config.client.kind, &dc);
        let mut core = Core {
            shared: Shared::new(config, uberdogs, dc, (dialect.voice(), dialect.manners()), seed),
            dialect,
            slots: Vec::new(),
            free: Vec::new(),
            ended: Vec::new(),
            departures: VecDeque::new(),
            at_once: DEPARTURE_AT_ONCE,
            shut_down: None,
            translation: Translation::default(),
            receivers: Vec::new(),
            comparing: Comparing::new(seed),
            together: Together::new(seed),
            absent: Absent::new(seed),
            rooting: None,
            refusals_told: Told::default(),
            returning: Returning::default(),
            watching: None,
        };
        core.rooting = core.rooting();
        core
    }

    /// When what is for clients waits for more of it.
    pub fn waits_from(&self) -> Share {
        self.dialect.waits_from()
    }

    /// What has to be done before the first session.
    pub fn start(&mut self, now: Instant, out: &mut Effects) {
        out.subscribe(Channel::OBSERVERS);
        self.shared.start_script(now, out);
        self.doubt_root(now, out);
    }

    /// What the clock shows at a moment, as the time since 1970: for clients that are told the time.
    pub fn set_clock(&mut self, at: Instant, date: Duration) {
        self.shared.time_manager = self.dialect.time_manager((at, date));
    }

    /// Begins a session on a connection with Astron's framing.
    ///
    /// # Errors
    /// As [`Core::connect_framed`].
    pub fn connect(
        &mut self,
        now: Instant,
        peer: Peer,
        out: &mut Effects,
    ) -> Result<SessionKey, Vec<u8>> {
        self.connect_framed(now, Box::new(peer), Framing::Tag16, out)
    }

    /// Begins a session.
    ///
    /// # Errors
    /// What to write to the client before closing the connection, if there is no channel for it.
    pub fn connect_framed(
        &mut self,
        now: Instant,
        peer: Box<Peer>,
        framing: Framing,
        out: &mut Effects,
    ) -> Result<SessionKey, Vec<u8>> {
        let Some(Given { channel, too_early }) = self.shared.pool.allocate(now) else {
            tracing::warn!(remote = %peer.remote, "client refused: all channels are in use");
            metrics::REFUSED.one(&["client"]);
            return Err(self.capacity_reached(framing));
        };
        if let Some(rested) = too_early {
            tracing::warn!(
                %channel,
                rested_ms = rested.as_millis() as u64,
                "a client gets a channel that another has just had: there are few that are free"
            );
        }
        self.need_root(now, out);
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            SessionIndex::try_from(self.slots.len() - 1).expect("fewer sessions than 2^32")
        });
        let slot = &mut self.slots[index as usize];
        let key = SessionKey { index, generation: slot.generation };
        let mut cx = Context { shared: &mut self.shared, out, now };
        let mut session = Box::new(Session::new(&mut cx, key, channel, peer, framing));
        self.dialect.begin(&mut session, &mut cx);
        session.script_connect(&mut cx);
        self.slots[index as usize].session = Some(session);
        Ok(key)
    }

    /// Ends all sessions, at most `budget` at a time, and tells their clients why; whether there are others left.
    /// From the first call on none of them hears or does anything.
    pub fn shut_down(
        &mut self,
        now: Instant,
        budget: usize,
        stop: Stop,
        out: &mut Effects,
    ) -> bool {
        let from = self.shut_down.unwrap_or(0);
        let to = (from + budget).min(self.slots.len());
        self.shut_down = Some(to);
        for index in from..to {
            self.end(now, index as SessionIndex, &End::ShutDown(stop), out);
        }
        let has_more = to < self.slots.len();
        if !has_more {
            self.absent.forget_all(out);
            self.forget_root(out);
            self.together.forget_all();
            self.comparing.listen_no_more(out);
        }
        has_more
    }

    /// Hands over whose time is over, and for what. Whether anything of them lies unread is to be found out, and
    /// said with [`Core::judge`].
    pub fn drain_silent(&mut self) -> impl Iterator<Item = (SessionKey, Silence)> + '_ {
        self.shared.silent.drain(..)
    }

    /// Puts a client out whose time is over, if nothing of it lies unread.
    pub fn judge(
        &mut self,
        now: Instant,
        (key, silence): (SessionKey, Silence),
        has_unread: bool,
        out: &mut Effects,
    ) {
        let Core { shared, slots, .. } = self;
        let Some(session) = session_at(slots, key) else { return };
        let judged =
            session.judge(&mut Context { shared, out: &mut *out, now }, silence, has_unread);
        match judged {
            Ok(()) => {}
            Err(end) if silence == Silence::Heartbeat => self.lose(now, key, end, true, out),
            Err(end) => self.end(now, key.index, &end, out),
        }
    }

    /// Hands over what the event logger is to be told.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.shared.events.drain(..)
    }

    /// Hands over what there is to say about sessions that have ended.
    pub fn drain_closed(&mut self) -> impl Iterator<Item = Closed> + '_ {
        self.shared.closed.drain(..)
    }

    /// As whom the agent asks the cluster after a gap.
    #[cfg(test)]
    pub(crate) const fn asker(&self) -> Channel {
        self.comparing.asker()
    }

    /// Has its clients rely on something else.
    #[cfg(test)]
    pub(crate) const fn set_manners(&mut self, manners: Manners) {
        self.shared.manners = manners;
    }

    /// What it goes by.
    #[cfg(test)]
    pub(crate) const fn config(&self) -> &ClientAgentConfig {
        &self.shared.config
    }

    /// How many deadlines are waited for.
    #[cfg(test)]
    pub(crate) fn deadline_count(&self) -> usize {
        self.shared.deadlines.len()
    }

    /// How many deadlines of scripts are waited for.
    #[cfg(test)]
    pub(crate) fn script_deadline_count(&self) -> usize {
        self.shared.deadlines.of_scripts()
    }

    /// Of how many objects something is remembered for a session because of rules.
    #[cfg(test)]
    pub(crate) fn remembered(&mut self, key: SessionKey) -> usize {
        self.session_mut(key).map_or(0, |session| session.remembered())
    }

    /// How many sessions there are, with those that have ended and still have a place.
    pub fn session_count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn session_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        session_at(&mut self.slots, key)
    }

    /// Has a session do something, and ends it if it says so. `None` if there is no such session any
    /// more afterwards.
    fn with(
        &mut self,
        now: Instant,
        key: SessionKey,
        out: &mut Effects,
        action: impl FnOnce(&mut Session, &mut Context<'_>) -> Flow,
    ) -> Option<()> {
        let session = session_at(&mut self.slots, key)?;
        let flow = action(session, &mut Context { shared: &mut self.shared, out, now });
        let ended = flow.map_err(|end| self.end(now, key.index, &end, out)).is_err();
        (!ended).then_some(())
    }

    fn end(&mut self, now: Instant, index: SessionIndex, end: &End, out: &mut Effects) {
        let slot = &mut self.slots[index as usize];
        let Some(mut session) = slot.session.take() else {
            return;
        };
        slot.generation = slot.generation.wrapping_add(1);
        slot.holds = 2;
        let mut cx = Context { shared: &mut self.shared, out, now };
        session.script_disconnect(&mut cx, || end.in_short().0);
        let departure = session.end(&mut cx, end);
        let mut bytes = session.take_outbox().bytes;
        if let Some((code, text)) = end.close_code() {
            session.framing().write_close(&mut bytes, code, &text);
        }
        if let Some(watching) = &self.watching {
            watching.show_output(&session, &bytes);
        }
        let (key, close) = (session.key(), end.close_kind());
        self.ended.push(Ended { key, bytes, close, is_away: false });
        self.departures.push_back(departure);
        let mut at_once = self.at_once;
        if self.depart(now, &mut at_once, out) {
            out.go_on_later();
        }
        self.at_once = at_once;
    }

    fn query_due(&mut self, now: Instant, key: SessionKey, query: ids::Context, out: &mut Effects) {
        let Core { shared, slots, .. } = self;
        let Some(session) = session_at(slots, key) else { return };
        let absent = session.query_due(&mut Context { shared, out: &mut *out, now }, query);
        if let Some(parent) = absent {
            self.parent_has_not_answered(now, parent, out);
            self.parent_is_absent(parent, key, query, out);
        }
    }

    /// Does some of what is left to be done for sessions that have ended; whether there is still more.
    fn depart(&mut self, now: Instant, budget: &mut usize, out: &mut Effects) -> bool {
        while let Some(departure) = self.departures.front_mut() {
            departure.go_on(&mut Context { shared: &mut self.shared, out, now }, budget);
            if !departure.is_over() {
                return true;
            }
            let session = departure.session();
            self.departures.pop_front();
            self.let_go(session);
        }
        false
    }

    fn collect_receivers(
        &self,
        envelope: &Envelope<'_>,
        origin: Origin,
        receivers: &mut Vec<SessionIndex>,
    ) {
        let mut lists = 0;
        for recipient in envelope.recipients.iter() {
            let sessions = self.shared.subscribers.of(recipient);
            if !sessions.is_empty() {
                receivers.extend_from_slice(sessions);
                lists += 1;
            }
        }
        if lists > 1 {
            receivers.sort_unstable();
            receivers.dedup();
        }
        if let Origin::Member(sender) = origin {
            receivers.retain(|&session| session != sender);
        }
    }

    fn deliver_to(
        &mut self,
        now: Instant,
        origin: Origin,
        envelope: &Envelope<'_>,
        receivers: &[SessionIndex],
        out: &mut Effects,
    ) {
        let Some(message) = decode(envelope) else { return };
        if self.comparing.is_under_way() {
            self.overhear(now, &message, receivers, out);
        }
        let Core { shared, slots, translation, .. } = self;
        let news = News::of(envelope.sender, &message);
        translation.clear();
        let arrival = Arrival::new(shared, envelope.sender, &message, origin == Origin::Role);
        let mut ends = Vec::new();
        out.note_members(receivers.len());
        let mut cx = Context { shared, out, now };
        let mut receivers = receivers.iter();
        while let Some(&first) = receivers.as_slice().first() {
            let Some(session) = &slots[first as usize].session else {
                receivers.next();
                continue;
            };
            let framing = session.framing();
            let frames = translation.frames(framing, &*cx.shared.voice, news.as_ref());
            let frames = match frames {
                Ok(frames) => frames,
                // It does for none of them: the longest datagram is the same for all.
                Err(error) => {
                    tracing::error!(%error, "a message does not fit the client protocol");
                    break;
                }
            };
            let knowing = receivers.len() * session.object_count();
            let is_crowd = knowing >= CROWD_MIN && arrival.is_update();
            let (mut who_knows, mut asked) = (0u32, 0);
            // Those that come next are mostly of the same framing: for each of them only what is its own is done.
            loop {
                if is_crowd && asked == 0 {
                    (who_knows, asked) =
                        (knowing_of(slots, receivers.as_slice(), &arrival), u32::BITS);
                }
                let Some(&index) = receivers.as_slice().first() else { break };
                let session = slots[index as usize].session.as_mut();
                let Some(session) = session.filter(|one| one.framing() == framing) else { break };
                receivers.next();
                let knows = match is_crowd {
                    true => who_knows & 1 > 0,
                    false => session.knows_object_of(&arrival),
                };
                who_knows >>= 1;
                asked = asked.saturating_sub(1);
                if let Err(end) = session.handle_cluster(&mut cx, &arrival, knows, frames) {
                    ends.push((index, end));
                }
            }
        }
        for (index, end) in ends {
            self.end(now, index, &end, out);
        }
    }
}

/// Datagrams of the cluster, and of the sessions to one another.
impl Role for Core {
    /// Hands a datagram to each session that listens to one of its recipients, once; not to the one that sent
    /// it.
    fn handle(&mut self, now: Instant, origin: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        if self.shut_down.is_some() {
            return;
        }
        let mut receivers = std::mem::take(&mut self.receivers);
        self.collect_receivers(envelope, origin, &mut receivers);
        if !receivers.is_empty() {
            self.hand_on(now, out);
            self.deliver_to(now, origin, envelope, &receivers, out);
        } else {
            self.handle_as_agent(now, envelope, out);
        }
        receivers.clear();
        self.receivers = receivers;
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        let deadlines =
            [self.shared.deadlines.next(), self.comparing.deadline(), self.root_deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Effects) {
        self.hand_on(now, out);
        let mut timers_of_script = 0;
        while let Some(timer) = self.shared.deadlines.pop_due(now) {
            if matches!(timer, Timer::Script(_)) {
                timers_of_script += 1;
                if timers_of_script > SCRIPT_TIMERS_AT_ONCE {
                    // The others when those have had their turn who wait meanwhile.
                    self.shared.deadlines.set(now, timer);
                    break;
                }
            }
            match timer {
                Timer::Silence(key, silence) => self.with(now, key, out, |session, cx| {
                    session.silence_due(cx, silence);
                    Ok(())
                }),
                Timer::Query(key, context) => {
                    self.query_due(now, key, context, out);
                    None
                }
                Timer::Away(key) => {
                    self.is_away_for_long(now, key, out);
                    None
                }
                Timer::Retelling(key) => self.with(now, key, out, |session, cx| {
                    session.retelling_due(cx);
                    Ok(())
                }),
                Timer::Ending(key, do_id) => {
                    self.with(now, key, out, |session, cx| session.ending_is_over(cx, do_id))
                }
                Timer::Spared(key, do_id) => {
                    self.reprieve_is_over(now, key, do_id, out);
                    None
                }
                Timer::Script(timer) => {
                    self.shared.script_timer(now, timer, out);
                    None
                }
            };
        }
        self.comparison_due(now, out);
        self.root_due(now, out);
    }

    fn resume(&mut self, now: Instant, mut budget: usize, out: &mut Effects) -> bool {
        let waits = self.end_turn(now, &mut budget, out);
        let ends = self.end_away(now, &mut budget, out);
        let departs = self.depart(now, &mut budget, out) || ends;
        let asks = self.ask_absent(&mut budget, out);
        self.compare(now, &mut budget, out) || departs || asks || waits
    }

    fn gap(&mut self, now: Instant, _gap: Gap, out: &mut Effects) {
        self.was_away(now, out);
    }

    fn watch(&mut self, watch: Option<Arc<Watch>>) {
        self.set_watch(watch);
    }

    fn measure(&self, cursor: Cursor, budget: usize, figures: &mut Figures) -> Option<Cursor> {
        if cursor == Cursor::default() {
            self.measure_counts(figures);
        }
        let end = cursor.0.saturating_add(budget.max(1)).min(self.slots.len());
        for slot in self.slots.iter().take(end).skip(cursor.0) {
            if let Some(session) = &slot.session {
                session.measure(figures);
            }
        }
        (end < self.slots.len()).then_some(Cursor(end))
    }

    fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        self.describe(query, cursor, budget)
    }
}

//! What the sessions of a client agent share, and what one of them is given to handle something.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dclass::DcFile;
use jiff::{SignedDuration, Timestamp};

use super::{
    Asking, ChannelPool, Deadlines, Diversions, FieldRules, LimitCounts, Manners, OffenceCounts,
    Offender, Prices, Resumable, Roster, ScriptCounts, Scripting, SessionIndex, SessionKey,
    Silence, TimeManager, Tokens, Told, UberDogs, Voice,
};
use crate::banlist::List;
use crate::config::{ClientAgentConfig, RightsGrace};
use crate::event::Event;
use crate::hash::Seed;
use crate::ids::Channel;
use crate::recent::Closed;
use crate::role::Effects;
use crate::role::client_agent::parenting::Parenting;

/// Emptied buffers that are kept for the next batch.
const SPARE_BUFFERS_MAX: usize = 1024;
/// So many times `tuning.interest_timeout` are waited for an answer by which clients lose what they see.
const PATIENT: u32 = 4;
/// The largest buffer that is kept.
const SPARE_BYTES_MAX: usize = 128 * 1024;

/// What the sessions share.
pub struct Shared {
    pub config: ClientAgentConfig,
    /// What clients pay at its limits.
    pub prices: Prices,
    /// How often they have come up against them.
    pub limit_counts: Arc<LimitCounts>,
    /// How often they have broken rules.
    pub offence_counts: OffenceCounts,
    /// Who is to be banned for that.
    pub offenders: Vec<Offender>,
    /// How much of it the event logger has been told.
    pub offences_told: Told,
    /// Who may not be in.
    pub bans: Bans,
    /// Of which a client must name one in its hello.
    pub dc_hashes: Vec<u32>,
    pub dc: Arc<DcFile>,
    pub uberdogs: Arc<UberDogs>,
    /// Rules for what clients set fields to; `None` where there are none.
    pub rules: Option<Box<FieldRules>>,
    /// What goes to UberDOGs before anybody hears of it; `None` where nothing does.
    pub diversions: Option<Box<Diversions>>,
    /// The agent's script; `None` where there is none.
    pub scripting: Option<Box<Scripting>>,
    /// How often it has been called, and those before it.
    pub script_counts: ScriptCounts,
    /// What parents say of interests; `None` where nothing goes by it.
    pub parenting: Option<Box<Parenting>>,
    /// How clients are told things.
    pub voice: Box<dyn Voice>,
    /// What they rely on beyond that.
    pub manners: Manners,
    /// What tables by numbers of clients and the cluster are hashed with.
    pub seed: Seed,
    pub subscribers: Roster<Channel, SessionIndex>,
    pub pool: ChannelPool,
    pub deadlines: Deadlines,
    /// What sessions ask the cluster for in this turn.
    pub asking: Asking,
    pub events: Vec<Event>,
    /// Sessions that have ended, for whoever looks at the agent.
    pub closed: Vec<Closed>,
    /// Sessions with something for the shell, in the order in which they got it.
    pub touched: VecDeque<SessionKey>,
    /// Clients whose time is over, unless something of them lies unread: the shell is asked.
    pub silent: Vec<(SessionKey, Silence)>,
    /// When the cluster last answered a query of any session.
    pub last_answer: Option<Instant>,
    /// Of the queries that it has answered not long ago the oldest.
    pub oldest_answered: Option<Answered>,
    /// What clients know is being compared with the cluster after a gap: it may be wrong.
    pub is_comparing: bool,
    /// Makes what clients come back with; `None` if nobody can.
    pub tokens: Option<Tokens>,
    /// How many sessions clients can come back to.
    pub resumable: Arc<Resumable>,
    /// The object that tells the time, if there is one.
    pub time_manager: Option<Arc<TimeManager>>,
    /// Nobody is let in any more, nor back.
    pub is_closing: bool,
    /// Emptied buffers, to be filled again.
    pub spare_buffers: Vec<Vec<u8>>,
}

/// Who may not be in, and what time it was when that was said: a core has no calendar.
#[derive(Clone, Default)]
pub struct Bans {
    /// The list.
    pub list: Arc<List>,
    /// The same moment on both clocks.
    pub at: Option<(Instant, Timestamp)>,
}

impl Bans {
    /// The date; `None` if there has never been a list.
    pub fn date(&self, now: Instant) -> Option<Timestamp> {
        let (then, date) = self.at?;
        date.checked_add(SignedDuration::try_from(now.saturating_duration_since(then)).ok()?).ok()
    }
}

/// A query that has been answered.
#[derive(Copy, Clone, Debug)]
pub struct Answered {
    /// When it was asked.
    pub asked: Instant,
    /// When an answer to it came last.
    pub at: Instant,
}

/// What a session needs to handle something.
pub struct Context<'a> {
    pub shared: &'a mut Shared,
    pub out: &'a mut Effects,
    pub now: Instant,
}

impl Shared {
    /// What is shared before there is any session.
    pub fn new(
        config: &ClientAgentConfig,
        uberdogs: Arc<UberDogs>,
        dc: Arc<DcFile>,
        (voice, manners): (Box<dyn Voice>, Manners),
        seed: Seed,
    ) -> Self {
        let rest = Duration::from_millis(config.channel_rest_ms);
        Shared {
            config: config.clone(),
            prices: Prices::new(&config.limits),
            limit_counts: Arc::default(),
            offence_counts: OffenceCounts::default(),
            offenders: Vec::new(),
            offences_told: Told::default(),
            bans: Bans::default(),
            dc_hashes: config.accepted_hashes(&dc),
            rules: FieldRules::new(&config.client, manners.has_p2p, &dc),
            diversions: Diversions::new(&config.client.intercept, &uberdogs, &dc),
            scripting: None,
            script_counts: ScriptCounts::default(),
            parenting: Parenting::new(&config.parenting_rules, &dc, seed),
            dc,
            uberdogs,
            voice,
            manners,
            seed,
            subscribers: Roster::new(seed),
            pool: ChannelPool::new(config.channels, config.channel_step, rest, seed),
            deadlines: Deadlines::default(),
            asking: Asking::new(seed),
            events: Vec::new(),
            closed: Vec::new(),
            touched: VecDeque::new(),
            silent: Vec::new(),
            last_answer: None,
            oldest_answered: None,
            is_comparing: false,
            tokens: None,
            resumable: Arc::default(),
            time_manager: None,
            is_closing: false,
            spare_buffers: Vec::new(),
        }
    }

    /// Whether clients are forgiven the use of any right that they have just lost, also where Astron's own tests
    /// have them ejected.
    pub fn forgives_all(&self) -> bool {
        self.config.rights_grace_for == RightsGrace::All
    }

    /// How long somebody who is asked is waited for.
    pub fn interest_timeout(&self) -> Duration {
        Duration::from_millis(self.config.interest_timeout_ms)
    }

    /// How long, if a client takes for gone what does not answer in time: he who is asked may have many others to answer, and
    /// those to hear of it have it in sight meanwhile.
    pub fn patient_timeout(&self) -> Duration {
        self.interest_timeout() * PATIENT
    }

    /// The cluster answers a query that was asked then.
    pub fn note_answer(&mut self, now: Instant, asked: Instant) {
        self.last_answer = Some(now);
        let lately = self.interest_timeout() / 2;
        let is_older = |one: Answered| one.asked < asked && one.at + lately > now;
        if !self.oldest_answered.is_some_and(is_older) {
            self.oldest_answered = Some(Answered { asked, at: now });
        }
    }

    /// A buffer for what a client is to be sent.
    pub fn spare_buffer(&mut self) -> Vec<u8> {
        self.spare_buffers.pop().unwrap_or_default()
    }

    /// Keeps a buffer that is no longer needed for the next one who needs one.
    pub fn keep_buffer(&mut self, mut buffer: Vec<u8>) {
        let is_worth_it = (1..=SPARE_BYTES_MAX).contains(&buffer.capacity());
        if is_worth_it && self.spare_buffers.len() < SPARE_BUFFERS_MAX {
            buffer.clear();
            self.spare_buffers.push(buffer);
        }
    }
}

//! How far a session has come, and how long its client may be silent on the way.
//!
//! Nobody is put out for silence before his connection has been asked: after a stall of the whole process what
//! clients have sent in time lies unread. So a time that is over is a question for the shell
//! ([`Shared::silent`]), and the answer comes to [`Session::judge`].
//!
//! [`Shared::silent`]: crate::role::client_agent::agent::Shared::silent

use std::time::{Duration, Instant};

use super::{Build, End, Flow, Life, Request, Session, nonzero_ms};
use crate::banlist::Subject;
use crate::message::EjectReason;
use crate::role::client_agent::agent::{Context, SessionKey, Shared, Silence, Timer};
use crate::role::client_agent::view::Right;

/// When a client is looked at again whose time is over, but of whom something lies unread.
const UNREAD: Duration = Duration::from_millis(100);

/// What is lost by a session that does not come as far any more.
const RIGHTS: [(Life, Right); 2] =
    [(Life::Anonymous, Right::LetIn), (Life::Established, Right::Established)];

/// What a client has said last, and when.
#[derive(Debug)]
pub struct Presence {
    /// When it last showed life: hello or a heartbeat.
    pub alive: Instant,
    /// When it last said anything.
    pub heard: Instant,
    /// Whether [`Silence::Anonymous`] has a deadline, so that there is never more than one.
    is_watched: bool,
}

impl Presence {
    /// A client that has just connected: from now on its time runs.
    pub fn begin(shared: &mut Shared, key: SessionKey, now: Instant) -> Self {
        let config = &shared.config;
        let times = [
            (Silence::Hello, config.handshake_timeout_ms),
            (Silence::Heartbeat, config.client.heartbeat_timeout_ms),
            (Silence::Anonymous, config.anonymous_timeout_ms),
        ];
        for (silence, ms) in times {
            if let Some(timeout) = nonzero_ms(ms) {
                shared.deadlines.set(now + timeout, Timer::Silence(key, silence));
            }
        }
        Presence { alive: now, heard: now, is_watched: true }
    }
}

impl Session {
    /// Checks that what the client is logged in as is not banned.
    pub fn check_account(&self, shared: &Shared, now: Instant) -> Flow {
        let banned = self.identity.account().and_then(|account| {
            let date = shared.bans.date(now)?;
            shared.bans.list.of_account(account, date)
        });
        banned.map_or(Ok(()), |ban| Err(End::banned(ban)))
    }

    /// Whether a ban means the client.
    pub fn is_meant(&self, by: Subject) -> bool {
        let peer = &self.identity.peer;
        let ip = peer.remote.ip.parse().ok().filter(|_| !peer.is_local);
        by.means(ip, self.identity.account())
    }

    /// Checks that neither the client's address nor its account is banned.
    pub fn check_bans(&self, shared: &Shared, now: Instant) -> Flow {
        let peer = &self.identity.peer;
        let ip = peer.remote.ip.parse().ok().filter(|_| !peer.is_local);
        let banned = ip.and_then(|ip| shared.bans.list.of_address(ip, shared.bans.date(now)?));
        banned.map_or_else(|| self.check_account(shared, now), |ban| Err(End::banned(ban)))
    }

    /// The client has said what its dialect wants to hear first.
    pub fn let_in(&mut self, shared: &Shared, build: Build) {
        self.identity.is_let_in(shared, build);
        self.life = Life::Anonymous;
    }

    /// The client speaks a protocol in which nobody says with what he comes.
    pub fn let_in_unnamed(&mut self) {
        self.life = Life::Anonymous;
    }

    /// The client is alive.
    pub fn note_life(&mut self, cx: &Context<'_>) {
        self.presence.alive = cx.now;
    }

    /// From now on the client is to show life, and was not before.
    pub fn watch_life(&mut self, cx: &mut Context<'_>, timeout: Duration) {
        self.presence.alive = cx.now;
        let timer = Timer::Silence(self.identity.key, Silence::Heartbeat);
        cx.shared.deadlines.set(cx.now + timeout, timer);
    }

    /// The client has said something, whatever it is.
    pub fn note_heard(&mut self, now: Instant) {
        self.presence.heard = now;
    }

    /// The session is as far as the cluster says. What the client could do before may be under way.
    pub(super) fn enter(&mut self, cx: &mut Context<'_>, life: Life) {
        for (lost, right) in RIGHTS {
            let is_forgiven = right != Right::LetIn || cx.shared.forgives_all();
            if life < lost && lost <= self.life && is_forgiven {
                self.view.lapse(cx, right, None);
            }
        }
        let (client, before) = (self.identity.allocated, self.life.name());
        tracing::debug!(%client, before, state = life.name(), "client's state is set");
        self.life = life;
        self.count_comeback(cx.shared);
        if !self.presence.is_watched
            && life < Life::Established
            && let Some(timeout) = nonzero_ms(cx.shared.config.anonymous_timeout_ms)
        {
            self.presence.heard = cx.now;
            self.presence.is_watched = true;
            let timer = Timer::Silence(self.identity.key, Silence::Anonymous);
            cx.shared.deadlines.set(cx.now + timeout, timer);
        }
    }

    /// Whether the client may ask for something now, or could until not long ago. In that case nothing comes of
    /// it: whoever handles the request looks at that once it has been checked.
    #[inline]
    pub fn admits(&self, cx: &Context<'_>, request: Request) -> bool {
        self.life.admits(request) || self.has_admitted(cx, request)
    }

    fn has_admitted(&self, cx: &Context<'_>, request: Request) -> bool {
        let could = |(life, right): (Life, Right)| life.admits(request) && self.view.had(cx, right);
        (request.needs_right() || cx.shared.forgives_all()) && RIGHTS.into_iter().any(could)
    }

    /// A time is over, unless it has been put off.
    pub fn silence_due(&mut self, cx: &mut Context<'_>, silence: Silence) {
        if self.is_overdue(cx, silence) {
            cx.shared.silent.push((self.identity.key, silence));
        }
    }

    /// The client's connection has been asked: whether anything of it lies unread.
    ///
    /// # Errors
    /// The client is put out, if nothing has come from it in time.
    pub fn judge(&mut self, cx: &mut Context<'_>, silence: Silence, has_unread: bool) -> Flow {
        if !self.is_overdue(cx, silence) {
            return Ok(());
        }
        if has_unread {
            let timer = Timer::Silence(self.identity.key, silence);
            cx.shared.deadlines.set(cx.now + UNREAD, timer);
            return Ok(());
        }
        if silence == Silence::Hello {
            self.check_room()?;
        }
        let (reason, what) = match silence {
            Silence::Hello => (EjectReason::NoHello, "hello"),
            Silence::Heartbeat => (EjectReason::NoHeartbeat, "heartbeat"),
            Silence::Anonymous => (EjectReason::NoHeartbeat, "the client to log in"),
        };
        Err(End::eject(reason, format!("Server timed out while waiting for {what}.")))
    }

    /// Whether a time is over. If it has been put off, it is set anew.
    fn is_overdue(&mut self, cx: &mut Context<'_>, silence: Silence) -> bool {
        let config = &cx.shared.config;
        let (since, ms) = match silence {
            Silence::Hello if self.life > Life::New => return false,
            // It is set once, for its very time.
            Silence::Hello => return true,
            Silence::Heartbeat => (self.presence.alive, config.client.heartbeat_timeout_ms),
            Silence::Anonymous if self.life == Life::Established => {
                self.presence.is_watched = false;
                return false;
            }
            Silence::Anonymous => (self.presence.heard, config.anonymous_timeout_ms),
        };
        if ms == 0 {
            // There is no such limit any more.
            self.presence.is_watched &= silence != Silence::Anonymous;
            return false;
        }
        // Who is away cannot say anything.
        let is_excused = self.budget.may_have_said_more() || self.is_away();
        let since = if is_excused { cx.now } else { since };
        let due = since + Duration::from_millis(ms);
        if due > cx.now {
            cx.shared.deadlines.set(due, Timer::Silence(self.identity.key, silence));
        }
        due <= cx.now
    }
}

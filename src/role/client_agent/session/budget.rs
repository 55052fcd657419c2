//! What a client may ask of the agent in a time, and in all.
//!
//! Whoever asks for more than its rate is *held*: what it sends is looked at later, when the rate has caught up.
//! So a flood is slowed down to what it may be, and nothing of it is lost. What cannot be slowed down, since it
//! lasts, ends the session.

use std::time::{Duration, Instant};

use super::{End, Flow, Session};
use crate::config::ClientLimitsConfig;
use crate::ids::InterestId;
use crate::message::EjectReason;
use crate::role::client_agent::agent::{Context, Nanoseconds, Prices, SECOND, Shared};

/// How far a client may run ahead of its rates: a burst is so many seconds' worth. What it has to be answered may
/// take it as much further, and not more: nobody is held for longer than this.
const AHEAD_MAX: Nanoseconds = 10 * SECOND;
/// Objects are paid for so many at a time: reckoning takes longer than counting.
const ENTRIES_AT_A_TIME: u32 = 64;
/// To move an object is as much as so many messages.
const MESSAGES_A_MOVE: u32 = 20;
/// An object counts once more for so many bytes.
const ENTRY_BYTES: usize = 1024;
/// A client that has caught up so far has not gone on asking for more than its rates.
const CAUGHT_UP: Nanoseconds = AHEAD_MAX / 2;
/// For how long a client is held at least, so that the agent turns to it for more than one message then.
const HOLD_MIN: Nanoseconds = SECOND / 10;

/// What a client has used of one rate, as the time until which that would last it.
#[derive(Copy, Clone, Default, Debug)]
struct Account {
    lasts_until: Nanoseconds,
}

impl Account {
    /// Uses something that lasts so long.
    #[inline]
    fn use_up(&mut self, now: Nanoseconds, time: Nanoseconds) {
        let lasts_until = self.lasts_until.max(now).saturating_add(time);
        self.lasts_until = lasts_until.min(now + 2 * AHEAD_MAX);
    }
}

/// What a client says in a turn, apart from its accounts: until when each of them would last. It is looked at for each
/// message, so it is two sums.
#[derive(Debug)]
pub struct Bill {
    now: Nanoseconds,
    messages: Nanoseconds,
    bytes: Nanoseconds,
}

impl Bill {
    /// A message of so many bytes.
    #[inline]
    pub const fn add_message(&mut self, prices: &Prices, bytes: usize) {
        self.messages += prices.message.of(1);
        self.bytes += prices.byte.of(bytes as u64);
    }

    /// The last message counts for so many more.
    pub const fn add_messages(&mut self, prices: &Prices, count: u32) {
        self.messages += prices.message.of(count as u64);
    }

    /// Whether nothing more is to be looked at for the time being.
    #[inline]
    pub fn is_overdrawn(&self) -> bool {
        self.messages.max(self.bytes) > self.now + AHEAD_MAX
    }
}

/// What a client has used.
#[derive(Debug)]
pub struct Budget {
    /// When the session began.
    start: Instant,
    messages: Account,
    bytes: Account,
    entries: Account,
    /// Objects that it has been shown and not paid for yet.
    unpaid_entries: u32,
    /// How many messages the last one counts for, if it has had the cluster do what may cost much.
    asked: Option<u32>,
    /// What the client sends is not looked at for the time being.
    is_held: bool,
    /// Something that it has sent has come, and waits to be looked at: because it is held, or its turn was over.
    has_rest: bool,
    /// That has been logged.
    is_noted: bool,
    /// Since when it asks for more than its rates, and has not caught up.
    ahead_since: Option<Instant>,
}

impl Budget {
    /// Nothing has been used.
    pub const fn new(now: Instant) -> Self {
        let unused = Account { lasts_until: 0 };
        Budget {
            start: now,
            messages: unused,
            bytes: unused,
            entries: unused,
            unpaid_entries: 0,
            asked: None,
            is_held: false,
            has_rest: false,
            is_noted: false,
            ahead_since: None,
        }
    }

    /// Whether the client may have said something that has not been looked at.
    pub const fn may_have_said_more(&self) -> bool {
        self.is_held || self.has_rest
    }

    #[inline]
    fn at(&self, now: Instant) -> Nanoseconds {
        let since = now.saturating_duration_since(self.start);
        since.as_secs() * SECOND + Nanoseconds::from(since.subsec_nanos())
    }

    /// Until when what the client has used would last it.
    #[inline]
    fn lasts_until(&self) -> Nanoseconds {
        let Budget { messages, bytes, entries, .. } = self;
        messages.lasts_until.max(bytes.lasts_until).max(entries.lasts_until)
    }

    /// The limit of which the client has used most, and what it is.
    fn tightest(&self, limits: &ClientLimitsConfig) -> (&'static str, u64) {
        let lasts_until = self.lasts_until();
        if self.messages.lasts_until == lasts_until {
            ("limits.messages_per_second", limits.messages_per_second)
        } else if self.bytes.lasts_until == lasts_until {
            ("limits.bytes_per_second", limits.bytes_per_second)
        } else {
            ("limits.entries_per_second", limits.entries_per_second)
        }
    }
}

impl Session {
    /// A time as the client's accounts have it. It is made once for all messages of a turn, which costs more than
    /// paying for one.
    pub fn time_of(&self, now: Instant) -> Nanoseconds {
        self.budget.at(now)
    }

    /// What the client says in a turn.
    #[inline]
    pub fn bill(&self, now: Nanoseconds) -> Bill {
        let Budget { messages, bytes, .. } = &self.budget;
        let from_now_on = |account: &Account| account.lasts_until.max(now);
        Bill { now, messages: from_now_on(messages), bytes: from_now_on(bytes) }
    }

    /// The client pays for what it has said in a turn.
    #[inline]
    pub fn pay(&mut self, bill: &Bill) {
        let no_further = |lasts_until: Nanoseconds| lasts_until.min(bill.now + 2 * AHEAD_MAX);
        self.budget.messages.lasts_until = no_further(bill.messages);
        self.budget.bytes.lasts_until = no_further(bill.bytes);
    }

    /// The client pays for an object that it is shown because it has opened a zone. A large one counts for several.
    #[inline]
    pub(super) fn pay_for_entry(&mut self, cx: &Context<'_>, bytes: usize) {
        if self.is_trusted() {
            return;
        }
        self.budget.unpaid_entries += 1 + (bytes / ENTRY_BYTES) as u32;
        if self.budget.unpaid_entries >= ENTRIES_AT_A_TIME {
            self.pay_for_entries(cx.shared, self.budget.at(cx.now));
        }
    }

    fn pay_for_entries(&mut self, shared: &Shared, now: Nanoseconds) {
        let entries = u64::from(std::mem::take(&mut self.budget.unpaid_entries));
        self.budget.entries.use_up(now, shared.prices.entry.of(entries));
    }

    /// The cluster has been asked for objects.
    pub(super) fn note_asked(&mut self) {
        self.budget.asked = Some(1);
    }

    /// The client has moved an object: all who see where it comes to are told all of it.
    pub(super) fn note_moved(&mut self) {
        self.budget.asked = Some(MESSAGES_A_MOVE);
    }

    /// Whether the cluster has been asked for much since this was asked last, and for how many messages that counts: what
    /// else it costs is only known when it has been done.
    pub fn take_asked(&mut self) -> Option<u32> {
        self.budget.asked.take()
    }

    /// Whether something that the client has sent waits to be looked at.
    pub fn note_rest(&mut self, has_rest: bool) {
        self.budget.has_rest = has_rest;
    }

    /// Until when nothing that the client sends is looked at, if that is so.
    ///
    /// # Errors
    /// The session ends, if that has been so for too long: whoever floods the agent and goes is never found gone otherwise, as
    /// the end of what it has sent does not come.
    #[inline]
    pub fn held_until(
        &mut self,
        shared: &Shared,
        now: Instant,
        now_at: Nanoseconds,
    ) -> Result<Option<Instant>, End> {
        if self.budget.unpaid_entries > 0 {
            self.pay_for_entries(shared, now_at);
        }
        let lasts_until = self.budget.lasts_until();
        let is_ahead = lasts_until > now_at + AHEAD_MAX;
        if lasts_until <= now_at + CAUGHT_UP {
            self.budget.ahead_since = None;
        }
        if !is_ahead && !self.has_too_many_queries(shared) {
            if std::mem::take(&mut self.budget.is_held) {
                self.presence.alive = now;
            }
            return Ok(None);
        }
        let was_held = std::mem::replace(&mut self.budget.is_held, true);
        if is_ahead {
            self.check_patience(shared, now)?;
        }
        let wait = if is_ahead { lasts_until - AHEAD_MAX - now_at } else { 0 };
        let limits = &shared.config.limits;
        let (limit, allowed) = match is_ahead {
            true => self.budget.tightest(limits),
            false => ("limits.interests", limits.interests as u64),
        };
        if !was_held {
            shared.limit_counts.add(limit);
        }
        self.note_limit(limit, allowed);
        Ok(Some(now + Duration::from_nanos(wait + HOLD_MIN)))
    }

    /// Says once that the client is at a limit.
    fn note_limit(&mut self, limit: &str, allowed: u64) {
        if !std::mem::replace(&mut self.budget.is_noted, true) {
            let (client, remote) = (self.identity.allocated, &self.identity.peer.remote);
            tracing::warn!(%client, %remote, limit, allowed, "a client is at a limit and is read more slowly");
        }
    }

    /// When the cluster is asked for what a client that is back is told anew: now, or when it has paid for what it has been
    /// told so before. It is not refused, and so nobody gets more than his rates by being lost again and again.
    pub(super) fn may_be_told_at(&mut self, shared: &Shared, now: Instant) -> Instant {
        let now_at = self.budget.at(now);
        self.pay_for_entries(shared, now_at);
        let lasts_until = self.budget.lasts_until();
        if lasts_until <= now_at + AHEAD_MAX {
            return now;
        }
        let (limit, allowed) = self.budget.tightest(&shared.config.limits);
        shared.limit_counts.add(limit);
        self.note_limit(limit, allowed);
        now + Duration::from_nanos(lasts_until - AHEAD_MAX - now_at + HOLD_MIN)
    }

    /// The client pays for so many objects that the cluster has been asked for, whoever gets to hear of them.
    pub(super) fn pay_for_unheard(&mut self, entries: usize) {
        let entries = u32::try_from(entries).unwrap_or(u32::MAX);
        self.budget.unpaid_entries = self.budget.unpaid_entries.saturating_add(entries);
    }

    /// Checks that the client has not asked for more than its rates for too long.
    fn check_patience(&mut self, shared: &Shared, now: Instant) -> Flow {
        let limits = &shared.config.limits;
        let since = *self.budget.ahead_since.get_or_insert(now);
        match limits.patience {
            Some(patience) if now >= since + patience => {
                let (limit, allowed) = self.budget.tightest(limits);
                let ms = patience.as_millis();
                let text = format!("Client has been above {limit} ({allowed}) for {ms} ms.");
                Err(End::above(limit, EjectReason::Generic, text))
            }
            _ => Ok(()),
        }
    }

    /// Whether the cluster owes the client more answers than there can be interests. Those for interests that have
    /// been closed since count, until they have come or their time is over.
    fn has_too_many_queries(&self, shared: &Shared) -> bool {
        let interests_max = shared.config.limits.interests;
        interests_max > 0 && self.interests.query_count() > interests_max
    }

    /// Checks that what is held back for the client, until all objects of a zone have come, is not more than may wait
    /// for it to be read.
    pub(super) fn check_held_bytes(&self, shared: &Shared) -> Flow {
        let max = shared.config.limits.entry_bytes_max;
        if max > 0 && self.interests.held_bytes() as u64 > max {
            return Err(End::shown_too_much(
                "limits.entry_bytes",
                format!("Client has opened zones with more than {max} bytes of objects."),
            ));
        }
        Ok(())
    }

    /// Checks that the client does not see more objects than it may.
    pub(super) fn check_sight(&self, shared: &Shared) -> Flow {
        let max = shared.config.limits.visible_objects;
        if max > 0 && self.view.object_count() > max {
            return Err(End::shown_too_much(
                "limits.visible_objects",
                format!("Client sees more than {max} objects."),
            ));
        }
        self.check_held_bytes(shared)
    }

    /// Checks that a message of the client is not longer than it may be.
    ///
    /// # Errors
    /// The session ends.
    #[inline]
    pub fn check_length(shared: &Shared, bytes: usize) -> Flow {
        let max = shared.config.limits.datagram_bytes;
        if max > 0 && bytes > max {
            return Err(End::above(
                "limits.datagram_bytes",
                EjectReason::OversizedDatagram,
                format!("Client has sent a datagram of {bytes} bytes; {max} are allowed."),
            ));
        }
        Ok(())
    }

    /// Checks that the client may have one more interest, or other zones in one that is open.
    pub(super) fn check_interest_limits(
        &self,
        shared: &Shared,
        interest: InterestId,
        zones: usize,
    ) -> Flow {
        let limits = &shared.config.limits;
        let before = self.interests.zone_count_of(interest);
        let numbered = self.interests.numbered();
        let interests = numbered.interests + usize::from(before.is_none());
        let all_zones = numbered.zones - before.unwrap_or(0) + zones;
        let cases = [
            (interests, limits.interests, "limits.interests", "interests"),
            (
                zones,
                limits.zones_per_interest,
                "limits.zones_per_interest",
                "zones in one interest",
            ),
            (all_zones, limits.zones, "limits.zones", "zones in all interests"),
        ];
        for (count, max, key, what) in cases {
            if max > 0 && count > max {
                return Err(End::above(
                    key,
                    EjectReason::ForbiddenInterest,
                    format!("Client has more than {max} {what}."),
                ));
            }
        }
        Ok(())
    }
}

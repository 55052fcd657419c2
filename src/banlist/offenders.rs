//! The lines that the daemon itself writes: for those who have broken a rule for which they are banned.
//!
//! They are known by the beginning of their reason. What people have written is left alone.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Ban, List, Subject, entry, line_of};

/// What the reasons of such bans begin with.
const MARK: &str = "offence: ";

/// So many of them are in a file at most: whoever has very many addresses should not fill it.
pub const OFFENDERS_MAX: usize = 10_000;

/// What has become of those who were to be entered.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Entered {
    /// How many have been.
    pub count: usize,
    /// For how many there was no room.
    pub left_out: usize,
}

impl Ban {
    /// For an offence of this name.
    pub fn for_offence(name: &str, until: Option<Timestamp>) -> Self {
        Ban { until, reason: format!("{MARK}{name}").into() }
    }

    fn is_for_offence(&self) -> bool {
        self.reason.starts_with(MARK)
    }

    fn lasts_as_long_as(&self, other: &Ban) -> bool {
        match (self.until, other.until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(one), Some(other)) => one >= other,
        }
    }
}

/// A file's text with such bans, where they last longer than what stands there for the same, and without those that are over.
/// They come last, which counts.
pub fn with(text: &str, bans: &[(Subject, Ban)], now: Timestamp) -> (String, Entered) {
    let list = List::read(text).0;
    let there = list.in_force(now).filter(|(_, ban)| ban.is_for_offence()).count();
    let is_new = |(subject, ban): &&(Subject, Ban)| {
        list.get(*subject).is_none_or(|old| !old.lasts_as_long_as(ban))
    };
    let mut news: Vec<&(Subject, Ban)> = bans.iter().filter(is_new).collect();
    let count = news.len().min(OFFENDERS_MAX.saturating_sub(there));
    let left_out = news.len() - count;
    news.truncate(count);
    let replaced: HashSet<Subject> = news.iter().map(|(subject, _)| *subject).collect();
    let stays = |line: &&str| match entry(line) {
        Some(Ok((subject, ban))) if ban.is_for_offence() => {
            ban.lasts(now) && !replaced.contains(&subject)
        }
        Some(Ok(_)) => true,
        None | Some(Err(_)) => true,
    };
    let mut new: String = text.split_inclusive('\n').filter(stays).collect();
    if count > 0 && !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    for (subject, ban) in news {
        new += &line_of(*subject, ban);
        new.push('\n');
    }
    (new, Entered { count, left_out })
}

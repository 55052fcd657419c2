//! Who may not come in: a file of addresses, networks and accounts, which people and the daemon write.
//!
//! A line is whom it is for, `ADDRESS[/BITS]` or `account N`; then until when, as RFC 3339 has it, or `never`; then the reason.
//! Empty lines, and those that begin with `#`, say nothing.

mod file;
mod offenders;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;

pub use file::{Banlist, read_file, tell_flaws};
pub use offenders::{Entered, OFFENDERS_MAX};

use crate::config::parse_network;

/// The last second that there is: what is later is as good as never.
const LAST: Timestamp = Timestamp::constant(253_402_207_200, 0);

/// Whom a ban is for.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// Who connects from these addresses.
    Network(IpNet),
    /// Who is logged in as this.
    Account(u32),
}

impl Subject {
    /// One address.
    pub fn of(ip: IpAddr) -> Self {
        Subject::Network(ip.to_canonical().into())
    }

    /// Whether somebody is meant who has this address, if he has one, and is logged in as this, if he is.
    pub fn means(&self, ip: Option<IpAddr>, account: Option<u32>) -> bool {
        match self {
            Subject::Network(network) => ip.is_some_and(|ip| network.contains(&ip.to_canonical())),
            Subject::Account(banned) => account == Some(*banned),
        }
    }

    /// All addresses that the host at one of them has: of IPv6 that is a /64.
    pub fn host(ip: IpAddr) -> Self {
        /// What every network hands out, at least.
        const HOST_BITS: u8 = 64;
        match ip.to_canonical() {
            ip @ IpAddr::V4(_) => Subject::of(ip),
            ip @ IpAddr::V6(_) => {
                let network = IpNet::new(ip, HOST_BITS).expect("it has so many bits");
                Subject::Network(network.trunc())
            }
        }
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(number) = text.strip_prefix("account ") {
            let account = number.trim().parse().ok().filter(|account| *account > 0);
            let wrong = || format!("{number:?} is no account: a number from 1 to {}", u32::MAX);
            return account.map(Subject::Account).ok_or_else(wrong);
        }
        let network = parse_network(text).ok_or_else(|| {
            format!(
                "{text:?} is no address, such as 192.0.2.1, and no network, such as 192.0.2.0/24"
            )
        })?;
        Ok(Subject::Network(network.trunc()))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                write!(f, "{}", network.addr())
            }
            Subject::Network(network) => write!(f, "{network}"),
            Subject::Account(account) => write!(f, "account {account}"),
        }
    }
}

/// For how long, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ban {
    /// `None` is for ever.
    pub until: Option<Timestamp>,
    /// For the player.
    pub reason: Box<str>,
}

impl Ban {
    /// For some time from now on, or for ever.
    pub fn new(time: Option<Duration>, now: Timestamp, reason: &str) -> Self {
        let until = time.map(|time| now.checked_add(time).unwrap_or(LAST).min(LAST));
        let until = until.map(|until| until.round(jiff::Unit::Second).unwrap_or(until));
        Ban { until, reason: reason.into() }
    }

    fn lasts(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// What the player is told.
    pub fn text(&self) -> String {
        let until = self.until.map_or(String::new(), |until| format!(" until {until}"));
        match &*self.reason {
            "" => format!("You are banned{until}."),
            reason => format!("You are banned{until}: {reason}"),
        }
    }
}

/// A line that says nothing that is understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flaw {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// What the file says, to be looked up.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct List {
    /// In the order of their subjects: there may be hundreds of thousands, and a table would take twice as much memory.
    bans: Box<[(Subject, Ban)]>,
    /// The lengths of the prefixes that there are, of IPv4 and of IPv6: each is looked up.
    lengths: [Vec<u8>; 2],
}

impl List {
    /// Reads a file's text, as far as its lines are right. Of several lines for one the last counts.
    pub fn read(text: &str) -> (Self, Vec<Flaw>) {
        let (mut bans, mut flaws) = (Vec::new(), Vec::new());
        for (i, line) in text.lines().enumerate() {
            match entry(line) {
                None => {}
                Some(Ok(ban)) => bans.push(ban),
                Some(Err(message)) => flaws.push(Flaw { line: i + 1, message }),
            }
        }
        // The last of the same first. The order of the others stays.
        bans.reverse();
        bans.sort_by_key(|(subject, _)| *subject);
        bans.dedup_by_key(|(subject, _)| *subject);
        let mut lengths = [Vec::new(), Vec::new()];
        for (subject, _) in &bans {
            if let Subject::Network(network) = subject {
                lengths[family(network)].push(network.prefix_len());
            }
        }
        for lengths in &mut lengths {
            lengths.sort_unstable();
            lengths.dedup();
            lengths.shrink_to_fit();
        }
        (List { bans: bans.into(), lengths }, flaws)
    }

    /// Whether there is nobody in it.
    pub fn is_empty(&self) -> bool {
        self.bans.is_empty()
    }

    /// For how many it has a ban, also one that is over.
    pub fn len(&self) -> usize {
        self.bans.len()
    }

    /// The bans that last, in order.
    pub fn in_force(&self, now: Timestamp) -> impl Iterator<Item = &(Subject, Ban)> {
        self.bans.iter().filter(move |(_, ban)| ban.lasts(now))
    }

    fn get(&self, subject: Subject) -> Option<&Ban> {
        let at = self.bans.binary_search_by_key(&subject, |(subject, _)| *subject).ok()?;
        Some(&self.bans[at].1)
    }

    /// The ban for whoever connects from an address: the one of the smallest network that it is in.
    pub fn of_address(&self, ip: IpAddr, now: Timestamp) -> Option<&Ban> {
        let whole = IpNet::from(ip.to_canonical());
        let lengths = self.lengths[family(&whole)].iter().rev();
        let mut found = lengths.filter_map(|length| {
            let network = IpNet::new(whole.addr(), *length).ok()?.trunc();
            self.get(Subject::Network(network))
        });
        found.find(|ban| ban.lasts(now))
    }

    /// The ban for an account.
    pub fn of_account(&self, account: u32, now: Timestamp) -> Option<&Ban> {
        self.get(Subject::Account(account)).filter(|ban| ban.lasts(now))
    }
}

const fn family(network: &IpNet) -> usize {
    match network {
        IpNet::V4(_) => 0,
        IpNet::V6(_) => 1,
    }
}

/// What a line says, if it is to say anything.
fn entry(line: &str) -> Option<Result<(Subject, Ban), String>> {
    // Some editors begin a file with a mark of its encoding.
    let line = line.trim_start_matches('\u{feff}').trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    Some(read_entry(line))
}

fn read_entry(line: &str) -> Result<(Subject, Ban), String> {
    let (first, rest) = word(line);
    let (subject, rest) = match first {
        "account" => {
            let (number, rest) = word(rest);
            (format!("account {number}").parse()?, rest)
        }
        address => (address.parse()?, rest),
    };
    let until = match word(rest).0 {
        "" => {
            return Err(
                "it does not say until when: a time such as 2030-01-31T12:00:00Z, or never".into(),
            );
        }
        "never" => None,
        time => Some(time_of(time).ok_or_else(|| {
            format!("{time:?} is no time such as 2030-01-31T12:00:00Z, and not never")
        })?),
    };
    Ok((subject, Ban { until, reason: word(rest).1.into() }))
}

/// A time as RFC 3339 has it. Of its last two days, of which there is no moment everywhere, it is the last moment that there is.
fn time_of(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(|time: Timestamp| time.min(LAST)).or_else(|| {
        let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
        let is_complete = pieces.time().is_some() && pieces.offset().is_some();
        let is_last = pieces.date() >= jiff::civil::date(9999, 12, 30);
        (is_complete && is_last).then_some(LAST)
    })
}

/// The first word, and what comes after it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// A ban as a line of a file.
pub fn line_of(subject: Subject, ban: &Ban) -> String {
    let until = ban.until.map_or("never".to_owned(), |until| until.to_string());
    // A reason is one line.
    let reason: Vec<&str> = ban.reason.split_whitespace().collect();
    let line = format!("{subject} {until} {}", reason.join(" "));
    line.trim_end().to_owned()
}

/// A file's text with a ban, in the place of an older one for the same; everything else stays as it is.
pub fn with(text: &str, subject: Subject, ban: &Ban) -> String {
    let line = line_of(subject, ban);
    let (mut new, mut is_there) = (String::with_capacity(text.len() + line.len() + 2), false);
    for old in text.split_inclusive('\n') {
        if !is_of(old, subject) {
            new.push_str(old);
        } else if !std::mem::replace(&mut is_there, true) {
            new += &line;
            new.push('\n');
        }
    }
    if !is_there {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new += &line;
        new.push('\n');
    }
    new
}

/// A file's text without the bans for one, if there are any.
pub fn without(text: &str, subject: Subject) -> Option<String> {
    let lines = text.split_inclusive('\n');
    let new: String = lines.filter(|line| !is_of(line, subject)).collect();
    (new.len() < text.len()).then_some(new)
}

fn is_of(line: &str, subject: Subject) -> bool {
    matches!(entry(line), Some(Ok((its, _))) if its == subject)
}

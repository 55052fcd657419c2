//! `donet ban`, `donet unban` and `donet bans`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::banlist::{self, Ban, Banlist, Subject};
use crate::control::{Answer, Replies, Request};
use crate::role::client_agent::Crowd;

const NO_LIST: &str = "no client agent of this daemon has a ban list: see `clientagent.banlist`";

/// Those that it concerns.
pub(super) struct Concerned {
    /// The ban lists of all agents, each once.
    pub banlists: Vec<Arc<Banlist>>,
    /// The clients of all agents that have one.
    pub crowds: Vec<Crowd>,
    /// What speaks against a ban, as far as the configuration says.
    pub objection: Option<&'static str>,
}

/// So many clients do not come from one household: the address may be that of a school, or of a mobile network.
const MANY: usize = 10;

/// Writes the ban lists, each once, and says what has become of it.
pub(super) fn carry_out(request: &Request, concerned: &Concerned) -> Vec<Answer> {
    let count = concerned.count_meant(request);
    match concerned.check(request, count).and_then(|()| change(request, &concerned.banlists)) {
        Ok(text) => {
            tracing::info!("a command: {text}");
            let mut answers = vec![Answer::Say(text)];
            if count > 1 {
                answers.push(Answer::Complain(format!("warning: {count} clients are put out")));
            }
            answers.push(Answer::Exit(0));
            answers
        }
        Err(text) => {
            tracing::warn!("a command: {text}");
            vec![Answer::Complain(text), Answer::Exit(1)]
        }
    }
}

/// Whom a request would ban.
pub(super) fn subject_of(request: &Request) -> Option<Subject> {
    match request {
        Request::Ban { subject, .. } => subject.parse().ok(),
        _ => None,
    }
}

impl Concerned {
    /// How many clients are there that would be banned.
    fn count_meant(&self, request: &Request) -> usize {
        let Some(subject) = subject_of(request) else { return 0 };
        self.crowds.iter().map(|crowd| crowd.count_meant(subject)).sum()
    }

    /// Checks that not many are banned who are not meant, unless they are.
    fn check(&self, request: &Request, count: usize) -> Result<(), String> {
        let Request::Ban { subject, force: false, .. } = request else { return Ok(()) };
        let many = || format!("{count} clients that are there now would be put out");
        let why = self.objection.map(str::to_owned).or_else(|| (count >= MANY).then(many));
        match why {
            Some(why) if !self.banlists.is_empty() => {
                Err(format!("{subject} is not banned: {why}; `--force` bans it all the same"))
            }
            _ => Ok(()),
        }
    }
}

/// How many bans are said at a time.
const BANS_SAID: usize = 100;

/// Says who may not come in.
pub(super) async fn tell(banlists: Vec<Arc<Banlist>>, replies: Replies) {
    for banlist in &banlists {
        let (list, now) = (banlist.list(), Timestamp::now());
        let lines = list.in_force(now).map(|(subject, ban)| banlist::line_of(*subject, ban));
        let mut lines = (banlists.len() > 1)
            .then(|| format!("# {}", banlist.path().display()))
            .into_iter()
            .chain(lines);
        loop {
            let some: Vec<String> = lines.by_ref().take(BANS_SAID).collect();
            if some.is_empty() {
                break;
            }
            // Whoever asks may have gone.
            if replies.send(Answer::Say(some.join("\n"))).await.is_err() {
                return;
            }
        }
    }
    let last = match banlists.is_empty() {
        true => vec![Answer::Complain(NO_LIST.to_owned()), Answer::Exit(1)],
        false => vec![Answer::Exit(0)],
    };
    for answer in last {
        let _ = replies.send(answer).await;
    }
}

fn change(request: &Request, banlists: &[Arc<Banlist>]) -> Result<String, String> {
    if banlists.is_empty() {
        return Err(NO_LIST.to_owned());
    }
    match request {
        Request::Ban { subject, seconds, reason, force: _ } => {
            let subject: Subject = subject.parse()?;
            let ban = Ban::new(seconds.map(Duration::from_secs), Timestamp::now(), reason);
            each_list(banlists, |banlist| banlist.ban(subject, &ban).map(|()| true))?;
            let until = ban.until.map_or("for ever".to_owned(), |until| format!("until {until}"));
            Ok(format!("{subject} is banned {until}"))
        }
        Request::Unban { subject } => {
            let subject: Subject = subject.parse()?;
            match each_list(banlists, |banlist| banlist.unban(subject))? {
                true => Ok(format!("{subject} is banned no more")),
                false => Err(format!("{subject} is not in the ban list")),
            }
        }
        Request::Reload
        | Request::Bans
        | Request::Drain { .. }
        | Request::Schema
        | Request::Top
        | Request::Trace { .. }
        | Request::Dump { .. } => unreachable!("it is no ban"),
    }
}

/// Changes each list once, whatever becomes of the others; whether any has changed.
fn each_list(
    banlists: &[Arc<Banlist>],
    change: impl Fn(&Banlist) -> std::io::Result<bool>,
) -> Result<bool, String> {
    let (mut changed, mut failed) = (Vec::new(), Vec::new());
    for banlist in banlists {
        let file = banlist.path().display().to_string();
        match change(banlist) {
            Ok(true) => changed.push(file),
            Ok(false) => {}
            Err(error) => failed.push(format!("cannot write {file}: {error}")),
        }
    }
    if failed.is_empty() {
        return Ok(!changed.is_empty());
    }
    let mut text = failed.join("; ");
    if !changed.is_empty() {
        text += &format!("; it was written to {}, and is in force there", changed.join(", "));
    }
    Err(text)
}

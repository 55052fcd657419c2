//! `donet ban` and `donet unban`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::banlist::{Ban, Banlist, Subject};
use crate::control::{Answer, Request};

/// Writes the ban lists, each once, and says what has become of it.
pub(super) fn carry_out(request: &Request, banlists: Vec<Arc<Banlist>>) -> Vec<Answer> {
    match change(request, &banlists) {
        Ok(text) => {
            tracing::info!("a command: {text}");
            vec![Answer::Say(text), Answer::Exit(0)]
        }
        Err(text) => vec![Answer::Complain(text), Answer::Exit(1)],
    }
}

fn change(request: &Request, banlists: &[Arc<Banlist>]) -> Result<String, String> {
    if banlists.is_empty() {
        return Err(
            "no client agent of this daemon has a ban list: see `clientagent.banlist`".into()
        );
    }
    match request {
        Request::Ban { subject, seconds, reason } => {
            let subject: Subject = subject.parse()?;
            let until = seconds.map(|seconds| Timestamp::now() + Duration::from_secs(seconds));
            let until = until.map(|until| until.round(jiff::Unit::Second).unwrap_or(until));
            let ban = Ban { until, reason: reason.clone() };
            each_file(banlists, |banlist| banlist.ban(subject, &ban).map(|()| true))?;
            let until = until.map_or("for ever".to_owned(), |until| format!("until {until}"));
            Ok(format!("{subject} is banned {until}"))
        }
        Request::Unban { subject } => {
            let subject: Subject = subject.parse()?;
            match each_file(banlists, |banlist| banlist.unban(subject))? {
                true => Ok(format!("{subject} is banned no more")),
                false => Err(format!("{subject} is not in the ban list")),
            }
        }
        Request::Reload | Request::Drain { .. } => unreachable!("it is no ban"),
    }
}

/// Changes each file once, and has those read it again who share it; whether any has changed.
fn each_file(
    banlists: &[Arc<Banlist>],
    change: impl Fn(&Banlist) -> std::io::Result<bool>,
) -> Result<bool, String> {
    let mut has_changed = false;
    for (i, banlist) in banlists.iter().enumerate() {
        if banlists[..i].iter().any(|other| other.path() == banlist.path()) {
            banlist.refresh();
            continue;
        }
        let failed = |error| format!("cannot write {}: {error}", banlist.path().display());
        has_changed |= change(banlist).map_err(failed)?;
    }
    Ok(has_changed)
}

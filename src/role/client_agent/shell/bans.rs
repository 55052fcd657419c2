//! Who may not be in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Shared;
use super::gate::Refusal;
use crate::banlist::{Ban, Banlist, Entered, OFFENDERS_MAX, Subject};
use crate::role::client_agent::{Bans, Offender, Peer};

/// How often the file is written for those who are banned by the daemon, at most.
const PAUSE: Duration = Duration::from_secs(1);
/// When it is tried again, if it could not be.
const RETRY: Duration = Duration::from_secs(10);

/// Who is to be entered into the ban list, each once: whoever routes adds them, and a task of the agent enters them.
#[derive(Default)]
pub struct Offenders {
    waiting: Mutex<HashMap<Subject, Ban>>,
    has_come: Notify,
}

impl Offenders {
    /// Has somebody entered soon. When there are as many as a list may have, nobody else waits.
    pub fn add(&self, offender: Offender) {
        let Offender { subject, offence, ban_for } = offender;
        let until = ban_for.map(|time| Timestamp::now() + time);
        let until = until.map(|until| until.round(jiff::Unit::Second).unwrap_or(until));
        self.put([(subject, Ban::for_offence(offence.name(), until))]);
    }

    fn put(&self, bans: impl IntoIterator<Item = (Subject, Ban)>) {
        let mut waiting = self.waiting.lock();
        let mut left_out = 0;
        for (subject, ban) in bans {
            if waiting.len() < OFFENDERS_MAX || waiting.contains_key(&subject) {
                waiting.insert(subject, ban);
            } else {
                left_out += 1;
            }
        }
        drop(waiting);
        warn_of_left_out(left_out);
        self.has_come.notify_one();
    }

    /// Enters those who wait; whether the file could be written. Those who have not been entered wait again.
    pub async fn enter(self: &Arc<Self>, banlist: &Arc<Banlist>) -> bool {
        let (this, banlist) = (self.clone(), banlist.clone());
        // A disk may be slow, and what has begun there ends there.
        let written = tokio::task::spawn_blocking(move || {
            let bans: Vec<(Subject, Ban)> = this.waiting.lock().drain().collect();
            if bans.is_empty() {
                return true;
            }
            let file = banlist.path().display();
            match banlist.ban_offenders(&bans, Timestamp::now()) {
                Ok(Entered { count, left_out }) => {
                    tracing::info!(%file, count, "offenders have been entered into the ban list");
                    warn_of_left_out(left_out);
                    true
                }
                Err(error) => {
                    tracing::error!(%file, %error, count = bans.len(), "the ban list cannot be written: offenders are not banned yet");
                    this.put(bans);
                    false
                }
            }
        });
        written.await.unwrap_or_default()
    }
}

fn warn_of_left_out(count: usize) {
    if count > 0 {
        tracing::warn!(
            count,
            max = OFFENDERS_MAX,
            "offenders are not banned: too many are already"
        );
    }
}

/// Enters offenders into the list as they come: at once, and again when some time has passed.
pub async fn enter(banlist: Arc<Banlist>, offenders: Arc<Offenders>) {
    loop {
        offenders.has_come.notified().await;
        let is_written = offenders.enter(&banlist).await;
        tokio::time::sleep(if is_written { PAUSE } else { RETRY }).await;
    }
}

impl Shared {
    /// Whether the client's address may come in. A proxy that looks whether somebody is there is nobody.
    pub fn check_ban(&self, peer: &Peer) -> Result<(), Refusal> {
        let Some(banlist) = self.banlist.as_ref().filter(|_| !peer.is_local) else { return Ok(()) };
        let Ok(ip) = peer.remote.ip.parse() else { return Ok(()) };
        match banlist.list().of_address(ip, Timestamp::now()) {
            Some(ban) => Err(Refusal::Banned(ban.text())),
            None => Ok(()),
        }
    }
}

/// Tells the core of the list whenever it changes, and puts out who is in and banned.
pub async fn enforce(banlist: Arc<Banlist>, shared: Arc<Shared>) {
    let mut changes = banlist.changes();
    loop {
        changes.borrow_and_update();
        let list = banlist.list();
        let turn = shared.role.turn(|server, now, _| {
            server.take_bans(Bans { list, at: Some((now, Timestamp::now())) });
        });
        let mut next = turn.ok().map(|()| 0);
        while let Some(from) = next {
            let turn = shared.role.turn(|server, now, out| server.eject_banned(now, from, out));
            next = turn.ok().flatten();
            tokio::task::yield_now().await;
        }
        // It lasts as long as the list that is here.
        let _ = changes.changed().await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Offence;

    const HOUR: Option<Duration> = Some(Duration::from_secs(3600));

    fn offender(number: u32) -> Offender {
        let subject = Subject::Account(number);
        Offender { subject, offence: Offence::Permission, ban_for: HOUR }
    }

    fn lines(path: &Path) -> usize {
        std::fs::read_to_string(path).expect("a file").lines().count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_offenders_is_written_once_a_second_and_each_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bans.txt");
        let banlist = Banlist::open(&path).expect("none yet");
        let offenders = Arc::<Offenders>::default();
        let task = tokio::spawn(enter(banlist.clone(), offenders.clone()));
        let mut changes = banlist.changes();
        let mut writes = 0;
        for number in 1..=1_000 {
            // He comes again and again before he is entered.
            (0..10).for_each(|_| offenders.add(offender(number)));
            tokio::time::sleep(Duration::from_millis(10)).await;
            writes += usize::from(changes.has_changed().expect("it is there"));
            changes.borrow_and_update();
        }
        assert!((5..=11).contains(&writes), "{writes} in ten seconds");
        while lines(&path) < 1_000 {
            changes.changed().await.expect("it is there");
        }
        assert_eq!(lines(&path), 1_000);
        task.abort();
    }

    #[tokio::test]
    async fn who_cannot_be_entered_waits_until_he_can() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("later/bans.txt");
        let banlist = Banlist::open(&path).expect("none yet");
        let offenders = Arc::<Offenders>::default();
        offenders.add(offender(7));
        assert!(!offenders.enter(&banlist).await);
        std::fs::create_dir(folder.path().join("later")).expect("a folder");
        assert!(offenders.enter(&banlist).await);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(
            text.starts_with("account 7 2") && text.ends_with("Z offence: permission\n"),
            "{text}"
        );
        let list = banlist.list();
        let ban = list.of_account(7, Timestamp::now()).expect("he is banned");
        assert!(ban.until > Some(Timestamp::now() + Duration::from_secs(3590)));
        assert!(ban.until < Some(Timestamp::now() + Duration::from_secs(3610)));
    }

    #[tokio::test]
    async fn agents_that_share_a_file_lose_none_of_each_others_offenders() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bans.txt");
        let writing = (0..4).map(|agent| {
            let banlist = Banlist::open(&path).expect("none yet");
            tokio::spawn(async move {
                let offenders = Arc::<Offenders>::default();
                for number in 1..=10 {
                    offenders.add(offender(agent * 100 + number));
                    assert!(offenders.enter(&banlist).await);
                }
            })
        });
        for written in writing.collect::<Vec<_>>() {
            written.await.expect("it writes");
        }
        assert_eq!(lines(&path), 40);
    }
}

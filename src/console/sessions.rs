//! Who may see the console, and who has logged in.
//!
//! A session is known by a number that nobody can guess, of which only a hash is kept: neither what lies in memory nor how long a
//! comparison takes is of use to others. What a user may do is looked up at each request, so that a newer configuration
//! counts at once, and whoever is no user any more, or has another password, is out.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::checker::Checker;
use super::tries::{Tries, household};
use crate::config::{AccessConfig, UserConfig, WebRole};
use crate::credentials::{self, PASSWORD_BYTES_MAX, PasswordProof, TokenProof};

/// After this long without a request a session ends.
const IDLE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// After this long it ends in any case.
const LIFE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many sessions a user has; the oldest gives way.
const SESSIONS_OF_A_USER_MAX: usize = 16;
/// How many passwords wait to be checked, which is done one after the other.
const WAITING_MAX: usize = 128;
/// How many of them are from one address: others are to have their turn, whoever tries without end.
const WAITING_OF_ADDRESS_MAX: usize = 2;

/// Somebody waits for his password to be checked, until this is dropped.
struct Waiting<'s> {
    all: &'s Mutex<HashMap<IpAddr, usize>>,
    address: IpAddr,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(count) = all.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.address);
            }
        }
    }
}

/// Who may see the console, and who does.
#[derive(Debug)]
pub struct Sessions {
    access: RwLock<Arc<AccessConfig>>,
    open: Mutex<HashMap<TokenProof, Session>>,
    tries: Mutex<Tries>,
    /// To check a password takes a processor and much memory for a while.
    checker: Checker,
    /// From where those come that wait.
    waiting: Mutex<HashMap<IpAddr, usize>>,
    /// For names that are kept as numbers.
    names: std::hash::RandomState,
    /// Told when somebody may be out.
    changes: watch::Sender<()>,
}

/// Somebody who has logged in.
#[derive(Clone, Debug)]
struct Session {
    user: String,
    csrf: String,
    since: Instant,
    /// When it was used last.
    used: Instant,
}

/// What a session lets somebody do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// The user's name.
    pub user: String,
    /// What may be done.
    pub role: WebRole,
    /// What an action has to name.
    pub csrf: String,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct Begun {
    /// What the cookie says.
    pub id: String,
    /// What it lets do.
    pub known: Known,
}

/// Why there is none.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The name or the password is wrong.
    Wrong,
    /// There were too many wrong tries; after this time there may be others.
    TooMany(Duration),
    /// Very many try at the same time.
    Busy,
}

impl Sessions {
    /// Nobody has logged in yet.
    pub fn new(access: AccessConfig) -> Self {
        Sessions {
            access: RwLock::new(access.into()),
            open: Mutex::default(),
            tries: Mutex::default(),
            checker: Checker::default(),
            waiting: Mutex::default(),
            names: std::hash::RandomState::new(),
            changes: watch::Sender::default(),
        }
    }

    /// Who may see the console now.
    pub fn access(&self) -> Arc<AccessConfig> {
        self.access.read().clone()
    }

    /// Changes whenever somebody may be out, who has to be asked for again then.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// From now on these may see the console. Whoever is none of them any more, or has got another password, is out. Where it is
    /// found stays: others have been told.
    pub fn take_over(&self, access: &AccessConfig) {
        let url = self.access().url.clone();
        let access = AccessConfig { url, ..access.clone() };
        let before = std::mem::replace(&mut *self.access.write(), access.into());
        let access = self.access();
        let password = |access: &AccessConfig, user: &str| {
            access.users.get(user).map(|user| user.password.clone())
        };
        self.open.lock().retain(|_, session| {
            let now = password(&access, &session.user);
            now.is_some() && now == password(&before, &session.user)
        });
        self.changes.send_replace(());
    }

    /// Begins a session for whoever knows the password.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn begin(
        &self,
        address: IpAddr,
        name: &str,
        password: &str,
    ) -> Result<Begun, Refusal> {
        let _waiting = self.wait(address).ok_or(Refusal::Busy)?;
        let name_hash = self.names.hash_one(name);
        self.tries.lock().tries(Instant::now(), address, name_hash).map_err(Refusal::TooMany)?;
        let access = self.access();
        let user = access.users.get(name);
        let proof =
            user.map_or_else(|| self.stand_in(&access, name_hash), |user| Some(&user.password));
        let is_right = match proof.filter(|_| password.len() <= PASSWORD_BYTES_MAX) {
            Some(proof) => self.checker.is_right(proof.clone(), password.to_owned()).await,
            None => false,
        };
        let Some(user) = user.filter(|_| is_right) else { return Err(Refusal::Wrong) };
        self.tries.lock().was_right(address, name_hash);
        self.enter(name, user).ok_or(Refusal::Wrong)
    }

    /// A place among those who wait, if there is one for that address.
    fn wait(&self, address: IpAddr) -> Option<Waiting<'_>> {
        let address = household(address);
        let mut waiting = self.waiting.lock();
        if waiting.values().sum::<usize>() >= WAITING_MAX {
            return None;
        }
        let count = waiting.entry(address).or_default();
        if *count >= WAITING_OF_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        Some(Waiting { all: &self.waiting, address })
    }

    /// For a name that nobody has, the password of somebody is checked, so that it takes as long as for any other; always the
    /// same one's, since they may have been hashed in different ways.
    fn stand_in<'a>(&self, access: &'a AccessConfig, name: u64) -> Option<&'a PasswordProof> {
        let place = name % (access.users.len().max(1) as u64);
        access.users.values().nth(place as usize).map(|user| &user.password)
    }

    /// Begins a session, unless the user's password has been changed while it was checked.
    fn enter(&self, name: &str, checked: &UserConfig) -> Option<Begun> {
        let (id, now) = (credentials::secret(), Instant::now());
        let session =
            Session { user: name.to_owned(), csrf: credentials::secret(), since: now, used: now };
        let mut open = self.open.lock();
        // Under the lock, or `take_over` could have been in between.
        let user = self.access.read().users.get(name).cloned()?;
        if user.password != checked.password {
            return None;
        }
        open.retain(|_, session| session.lasts(now));
        let own = || open.iter().filter(|(_, session)| session.user == name);
        if own().count() >= SESSIONS_OF_A_USER_MAX {
            let oldest = own().min_by_key(|(_, session)| session.used).map(|(id, _)| *id);
            oldest.and_then(|id| open.remove(&id));
            self.changes.send_replace(());
        }
        let known =
            Known { user: session.user.clone(), role: user.role, csrf: session.csrf.clone() };
        open.insert(TokenProof::of(&id), session);
        Some(Begun { id, known })
    }

    /// Who has the session, which is used with this.
    pub fn find(&self, id: &str) -> Option<Known> {
        self.look(id, |session, now| session.used = now)
    }

    /// The same, of somebody who has not done anything.
    pub fn is_open(&self, id: &str) -> bool {
        self.look(id, |_, _| ()).is_some()
    }

    fn look(&self, id: &str, act: impl FnOnce(&mut Session, Instant)) -> Option<Known> {
        let (proof, now) = (TokenProof::of(id), Instant::now());
        let mut open = self.open.lock();
        let session = open.get_mut(&proof)?;
        if !session.lasts(now) {
            open.remove(&proof);
            return None;
        }
        act(session, now);
        let role = self.access.read().users.get(&session.user)?.role;
        Some(Known { user: session.user.clone(), role, csrf: session.csrf.clone() })
    }

    /// Ends a session.
    pub fn end(&self, id: &str) {
        self.open.lock().remove(&TokenProof::of(id));
        self.changes.send_replace(());
    }

    /// Whose token this is, and what may be done with it.
    pub fn of_token(&self, token: &str) -> Option<(String, WebRole)> {
        let (proof, access) = (TokenProof::of(token), self.access());
        let mut found = None;
        // All of them, so that the time says nothing.
        for (name, token) in &access.tokens {
            if token.hash.is(&proof) {
                found = Some((name.clone(), token.role));
            }
        }
        found
    }
}

impl Session {
    fn lasts(&self, now: Instant) -> bool {
        now.duration_since(self.used) < IDLE_MAX && now.duration_since(self.since) < LIFE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TokenConfig;

    fn user(password: &str, role: WebRole) -> UserConfig {
        UserConfig { password: PasswordProof::of(password), role }
    }

    fn access() -> AccessConfig {
        let users = [("alice", WebRole::Operate), ("bob", WebRole::View)];
        let users = users.map(|(name, role)| (name.to_owned(), user(name, role)));
        AccessConfig { users: users.into(), ..AccessConfig::default() }
    }

    fn here() -> IpAddr {
        [127, 0, 0, 1].into()
    }

    #[tokio::test]
    async fn whoever_knows_the_password_gets_in_and_nobody_else() {
        let sessions = Sessions::new(access());
        let begun = sessions.begin(here(), "alice", "alice").await.expect("it is right");
        let known = sessions.find(&begun.id).expect("it is open");
        assert_eq!(known, begun.known);
        assert_eq!((&*known.user, known.role), ("alice", WebRole::Operate));
        assert!(!format!("{sessions:?}").contains(&begun.id));
        for (name, password) in [("alice", "bob"), ("carol", "alice"), ("carol", "carol"), ("", "")]
        {
            let refusal = sessions.begin(here(), name, password).await.expect_err(name);
            assert_eq!(refusal, Refusal::Wrong, "{name}");
        }
        assert_eq!(sessions.find("other"), None);
        sessions.end(&begun.id);
        assert_eq!(sessions.find(&begun.id), None);
    }

    #[tokio::test]
    async fn who_tries_too_often_waits_and_who_is_in_stays_in() {
        let sessions = Sessions::new(access());
        let begun = sessions.begin(here(), "alice", "alice").await.expect("it is right");
        for _ in 0..10 {
            let refusal = sessions.begin(here(), "alice", "wrong").await.expect_err("it is wrong");
            assert_eq!(refusal, Refusal::Wrong);
        }
        let refusal = sessions.begin(here(), "alice", "alice").await.expect_err("it is too often");
        assert!(matches!(refusal, Refusal::TooMany(_)), "{refusal:?}");
        assert!(sessions.find(&begun.id).is_some());
        sessions.begin(here(), "bob", "bob").await.expect("another name");
        sessions.begin([192, 0, 2, 1].into(), "alice", "alice").await.expect("another address");
    }

    #[tokio::test]
    async fn a_newer_configuration_counts_at_once() {
        let (sessions, mut newer) = (Sessions::new(access()), access());
        let alice = sessions.begin(here(), "alice", "alice").await.expect("it is right");
        let bob = sessions.begin(here(), "bob", "bob").await.expect("it is right");
        let mut changes = sessions.changes();
        // The same with another role, the same with another hash.
        newer.users = (*sessions.access()).clone().users;
        newer.users.get_mut("alice").expect("she is there").role = WebRole::View;
        newer.users.insert("bob".to_owned(), user("bob", WebRole::View));
        sessions.take_over(&newer);
        assert!(changes.has_changed().expect("it lives"));
        changes.mark_unchanged();
        assert_eq!(sessions.find(&alice.id).map(|known| known.role), Some(WebRole::View));
        assert_eq!(sessions.find(&bob.id), None);
        newer.users.remove("alice");
        sessions.take_over(&newer);
        assert!(!sessions.is_open(&alice.id));
        assert!(changes.has_changed().expect("it lives"));
    }

    #[tokio::test]
    async fn sessions_end_and_there_are_not_many_of_a_user() {
        let sessions = Sessions::new(access());
        let bob = sessions.begin(here(), "bob", "bob").await.expect("it is right");
        let first = sessions.begin(here(), "alice", "alice").await.expect("it is right");
        let user = sessions.access().users["alice"].clone();
        for _ in 1..SESSIONS_OF_A_USER_MAX {
            sessions.enter("alice", &user).expect("the same password");
        }
        assert!(sessions.is_open(&first.id));
        sessions.enter("alice", &user).expect("the same password");
        assert!(!sessions.is_open(&first.id) && sessions.is_open(&bob.id));
        let session = sessions.open.lock()[&TokenProof::of(&bob.id)].clone();
        let after = |used, since| {
            let now = session.since + LIFE_MAX + IDLE_MAX;
            Session { used: now - used, since: now - since, ..session.clone() }.lasts(now)
        };
        let second = Duration::from_secs(1);
        assert!(after(IDLE_MAX - second, LIFE_MAX - second));
        assert!(!after(IDLE_MAX, LIFE_MAX - second) && !after(second, LIFE_MAX));
    }

    #[test]
    fn a_token_is_known() {
        let token = credentials::new_token();
        let config = TokenConfig { hash: TokenProof::of(&token), role: WebRole::Operate };
        let tokens = [("ci".to_owned(), config)].into();
        let sessions = Sessions::new(AccessConfig { tokens, ..AccessConfig::default() });
        assert_eq!(sessions.of_token(&token), Some(("ci".to_owned(), WebRole::Operate)));
        assert_eq!(sessions.of_token(&credentials::new_token()), None);
    }
}

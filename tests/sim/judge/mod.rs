//! What must hold when all is quiet.
//!
//! | | |
//! |---|---|
//! | `views` | each client sees, and owns, what a newcomer would |
//! | `players` | each player sees what a newcomer would, who sees what those have made who are there, and nothing else |
//! | `losses` | whatever has not arrived was said to be lost |
//! | `post_removes` | each ran when its owner had gone, once, and not before |
//! | `sessions` | what is tied to a session goes with it, and a client that loses such a thing is told so |
//! | `things` | what an AI has made is there as long as the AI, and no longer |
//! | `database` | what was acknowledged is stored, what was refused is not |
//! | here | no channel or object has two owners, no part of a daemon has failed, and clients were told what makes sense |

mod database;
mod losses;
mod players;
mod post_removes;
mod sessions;
mod things;
mod views;

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::ip;
use crate::run::Run;

/// How long it may take until a new connection between daemons passes everything on.
const TELLING: Duration = Duration::from_secs(3);

/// Makes the numbers of a tally known by one list.
macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How much could be judged: a run in which nothing happens proves nothing.
        #[derive(Clone, Default, Debug)]
        pub struct Tally {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Tally {
            /// Adds another one.
            pub const fn add(&mut self, other: &Tally) {
                $(self.$name += other.$name;)*
            }

            /// What was not judged even once.
            pub fn missing(&self) -> Vec<&'static str> {
                let all = [$((stringify!($name), self.$name),)*];
                all.into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect()
            }
        }
    };
}

tally! {
    /// Clients whose view was compared, and those that saw something.
    views,
    views_of_something,
    /// Those that saw something of the database's.
    views_of_records,
    /// Clients that owned something.
    owners,
    /// Clients that were there while daemons had lost each other.
    views_after_gaps,
    notes,
    notes_lost,
    /// What clients have said to an UberDOG: that has arrived, or not.
    notes_of_clients,
    notes_of_clients_lost,
    /// Of all that was lost, whose loss daemons have said that had lost each other: on the way up, or down.
    notes_lost_up,
    notes_lost_down,
    /// Those whose loss only a full backlog explains.
    notes_dropped,
    post_removes,
    /// Those that had to run.
    post_removes_due,
    /// Those that had to be heard elsewhere.
    post_removes_abroad,
    /// Those that the root had to hear, whatever had happened on the way.
    post_removes_safe,
    /// Of those that had to be heard elsewhere, where a daemon was away then.
    post_removes_away,
    /// Those that were said for an owner who lived on, and not again when he ended.
    post_removes_once,
    /// Sessions' post-removes that had to run; and those that had to be heard elsewhere.
    bequests_due,
    bequests_abroad,
    /// Things that had to go with a session; of those, where the state server was away then; and clients that were put out because
    /// they had lost one.
    session_objects,
    session_objects_away,
    session_objects_lost,
    /// Things that had to be there; those of them that an AI has made whose old self ended later, elsewhere; and those that
    /// had to be gone with their AI.
    things,
    things_of_successors,
    things_gone,
    /// Values that were acknowledged.
    stored,
    refused,
    logins,
    /// Players whose view was compared, and those that saw something.
    players,
    players_who_see,
    /// What they have made and a newcomer has seen; of that, what was made while the state server was away.
    players_objects,
    players_objects_early,
    /// Those who had something when the daemon with the state server ended, or when their agent's lost the root.
    players_without_server,
    players_without_root,
    /// What had to be gone with its maker.
    players_objects_gone,
    /// How often clients must not have seen any more what had gone while others came and went.
    gone,
}

/// What does not hold, of all that must, and how much was judged.
pub async fn all(run: &mut Run) -> (Vec<String>, Tally) {
    let mut tally = Tally {
        logins: run.facts.logins.len() as u64,
        gone: run.facts.judged_gone,
        ..Tally::default()
    };
    let owners = views::owners(run).await;
    let mut wrong = views::judge(run, owners.as_ref(), &mut tally).await;
    if let Some(owners) = owners {
        wrong.extend(things::judge(run, &owners, &mut tally));
        wrong.extend(sessions::judge(run, &owners, &mut tally));
    }
    wrong.extend(players::judge(run, &mut tally).await);
    wrong.append(&mut run.facts.wrong);
    wrong.extend(run.cluster.failures.lock().drain(..));
    for client in run.clients.iter_mut().chain(&mut run.gone) {
        wrong.append(&mut client.nonsense);
    }
    wrong.extend(losses::judge(run, &mut tally));
    wrong.extend(post_removes::judge(run, &mut tally));
    wrong.extend(database::judge(run, &mut tally));
    for line in run.logs.lines() {
        if ["malformed", "ends inside", "panic"].iter().any(|word| line.text.contains(word)) {
            wrong.push(format!("a daemon says: {}", line.text));
        }
    }
    (wrong, tally)
}

/// Times during which what passes between the root and a daemon may be lost: from a loss of their connection, or of one
/// of them, until another connection has told everything. None for the root itself.
fn outages(run: &Run, daemon: usize) -> Vec<(Instant, Option<Instant>)> {
    if daemon == 0 {
        return Vec::new();
    }
    let links = run.net.history(ip(0), ip(daemon));
    let losses = links.iter().enumerate().filter_map(|(place, (_, broken))| {
        let next = links.get(place + 1).map(|(opened, _)| *opened + TELLING);
        broken.map(|at| (at, next))
    });
    losses.collect()
}

/// Whether a daemon's process was told to end, or was not there, or has begun within this time.
fn changes(run: &Run, daemon: usize, from: Instant, to: Instant) -> bool {
    let lives: Vec<_> = run.facts.lives.iter().filter(|life| life.daemon == daemon).collect();
    lives.iter().enumerate().any(|(place, life)| {
        let next = lives.get(place + 1).map(|next| next.began);
        life.ended.is_some_and(|at| at <= to && next.is_none_or(|next| next >= from))
    })
}

/// Whether there is an outage of a daemon within this time.
fn is_cut(run: &Run, daemon: usize, from: Instant, to: Instant) -> bool {
    let mut outages = outages(run, daemon).into_iter();
    outages.any(|(begin, end)| begin <= to && end.is_none_or(|end| end >= from))
}

/// Whether nothing happens on the way between a daemon and the root within this time.
fn is_calm(run: &Run, daemon: usize, from: Instant, to: Instant) -> bool {
    let mut held_up = run.facts.held_up.iter();
    !is_cut(run, daemon, from, to)
        && ![0, daemon].iter().any(|daemon| changes(run, *daemon, from, to))
        && !held_up.any(|(begin, end)| *begin <= to && *end >= from)
}

/// Where an AI is.
fn ip_of_ai(index: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, 100 + index as u8])
}

//! The tables: which columns they have, what is in them, and in which order.

use jiff::tz::TimeZone;

use super::snapshot::{Closed, Figure, Link, Queue, Role, Snapshot, Text};
use super::words;

/// Which table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tab {
    Roles,
    Links,
    Queues,
    Closed,
}

impl Tab {
    pub const ALL: [Tab; 4] = [Tab::Roles, Tab::Links, Tab::Queues, Tab::Closed];

    pub const fn title(self) -> &'static str {
        match self {
            Tab::Roles => "Roles",
            Tab::Links => "Links",
            Tab::Queues => "Queues",
            Tab::Closed => "Closed",
        }
    }

    /// What is said instead of rows.
    pub const fn none(self) -> &'static str {
        match self {
            Tab::Roles => "this daemon has no roles",
            Tab::Links => "no links: nobody has connected to the message director",
            Tab::Queues => "no queues: everybody has taken what was sent",
            Tab::Closed => "no connection has been closed of late",
        }
    }

    /// The orders that it can be in.
    pub const fn orders(self) -> &'static [&'static str] {
        match self {
            Tab::Roles => &["id", "clients", "objects", "name"],
            Tab::Links => &["queue", "name", "channels", "sent", "newest"],
            Tab::Queues => &["queue", "name"],
            Tab::Closed => &["newest", "reason", "duration"],
        }
    }

    pub fn count(self, snapshot: &Snapshot) -> usize {
        match self {
            Tab::Roles => snapshot.overview.roles.len(),
            Tab::Links => snapshot.links.len(),
            Tab::Queues => snapshot.queues.len(),
            Tab::Closed => snapshot.closed.len(),
        }
    }

    /// Its rows in one of its orders.
    pub fn table(self, snapshot: &Snapshot, order: usize, zone: &TimeZone) -> Table {
        let order = self.orders().get(order).copied().unwrap_or_default();
        match self {
            Tab::Roles => roles(snapshot, order),
            Tab::Links => links(snapshot, order),
            Tab::Queues => queues(snapshot, order),
            Tab::Closed => closed(snapshot, order, zone),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub title: &'static str,
    pub is_right: bool,
    /// The higher, the sooner it is left out where there is no room.
    pub rank: u8,
    /// So many columns of the terminal are enough for it, if need be.
    pub least: usize,
}

const fn text(title: &'static str, rank: u8, least: usize) -> Column {
    Column { title, is_right: false, rank, least }
}

const fn figure(title: &'static str, rank: u8) -> Column {
    Column { title, is_right: true, rank, least: usize::MAX }
}

pub(super) struct Table {
    pub columns: &'static [Column],
    pub rows: Vec<Vec<String>>,
}

/// Blank columns between two.
pub(super) const GAP: usize = 2;

impl Table {
    /// The columns that `room` is enough for, and how wide they are.
    pub fn fit(&self, room: usize) -> Vec<(usize, usize)> {
        let natural = |at: usize| {
            let cells = self.rows.iter().map(|row| words::width(&row[at]));
            cells.max().unwrap_or(0).max(words::width(self.columns[at].title))
        };
        // A column in which nothing stands says nothing.
        let is_used = |at: &usize| {
            self.columns[*at].rank == 0 || self.rows.iter().any(|row| !row[*at].is_empty())
        };
        let used = (0..self.columns.len()).filter(is_used);
        let mut shown: Vec<(usize, usize)> = used.map(|at| (at, natural(at))).collect();
        let least = |(at, natural): (usize, usize)| natural.min(self.columns[at].least);
        let sum = |widths: &mut dyn Iterator<Item = usize>| {
            widths.map(|width| width + GAP).sum::<usize>()
        };
        while sum(&mut shown.iter().map(|column| least(*column))) > room + GAP {
            let ranks =
                shown.iter().enumerate().map(|(place, (at, _))| (self.columns[*at].rank, place));
            match ranks.max() {
                Some((rank, place)) if rank > 0 => drop(shown.remove(place)),
                _ => break,
            }
        }
        while sum(&mut shown.iter().map(|(_, width)| *width)) > room + GAP {
            let can_shrink = shown.iter_mut().filter(|column| column.1 > least(**column));
            match can_shrink.max_by_key(|column| column.1) {
                Some(column) => column.1 -= 1,
                None => break,
            }
        }
        shown
    }

    /// The titles in their columns.
    pub fn head(&self, fit: &[(usize, usize)]) -> String {
        self.line(fit, |at| self.columns[at].title)
    }

    /// A row in its columns.
    pub fn row(&self, fit: &[(usize, usize)], number: usize) -> String {
        self.line(fit, |at| &self.rows[number][at])
    }

    fn line<'t>(&'t self, fit: &[(usize, usize)], cell: impl Fn(usize) -> &'t str) -> String {
        let cells = fit
            .iter()
            .map(|(at, width)| words::fitted(cell(*at), *width, self.columns[*at].is_right));
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    }
}

/// Sorts what has the largest figure to the beginning.
fn largest_first<T>(items: &mut [&T], figure: impl Fn(&T) -> Figure) {
    items.sort_by(|a, b| figure(b).or_zero().total_cmp(&figure(a).or_zero()));
}

fn roles(snapshot: &Snapshot, order: &str) -> Table {
    const COLUMNS: &[Column] = &[
        figure("id", 3),
        text("role", 0, 20),
        text("address", 1, 15),
        figure("channel", 2),
        text("type", 4, 9),
        figure("clients", 0),
        figure("objects", 0),
    ];
    let mut items: Vec<&Role> = snapshot.overview.roles.iter().collect();
    match order {
        "clients" => largest_first(&mut items, |role| role.clients),
        "objects" => largest_first(&mut items, |role| role.objects),
        "name" => items.sort_by_key(|role| name_of(role)),
        _ => {}
    }
    let row = |role: &&Role| {
        // A figure of what such a role does not have would be noise.
        let some = |figure: Figure| match figure.0 {
            None => String::new(),
            Some(_) => words::count(figure),
        };
        vec![
            some(role.id),
            name_of(role),
            role.address.to_string(),
            role.channel.to_string(),
            role.dialect.to_string(),
            some(role.clients),
            some(role.objects),
        ]
    };
    Table { columns: COLUMNS, rows: items.iter().map(row).collect() }
}

/// What a role is called, without the address that has a column of its own.
fn name_of(role: &Role) -> String {
    let (name, address) = (role.name.as_str(), role.address.as_str());
    let bare = name.strip_suffix(address).unwrap_or(name).trim_end();
    match bare.is_empty() {
        true => role.kind.as_str().replace('_', " "),
        false => bare.to_owned(),
    }
}

/// "2 client agents, state server": the roles in few words.
pub(super) fn summary(roles: &[Role]) -> String {
    let mut kinds: Vec<(&Text, usize)> = Vec::new();
    for role in roles {
        match kinds.iter_mut().find(|(kind, _)| **kind == role.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((&role.kind, 1)),
        }
    }
    let words = kinds.iter().map(|(kind, count)| {
        let kind = kind.as_str().replace('_', " ");
        match count {
            1 => kind,
            count => format!("{count} {kind}s"),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

fn links(snapshot: &Snapshot, order: &str) -> Table {
    const COLUMNS: &[Column] = &[
        figure("id", 6),
        text("name", 0, 12),
        text("address", 0, 15),
        text("kind", 1, 12),
        text("dir", 5, 4),
        text("tls", 7, 3),
        figure("channels", 1),
        figure("ranges", 6),
        figure("queue", 0),
        figure("received", 4),
        figure("sent", 4),
        figure("since", 0),
    ];
    let mut items: Vec<&Link> = snapshot.links.iter().collect();
    match order {
        "queue" => largest_first(&mut items, |link| link.queue_bytes),
        "channels" => largest_first(&mut items, |link| link.channels),
        "sent" => largest_first(&mut items, |link| link.sent_bytes),
        "newest" => items.sort_by_key(|link| std::cmp::Reverse(link.since.moment())),
        _ => items.sort_by_key(|link| &link.name),
    }
    let row = |link: &&Link| {
        vec![
            link.id.to_string(),
            link.name.to_string(),
            link.address.to_string(),
            link.kind.to_string(),
            link.direction.to_string(),
            (if link.tls { "tls" } else { "" }).to_owned(),
            words::count(link.channels),
            words::count(link.ranges),
            words::bytes(link.queue_bytes),
            words::bytes(link.received_bytes),
            words::bytes(link.sent_bytes),
            words::span(snapshot.seconds_since(&link.since)),
        ]
    };
    Table { columns: COLUMNS, rows: items.iter().map(row).collect() }
}

fn queues(snapshot: &Snapshot, order: &str) -> Table {
    const COLUMNS: &[Column] = &[
        figure("queue", 0),
        text("kind", 1, 6),
        text("name", 0, 12),
        text("address", 0, 15),
        figure("link or channel", 2),
    ];
    let mut items: Vec<&Queue> = snapshot.queues.iter().collect();
    match order {
        "queue" => largest_first(&mut items, |queue| queue.queue_bytes),
        _ => items.sort_by_key(|queue| &queue.name),
    }
    let row = |queue: &&Queue| {
        let id = if queue.channel.is_empty() { &queue.id } else { &queue.channel };
        vec![
            words::bytes(queue.queue_bytes),
            queue.kind.to_string(),
            queue.name.to_string(),
            queue.address.to_string(),
            id.to_string(),
        ]
    };
    Table { columns: COLUMNS, rows: items.iter().map(row).collect() }
}

fn closed(snapshot: &Snapshot, order: &str, zone: &TimeZone) -> Table {
    const COLUMNS: &[Column] = &[
        text("time", 0, 14),
        text("kind", 2, 6),
        text("address", 1, 15),
        text("name", 3, 10),
        figure("channel", 4),
        figure("after", 1),
        figure("code", 1),
        text("reason", 0, 24),
    ];
    let mut items: Vec<&Closed> = snapshot.closed.iter().collect();
    match order {
        "reason" => items.sort_by_key(|closed| &closed.reason),
        "duration" => largest_first(&mut items, |closed| closed.seconds),
        _ => {}
    }
    let row = |closed: &&Closed| {
        // Of a connection that was closed today, the day says nothing.
        let is_old = snapshot.seconds_since(&closed.time).is_some_and(|seconds| seconds > 43_200.0);
        let format = if is_old { "%m-%d %H:%M:%S" } else { "%H:%M:%S" };
        let time = closed.time.moment();
        let time = time.map(|time| time.to_zoned(zone.clone()).strftime(format).to_string());
        let code = closed.code.0.map(|code| code.to_string());
        vec![
            time.unwrap_or_else(|| "-".to_owned()),
            closed.kind.to_string(),
            closed.address.to_string(),
            closed.name.to_string(),
            closed.channel.to_string(),
            words::span(closed.seconds.0),
            code.unwrap_or_default(),
            closed.reason.to_string(),
        ]
    };
    Table { columns: COLUMNS, rows: items.iter().map(row).collect() }
}

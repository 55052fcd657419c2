//! What is shown and how: changed by keys, answers and the clock, and drawn by `view`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::snapshot::{Snapshot, Text};
use super::tables::Tab;
use super::words;

/// For how long an answer is waited for until that is said.
const SILENT_SECONDS: f64 = 3.0;

/// How many seconds a column of a chart can stand for.
const STEPS: [usize; 3] = [1, 5, 15];

/// What came of asking.
#[derive(Debug)]
pub(super) enum Outcome {
    Snapshot(Box<Snapshot>),
    /// A sentence that says why there is none.
    Unheard(String),
    /// The daemon does not know what it is asked for: that does not pass.
    TooOld,
}

/// A key that means something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Quit,
    /// Closes what lies above, and quits if nothing does.
    Back,
    Next,
    Previous,
    Tab(usize),
    /// So many lines down, or up.
    Scroll(isize),
    /// So many times what is visible.
    Page(isize),
    First,
    Last,
    Sort,
    Step,
    Pause,
    Help,
    Warnings,
}

/// What lies above the tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Overlay {
    Help,
    Warnings,
}

/// Why no answer comes, and since when.
#[derive(Debug)]
pub(super) struct Failure {
    pub why: Text,
    pub since: Timestamp,
}

#[derive(Debug)]
pub(super) struct State {
    /// What was heard last.
    pub snapshot: Option<Snapshot>,
    pub failure: Option<Failure>,
    /// Since when an answer is waited for.
    pub asked: Option<Timestamp>,
    pub now: Timestamp,
    pub zone: TimeZone,
    pub has_colour: bool,
    pub tab: Tab,
    /// Of each table which of its orders it is in.
    pub orders: [usize; Tab::ALL.len()],
    /// Of each table how many rows are above what is visible.
    pub scrolls: [usize; Tab::ALL.len()],
    pub overlay: Option<Overlay>,
    pub overlay_scroll: usize,
    pub is_paused: bool,
    /// Which of the steps the charts have.
    step: usize,
    /// How many rows are visible, as they were drawn last.
    pub page: usize,
}

impl State {
    pub fn new(now: Timestamp, zone: TimeZone, has_colour: bool) -> Self {
        State {
            snapshot: None,
            failure: None,
            asked: None,
            now,
            zone,
            has_colour,
            tab: Tab::Roles,
            orders: [0; Tab::ALL.len()],
            scrolls: [0; Tab::ALL.len()],
            overlay: None,
            overlay_scroll: 0,
            is_paused: false,
            step: 0,
            page: 1,
        }
    }

    /// How many seconds a column of a chart stands for.
    pub fn step(&self) -> usize {
        STEPS[self.step]
    }

    /// Which of the tables is shown.
    pub fn place(&self) -> usize {
        Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0)
    }

    /// Notes what came of asking.
    pub fn has_heard(&mut self, outcome: Outcome) {
        self.asked = None;
        let why = match outcome {
            Outcome::Snapshot(snapshot) => {
                self.snapshot = Some(*snapshot);
                self.failure = None;
                return;
            }
            Outcome::Unheard(why) => why,
            Outcome::TooOld => super::TOO_OLD.to_owned(),
        };
        let since = self.failure.take().map_or(self.now, |failure| failure.since);
        self.failure = Some(Failure { why: Text::new(&why), since });
    }

    /// What is wrong with the connection to the daemon: since when, and why, if that is known.
    pub fn trouble(&self) -> Vec<String> {
        let seconds = |since: Timestamp| self.now.duration_since(since).as_secs_f64().max(0.0);
        let older = if self.snapshot.is_some() { "; shown is what it said last" } else { "" };
        if let Some(Failure { why, since }) = &self.failure {
            let time = since.to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string();
            let span = words::span(Some(seconds(*since)));
            return vec![format!("no figures since {time} ({span}){older}"), why.to_string()];
        }
        match self.asked.map(seconds).filter(|seconds| *seconds >= SILENT_SECONDS) {
            Some(waits) => {
                let span = words::span(Some(waits));
                vec![format!("the daemon has not answered for {span}{older}")]
            }
            None => Vec::new(),
        }
    }

    /// Does what a key means; whether that is to go on.
    pub fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Quit => return false,
            Key::Back if self.overlay.is_none() => return false,
            Key::Back => self.overlay = None,
            Key::Help => self.toggle(Overlay::Help),
            Key::Warnings => self.toggle(Overlay::Warnings),
            Key::Step => self.step = (self.step + 1) % STEPS.len(),
            Key::Pause => self.is_paused = !self.is_paused,
            Key::Next => self.show(self.place() + 1),
            Key::Previous => self.show(self.place() + Tab::ALL.len() - 1),
            Key::Tab(number) => self.show(number),
            Key::Sort => {
                let place = self.place();
                self.orders[place] = (self.orders[place] + 1) % self.tab.orders().len();
                self.scrolls[place] = 0;
            }
            Key::Scroll(lines) => self.scroll(lines),
            Key::Page(pages) => self.scroll(pages.saturating_mul(self.page.max(1) as isize)),
            Key::First => self.scroll(isize::MIN),
            Key::Last => self.scroll(isize::MAX),
        }
        true
    }

    fn toggle(&mut self, overlay: Overlay) {
        self.overlay = Some(overlay).filter(|_| self.overlay != Some(overlay));
        self.overlay_scroll = 0;
    }

    fn show(&mut self, number: usize) {
        self.overlay = None;
        self.tab = Tab::ALL[number % Tab::ALL.len()];
    }

    /// Whoever draws it says how far that can be.
    fn scroll(&mut self, lines: isize) {
        let scroll = match self.overlay {
            Some(_) => &mut self.overlay_scroll,
            None => &mut self.scrolls[self.place()],
        };
        *scroll = scroll.saturating_add_signed(lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State::new(Timestamp::UNIX_EPOCH, TimeZone::UTC, true)
    }

    #[test]
    fn keys_move_between_tables_and_what_lies_above_them() {
        let mut state = state();
        assert!(state.press(Key::Previous));
        assert_eq!(state.tab, Tab::Closed);
        assert!(state.press(Key::Next) && state.press(Key::Tab(1)));
        assert_eq!(state.tab, Tab::Links);
        assert!((0..=Tab::Links.orders().len()).all(|_| state.press(Key::Sort)));
        assert_eq!(state.orders, [0, 1, 0, 0]);
        assert!(state.press(Key::Help) && state.press(Key::Warnings));
        assert_eq!(state.overlay, Some(Overlay::Warnings));
        assert!(state.press(Key::Scroll(2)) && state.press(Key::Scroll(-1)));
        assert_eq!((state.overlay_scroll, state.scrolls), (1, [0; 4]));
        assert!(state.press(Key::Back) && !state.press(Key::Back));
        assert!(state.press(Key::Last) && state.press(Key::Page(1)) && state.press(Key::First));
        assert_eq!(state.scrolls, [0; 4]);
        assert!(!state.press(Key::Quit));
    }

    #[test]
    fn it_says_since_when_nobody_has_answered() {
        let mut state = state();
        let at = |second| Timestamp::from_second(second).expect("a moment");
        state.asked = Some(state.now);
        state.now = at(2);
        assert!(state.trouble().is_empty());
        state.now = at(4);
        assert_eq!(state.trouble(), ["the daemon has not answered for 4s"]);
        state.has_heard(Outcome::Snapshot(Box::default()));
        assert!(state.trouble().is_empty());
        state.has_heard(Outcome::Unheard("gone".to_owned()));
        state.now = at(70);
        state.has_heard(Outcome::Unheard("not\nthere".to_owned()));
        let lines =
            ["no figures since 00:00:04 (1m 06s); shown is what it said last", "not\\nthere"];
        assert_eq!(state.trouble(), lines);
        state.has_heard(Outcome::Snapshot(Box::default()));
        assert!(state.trouble().is_empty());
    }
}

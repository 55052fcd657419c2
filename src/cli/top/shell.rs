//! The terminal, the keys, the signals and the clock around the state.
//!
//! One thread draws, and decides when the daemon is asked: once a second, and only when the last answer is there and shown.
//! However slow terminal or daemon are, one request is under way at most.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;

use super::state::{Key, Outcome, State};
use super::view;
use crate::platform::Signal;
use crate::platform::signals::{Taken, take};

/// How often the daemon is asked.
const STEP: Duration = Duration::from_secs(1);
/// How long the first answer is waited for before the screen is taken: what ends the command at once is said without it.
const FIRST: Duration = Duration::from_millis(500);
/// How long a screen that takes nothing may keep the command from its end.
const PATIENCE: Duration = Duration::from_secs(2);
/// Events that wait to be looked at.
const EVENTS_MAX: usize = 64;

enum Event {
    Key(Key),
    /// The terminal has another size, or is to be drawn again.
    Changed,
    Heard(Outcome),
    /// A signal.
    End,
    /// No more keys come.
    Lost(io::Error),
}

/// Shows the daemon that `ask` asks until that is enough.
///
/// # Errors
/// If the terminal cannot be used. Complaints that end the command at once are told by `Ok(Some(…))`.
pub(super) fn run(
    ask: impl FnMut() -> Outcome + Send + 'static,
    has_colour: bool,
) -> io::Result<Option<String>> {
    let (events, incoming) = sync_channel(EVENTS_MAX);
    let signals = Signals::new()?;
    let mut asker = Asker::new(ask, events.clone())?;
    let mut state = State::new(Timestamp::now(), TimeZone::system(), has_colour);
    asker.ask(&mut state);
    match incoming.recv_timeout(FIRST) {
        Ok(Event::Heard(Outcome::TooOld)) => return Ok(Some(super::TOO_OLD.to_owned())),
        Ok(Event::Heard(outcome)) => asker.has_heard(&mut state, outcome),
        _ => {}
    }
    signals.watch(events.clone())?;
    let terminal = ratatui::try_init()?;
    let _restore = Restore;
    read_keys(events)?;
    go_on(terminal, &mut state, &mut asker, &incoming).map(|()| None)
}

/// Gives the terminal back, whatever has happened.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        // It may be gone.
        let _ = ratatui::try_restore();
    }
}

fn go_on(
    mut terminal: DefaultTerminal,
    state: &mut State,
    asker: &mut Asker,
    incoming: &Receiver<Event>,
) -> io::Result<()> {
    loop {
        state.now = Timestamp::now();
        terminal.draw(|frame| view::draw(frame, state))?;
        if asker.is_broken() {
            return Err(io::Error::other("the thread that asks the daemon has failed"));
        }
        let mut next = match incoming.recv_timeout(asker.wait(state)) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        // All that has come meanwhile is one picture.
        while let Some(event) = next {
            match event {
                Event::Key(key) if !state.press(key) => return Ok(()),
                Event::Key(_) | Event::Changed => {}
                Event::Heard(outcome) => asker.has_heard(state, outcome),
                Event::End => return Ok(()),
                Event::Lost(error) => return Err(error),
            }
            next = incoming.try_recv().ok();
        }
        asker.ask_if_due(state);
    }
}

/// A thread of its own asks: a daemon may take its time.
struct Asker {
    orders: Sender<()>,
    thread: JoinHandle<()>,
    due: Instant,
}

impl Asker {
    fn new(
        mut ask: impl FnMut() -> Outcome + Send + 'static,
        events: SyncSender<Event>,
    ) -> io::Result<Self> {
        let (orders, incoming) = channel();
        let thread = thread::Builder::new().name("asker".to_owned()).spawn(move || {
            while incoming.recv().is_ok() && events.send(Event::Heard(ask())).is_ok() {}
        })?;
        Ok(Asker { orders, thread, due: Instant::now() })
    }

    fn ask(&mut self, state: &mut State) {
        self.due = Instant::now() + STEP;
        state.asked = Some(Timestamp::now());
        // If it has failed, that is noticed elsewhere.
        let _ = self.orders.send(());
    }

    fn ask_if_due(&mut self, state: &mut State) {
        if state.asked.is_none() && !state.is_paused && Instant::now() >= self.due {
            self.ask(state);
        }
    }

    fn has_heard(&self, state: &mut State, outcome: Outcome) {
        // What was asked before the pause would change what somebody wants to read.
        match (outcome, state.is_paused) {
            (Outcome::Snapshot(_), true) => state.asked = None,
            (outcome, _) => state.has_heard(outcome),
        }
    }

    /// How long there is nothing to do.
    fn wait(&self, state: &State) -> Duration {
        match state.asked.is_some() || state.is_paused {
            // The clock goes on.
            true => STEP,
            false => self.due.saturating_duration_since(Instant::now()),
        }
    }

    fn is_broken(&self) -> bool {
        self.thread.is_finished()
    }
}

/// Reads keys in a thread of its own, for as long as the process lives.
fn read_keys(events: SyncSender<Event>) -> io::Result<()> {
    let read = move || {
        loop {
            let event = match event::read() {
                Ok(event::Event::Key(key)) => key_of(key).map(Event::Key),
                Ok(event::Event::Resize(..)) => Some(Event::Changed),
                Ok(_) => None,
                Err(error) => {
                    let _ = events.send(Event::Lost(error));
                    return;
                }
            };
            if event.is_some_and(|event| events.send(event).is_err()) {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".to_owned()).spawn(read).map(drop)
}

/// What a key means.
fn key_of(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let has_control = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(match event.code {
        KeyCode::Char('c') if has_control => Key::Quit,
        KeyCode::Char(_) if has_control => return None,
        KeyCode::Char('q') => Key::Quit,
        KeyCode::Esc => Key::Back,
        KeyCode::Tab | KeyCode::Right => Key::Next,
        KeyCode::BackTab | KeyCode::Left => Key::Previous,
        KeyCode::Char(digit @ '1'..='4') => Key::Tab(digit as usize - '1' as usize),
        KeyCode::Char('j') | KeyCode::Down => Key::Scroll(1),
        KeyCode::Char('k') | KeyCode::Up => Key::Scroll(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => Key::Page(1),
        KeyCode::PageUp => Key::Page(-1),
        KeyCode::Home | KeyCode::Char('g') => Key::First,
        KeyCode::End | KeyCode::Char('G') => Key::Last,
        KeyCode::Char('s') => Key::Sort,
        KeyCode::Char('t') => Key::Step,
        KeyCode::Char('p') => Key::Pause,
        KeyCode::Char('w') => Key::Warnings,
        KeyCode::Char('?' | 'h') => Key::Help,
        _ => return None,
    })
}

/// The signals that end the command. From here on they do not kill it: the terminal is given back first.
struct Signals {
    runtime: tokio::runtime::Runtime,
    signals: [Taken; 3],
}

impl Signals {
    fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let entered = runtime.enter();
        let kinds = [Signal::Terminate, Signal::Interrupt, Signal::Hangup];
        let [end, interrupt, hangup] = kinds.map(take);
        drop(entered);
        Ok(Signals { runtime, signals: [end?, interrupt?, hangup?] })
    }

    /// Waits for them in a thread of its own.
    fn watch(self, events: SyncSender<Event>) -> io::Result<()> {
        let Signals { runtime, signals: [mut end, mut interrupt, mut hangup] } = self;
        let watch = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = end.next() => {}
                    () = interrupt.next() => {}
                    () = hangup.next() => {}
                }
            });
            let _ = events.try_send(Event::End);
            // A terminal that takes nothing (Ctrl-S, say) would keep the process for ever.
            thread::sleep(PATIENCE);
            let _ = terminal::disable_raw_mode();
            std::process::exit(0);
        };
        thread::Builder::new().name("signals".to_owned()).spawn(watch).map(drop)
    }
}

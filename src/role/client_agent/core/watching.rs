//! Clients whose talk with the agent somebody looks at.
//!
//! Nothing on the path of a message knows of it: what a read has brought is shown when it has been handled, and what a client is told when it is
//! handed over.

use std::sync::Arc;
use std::time::Instant;

use super::{Core, Heard};
use crate::ids::Channel;
use crate::role::Effects;
use crate::role::client_agent::agent::SessionKey;
use crate::role::client_agent::session::Session;
use crate::router::Watch;
use crate::trace::Speech;
use crate::trace::record::Path;
use crate::wire::{Framing, Sent};

/// Whose talk is wanted.
pub(super) struct Watching {
    watch: Arc<Watch>,
    speech: Speech,
    /// What a session says that ends is shown by whoever shows first why it has ended.
    waits: bool,
}

/// A session, as those know it who look.
#[derive(Copy, Clone)]
struct Shown {
    channels: [Channel; 2],
    framing: Framing,
}

impl Shown {
    fn of(session: &Session) -> Self {
        Shown { channels: session.channels(), framing: session.framing() }
    }
}

impl Watching {
    fn show_said(&self, shown: Shown, frames: &[u8]) {
        let path = Path::FromClient(self.speech, shown.channels[1]);
        for datagram in shown.framing.datagrams(frames) {
            self.watch.show(shown.channels, path, datagram);
        }
    }

    fn show_told(&self, shown: Shown, bytes: &[u8]) {
        let path = Path::ToClient(self.speech, shown.channels[1]);
        for sent in shown.framing.sent(bytes) {
            if let Sent::Datagram { datagram, .. } = sent {
                self.watch.show(shown.channels, path, datagram);
            }
        }
    }

    /// Shows what is handed over for a session.
    pub(super) fn show_output(&self, session: &Session, bytes: &[u8]) {
        if !self.waits && self.watch.wants(session.channels()) {
            self.show_told(Shown::of(session), bytes);
        }
    }
}

impl Core {
    /// Whose talk is to be shown from now on.
    pub fn set_watch(&mut self, watch: Option<Arc<Watch>>) {
        let speech = self.dialect.speech();
        self.watching = watch.map(|watch| Box::new(Watching { watch, speech, waits: false }));
    }

    /// As [`Core::input`], when somebody looks.
    #[inline(never)]
    pub(super) fn input_shown(
        &mut self,
        now: Instant,
        key: SessionKey,
        frames: &[u8],
        out: &mut Effects,
    ) -> Heard {
        let shown = self.session_mut(key).map(|session| Shown::of(session));
        let Some(mut watching) = self.watching.take() else { return Heard::default() };
        let shown = shown.filter(|shown| watching.watch.wants(shown.channels));
        watching.waits = shown.is_some();
        self.watching = Some(watching);
        let heard = self.input_of(now, key, frames, out);
        let Some(watching) = &mut self.watching else { return heard };
        watching.waits = false;
        if let Some(shown) = shown {
            watching.show_said(shown, &frames[..frames.len() - heard.rest]);
            for ended in self.ended.iter().filter(|ended| ended.key == key) {
                watching.show_told(shown, &ended.bytes);
            }
        }
        heard
    }
}

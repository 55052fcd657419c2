//! Where the script is asked, and what comes of its answers.
//!
//! What it has asked for is done when its call returns: for the client in hand at once, so that what that says next is heard by what
//! holds then; for others by their channels, as if the cluster had said it. An end of the session comes last.
//!
//! A field is shown to the script when everything else about it is right, and before anybody hears of it. It may put another value
//! in its place, of which it is known that it is one.

use std::borrow::Cow;

use super::{Arrival, End, Flow, Life, Session};
use crate::ids::{ClassId, DoId, FieldId, Location};
use crate::message::Cluster;
use crate::role::client_agent::agent::{Context, Hook, Hooked, News, Translation, client_key};
use crate::script::{Action, Call, Client, Hooks, State, Verdict};
use crate::wire::Reader;

impl Session {
    /// What of its session the script is shown.
    fn as_client(&self) -> Client<'_> {
        Client {
            key: client_key(self.key()),
            channel: self.identity.allocated,
            address: &self.identity.peer.remote.ip,
            state: self.life.into(),
        }
    }

    /// Calls the script, and does what it asks for.
    ///
    /// # Errors
    /// It wants the session to end.
    #[cold]
    fn ask_script(&mut self, cx: &mut Context<'_>, call: Call<'_>) -> Result<Verdict, End> {
        let Some(scripting) = &mut cx.shared.scripting else { return Ok(Verdict::Pass) };
        cx.shared.script_counts.add(Hook::of(&call));
        let verdict = scripting.call(cx.now, &self.as_client(), call);
        let mut whole = Ok(());
        for action in scripting.take_actions() {
            let key = client_key(self.key());
            match action {
                Action::Tell { client, payload, .. } if client == key && whole.is_ok() => {
                    whole = self.do_for_script(cx, &payload);
                }
                Action::Tell { client, .. } if client == key => {}
                action => cx.shared.do_for_script(cx.now, action, cx.out),
            }
        }
        whole.map(|()| verdict)
    }

    /// The script tells this session something, in the words of the cluster.
    fn do_for_script(&mut self, cx: &mut Context<'_>, payload: &[u8]) -> Flow {
        let Some(sender) = cx.shared.scripting.as_ref().map(|it| it.channel()) else {
            return Ok(());
        };
        let mut reader = Reader::new(payload);
        // It is well made.
        let Ok(number) = reader.u16() else { return Ok(()) };
        let Ok(message) = Cluster::decode(number, &mut reader) else { return Ok(()) };
        let mut translation = Translation::default();
        let news = News::of(sender, &message);
        let frames = translation.frames(self.framing(), &*cx.shared.voice, news.as_ref());
        match frames {
            Ok(frames) => {
                let arrival = Arrival::new(cx.shared, sender, &message, true);
                let knows = self.knows_object_of(&arrival);
                self.handle_cluster(cx, &arrival, knows, frames)
            }
            Err(error) => {
                let client = self.identity.allocated;
                tracing::warn!(%client, %error, "what the script tells a client does not fit a datagram");
                Ok(())
            }
        }
    }

    /// The client has connected. Nothing ends now: what the script says comes by the session's channel.
    pub fn script_connect(&mut self, cx: &mut Context<'_>) {
        let Some(scripting) = &mut cx.shared.scripting else { return };
        if !scripting.hooks().connect {
            return;
        }
        cx.shared.script_counts.add(Hook::Connect);
        scripting.call(cx.now, &self.as_client(), Call::Connect);
        for action in scripting.take_actions() {
            cx.shared.do_for_script(cx.now, action, cx.out);
        }
    }

    /// The client has been let in, with a version and a hash if its protocol has them.
    ///
    /// # Errors
    /// The script wants the session to end.
    pub fn script_hello(&mut self, cx: &mut Context<'_>, version: &str, hash: u32) -> Flow {
        if !self.is_wanted(cx, |hooks| hooks.hello) {
            return Ok(());
        }
        self.ask_script(cx, Call::Hello { version, hash }).map(drop)
    }

    /// The client has said something that is the game's own. Whether the script has dealt with it.
    ///
    /// # Errors
    /// The script wants the session to end.
    pub fn script_message(&mut self, cx: &mut Context<'_>, message: &[u8]) -> Result<bool, End> {
        if !self.is_wanted(cx, |hooks| hooks.message) {
            return Ok(false);
        }
        self.ask_script(cx, Call::Message(message)).map(|verdict| verdict != Verdict::Pass)
    }

    /// The cluster has given the client another state.
    ///
    /// # Errors
    /// The script wants the session to end.
    pub(super) fn script_state(&mut self, cx: &mut Context<'_>, old: Life) -> Flow {
        if !self.is_wanted(cx, |hooks| hooks.state) {
            return Ok(());
        }
        let (old, new) = (old.into(), self.life.into());
        self.ask_script(cx, Call::State { old, new }).map(drop)
    }

    /// Whether anything is to come of an object that the client makes.
    ///
    /// # Errors
    /// The script wants the session to end.
    pub(super) fn script_create(
        &mut self,
        cx: &mut Context<'_>,
        (do_id, class): (DoId, ClassId),
        location: Location,
    ) -> Result<bool, End> {
        if self.is_trusted() || !self.is_wanted(cx, |hooks| hooks.create) {
            return Ok(true);
        }
        self.ask_script(cx, Call::Create { do_id, class, location }).map(|it| it == Verdict::Pass)
    }

    /// Whether anything is to come of it that the client moves an object.
    ///
    /// # Errors
    /// The script wants the session to end.
    pub(super) fn script_move(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        location: Location,
    ) -> Result<bool, End> {
        if self.is_trusted() || !self.is_wanted(cx, |hooks| hooks.move_) {
            return Ok(true);
        }
        let Some(class) = self.view.class_of(do_id) else { return Ok(true) };
        self.ask_script(cx, Call::Move { do_id, class, location }).map(|it| it == Verdict::Pass)
    }

    /// The session ends for this reason. Who is told so does not matter any more.
    pub fn script_disconnect(&mut self, cx: &mut Context<'_>, reason: impl FnOnce() -> String) {
        if self.is_wanted(cx, |hooks| hooks.disconnect) {
            // It ends already.
            let _ = self.ask_script(cx, Call::Disconnect { reason: &reason() });
        }
        let key = self.key();
        if let Some(scripting) = &mut cx.shared.scripting {
            scripting.forget(key);
        }
    }

    #[inline]
    fn is_wanted(&self, cx: &Context<'_>, wanted: impl FnOnce(Hooks) -> bool) -> bool {
        cx.shared.scripting.as_ref().is_some_and(|scripting| wanted(scripting.hooks()))
    }

    /// What goes on in the place of a value that the client sets a field to; `None` if nothing comes of it.
    ///
    /// # Errors
    /// The script wants the session to end.
    #[inline]
    pub(super) fn script_field<'v>(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        (class, field): (ClassId, FieldId),
        value: &'v [u8],
    ) -> Result<Option<Cow<'v, [u8]>>, End> {
        let scripting = cx.shared.scripting.as_ref();
        let hooked = scripting.map_or(Hooked::default(), |it| it.field(class, field));
        if hooked == Hooked::default() || self.is_trusted() {
            return Ok(Some(Cow::Borrowed(value)));
        }
        self.ask_of_field(cx, do_id, (class, field), hooked, value)
    }

    /// Parts of a molecular field first, each by itself.
    fn ask_of_field<'v>(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        (class, field): (ClassId, FieldId),
        hooked: Hooked,
        value: &'v [u8],
    ) -> Result<Option<Cow<'v, [u8]>>, End> {
        let mut value = Cow::Borrowed(value);
        if hooked.parts {
            let dc = cx.shared.dc.clone();
            // It has been found to be one.
            let parts = dc.field(field).and_then(|field| field.split(&value).ok());
            let mut whole = Vec::with_capacity(value.len());
            for (part, value) in parts.into_iter().flatten() {
                match self.script_field(cx, do_id, (class, part.id()), value)? {
                    Some(value) => whole.extend_from_slice(&value),
                    None => return Ok(None),
                }
            }
            if whole != *value {
                value = Cow::Owned(whole);
            }
        }
        if !hooked.whole {
            return Ok(Some(value));
        }
        let call = Call::Field { do_id, class, field, value: &value };
        Ok(match self.ask_script(cx, call)? {
            Verdict::Pass => Some(value),
            Verdict::Change(value) => Some(Cow::Owned(value)),
            Verdict::Drop | Verdict::Taken => None,
        })
    }

    /// As [`Session::script_field`], of all values that the client gives an object of its own, which are kept in `kept`.
    ///
    /// # Errors
    /// The script wants the session to end.
    pub(super) fn script_fields<'v>(
        &mut self,
        cx: &mut Context<'_>,
        (do_id, class): (DoId, ClassId),
        values: impl Iterator<Item = (FieldId, &'v [u8])>,
    ) -> Result<Option<Vec<Cow<'v, [u8]>>>, End> {
        let mut kept = Vec::new();
        for (field, value) in values {
            match self.script_field(cx, do_id, (class, field), value)? {
                Some(value) => kept.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(kept))
    }
}

impl From<Life> for State {
    fn from(life: Life) -> Self {
        match life {
            Life::New => State::New,
            Life::Anonymous => State::Anonymous,
            Life::Established => State::Established,
        }
    }
}

//! After a gap: what a client has been told is compared with the cluster. [`comparison`] tells how.
//!
//! [`comparison`]: crate::role::client_agent::comparison

use std::time::Instant;

use dclass::Keywords;

use super::{End, Flow, Session};
use crate::ids::{Channel, DoId, Location};
use crate::message::{EjectReason, ObjectState};
use crate::role::client_agent::agent::{Context, News, Shared};

/// What a client is told of an object that has answered, whichever it needs.
#[derive(Copy, Clone, Debug)]
pub struct Told<'a> {
    /// That it enters.
    pub entrance: &'a [u8],
    /// That it is where it is.
    pub location: &'a [u8],
    /// Its values.
    pub values: &'a [u8],
}

/// Whether clients see a field.
pub fn for_clients(keywords: Keywords) -> bool {
    keywords.broadcast() || keywords.clrecv()
}

/// Whether an owner sees a field.
pub fn for_owners(keywords: Keywords) -> bool {
    for_clients(keywords) || keywords.ownrecv()
}

/// Which values of an object that was asked itself a client is to be told: those that no parent's answer has.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Lack {
    /// All that clients see.
    Seen,
    /// All that its owner sees.
    Owned,
    /// What only its owner sees.
    Owners,
}

impl Session {
    /// The zones that the session sees; some may come more than once.
    pub fn zones_to_compare(&self) -> impl Iterator<Item = Location> {
        self.interests.all_open()
    }

    /// The objects that have to be asked themselves: those that the client owns, and those that it sees where it has
    /// no interest.
    pub fn objects_to_compare(&self) -> impl Iterator<Item = DoId> {
        let known = self.view.all_known();
        let alone = known.filter(|&(_, at, tie)| tie.is_owned() || !self.interests.covers(at));
        alone.map(|(do_id, ..)| do_id)
    }

    /// As whom the session owns, and for how many milliseconds it has done so: what was given to that channel before, was
    /// given to somebody else.
    pub fn owner_for(&self, now: Instant) -> (Channel, u32) {
        let time = now.saturating_duration_since(self.identity.channel_since);
        (self.identity.channel, u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
    }

    /// All objects that the client knows, or is about to be told of, by descending ids: the last is judged first.
    pub fn objects_to_judge(&self) -> Vec<DoId> {
        let known = self.view.all_known().map(|(do_id, ..)| do_id);
        let mut objects: Vec<DoId> = known.chain(self.interests.all_pending()).collect();
        objects.sort_unstable_by(|one, other| other.cmp(one));
        objects.dedup();
        objects
    }

    /// Whether the client knows any object.
    pub fn knows_something(&self) -> bool {
        self.view.object_count() > 0
    }

    /// About how many zones and objects the session has.
    pub fn size(&self) -> usize {
        self.interests.zone_count() + self.view.object_count()
    }

    /// The connection to the cluster was lost, and whoever lost it has said there what was to be said at the end of
    /// this session.
    ///
    /// # Errors
    /// The session ends, if that is anything: the world goes on without the client.
    pub fn last_words_were_said(&mut self, cx: &mut Context<'_>) -> Flow {
        if self.post_removes.is_empty() {
            return Ok(());
        }
        if self.keeps_only_deletions() {
            // What the client has made and is gone, it is asked for again.
            self.keep_deletions(cx);
            return Ok(());
        }
        self.post_removes.were_said();
        Err(End::eject(
            EjectReason::Generic,
            "The connection to the cluster was lost, and this session was ended there.",
        ))
    }

    /// An object has said that it is at a location to which the session listens.
    ///
    /// # Errors
    /// The session ends, if it is one of its own that has left.
    pub fn object_found(
        &mut self,
        cx: &mut Context<'_>,
        object: &ObjectState<'_>,
        told: Told<'_>,
    ) -> Flow {
        let &ObjectState { do_id, location, .. } = object;
        let before = self.outbox.bytes.len();
        self.lose_another(cx, object)?;
        if self.view.sees(do_id) || self.interests.holds(do_id) {
            self.correct_location(cx, do_id, location, told.location)?;
            self.tell_values(cx, do_id, told.values);
        } else if self.interests.covers(location) {
            self.object_entered(cx, object, told.entrance);
        }
        // The client has not asked for it, so that it must not be too much for it either.
        self.outbox.burst += self.outbox.bytes.len().saturating_sub(before);
        Ok(())
    }

    /// An object that has been asked itself has told its location and values.
    ///
    /// # Errors
    /// As [`Session::object_found`].
    pub fn object_told(
        &mut self,
        cx: &mut Context<'_>,
        object: &ObjectState<'_>,
        told: Told<'_>,
    ) -> Flow {
        let &ObjectState { do_id, location, .. } = object;
        let before = self.outbox.bytes.len();
        self.lose_another(cx, object)?;
        self.correct_location(cx, do_id, location, told.location)?;
        if self.view.tie_of(do_id).is_some() {
            self.tell_values(cx, do_id, told.values);
        }
        self.outbox.burst += self.outbox.bytes.len().saturating_sub(before);
        Ok(())
    }

    /// Another object, of another class, has the id of one that the client knows: that is gone.
    fn lose_another(&mut self, cx: &mut Context<'_>, object: &ObjectState<'_>) -> Flow {
        match self.view.class_of(object.do_id) {
            Some(class_id) if class_id != object.class_id => {
                self.object_deleted(cx, object.do_id, false)
            }
            _ => Ok(()),
        }
    }

    /// An object has said who owns it.
    ///
    /// # Errors
    /// As [`Session::object_found`].
    pub fn owner_told(&mut self, cx: &mut Context<'_>, do_id: DoId, owner: Channel) -> Flow {
        if owner == Channel::NONE && self.view.made_at(do_id).is_some() {
            return self.owns_again(cx, do_id);
        }
        if self.view.owns(do_id) { self.owner_changed(cx, do_id, owner) } else { Ok(()) }
    }

    /// Whether the client sees an object, as far as it knows.
    pub fn sees(&self, do_id: DoId) -> bool {
        self.view.sees(do_id)
    }

    /// Whether the client owns an object, as far as it knows.
    pub fn owns(&self, do_id: DoId) -> bool {
        self.view.owns(do_id)
    }

    /// Whether the client owns an object, and has been told so on this connection.
    pub fn is_told_own(&self, do_id: DoId) -> bool {
        self.view.is_told_own(do_id)
    }

    /// Which values of an object the client lacks, if it was asked itself.
    pub fn lack_of(&self, do_id: DoId) -> Option<Lack> {
        let tie = self.view.tie_of(do_id)?;
        let is_covered = self.view.seen_at(do_id).is_some_and(|at| self.interests.covers(at));
        match (tie.is_owned(), is_covered) {
            (true, true) => Some(Lack::Owners),
            (true, false) => Some(Lack::Owned),
            (false, false) => Some(Lack::Seen),
            (false, true) => None,
        }
    }

    /// All that can be heard of an object has been: where it is, or that it is nowhere, and whether it has answered itself.
    /// Whether the client knew it there.
    ///
    /// # Errors
    /// As [`Session::object_found`].
    pub fn judge_object(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        heard: Option<Location>,
        is_known: bool,
    ) -> Result<bool, End> {
        let is_made = self.view.made_at(do_id).is_some();
        if is_made && self.has_made_meanwhile(do_id) {
            return Ok(true);
        }
        // What it has made has an id of its own; it may be too young to have got a question.
        if heard.is_some() && !is_known && !is_made {
            // What it owns is gone, and another has its id.
            self.owner_told(cx, do_id, Channel::NONE)?;
        }
        let Some(believed) = self.believed_at(do_id) else { return Ok(true) };
        if heard == Some(believed) {
            return Ok(true);
        }
        match heard {
            // It may be there all the same: the end of the session deletes it.
            None if self.view.is_session_object(do_id) => {
                return Err(session_object_missing(do_id));
            }
            None if is_made => self.made_is_lost(cx, do_id)?,
            None => self.object_deleted(cx, do_id, false)?,
            Some(location) => {
                let frame = self.frame_of(cx.shared, &News::ObjectMoves { do_id, location });
                self.correct_location(cx, do_id, location, &frame)?;
            }
        }
        Ok(false)
    }

    /// Where the client believes an object to be, or will when it has been told of it.
    fn believed_at(&self, do_id: DoId) -> Option<Location> {
        self.interests.pending_at(do_id).or_else(|| self.view.known_at(do_id))
    }

    /// Whether the client would be put out if an object were not there any more.
    pub fn would_end_without(&self, do_id: DoId) -> bool {
        self.view.is_session_object(do_id)
    }

    fn correct_location(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        location: Location,
        frame: &[u8],
    ) -> Flow {
        if self.believed_at(do_id).is_some_and(|believed| believed != location) {
            self.object_moved(cx, do_id, location, frame)?;
        }
        // It says so itself: an interest that has found nothing yet need not doubt it.
        self.interests.settle_doubt(do_id, location);
        Ok(())
    }

    /// Tells the client the values of an object, as if they had just been set.
    fn tell_values(&mut self, cx: &mut Context<'_>, do_id: DoId, values: &[u8]) {
        // What it has just said itself it need not be told.
        if values.is_empty() || self.has_made_meanwhile(do_id) {
            return;
        }
        if self.view.tie_of(do_id).is_some() {
            self.send_frame(cx.shared, values);
        }
        self.interests.hold_update(do_id, values);
    }

    /// Something that the client is told, as a frame.
    fn frame_of(&self, shared: &Shared, news: &News<'_>) -> Vec<u8> {
        let mut frame = Vec::new();
        if let Err(error) = shared.voice.write(news, self.identity.framing, &mut frame) {
            let (client, name) = (self.identity.allocated, news.name());
            tracing::error!(%client, %error, "{name} cannot be told");
        }
        frame
    }
}

fn session_object_missing(do_id: DoId) -> End {
    End::eject(
        EjectReason::SessionObjectDeleted,
        format!(
            "The session object with id {do_id} was not found after a gap: its state server is lost, or was away \
             for too long."
        ),
    )
}

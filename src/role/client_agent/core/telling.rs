//! What clients are told of an object that has answered: put into bytes once for each framing.

use dclass::Keywords;

use crate::ids::Channel;
use crate::message::{ObjectState, Rest};
use crate::object::{FieldError, shown_values};
use crate::role::client_agent::agent::{News, Shared, Translation};
use crate::role::client_agent::session::{Lack, Session, Told, for_clients, for_owners};
use crate::wire;

/// Whatever a field is.
pub const ALL: fn(Keywords) -> bool = |_| true;

impl Lack {
    /// Which fields these are.
    pub const fn is_for(self) -> fn(Keywords) -> bool {
        match self {
            Lack::Seen => for_clients,
            Lack::Owned => for_owners,
            Lack::Owners => |keywords| !for_clients(keywords) && keywords.ownrecv(),
        }
    }
}

/// What clients are told of an object, put into bytes once for each framing.
pub struct Telling<'t, 'n> {
    entrance: (Option<News<'n>>, &'t mut Translation),
    location: (News<'n>, &'t mut Translation),
    values: (Vec<News<'n>>, &'t mut Translation),
}

impl<'t, 'n> Telling<'t, 'n> {
    /// That it enters, if `entrance` says so, where it is, and these values.
    pub fn new(
        entering: &'t mut Translation,
        [moving, setting]: [&'t mut Translation; 2],
        entrance: Option<News<'n>>,
        object: &ObjectState<'n>,
        values: Vec<News<'n>>,
    ) -> Self {
        let location = News::ObjectMoves { do_id: object.do_id, location: object.location };
        entering.clear();
        moving.clear();
        setting.clear();
        Telling {
            entrance: (entrance, entering),
            location: (location, moving),
            values: (values, setting),
        }
    }

    /// What a session gets.
    pub fn to(&mut self, session: &Session, shared: &Shared) -> Result<Told<'_>, wire::Error> {
        let (framing, voice) = (session.framing(), &*shared.voice);
        Ok(Told {
            entrance: self.entrance.1.frames(framing, voice, self.entrance.0.as_ref())?,
            location: self.location.1.frames(framing, voice, Some(&self.location.0))?,
            values: self.values.1.frames_of(framing, voice, &self.values.0)?,
        })
    }
}

/// What clients are told of the values of an object. Each field by itself: not all clients understand more at once.
pub fn values_of<'n>(
    shared: &Shared,
    object: &ObjectState<'n>,
    has_other: bool,
    are_shown: fn(Keywords) -> bool,
    are_wanted: fn(Keywords) -> bool,
) -> Result<Vec<News<'n>>, FieldError> {
    let do_id = object.do_id;
    let Some(class) = shared.dc.class(object.class_id) else { return Ok(Vec::new()) };
    let values = shown_values(object, class, has_other, are_shown, are_wanted);
    let values = values.inspect_err(|error| {
        tracing::warn!(doId = %do_id, class = class.name(), %error, "bad values of an object are ignored");
    })?;
    let sender = Channel::NONE;
    let news = |(field, value)| News::FieldChanges { do_id, field, value: Rest(value), sender };
    Ok(values.into_iter().map(news).collect())
}

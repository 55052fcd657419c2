//! Updates of clients that make objects: to whom a field travels is told by its keywords, and by nobody's rights.
//!
//! The first that a field has of these decides: `p2p` (to the object's owner), `broadcast` (to all who see it, but for who says
//! it), `reflect` (to all who see it), `airecv` and `ownrecv` (to its AI, to its owner).

use dclass::{Field, Keywords};

use super::making::check_size;
use super::waiting::Direct;
use super::{End, Flow, Session};
use crate::ids::{DoId, FieldId};
use crate::message::{Rest, StateServer};
use crate::role::client_agent::agent::{Context, News};

/// The keyword of fields that travel to the object's owner.
const P2P: &str = "p2p";
/// The keyword of fields that also come back to whoever sends them.
const REFLECT: &str = "reflect";

/// By these an object does something with a field that nobody who sees it is told by the object.
const HEARD_OR_KEPT: Keywords =
    Keywords::REQUIRED.union(Keywords::RAM).union(Keywords::AIRECV).union(Keywords::OWNRECV);

/// Where a field travels to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Way {
    Owner,
    Object,
    Everybody,
    Nowhere,
}

impl Way {
    fn of(field: &Field) -> Way {
        let keywords = field.keywords();
        if is_marked(field, P2P) {
            Way::Owner
        } else if keywords.broadcast() {
            Way::Object
        } else if is_marked(field, REFLECT) {
            Way::Everybody
        } else if keywords.airecv() || keywords.ownrecv() {
            Way::Object
        } else {
            Way::Nowhere
        }
    }
}

fn is_marked(field: &Field, keyword: &str) -> bool {
    field.custom_keywords().iter().any(|word| word == keyword)
}

/// Whether such a client may send a field of an object that it owns, or not.
fn may_send(field: &Field, is_owned: bool) -> bool {
    is_owned || field.keywords().clsend() || is_marked(field, P2P)
}

impl Session {
    /// The client updates a field, for whoever gets it by its keywords.
    pub fn speak(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        field: FieldId,
        value: &[u8],
    ) -> Flow {
        let Some(value) = self.check_update(cx, do_id, field, value, may_send)? else {
            return Ok(());
        };
        let value = &*value;
        check_size(value.len())?;
        if self.is_diverted(cx, do_id, field, value)? {
            return Ok(());
        }
        let Some((way, keywords)) = cx.shared.dc.field(field).map(|f| (Way::of(f), f.keywords()))
        else {
            return Ok(());
        };
        let update = StateServer::ObjectSetField { do_id, field, value: Rest(value) };
        let is_uberdog = cx.shared.uberdogs.get(do_id).is_some();
        match way {
            Way::Owner if is_uberdog => {}
            Way::Owner if self.view.owns(do_id) => {
                self.hear_itself(cx, do_id, field, value);
                return Ok(());
            }
            Way::Owner => {
                self.ask_for_owner(cx, do_id, (field, value.into()));
                return Ok(());
            }
            Way::Everybody => {
                self.hear_itself(cx, do_id, field, value);
                self.say_directly(cx, do_id, Direct::All((field, value.into())));
                // All others hear of it already.
                if !keywords.intersects(HEARD_OR_KEPT) {
                    return Ok(());
                }
            }
            Way::Object => {}
            Way::Nowhere => {
                let client = self.identity.allocated;
                let class = self.view.subject(cx.shared, do_id);
                let class = class.map_or("", |subject| subject.class.name());
                let field = cx.shared.dc.field(field).map_or("", Field::name);
                tracing::warn!(%client, doId = %do_id, "an update of {class}.{field} is dropped: it is neither broadcast nor p2p, and nobody gets it");
                return Ok(());
            }
        }
        if let Some(making) = &mut self.making {
            making.is_under_way = true;
        }
        self.say_to_made(cx, do_id, &update)
    }

    /// The client updates a field, for one other.
    pub fn speak_to(
        &mut self,
        cx: &mut Context<'_>,
        target: DoId,
        do_id: DoId,
        field: FieldId,
        value: &[u8],
    ) -> Flow {
        if let Some(value) = self.check_update(cx, do_id, field, value, may_send)? {
            check_size(value.len())?;
            self.check_direct(cx, do_id, field)?;
            self.say_directly(cx, do_id, Direct::One(target.avatar(), (field, (*value).into())));
        }
        Ok(())
    }

    /// What the client says is passed on as the value of a field, for whoever that is to judge.
    ///
    /// # Errors
    /// The session ends: it does not fit.
    pub fn forward(&self, cx: &mut Context<'_>, do_id: DoId, field: FieldId, value: &[u8]) -> Flow {
        let update = StateServer::ObjectSetField { do_id, field, value: Rest(value) };
        self.route(cx, do_id.channel(), &update).map_err(|_| End::oversized())
    }

    /// Says something that does not go by the object, behind what does.
    fn say_directly(&mut self, cx: &mut Context<'_>, do_id: DoId, direct: Direct) {
        let is_under_way = self.making.as_ref().is_some_and(|making| making.is_under_way);
        // An UberDOG is in no state server, and answers nobody.
        match is_under_way && cx.shared.uberdogs.get(do_id).is_none() {
            true => self.ask_whether_it_has_come(cx, do_id, direct),
            false => self.say_now(cx, do_id, &direct),
        }
    }

    pub(super) fn say_now(&mut self, cx: &mut Context<'_>, do_id: DoId, direct: &Direct) {
        let to = match direct {
            Direct::One(to, _) => *to,
            Direct::All(_) => match self.view.known_at(do_id) {
                Some(location) => location.channel(),
                None => return,
            },
        };
        let (Direct::One(_, value) | Direct::All(value)) = direct;
        self.say_to(cx, to, do_id, value);
    }

    fn hear_itself(&mut self, cx: &mut Context<'_>, do_id: DoId, field: FieldId, value: &[u8]) {
        let (value, sender) = (Rest(value), self.identity.channel);
        self.tell(cx.shared, &News::FieldChanges { do_id, field, value, sender });
    }
}

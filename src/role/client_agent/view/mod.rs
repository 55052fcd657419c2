//! What a client knows of the world, and what it may do with it.

mod checked;
mod known;
mod lapsed;
mod recent;
mod rights;
mod untold;

use dclass::Class;
use smallvec::SmallVec;

pub use checked::{Checked, Other, Value};
pub use known::{Known, Tie};
pub use lapsed::Right;
pub use rights::Rights;

use self::lapsed::Lapsed;
use self::recent::Recent;
use super::agent::{Context, Located, Shared, Sought};
use crate::hash::Seed;
use crate::ids::{ClassId, DoId, FieldId, Location, ZoneId};

/// All that one client knows.
///
/// UberDOGs are not part of it: every client knows them.
#[derive(Debug)]
pub struct View {
    /// Objects seen or owned; on the path of each delivered update.
    objects: Located<Known>,
    /// What the client owns it knows by that alone, and not by what it sees besides.
    has_one_view: bool,
    /// Most clients have none. What it holds is made when the cluster gives the first.
    rights: Option<Box<Rights>>,
    /// Objects that it no longer knows. Made when the first is gone.
    historical: Option<Box<Recent<DoId>>>,
    /// Locations that it no longer listens to. Made when the first interest is closed.
    closed: Option<Box<Recent<Location>>>,
    /// Rights that it no longer has. Made when the first is lost.
    lapsed: Option<Box<Lapsed>>,
    /// What is remembered of fields for which there are rules. Made when there is anything.
    checked: Option<Box<Checked>>,
}

/// What an update from a client is judged by: all that is known of the object, looked up once.
#[derive(Copy, Clone, Debug)]
pub struct Subject<'s> {
    /// The object's class.
    pub class: &'s Class,
    /// Both answers in one byte: two values are returned in registers, three through memory, for each update.
    rights: u8,
}

impl<'s> Subject<'s> {
    const ANONYMOUS: u8 = 1;
    const OWNED: u8 = 2;

    /// An object that clients that have not logged in may send to, or not, and that the client owns, or not.
    #[inline]
    pub fn new(class: &'s Class, is_anonymous: bool, is_owned: bool) -> Self {
        let rights = u8::from(is_anonymous) * Self::ANONYMOUS + u8::from(is_owned) * Self::OWNED;
        Subject { class, rights }
    }

    /// Whether clients that have not logged in may send to it.
    #[inline]
    pub const fn is_anonymous(self) -> bool {
        self.rights & Self::ANONYMOUS != 0
    }

    /// Whether the client owns it.
    #[inline]
    pub const fn is_owned(self) -> bool {
        self.rights & Self::OWNED != 0
    }
}

impl View {
    /// The view of a client that knows nothing yet.
    pub fn new(seed: Seed, has_one_view: bool) -> Self {
        View {
            objects: Located::new(seed),
            has_one_view,
            rights: None,
            historical: None,
            closed: None,
            lapsed: None,
            checked: None,
        }
    }

    /// How many objects the client sees or owns.
    pub fn object_count(&self) -> usize {
        self.objects.len()
    }

    /// All objects that the client sees or owns, in no order.
    pub fn every(&self) -> impl Iterator<Item = (DoId, Location, Known)> {
        self.objects.all().map(|(do_id, placed)| (do_id, placed.location, placed.value))
    }

    /// Notes where an object is that the client sees or owns. By what it knows it, if it does.
    pub fn move_to(&mut self, do_id: DoId, to: Location) -> Option<Tie> {
        self.objects.move_to(do_id, to).map(|known| known.tie)
    }

    #[inline]
    fn known(&self, do_id: DoId) -> Option<Known> {
        self.objects.get(do_id).map(|placed| placed.value)
    }

    /// Whether updates of an object concern the client.
    #[inline]
    pub fn knows(&self, do_id: DoId) -> bool {
        self.knows_sought(&self.objects.seek(do_id))
    }

    /// As [`View::knows`], of an object that is sought in the views of many.
    #[inline]
    pub fn knows_sought(&self, sought: &Sought) -> bool {
        match self.objects.find(sought).map(|placed| placed.value) {
            Some(known) if known.class_id().is_some() && known.untold != Some(known.tie) => true,
            _ => {
                let declared = |rights: &Rights| rights.declared(sought.do_id()).is_some();
                self.rights.as_deref().is_some_and(declared)
            }
        }
    }

    /// By what the client knows an object, if it does, as far as it has been told so on this connection.
    #[inline]
    pub fn tie_of(&self, do_id: DoId) -> Option<Tie> {
        self.known(do_id)?.told()
    }

    /// Whether the client sees an object, and has been told so on this connection.
    #[inline]
    pub fn sees(&self, do_id: DoId) -> bool {
        self.tie_of(do_id).is_some_and(Tie::is_seen)
    }

    /// Whether the client needs no other view of an object, however much comes into its sight.
    #[inline]
    pub fn has_view_of(&self, do_id: DoId) -> bool {
        let shows = |tie: Tie| tie.is_seen() || self.has_one_view && tie.is_owned();
        self.tie_of(do_id).is_some_and(shows)
    }

    /// Whether the client owns an object and has no other view of it.
    pub fn owns_alone(&self, do_id: DoId) -> bool {
        self.has_one_view && self.owns(do_id)
    }

    /// Whether the client owns an object, told so or not.
    #[inline]
    pub fn owns(&self, do_id: DoId) -> bool {
        self.known(do_id).is_some_and(|known| known.tie.is_owned())
    }

    /// All objects that the client sees or owns, with where they are, in no order.
    pub fn all_known(&self) -> impl Iterator<Item = (DoId, Location, Tie)> {
        self.objects.all().map(|(do_id, placed)| (do_id, placed.location, placed.value.tie))
    }

    /// Where an object is that the client sees or owns.
    pub fn known_at(&self, do_id: DoId) -> Option<Location> {
        self.objects.get(do_id).map(|placed| placed.location)
    }

    /// The class of an object that the client knows, if the DC files have it.
    pub fn class_of(&self, do_id: DoId) -> Option<ClassId> {
        self.objects.get(do_id)?.value.class_id()
    }

    /// Where the client sees an object, told so or not.
    pub fn seen_at(&self, do_id: DoId) -> Option<Location> {
        let seen = self.objects.get(do_id).filter(|placed| placed.value.tie.is_seen());
        seen.map(|placed| placed.location)
    }

    /// The objects that the client sees at a location, told so or not, in the order of their ids.
    pub fn all_seen_at(&mut self, location: Location) -> SmallVec<[DoId; 8]> {
        let mut seen = SmallVec::<[DoId; 8]>::from(self.objects.at(location));
        seen.retain(|do_id| self.seen_at(*do_id).is_some());
        seen.sort_unstable();
        seen
    }

    /// An object that the client may send to: an UberDOG, or one that it owns, sees or that has been
    /// declared to it.
    #[inline]
    pub fn subject<'s>(&self, shared: &'s Shared, do_id: DoId) -> Option<Subject<'s>> {
        let known = self.known(do_id);
        let is_owned = known.is_some_and(|known| known.tie.is_owned());
        let (class_id, is_anonymous) = match shared.uberdogs.get(do_id) {
            Some(uberdog) => (uberdog.class_id, uberdog.anonymous),
            None => {
                let class_id = known.and_then(Known::class_id);
                (class_id.or_else(|| self.rights.as_ref()?.declared(do_id))?, false)
            }
        };
        Some(Subject::new(shared.dc.class(class_id)?, is_anonymous, is_owned))
    }

    /// Makes room for so many more objects.
    pub fn reserve(&mut self, more: usize) {
        self.objects.reserve(more);
    }

    /// Keeps no more memory than what is known needs: many objects have gone.
    pub fn give_back(&mut self) {
        self.objects.give_back();
    }

    /// Makes an object seen, unless the client sees it already, or has its own view of it: of one that it owns and that is
    /// also tied to its session, or that it has made, it needs no other. Whether it is seen from now on.
    #[inline]
    pub fn comes_into_sight(
        &mut self,
        do_id: DoId,
        class_id: Option<ClassId>,
        location: Location,
    ) -> bool {
        let is_its_own = self.rights.as_ref().is_some_and(|rights| {
            rights.is_session_object(do_id) || rights.made_at(do_id).is_some()
        });
        let new = Known::new(class_id, Tie::Seen);
        let mut comes = true;
        let has_one_view = self.has_one_view;
        let is_known = self.objects.insert_or(do_id, location, new, |known| {
            let is_its_own = is_its_own || has_one_view && known.tie.is_owned();
            let has_its_own = is_its_own && !known.tie.is_seen();
            comes = !has_its_own && !known.told().is_some_and(Tie::is_seen);
            if comes {
                known.is_seen();
            }
        });
        if is_known && comes {
            self.move_to(do_id, location);
        }
        comes
    }

    /// Makes an object seen. Its class is `None` if the DC files do not have it.
    pub fn see(&mut self, do_id: DoId, class_id: Option<ClassId>, location: Location) {
        let new = Known::new(class_id, Tie::Seen);
        if self.objects.insert_or(do_id, location, new, Known::is_seen) {
            self.move_to(do_id, location);
        }
    }

    /// Makes an object owned; one that is already known stays where it is.
    pub fn own(&mut self, do_id: DoId, class_id: ClassId, location: Location) {
        let new = Known::new(Some(class_id), Tie::Owned);
        let has_one_view = self.has_one_view;
        self.objects.insert_or(do_id, location, new, |known| match has_one_view {
            // What it has seen of it, it has no longer.
            true => *known = Known::new(known.class_id(), Tie::Owned),
            false => known.is_owned(),
        });
    }

    /// Makes an object unseen. The client may still own it.
    pub fn unsee(&mut self, do_id: DoId) {
        self.loosen(do_id, Tie::without_sight);
    }

    /// Makes an object no longer owned. The client may still see it.
    pub fn disown(&mut self, cx: &Context<'_>, do_id: DoId) {
        if let Some(known) = self.known(do_id).filter(|known| known.tie.is_owned()) {
            self.lapse(cx, Right::Ownership(do_id), known.class_id());
        }
        self.loosen(do_id, Tie::without_ownership);
        if let Some(checked) = &mut self.checked {
            checked.forget_owners(do_id);
        }
    }

    fn loosen(&mut self, do_id: DoId, loosened: impl Fn(Tie) -> Option<Tie>) {
        let gone = self.objects.remove_if(do_id, |known| match loosened(known.tie) {
            Some(tie) => {
                known.tie = tie;
                known.untold = known.untold.and_then(&loosened);
                false
            }
            None => true,
        });
        if let (Some(_), Some(checked)) = (gone, &mut self.checked) {
            checked.forget(do_id);
        }
    }

    /// What is remembered of fields for which there are rules.
    pub fn checked(&self) -> Option<&Checked> {
        self.checked.as_deref()
    }

    /// As [`View::checked`]; it is made if there is nothing yet.
    pub fn checked_mut(&mut self, seed: Seed) -> &mut Checked {
        self.checked.get_or_insert_with(|| Box::new(Checked::new(seed)))
    }

    /// Forgets what is remembered of objects that the client does not know, but for some.
    pub fn tidy_checked(&mut self, is_kept: impl Fn(DoId) -> bool) {
        let View { objects, rights, checked, .. } = self;
        if let Some(checked) = checked {
            let is_declared =
                |do_id| rights.as_ref().is_some_and(|rights| rights.declared(do_id).is_some());
            checked
                .tidy(|do_id| objects.get(do_id).is_some() || is_declared(do_id) || is_kept(do_id));
        }
    }

    /// There are other rules.
    pub fn review_checked(&mut self, is_kept: impl Fn(FieldId) -> bool) {
        if let Some(checked) = &mut self.checked {
            checked.review(is_kept);
        }
    }

    /// What the cluster has given the client beyond what it sees and owns.
    pub fn rights_mut(&mut self, seed: Seed) -> &mut Rights {
        self.rights.get_or_insert_with(|| Box::new(Rights::new(seed)))
    }

    /// Takes a declaration back; whether there was one.
    pub fn undeclare(&mut self, cx: &Context<'_>, do_id: DoId) -> bool {
        let declared = self.rights.as_mut().and_then(|rights| rights.undeclare(do_id));
        if self.known(do_id).is_none()
            && let Some(checked) = &mut self.checked
        {
            checked.forget(do_id);
        }
        if declared.is_some() && cx.shared.forgives_all() {
            self.lapse(cx, Right::Declaration(do_id), declared);
        }
        declared.is_some()
    }

    /// Makes just these fields of an object sendable.
    pub fn set_sendable(&mut self, cx: &Context<'_>, do_id: DoId, fields: Box<[FieldId]>) {
        let before = self.rights_mut(cx.shared.seed).set_sendable(do_id, fields);
        if cx.shared.forgives_all() {
            for field in before {
                if !self.is_sendable(do_id, field) {
                    self.lapse(cx, Right::Sendable(do_id, field), None);
                }
            }
        }
    }

    /// Whether an object is tied to the session.
    #[inline]
    pub fn is_session_object(&self, do_id: DoId) -> bool {
        self.rights.as_ref().is_some_and(|rights| rights.is_session_object(do_id))
    }

    /// Where the client has put an object, if it has made it.
    #[inline]
    pub fn made_at(&self, do_id: DoId) -> Option<ZoneId> {
        self.rights.as_ref()?.made_at(do_id)
    }

    /// An object that the client has made is no more. Where it was.
    pub fn unmake(&mut self, do_id: DoId) -> Option<ZoneId> {
        self.rights.as_mut()?.unmake(do_id)
    }

    /// All objects that the client has made, ascending.
    pub fn all_made(&self) -> Vec<DoId> {
        let made = self.rights.as_ref().map(|rights| rights.all_made().collect());
        let mut made: Vec<DoId> = made.unwrap_or_default();
        made.sort_unstable();
        made
    }

    /// Unties an object from the session; whether it was.
    pub fn remove_session_object(&mut self, do_id: DoId) -> bool {
        self.rights.as_mut().is_some_and(|rights| rights.remove_session_object(do_id))
    }

    /// Takes the objects that end with the session.
    pub fn take_session_objects(&mut self) -> Vec<DoId> {
        self.rights.as_mut().map(|rights| rights.take_session_objects()).unwrap_or_default()
    }

    /// Whether a field has been made sendable.
    pub fn is_sendable(&self, do_id: DoId, field: FieldId) -> bool {
        self.rights.as_ref().is_some_and(|rights| rights.is_sendable(do_id, field))
    }
}

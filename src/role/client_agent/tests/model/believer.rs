//! A client that believes what it is told.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use crate::wire::Reader;

/// What one client believes.
#[derive(Default)]
pub struct Believer {
    /// Where each object is, and its version.
    pub sees: BTreeMap<u32, (Location, u32)>,
    pub owns: BTreeSet<u32>,
    pub interests: BTreeMap<u16, (u32, BTreeSet<u32>)>,
    /// Contexts that must be reported as done.
    pub awaited: BTreeSet<u32>,
    /// When each object that it sees was told, and below which parent it was then; and when it had
    /// arrived at the client agent.
    pub told_at: BTreeMap<u32, (usize, DoId)>,
    pub arrived_at: BTreeMap<u32, usize>,
    /// With what it comes back.
    pub token: Vec<u8>,
    pub is_away: bool,
    /// What it was waiting for when it came back, while it is told all anew.
    pub before: Option<BTreeSet<u32>>,
    /// It has just come back, and is told which interests are open.
    pub is_listing: bool,
}

impl Believer {
    /// A child may have been told before its parent only if the parent had not arrived then.
    pub fn check_parents_came_first(&self) {
        for (child, (location, _)) in &self.sees {
            if let Some(arrived) = self.arrived_at.get(&location.parent.0)
                && self.sees.contains_key(&location.parent.0)
            {
                let (parent_told, _) = self.told_at[&location.parent.0];
                let (told, below) = self.told_at[child];
                let early = below == location.parent && told < parent_told && *arrived < told;
                assert!(!early, "{child} is told before its parent {}", location.parent);
            }
        }
    }

    pub fn covers(&self, location: Location) -> bool {
        self.interests
            .values()
            .any(|(parent, zones)| *parent == location.parent.0 && zones.contains(&location.zone.0))
    }

    pub fn believe(&mut self, datagram: &[u8], clock: usize, arrived_at: &BTreeMap<u32, usize>) {
        let believer = self;
        let mut reader = Reader::new(datagram);
        let number = reader.u16().expect("a number");
        let message = Client::decode(number, &mut reader).expect("a message");
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        match message {
            Client::EnterObjectRequired { object } => {
                let (do_id, location) = (object.do_id.0, object.location);
                let (number, version) = object.values.0.split_at(4);
                let seen = believer.sees.insert(do_id, (location, word(version)));
                assert_eq!(seen, None, "{do_id} is told twice");
                believer.arrived_at.insert(do_id, arrived_at[&word(number)]);
                believer.told_at.insert(do_id, (clock, location.parent));
            }
            Client::EnterObjectRequiredOwner { object } => {
                believer.owns.insert(object.do_id.0);
            }
            Client::ObjectLeaving { do_id } => {
                assert!(believer.sees.remove(&do_id.0).is_some(), "{do_id} leaves unseen");
                believer.told_at.remove(&do_id.0);
            }
            Client::ObjectLeavingOwner { do_id } => assert!(believer.owns.remove(&do_id.0)),
            Client::ObjectLocation { do_id, location } => match believer.sees.get_mut(&do_id.0) {
                Some(seen) => seen.0 = location,
                None => assert!(believer.owns.contains(&do_id.0), "{do_id} moves unseen"),
            },
            Client::ObjectSetField { do_id, value, .. } => match believer.sees.get_mut(&do_id.0) {
                Some(seen) => seen.1 = word(value.0),
                None => assert!(believer.owns.contains(&do_id.0), "{do_id} changes unseen"),
            },
            Client::AddInterest { .. } | Client::AddInterestMultiple { .. }
                if believer.is_listing => {}
            Client::AddInterest { context, .. }
            | Client::AddInterestMultiple { context, .. }
            | Client::RemoveInterest { context, .. } => {
                assert!(believer.awaited.insert(context.0));
            }
            Client::DoneInterestResp { context, .. } => {
                // It may have missed that the cluster has opened one.
                let may_be_unknown = believer.before.is_some();
                let was_awaited = believer.awaited.remove(&context.0);
                assert!(was_awaited || may_be_unknown, "{context} is done twice");
            }
            Client::ResumeToken { token, .. } => believer.token = token.0.to_vec(),
            Client::ResumeResp { resumed, token, .. } => {
                assert!(resumed);
                // It hears all that somebody hears who has just come.
                *believer = Believer {
                    interests: std::mem::take(&mut believer.interests),
                    token: token.0.to_vec(),
                    before: Some(std::mem::take(&mut believer.awaited)),
                    is_listing: true,
                    ..Believer::default()
                };
                believer.awaited.extend(believer.before.iter().flatten());
            }
            Client::ResumeDone {} => {
                // What it has not been told of was done when it was away.
                let before = believer.before.take().expect("it has just come back");
                believer.awaited.retain(|context| !before.contains(context));
            }
            other => panic!("{other:?}"),
        }
    }
}

//! Asking participants for figures.

use super::{Receiver, World};
use crate::metrics::{self, Figures};
use crate::router::Cursor;
use crate::router::measure::Asked;

impl World {
    /// Asks participants from there on, until `budget` entries have been looked at; where to go on.
    pub(in crate::router) fn measure(
        &self,
        Asked { participant, cursor }: Asked,
        budget: usize,
        figures: &mut Figures,
    ) -> Option<Asked> {
        if participant == 0 && cursor == Cursor::default() {
            figures.add(&metrics::LINKS, &["in"], 0);
            if let Some(uplink) = &self.uplink {
                uplink.measure(figures);
            }
        }
        let end = participant.saturating_add(budget).min(self.slots.len());
        for index in participant..end {
            let Some(slot) = &self.slots[index] else { continue };
            let from = if index == participant { cursor } else { Cursor::default() };
            if from == Cursor::default() {
                figures.add(&metrics::PARTICIPANTS, &[], 1);
            }
            let next = match &slot.receiver {
                Receiver::Sink(sink) => {
                    sink.measure(figures);
                    None
                }
                Receiver::Role(resident) => {
                    resident.role().and_then(|role| role.measure(from, budget, figures))
                }
            };
            if let Some(cursor) = next {
                return Some(Asked { participant: index, cursor });
            }
            if matches!(slot.receiver, Receiver::Role(_)) && index + 1 < self.slots.len() {
                // It may have looked at as much as there is to be looked at in one hold.
                return Some(Asked { participant: index + 1, cursor: Cursor::default() });
            }
        }
        (end < self.slots.len()).then_some(Asked { participant: end, cursor: Cursor::default() })
    }
}

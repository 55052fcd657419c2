//! What a parent says of the interests of those whose objects come below it.

use std::sync::Arc;

use crate::ids::{DoIdRepr, ZoneId};

/// How interests follow what comes below a parent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rule {
    /// Not at all: it is said what is to be open.
    Stated,
    /// The zone in which an object is is open for its owner.
    Follow,
    /// So are the zones around it.
    Cartesian(Grid),
    /// Whoever has an interest in the first zone sees the others, too.
    Auto(ZoneId, Arc<[ZoneId]>),
}

/// Zones that are the cells of a square, row by row.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Grid {
    /// The first cell of the first row.
    start: DoIdRepr,
    /// Cells in a row, and rows; at least 1.
    side: DoIdRepr,
    /// How many cells on each side of an object's own are open.
    radius: DoIdRepr,
}

impl Rule {
    /// Reads a rule as parents say it, a kind and what belongs to that.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(kind: &str, rule: &str) -> Result<Rule, String> {
        match kind {
            // Nobody has said anything.
            "" | "Stated" => Ok(Rule::Stated),
            "Follow" => Ok(Rule::Follow),
            // Below its first cell the second one has zones that are no part of the grid.
            "Cartesian" | "CartesianStated" => Grid::parse(rule).map(Rule::Cartesian),
            "Auto" => auto(rule),
            _ => {
                Err("known are `Stated`, `Follow`, `Cartesian`, `CartesianStated` and `Auto`"
                    .into())
            }
        }
    }

    /// The zones that are open for the owner of an object in a zone, `most` at most.
    pub fn zones_around(&self, zone: ZoneId, most: usize) -> Vec<ZoneId> {
        match self {
            Rule::Follow if most > 0 => vec![zone],
            Rule::Cartesian(grid) => grid.zones_around(zone, most),
            Rule::Stated | Rule::Follow | Rule::Auto(..) => Vec::new(),
        }
    }

    /// The zones that whoever has an interest in `has` sees besides, `most` at most.
    pub fn zones_beside(&self, has: impl Fn(ZoneId) -> bool, most: usize) -> &[ZoneId] {
        match self {
            Rule::Auto(origin, zones) if has(*origin) => &zones[..zones.len().min(most)],
            _ => &[],
        }
    }

    /// Whether it asks for more zones at a time than `most`.
    pub fn asks_for_more_than(&self, most: usize) -> bool {
        match self {
            Rule::Stated => false,
            Rule::Follow => most < 1,
            Rule::Cartesian(grid) => grid.radius_within(most) != Some(grid.radius),
            Rule::Auto(_, zones) => zones.len() > most,
        }
    }
}

impl Grid {
    /// `START:SIDE:RADIUS`
    fn parse(rule: &str) -> Result<Self, String> {
        let numbers: Option<Vec<DoIdRepr>> = rule.split(':').map(number).collect();
        let Some([start, side, radius]) = numbers.as_deref() else {
            return Err(
                "expected three numbers, first zone, cells in a row and radius, as `1000:20:1`"
                    .into(),
            );
        };
        let (start, side, radius) = (*start, *side, *radius);
        let cells = u64::from(side) * u64::from(side);
        let last = (u64::from(start) + cells).checked_sub(1);
        if side == 0 || last.is_none_or(|last| last > DoIdRepr::MAX.into()) {
            return Err(format!(
                "a grid of {side} rows from zone {start} on has no zones, or more than there are"
            ));
        }
        Ok(Grid { start, side, radius })
    }

    /// How many zones a square of this radius has at most.
    fn zones_of(self, radius: DoIdRepr) -> u64 {
        let across = (2 * u64::from(radius) + 1).min(self.side.into());
        across * across
    }

    /// The radius, or the largest one with which no more zones are open at a time.
    fn radius_within(self, most: usize) -> Option<DoIdRepr> {
        let most = most as u64;
        if self.zones_of(self.radius) <= most {
            return Some(self.radius);
        }
        let across = most.isqrt();
        let radius = across.checked_sub(1)? / 2;
        DoIdRepr::try_from(radius).ok()
    }

    /// The cells around that of an object; those beyond an edge are nowhere, and not in the next row.
    fn zones_around(self, zone: ZoneId, most: usize) -> Vec<ZoneId> {
        let Grid { start, side, .. } = self;
        let own = zone.0.checked_sub(start);
        let own = own.filter(|own| u64::from(*own) < u64::from(side) * u64::from(side));
        let (Some(own), Some(radius)) = (own, self.radius_within(most)) else { return Vec::new() };
        let around = |at: DoIdRepr| {
            let last = at.saturating_add(radius).min(side - 1);
            at.saturating_sub(radius)..=last
        };
        let columns = around(own % side);
        let cells = around(own / side).flat_map(|row| columns.clone().map(move |at| (row, at)));
        cells.map(|(row, column)| ZoneId(start + row * side + column)).collect()
    }
}

/// `ORIGIN:ZONE|ZONE|…`
fn auto(rule: &str) -> Result<Rule, String> {
    let parts = rule.split_once(':').and_then(|(origin, others)| {
        let others = others.split('|').filter(|zone| !zone.is_empty());
        let others: Option<Vec<ZoneId>> = others.map(|zone| number(zone).map(ZoneId)).collect();
        Some((number(origin)?, others?))
    });
    match parts {
        Some((origin, mut zones)) if !zones.is_empty() => {
            zones.sort_unstable();
            zones.dedup();
            Ok(Rule::Auto(ZoneId(origin), zones.into()))
        }
        _ => Err("expected a zone and those to be seen with it, as `5:6|7|8`".into()),
    }
}

fn number(text: &str) -> Option<DoIdRepr> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(kind: &str, rule: &str, zone: u32, most: usize) -> Vec<u32> {
        let rule = Rule::parse(kind, rule).expect("a rule");
        rule.zones_around(ZoneId(zone), most).into_iter().map(|zone| zone.0).collect()
    }

    #[test]
    fn the_cells_around_one_are_cut_off_at_the_edges() {
        let grid = |zone| around("Cartesian", "100:4:1", zone, 1_000);
        assert_eq!(grid(105), [100, 101, 102, 104, 105, 106, 108, 109, 110]);
        assert_eq!(grid(103), [102, 103, 106, 107], "no wrap into the next row");
        assert_eq!(grid(104), [100, 101, 104, 105, 108, 109], "nor into the one before");
        assert_eq!(grid(115), [110, 111, 114, 115]);
        for outside in [0, 99, 116, u32::MAX] {
            assert_eq!(grid(outside), [0; 0]);
            assert_eq!(around("CartesianStated", "100:4:1", outside, 9), [0; 0]);
        }
        assert_eq!(around("Cartesian", "100:4:0", 105, 9), [105]);
        assert_eq!(around("CartesianStated", "100:4:4294967295", 105, 1_000).len(), 16);
        // To the last zone that there is.
        assert_eq!(
            around("Cartesian", "4294967280:4:1", u32::MAX, 9),
            [4_294_967_290, 4_294_967_291, 4_294_967_294, u32::MAX]
        );
    }

    #[test]
    fn no_more_zones_than_may_be() {
        let rule = "0:60000:4294967295";
        for (most, expected) in [(0, 0), (1, 1), (8, 1), (9, 9), (24, 9), (25, 25), (1_000, 961)] {
            let zones = around("Cartesian", rule, 1_800_030_000, most);
            assert_eq!(zones.len(), expected, "{most}");
            assert!(zones.is_empty() || zones.contains(&1_800_030_000));
            assert!(Rule::parse("Cartesian", rule).expect("a rule").asks_for_more_than(most));
        }
        let three = Rule::parse("Cartesian", "0:3:7").expect("a rule");
        assert!(!three.asks_for_more_than(9) && three.asks_for_more_than(8));
        let auto = Rule::parse("Auto", "5:6|7|8").expect("a rule");
        assert!(!auto.asks_for_more_than(3) && auto.asks_for_more_than(2));
        assert_eq!(auto.zones_beside(|_| true, 2), [ZoneId(6), ZoneId(7)]);
        assert_eq!(around("Follow", "", 5, 0), [0; 0]);
    }

    #[test]
    fn what_is_seen_with_another_zone() {
        let rule = Rule::parse("Auto", "5:7|6||7").expect("a rule");
        assert_eq!(rule.zones_beside(|zone| zone.0 == 5, 9), [ZoneId(6), ZoneId(7)]);
        assert_eq!(rule.zones_beside(|zone| zone.0 == 6, 9), []);
        assert_eq!(rule.zones_around(ZoneId(5), 9), []);
    }

    #[test]
    fn rules_that_are_none() {
        for (kind, rule) in [
            ("Cartesian", ""),
            ("Cartesian", "1:2"),
            ("Cartesian", "1:2:3:4"),
            ("Cartesian", "1:-2:3"),
            ("Cartesian", "1:x:3"),
            ("Cartesian", "1:0:3"),
            ("Cartesian", "0:65537:1"),
            ("Cartesian", "4294967281:4:1"),
            ("Cartesian", "0:4294967295:1"),
            ("CartesianStated", "1:2:99999999999"),
            ("Auto", ""),
            ("Auto", "5"),
            ("Auto", "5:"),
            ("Auto", "5:|"),
            ("Auto", "x:5"),
            ("Auto", "5:6|x"),
            ("Kartesian", "1:2:3"),
        ] {
            Rule::parse(kind, rule).expect_err(rule);
        }
        for (kind, expected) in
            [("", Rule::Stated), ("Stated", Rule::Stated), ("Follow", Rule::Follow)]
        {
            assert_eq!(Rule::parse(kind, "whatever"), Ok(expected));
        }
    }
}

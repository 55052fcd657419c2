//! What clients pay: time, of which everybody has a second a second.

use crate::config::ClientLimitsConfig;

/// Since a session began: as a plain number, since accounts are looked at for each message.
pub type Nanoseconds = u64;
pub const SECOND: Nanoseconds = 1_000_000_000;

/// In a nanosecond. Prices are kept in such parts, so that a high rate is not rounded to none.
const PARTS: u64 = 1 << PART_BITS;
const PART_BITS: u32 = 10;

/// What one of something costs, of which so many may be had in a second.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Price(u64);

/// What clients pay for.
#[derive(Copy, Clone, Debug)]
pub struct Prices {
    pub message: Price,
    pub byte: Price,
    /// An object that is shown because a zone was opened.
    pub entry: Price,
}

impl Price {
    /// The price at a rate; 0 is any rate.
    pub const fn at(per_second: u64) -> Self {
        match (SECOND * PARTS).checked_div(per_second) {
            Some(parts) => Price(parts),
            None => Price(0),
        }
    }

    /// What so many cost.
    #[inline]
    pub const fn of(self, count: u64) -> Nanoseconds {
        self.0.saturating_mul(count) >> PART_BITS
    }
}

impl Prices {
    /// The prices at these limits.
    pub const fn new(limits: &ClientLimitsConfig) -> Self {
        Prices {
            message: Price::at(limits.messages_per_second),
            byte: Price::at(limits.bytes_per_second),
            entry: Price::at(limits.entries_per_second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_a_second_costs_a_second() {
        for per_second in [1, 3, 1000, 128 * 1024, 1 << 30, 7_000_000_000] {
            let cost = Price::at(per_second).of(per_second);
            assert!(cost <= SECOND && cost > SECOND / 100 * 99, "{per_second}: {cost}");
        }
        assert_eq!(Price::at(0).of(u64::MAX), 0);
        assert!(Price::at(1).of(u64::MAX) > 10_000 * SECOND);
    }
}

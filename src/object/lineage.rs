//! Who is above whom, found without walking the whole of a deep chain where that can be helped.

use crate::ids::DoId;

/// How far one looks upwards before looking downwards, too: hardly anything is deeper.
const STEPS_FIRST: usize = 64;

/// Whether `ancestor` is `do_id` or above it. `parent_of` knows an object's parent, if there is such an object;
/// `children_of` appends the children of one.
///
/// It is looked for upwards from the one and downwards from the other in turns, so that it costs what the shorter
/// way does: the depth of the one, or how many there are below the other.
pub(super) fn is_at_or_above(
    ancestor: DoId,
    do_id: DoId,
    mut parent_of: impl FnMut(DoId) -> Option<DoId>,
    mut children_of: impl FnMut(DoId, &mut Vec<DoId>),
) -> bool {
    let mut above = do_id;
    let mut below = vec![ancestor];
    let mut steps = STEPS_FIRST;
    loop {
        for _ in 0..steps {
            if above == ancestor {
                return true;
            }
            match parent_of(above) {
                Some(parent) => above = parent,
                None => return false,
            }
        }
        let mut seen = 0;
        while seen < steps {
            let Some(at) = below.pop() else { return false };
            if at == do_id {
                return true;
            }
            let before = below.len();
            children_of(at, &mut below);
            seen += 1 + below.len() - before;
        }
        steps *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks in a chain of objects, each the parent of the next one; how many were looked at, too.
    fn ask(chain: u32, ancestor: u32, do_id: u32) -> (bool, usize) {
        let (mut up, mut down) = (0, 0);
        let parent_of = |at: DoId| {
            up += 1;
            (at.0 > 1).then(|| DoId(at.0 - 1))
        };
        let children_of = |at: DoId, into: &mut Vec<DoId>| {
            down += 1;
            into.extend((at.0 < chain).then(|| DoId(at.0 + 1)));
        };
        let is_above = is_at_or_above(DoId(ancestor), DoId(do_id), parent_of, children_of);
        (is_above, up + down)
    }

    #[test]
    fn the_shorter_way_is_what_it_costs() {
        const DEEP: u32 = 20_000;
        let cases = [
            // Near one another, at the top and at the bottom.
            (1, 3, true, 10),
            (DEEP - 2, DEEP, true, 10),
            // Few are above the one.
            (DEEP, 50, false, 60),
            // Few are below the other.
            (DEEP - 10, DEEP - 20, false, 200),
            (DEEP, DEEP - 1, false, 200),
            (DEEP, DEEP, true, 10),
            (1, DEEP, true, 100_000),
        ];
        for (ancestor, do_id, expected, most) in cases {
            let (is_above, looked) = ask(DEEP, ancestor, do_id);
            assert_eq!(is_above, expected, "{ancestor} above {do_id}");
            assert!(looked <= most, "{looked} looked at for {ancestor} above {do_id}");
        }
    }
}

//! What was acknowledged is stored, what was refused is not.

use super::Tally;
use crate::facts::Record;
use crate::peers::world::MOTTO;
use crate::run::Run;

pub fn judge(run: &Run, tally: &mut Tally) -> Vec<String> {
    for record in &run.facts.records {
        tally.stored += u64::from(record.stored.is_some());
        tally.refused += record.refused.len() as u64;
    }
    run.facts.records.iter().filter_map(|record| judge_one(run, record)).collect()
}

fn judge_one(run: &Run, record: &Record) -> Option<String> {
    let do_id = record.do_id?;
    let Some(value) = run.cluster.disk.value(do_id, MOTTO) else {
        return Some(format!("object {do_id} was created, and is not there"));
    };
    let value = value.map(|bytes| u32::from_le_bytes(bytes[..].try_into().expect("four bytes")));
    let may_be = value == record.stored || record.open.values().any(|open| value == Some(*open));
    if !may_be {
        return Some(format!("object {do_id} has {value:?}, which nobody was told: {record:?}"));
    }
    let was_refused = value.is_some_and(|value| record.refused.contains(&value));
    was_refused.then(|| format!("object {do_id} has {value:?}, which was refused: {record:?}"))
}

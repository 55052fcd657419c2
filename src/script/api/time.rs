//! Time and chance.

use std::time::Duration;

use mlua::{Result, Value};

use super::Native;
use crate::script::TimerId;
use crate::script::args::Args;
use crate::script::state::Timer;

pub(super) const ALL: &[Native] = &[
    Native { name: "donet.after", run: after },
    Native { name: "donet.every", run: every },
    Native { name: "donet.cancel", run: cancel },
    Native { name: "donet.now", run: now },
    Native { name: "donet.random", run: random },
];

/// The shortest time of a timer.
const LEAST_MS: u32 = 10;

fn after(args: &mut Args<'_>) -> Result<Value> {
    let delay = args.milliseconds(LEAST_MS)?;
    let function = args.function()?;
    args.end()?;
    start(args, Timer::Once(function), delay)
}

fn every(args: &mut Args<'_>) -> Result<Value> {
    let period = args.milliseconds(LEAST_MS)?;
    let function = args.function()?;
    args.end()?;
    start(args, Timer::Every(function, period), period)
}

fn start(args: &Args<'_>, timer: Timer, delay: Duration) -> Result<Value> {
    let started = args.host()?.set_timer(timer, delay);
    let TimerId(id) = started.map_err(|why| args.fail(why))?;
    Ok(Value::Integer(id.cast_signed()))
}

fn cancel(args: &mut Args<'_>) -> Result<Value> {
    let id: i64 = args.integer("what donet.after or donet.every has returned")?;
    args.end()?;
    let cancelled = args.host()?.cancel(TimerId(id.cast_unsigned()));
    cancelled.map(|()| Value::Nil).map_err(|why| args.fail(why))
}

fn now(args: &mut Args<'_>) -> Result<Value> {
    args.end()?;
    let now = args.host()?.call.now.as_millis();
    Ok(Value::Integer(i64::try_from(now).unwrap_or(i64::MAX)))
}

/// As `math.random` of Lua: from 0 to 1, from 1 to m, or from m to n; with 0, any integer.
fn random(args: &mut Args<'_>) -> Result<Value> {
    let bits = next_random(&mut args.host()?.call.random);
    if args.is_empty() {
        // As many as a float holds.
        return Ok(Value::Number((bits >> 11) as f64 / (1u64 << 53) as f64));
    }
    let expected = "a whole number";
    let first: i64 = args.integer(expected)?;
    let (low, high) = if args.is_empty() { (1, first) } else { (first, args.integer(expected)?) };
    args.rest();
    if (low, high) == (1, 0) {
        return Ok(Value::Integer(bits.cast_signed()));
    }
    if low > high {
        return Err(args.fail(format!("there is no number from {low} to {high}")));
    }
    let count = (i128::from(high) - i128::from(low)).unsigned_abs() + 1;
    let offset = (u128::from(bits) * count) >> 64;
    let number = i128::from(low) + offset.cast_signed();
    Ok(Value::Integer(i64::try_from(number).unwrap_or(high)))
}

/// SplitMix64.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

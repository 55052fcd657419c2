//! How long a call may take, and how much it may hold.
//!
//! Lua counts its instructions itself, and asks after each hundred. What loops in a library instead is charged for its length.
//! When a call has had enough, it ends: nothing that a script can write catches that, since its `pcall` asks here first.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use mlua::{Error, HookTriggers, Lua, Result, VmState};
use parking_lot::Mutex;

use super::errors::{fail, place};
use crate::platform::process::thread_time;

/// Instructions of a call.
pub(super) const CALL_STEPS: i64 = 100_000;
/// Instructions while the file is loaded.
pub(super) const LOAD_STEPS: i64 = 100 * CALL_STEPS;
/// Bytes that a script may hold.
pub(super) const MEMORY_BYTES: usize = 64 << 20;
/// Bytes that it may hold more at the end of a call than at its beginning: no text can be longer, so that an instruction that goes
/// over one cannot take long.
const CALL_BYTES: usize = 8 << 20;
/// Instructions between two questions.
const STRIDE: u32 = 50;
/// How long a call may keep the thread busy, whatever it counts: a build for debugging is that much slower.
const CALL_TIME: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1_500 } else { 100 });
/// Functions of ours that call the script's own, within each other.
const CALLING_MAX: usize = 16;
/// So many bytes that a library goes over take as long as an instruction.
const BYTES_A_STEP: usize = 16;

/// What a call has left. It is the Lua state's own.
#[derive(Debug)]
pub(super) struct Meter {
    left: AtomicI64,
    /// How much it had.
    steps: AtomicI64,
    /// Until when the thread may be busy with it, in nanoseconds of its own time. Only what takes long in a single instruction
    /// gets there, such as joining texts of megabytes.
    until: AtomicU64,
    /// How much the script may hold.
    bytes: AtomicUsize,
    /// Why the call must not go on.
    end: Mutex<Option<String>>,
    /// Functions of ours that call the script's own, within each other.
    depth: AtomicUsize,
}

impl Meter {
    /// Puts a meter into a Lua state.
    pub fn install(lua: &Lua) -> Result<()> {
        let (left, steps) = (AtomicI64::new(0), AtomicI64::new(0));
        let (end, depth) = (Mutex::new(None), AtomicUsize::new(0));
        let (until, bytes) = (AtomicU64::new(0), AtomicUsize::new(MEMORY_BYTES));
        lua.set_app_data(Meter { left, steps, until, bytes, end, depth });
        lua.set_memory_limit(MEMORY_BYTES)?;
        let triggers = HookTriggers::new().every_nth_instruction(STRIDE);
        lua.set_hook(triggers, |lua, _| {
            Meter::charge(lua, STRIDE)?;
            Meter::look_at_clock(lua).map(|()| VmState::Continue)
        })
    }

    /// A call begins, and has so many steps.
    pub fn begin(lua: &Lua, steps: i64) -> Result<()> {
        let bytes = match steps > CALL_STEPS {
            true => MEMORY_BYTES,
            false => MEMORY_BYTES.min(lua.used_memory() + CALL_BYTES),
        };
        lua.set_memory_limit(bytes)?;
        with(lua, |meter| {
            meter.bytes.store(bytes, Ordering::Relaxed);
            meter.left.store(steps, Ordering::Relaxed);
            meter.steps.store(steps, Ordering::Relaxed);
            let time = CALL_TIME * u32::try_from(steps / CALL_STEPS).unwrap_or(1);
            meter.until.store(nanos(thread_time() + time), Ordering::Relaxed);
            *meter.end.lock() = None;
            meter.depth.store(0, Ordering::Relaxed);
        })
    }

    /// Why the call must not go on, if so.
    pub fn end(lua: &Lua) -> Option<String> {
        with(lua, |meter| meter.end.lock().clone()).ok().flatten()
    }

    /// Takes steps for something that is about to be done.
    pub fn charge(lua: &Lua, steps: impl TryInto<i64>) -> Result<()> {
        let steps = steps.try_into().unwrap_or(i64::MAX).max(0);
        let (left, had) = with(lua, |meter| {
            let left = meter.left.load(Ordering::Relaxed).saturating_sub(steps);
            meter.left.store(left, Ordering::Relaxed);
            (left, meter.steps.load(Ordering::Relaxed))
        })?;
        if left >= 0 && Self::end(lua).is_none() {
            return Ok(());
        }
        Err(Self::stop(lua, format!("it takes more than {had} instructions")))
    }

    /// Looks at a table, whose empty places nobody counts.
    pub fn charge_table(lua: &Lua) -> Result<()> {
        Self::charge(lua, 1)?;
        Self::look_at_clock(lua)
    }

    /// Whether the thread has been busy for longer than any number of usual instructions takes.
    fn look_at_clock(lua: &Lua) -> Result<()> {
        let until = with(lua, |meter| meter.until.load(Ordering::Relaxed))?;
        match nanos(thread_time()) <= until {
            true => Ok(()),
            false => Err(Self::stop(
                lua,
                "it takes too long: what is in it goes over megabytes".to_owned(),
            )),
        }
    }

    /// Takes steps for bytes that a library goes over.
    pub fn charge_bytes(lua: &Lua, bytes: usize) -> Result<()> {
        Self::charge(lua, bytes / BYTES_A_STEP)
    }

    /// Does something in which the script may be called again, which takes more of the thread's stack than Lua knows of.
    pub fn calling<R>(lua: &Lua, work: impl FnOnce() -> Result<R>) -> Result<R> {
        let depth = with(lua, |meter| meter.depth.fetch_add(1, Ordering::Relaxed))?;
        let done = match depth < CALLING_MAX {
            true => work(),
            false => Err(fail(lua, "there are too many functions within functions")),
        };
        with(lua, |meter| meter.depth.fetch_sub(1, Ordering::Relaxed))?;
        done
    }

    /// How many steps are left.
    pub fn left(lua: &Lua) -> u64 {
        let left = with(lua, |meter| meter.left.load(Ordering::Relaxed)).unwrap_or(0);
        u64::try_from(left).unwrap_or(0)
    }

    /// No memory is left, which ends a call, too: looking for more takes longest.
    pub fn out_of_memory(lua: &Lua) -> Error {
        let bytes = with(lua, |meter| meter.bytes.load(Ordering::Relaxed)).unwrap_or_default();
        let why = match bytes < MEMORY_BYTES {
            false => {
                format!("it needs more memory than the {} MiB of a script", MEMORY_BYTES >> 20)
            }
            true => format!(
                "it needs more than {} MiB in one call: does a function call itself without end?",
                CALL_BYTES >> 20
            ),
        };
        Self::stop(lua, why)
    }

    /// Ends the call.
    fn stop(lua: &Lua, why: String) -> Error {
        let why = with(lua, |meter| {
            let mut end = meter.end.lock();
            end.get_or_insert_with(|| format!("{}{why}", place(lua))).clone()
        });
        why.map_or_else(|error| error, Error::runtime)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn with<R>(lua: &Lua, look: impl FnOnce(&Meter) -> R) -> Result<R> {
    match lua.app_data_ref::<Meter>() {
        Some(meter) => Ok(look(&meter)),
        None => Err(fail(lua, "the script has ended")),
    }
}

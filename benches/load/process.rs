//! What the kernel knows of a process: processor time and memory.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};

/// `/proc` counts processor time in hundredths of a second on every Linux in use.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of processes at one moment.
#[derive(Default)]
struct CpuTime {
    /// Nanoseconds of each living thread: fine, but threads that ended are missing.
    threads: HashMap<String, u64>,
    /// User and system time of all threads that ever ran: complete, but coarse.
    total: Duration,
}

/// Whose time is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The process's alone.
    Own,
    /// Also that of all processes that it has started, and they in turn.
    Family,
}

impl CpuTime {
    fn read(pid: u32, whose: Whose) -> Result<CpuTime> {
        let mut time = CpuTime::default();
        let mut children = time.add(pid, whose)?;
        while let Some(child) = children.pop() {
            // One that ends meanwhile is in its parent's time when that has taken notice of it.
            children.extend(time.add(child, whose).unwrap_or_default());
        }
        Ok(time)
    }

    /// Adds a process; returns its children, if their time is read, too.
    fn add(&mut self, pid: u32, whose: Whose) -> Result<Vec<u32>> {
        let mut children = Vec::new();
        for task in fs::read_dir(format!("/proc/{pid}/task")).context("the daemon is gone")? {
            let task = task?;
            // A thread may end between the listing and the reading.
            if let Ok(line) = fs::read_to_string(task.path().join("schedstat")) {
                let nanos = line.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
                self.threads.insert(task.file_name().to_string_lossy().into_owned(), nanos);
            }
            if whose == Whose::Family {
                let line = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                children.extend(line.split(' ').filter_map(|pid| pid.parse::<u32>().ok()));
            }
        }
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The command's name may hold spaces, so fields are counted from its closing bracket. Behind its own times stand
        // those of children that have ended.
        let fields = if whose == Whose::Family { 4 } else { 2 };
        let ticks: u32 = stat
            .rsplit(") ")
            .next()
            .map(|rest| {
                rest.split(' ').skip(11).take(fields).filter_map(|n| n.parse::<u32>().ok()).sum()
            })
            .context("/proc/PID/stat")?;
        self.total += TICK * ticks;
        Ok(children)
    }

    fn since(&self, earlier: &CpuTime) -> Duration {
        let fine: u64 = self
            .threads
            .iter()
            .map(|(id, nanos)| nanos.saturating_sub(*earlier.threads.get(id).unwrap_or(&0)))
            .sum();
        let fine = Duration::from_nanos(fine);
        let coarse = self.total.saturating_sub(earlier.total);
        if coarse > fine + 2 * TICK { coarse } else { fine }
    }
}

/// User, nice, system and stolen time of the whole machine.
fn machine_busy() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat")?;
    let fields: Vec<u32> =
        line.split_ascii_whitespace().skip(1).map(|n| n.parse().unwrap_or(0)).collect();
    Ok(TICK * [0, 1, 2, 7].iter().filter_map(|i| fields.get(*i)).sum::<u32>())
}

/// A value in bytes out of `/proc/PID/status`, such as `VmRSS` or `VmHWM`.
fn status_bytes(pid: u32, key: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the daemon is gone")?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .with_context(|| format!("{key} in /proc/{pid}/status"))?;
    Ok(kib * 1024)
}

/// Memory in use now.
pub fn rss(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmRSS")
}

/// The most memory that was ever in use.
pub fn peak_rss(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmHWM")
}

/// How many files this process, and what it starts, may have open.
pub fn open_files_max() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or(1024)
}

/// Measures a phase of a run.
pub struct Meter {
    began: Instant,
    /// Whose time is measured, if that can be known, and what it was.
    daemon: Option<(u32, CpuTime)>,
    harness: CpuTime,
    machine: Duration,
}

/// What a [`Meter`] saw.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub wall: Duration,
    /// Processor time of the daemon and of all that it has started, if that can be known.
    pub cpu: Option<Duration>,
    /// Processor time of this process.
    pub harness_cpu: Duration,
    /// Processors that anything else kept busy, 1.0 being one whole processor; unknown of a phase
    /// too short to count that in hundredths of a second, and where the daemon's time is.
    pub other_load: Option<f64>,
}

impl Meter {
    /// Begins the phase.
    pub fn start(pid: impl Into<Option<u32>>) -> Result<Meter> {
        Ok(Meter {
            machine: machine_busy()?,
            harness: CpuTime::read(std::process::id(), Whose::Own)?,
            daemon: pid
                .into()
                .map(|pid| Ok::<_, Error>((pid, CpuTime::read(pid, Whose::Family)?)))
                .transpose()?,
            began: Instant::now(),
        })
    }

    /// Ends the phase.
    pub fn stop(self) -> Result<Measured> {
        self.read()
    }

    /// What the phase would be if it ended now.
    pub fn read(&self) -> Result<Measured> {
        let wall = self.began.elapsed();
        let spent = |(pid, before): &(u32, CpuTime)| {
            Ok::<_, Error>(CpuTime::read(*pid, Whose::Family)?.since(before))
        };
        let cpu = self.daemon.as_ref().map(spent).transpose()?;
        let harness_cpu = CpuTime::read(std::process::id(), Whose::Own)?.since(&self.harness);
        let machine = machine_busy()?.saturating_sub(self.machine);
        let known = cpu.filter(|_| wall > 10 * TICK);
        let other = |cpu| machine.saturating_sub(cpu + harness_cpu);
        let other_load = known.map(|cpu| other(cpu).as_secs_f64() / wall.as_secs_f64());
        Ok(Measured { wall, cpu, harness_cpu, other_load })
    }
}

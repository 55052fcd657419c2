//! The micro benches: what one function of the hot path costs, without sockets and tasks.
//!
//! ```text
//! cargo bench --bench micro
//! cargo bench --bench micro -- 'route/'
//! ```
//!
//! Each iteration handles [`MESSAGES`] messages, and the results are by message. docs/testing.md says
//! how to count instructions, which two commits can be compared by on a busy machine.

mod client_agent;
mod message;
mod router;
mod state_server;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use donet::ids::Channel;
use donet::message::Message;
use donet::wire::{Envelope, write_frame};

/// Messages in one iteration: enough that the first one's allocations do not count. Tests only see
/// whether it runs.
const MESSAGES: u64 = if cfg!(debug_assertions) { 50 } else { 1000 };

/// What is measured and nothing else: a function of its own, so that callgrind can tell it from what
/// prepares it.
#[inline(never)]
fn measured<T>(act: impl FnOnce() -> T) -> T {
    act()
}

/// A benchmark. What `prepare` returns handles one message; nothing is prepared for a benchmark that
/// is not run.
fn bench<F: FnMut()>(c: &mut Criterion, group: &str, name: &str, prepare: impl FnMut() -> F) {
    bench_in_batches(c, group, name, 1, prepare);
}

/// The same for what handles as many messages as a `batch` has.
fn bench_in_batches<F: FnMut()>(
    c: &mut Criterion,
    group: &str,
    name: &str,
    batch: u64,
    mut prepare: impl FnMut() -> F,
) {
    let mut handle = None;
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(MESSAGES));
    group.bench_function(name, |b| {
        let handle = handle.get_or_insert_with(&mut prepare);
        b.iter(|| measured(|| (0..MESSAGES / batch).for_each(|_| handle())));
    });
    group.finish();
}

/// A framed server datagram.
fn frame(recipients: &[Channel], sender: Channel, message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, |writer| {
        Envelope::write_head(writer, recipients, sender);
        message.write(writer);
    })
    .expect("small");
    bytes
}

criterion_group!(
    benches,
    message::benches,
    router::benches,
    state_server::benches,
    client_agent::benches
);
criterion_main!(benches);

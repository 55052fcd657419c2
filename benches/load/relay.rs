//! Relays: programs on the same runtime that do nothing but read frames and write them to every receiver. What they
//! cost, a daemon that passes frames on costs at least.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use bytes::{Buf, Bytes, BytesMut};
use clap::ValueEnum;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What one read may bring.
const READ_BUFFER: usize = 64 * 1024;
/// Reads whose frames are on their way to one receiver.
const QUEUE: usize = 16;

/// How the relay passes frames on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// One task reads and writes: all frames of one read go to each receiver in one piece.
    Bulk,
    /// Each receiver has a task and a queue of frames, as independent receivers need; those of one
    /// read are queued together.
    Queued,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Queued, Kind::Bulk];

    /// Its name on the command line.
    pub fn argument(self) -> &'static str {
        match self {
            Kind::Bulk => "bulk",
            Kind::Queued => "queued",
        }
    }
}

/// Serves until it is killed: the first `receivers` connections receive, the next one sends.
pub fn run(kind: Kind, address: SocketAddr, receivers: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        std::fs::write("ready", "")?;
        let mut outputs = Vec::new();
        for _ in 0..receivers {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            outputs.push(stream);
        }
        let (sender, _) = listener.accept().await?;
        // A task, so that it runs on a worker as a daemon's links do.
        match kind {
            Kind::Bulk => tokio::spawn(copy(sender, outputs)).await??,
            Kind::Queued => tokio::spawn(distribute(sender, outputs)).await??,
        }
        // What the sender's end leaves is measured yet.
        std::future::pending().await
    })
}

/// Frames are found one by one, as any router must, and those of one read are written together.
async fn copy(mut sender: TcpStream, mut receivers: Vec<TcpStream>) -> Result<()> {
    // A frame of the greatest length has to fit behind the rest of a read.
    let mut buffer = vec![0; 2 * READ_BUFFER];
    let mut filled = 0;
    loop {
        let n = sender.read(&mut buffer[filled..]).await?;
        if n == 0 {
            return Ok(());
        }
        filled += n;
        let whole = crate::wire::split(&buffer[..filled], |_| Ok(()))?;
        for receiver in &mut receivers {
            receiver.write_all(&buffer[..whole]).await?;
        }
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
}

/// Takes frames off the sender and queues those of one read for every receiver.
async fn distribute(mut sender: TcpStream, receivers: Vec<TcpStream>) -> Result<()> {
    let mut queues = Vec::new();
    for receiver in receivers {
        let (queue, frames) = mpsc::channel(QUEUE);
        tokio::spawn(write_frames(receiver, frames));
        queues.push(queue);
    }
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ_BUFFER);
        if sender.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let frames: Arc<[Bytes]> = std::iter::from_fn(|| take_frame(&mut buffer)).collect();
        for queue in &queues {
            queue.send(frames.clone()).await?;
        }
    }
}

/// A whole frame with its length tag.
fn take_frame(buffer: &mut BytesMut) -> Option<Bytes> {
    let length = 2 + usize::from(buffer.as_ref().try_get_u16_le().ok()?);
    (buffer.len() >= length).then(|| buffer.split_to(length).freeze())
}

/// Writes whatever is queued, frame by frame into one piece: each receiver of a real server gets
/// a selection of its own.
async fn write_frames(
    mut receiver: TcpStream,
    mut queue: mpsc::Receiver<Arc<[Bytes]>>,
) -> Result<()> {
    let mut output = Vec::new();
    while let Some(mut frames) = queue.recv().await {
        loop {
            frames.iter().for_each(|frame| output.extend_from_slice(frame));
            match queue.try_recv() {
                Ok(more) => frames = more,
                Err(_) => break,
            }
        }
        receiver.write_all(&output).await?;
        output.clear();
    }
    Ok(())
}

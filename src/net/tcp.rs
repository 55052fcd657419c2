//! TCP: listening, and the options that our sockets have.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

#[cfg(target_os = "linux")]
use super::sock_diag;
use super::{Signs, pulse};

/// Connections that may wait to be accepted: a whole player base can come back at once.
const BACKLOG: i32 = 4096;
/// Questions whether an idle peer still lives, before it counts as gone. They are a third of the time apart that
/// the first one waits.
const KEEPALIVE_QUESTIONS: u32 = 3;
/// The longest times that the kernel takes. Whoever wants longer ones hardly minds.
const IDLE_MAX: Duration = Duration::from_secs(i16::MAX as u64);
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// When a peer that nothing comes from counts as gone.
///
/// The kernel notices, whatever the daemon does meanwhile: an idle peer is asked, and from a busy one it waits for
/// acknowledgements. A peer that lives and does not read is noticed by the connection's own time-out.
///
/// Where there is a time for acknowledgements, Linux waits for the answers to its questions for so long, too, however
/// many there were. So whoever is to be noticed sooner than after a time-out of writes needs a shorter one of those. A
/// shorter time for acknowledgements alone would also end who lives, and takes nothing for a while.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Liveness {
    /// After this long without traffic the peer is asked whether it still lives; `None` does not ask.
    keepalive: Option<Duration>,
    /// After this long without an acknowledgement of what was sent the connection is lost; `None` is up to the
    /// kernel, which takes about a quarter of an hour.
    unacknowledged: Option<Duration>,
}

impl Liveness {
    /// For connections that ask after `keepalive` and whose writes may take `stall_max`.
    ///
    /// What was sent may be unacknowledged for as long as an idle peer may be silent, so that a short time-out of
    /// writes does not cut off who is out of reach for a moment. Without a time-out of writes there is none
    /// here either: the kernel's does not tell a peer that is gone from one that does not read.
    pub fn new(keepalive: Option<Duration>, stall_max: Option<Duration>) -> Self {
        let silence_max = keepalive.unwrap_or_default() * 2;
        Liveness { keepalive, unacknowledged: stall_max.map(|stall| stall.max(silence_max)) }
    }
}

/// Listens on an address.
///
/// # Errors
/// What the system says.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // A daemon that restarts must not wait for its own old connections to be forgotten. (Windows does not have one wait, and takes
    // this to mean that another process may listen on the same.)
    socket.set_reuse_address(cfg!(unix))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// What `action` comes to, if it does so within `limit`, that of connecting.
///
/// # Errors
/// `TimedOut` if it does not.
pub async fn within<T>(
    limit: Option<Duration>,
    action: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let Some(limit) = limit else { return action.await };
    tokio::time::timeout(limit, action).await.unwrap_or_else(|_| {
        let seconds = limit.as_secs_f32();
        let text = format!("no answer within {seconds} s (messagedirector.connect_timeout_ms)");
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

/// Sets what every connection needs: no delay, since writes are coalesced already, and how a dead peer is noticed. A
/// connection that does not take it does without.
pub(super) fn set_options<'s, S>(socket: &'s S, liveness: Liveness)
where
    SockRef<'s>: From<&'s S>,
{
    let socket = SockRef::from(socket);
    if let Err(error) = socket.set_tcp_nodelay(true).and_then(|()| set_liveness(&socket, liveness))
    {
        tracing::warn!(%error, "a connection does not take all options; it is served without them");
    }
}

fn set_liveness(socket: &SockRef<'_>, liveness: Liveness) -> io::Result<()> {
    if let Some(idle) = liveness.keepalive {
        // The kernel counts in whole seconds.
        let idle = idle.clamp(Duration::from_secs(1), IDLE_MAX);
        let apart = (idle / KEEPALIVE_QUESTIONS).max(Duration::from_secs(1));
        let keepalive = TcpKeepalive::new().with_time(idle).with_interval(apart);
        socket.set_tcp_keepalive(&keepalive.with_retries(KEEPALIVE_QUESTIONS))?;
    } else {
        socket.set_keepalive(false)?;
    }
    // Only this system has it.
    #[cfg(target_os = "linux")]
    socket
        .set_tcp_user_timeout(liveness.unacknowledged.map(|time| time.min(UNACKNOWLEDGED_MAX)))?;
    Ok(())
}

/// How many bytes that the kernel has taken have not been acknowledged. It knows nothing any more of a connection that
/// has failed: then it is as many as it may have had, or any number if it does not even tell that.
pub(super) fn unacknowledged_bytes(stream: &TcpStream) -> usize {
    #[cfg(target_os = "linux")]
    if let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr())
        && let Some(bytes) = sock_diag::unacknowledged_bytes(local, peer)
    {
        return bytes;
    }
    SockRef::from(stream).send_buffer_size().unwrap_or(usize::MAX)
}

/// A connection whose peer can be asked whether it lives.
pub trait Line: Send + Sync {
    /// Whether the peer is on this machine.
    fn is_here(&self) -> bool;

    /// What is known of it now.
    fn signs(&self) -> Signs;

    /// Has the kernel ask, until the question is dropped: an idle peer every second, from now on; a busy one
    /// anyway acknowledges what it is sent.
    fn ask(&self, liveness: Liveness) -> Question<'_>;
}

/// While it is there, the peer of a connection is asked whether it lives.
#[derive(Debug)]
pub struct Question<'s> {
    /// What is asked, and how often otherwise; `None` asks nobody.
    of: Option<(&'s TcpStream, Liveness)>,
}

impl Question<'_> {
    /// Asks nobody.
    pub const NONE: Self = Question { of: None };
}

impl Line for TcpStream {
    fn is_here(&self) -> bool {
        match (self.local_addr(), self.peer_addr()) {
            (Ok(local), Ok(peer)) => pulse::is_here(local, peer),
            _ => false,
        }
    }

    fn signs(&self) -> Signs {
        match (self.local_addr(), self.peer_addr()) {
            #[cfg(target_os = "linux")]
            (Ok(local), Ok(peer)) => sock_diag::signs(local, peer),
            #[cfg(not(target_os = "linux"))]
            (Ok(_), Ok(_)) => Signs::Unknown,
            _ => Signs::Ended,
        }
    }

    fn ask(&self, liveness: Liveness) -> Question<'_> {
        let keepalive = Some(Duration::from_secs(1));
        // With a time for acknowledgements the kernel would not ask three times: it gives a peer up that has been
        // silent for longer, and does not answer the first question.
        // A socket that takes no options is lost already.
        let _ = set_liveness(&SockRef::from(self), Liveness { keepalive, unacknowledged: None });
        Question { of: Some((self, liveness)) }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if let Some((stream, liveness)) = self.of {
            let _ = set_liveness(&SockRef::from(stream), liveness);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::net::{Examination, Verdict};

    const fn seconds(count: u64) -> Option<Duration> {
        Some(Duration::from_secs(count))
    }

    async fn connected(liveness: Liveness) -> (TcpListener, TcpStream) {
        let listener = bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stream = TcpStream::connect(address).await.expect("it listens");
        set_options(&stream, liveness);
        (listener, stream)
    }

    #[tokio::test]
    async fn an_idle_peer_is_asked_and_a_busy_one_has_to_acknowledge() {
        let (_listener, stream) = connected(Liveness::new(seconds(30), seconds(5))).await;
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_keepalive_time().expect("an option"), Duration::from_secs(30));
        assert_eq!(socket.tcp_keepalive_interval().expect("an option"), Duration::from_secs(10));
        assert_eq!(socket.tcp_keepalive_retries().expect("an option"), 3);
        assert_eq!(socket.tcp_user_timeout().expect("an option"), seconds(60));

        let (_listener, stream) = connected(Liveness::new(None, seconds(120))).await;
        let socket = SockRef::from(&stream);
        assert!(!socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_user_timeout().expect("an option"), seconds(120));

        let (_listener, stream) = connected(Liveness::new(seconds(30), None)).await;
        assert_eq!(SockRef::from(&stream).tcp_user_timeout().expect("an option"), None);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_is_known_how_much_has_not_arrived() {
        let (listener, stream) = connected(Liveness::default()).await;
        let (peer, _) = listener.accept().await.expect("it is there");
        assert_eq!(unacknowledged_bytes(&stream), 0);
        let mut taken = 0;
        // Until this end's kernel has no room.
        while let Ok(count) = stream.try_write(&[0; 65536]) {
            taken += count;
        }
        let blocked = unacknowledged_bytes(&stream);
        assert!(0 < blocked && blocked <= taken, "{blocked} of {taken}");
        // With all of it unread the connection is reset; nothing more exact is known then.
        drop(peer);
        while !matches!(stream.signs(), Signs::Ended) {
            tokio::task::yield_now().await;
        }
        let buffer = SockRef::from(&stream).send_buffer_size().expect("an option");
        assert_eq!(unacknowledged_bytes(&stream), buffer);
    }

    #[tokio::test]
    async fn longer_times_than_the_kernel_takes_are_its_longest() {
        let longest = Some(Duration::from_millis(u32::MAX.into()));
        for (keepalive, stall_max) in [(longest, seconds(1)), (seconds(1), longest)] {
            let (_listener, stream) = connected(Liveness::new(keepalive, stall_max)).await;
            let socket = SockRef::from(&stream);
            let longest = Duration::from_millis(i32::MAX as u64);
            assert_eq!(socket.tcp_user_timeout().expect("an option"), Some(longest));
            let idle = keepalive.expect("asked").min(Duration::from_secs(32_767));
            assert_eq!(socket.tcp_keepalive_time().expect("an option"), idle);
        }
    }

    #[tokio::test]
    async fn a_peer_that_lives_answers_when_it_is_asked() {
        let liveness = Liveness::new(seconds(30), seconds(5));
        let (listener, stream) = connected(liveness).await;
        assert!(stream.is_here());
        // As if it were elsewhere.
        let examination = Examination::begin(Instant::now(), false);
        let question = stream.ask(liveness);
        let verdict = loop {
            if let Some(verdict) = examination.judge(Instant::now(), stream.signs()) {
                break verdict;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert_eq!(verdict, Verdict::Alive);
        let socket = SockRef::from(&stream);
        let time = || socket.tcp_keepalive_time().expect("an option");
        assert_eq!(time(), Duration::from_secs(1));
        drop(question);
        assert_eq!(time(), Duration::from_secs(30));
        assert_eq!(socket.tcp_user_timeout().expect("an option"), seconds(60));
        // It is nobody's idea to ask one that is never asked.
        drop(stream.ask(Liveness::default()));
        assert!(!socket.keepalive().expect("an option"));

        assert!(matches!(stream.signs(), Signs::Open { .. }), "{:?}", stream.signs());
        let (peer, _) = listener.accept().await.expect("it is there");
        drop(peer);
        stream.readable().await.expect("the end");
        assert_eq!(stream.signs(), Signs::Ended);
    }
}

//! A line between two daemons that a test can cut, and mend.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Whoever connects to it is connected to somebody else, as long as it is whole.
pub struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    to: SocketAddr,
    is_cut: AtomicBool,
    is_over: AtomicBool,
    /// Both ends of all that is under way.
    ends: Mutex<Vec<TcpStream>>,
}

impl Line {
    /// A line to `address`.
    pub fn to(address: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let own = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            to: address,
            is_cut: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            ends: Mutex::default(),
        });
        let accepting = shared.clone();
        thread::spawn(move || accepting.accept(&listener));
        Line { address: own, shared }
    }

    /// Where to connect to.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends what is under way; who connects from now on is hung up on.
    pub fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        for end in self.shared.ends.lock().expect("nobody panics with it").drain(..) {
            // It may have ended.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// From now on there are connections again.
    pub fn mend(&self) {
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.cut();
        // Whoever accepts looks then.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn accept(&self, listener: &TcpListener) {
        while let Ok((near, _)) = listener.accept() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            // A connection that is refused is one that ends.
            let _ = self.join(near);
        }
    }

    fn join(&self, near: TcpStream) -> io::Result<()> {
        let mut ends = self.ends.lock().expect("nobody panics with it");
        if self.is_cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        let far = TcpStream::connect(self.to)?;
        for (from, to) in [(&near, &far), (&far, &near)] {
            from.set_nodelay(true)?;
            let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        ends.extend([near, far]);
        Ok(())
    }
}

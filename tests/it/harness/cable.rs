//! A proxy between two daemons, which can be cut and held.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use socket2::SockRef;

/// Passes connections on to an address.
pub struct Cable {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    ends: Mutex<Vec<TcpStream>>,
    is_held: Mutex<bool>,
    released: Condvar,
}

impl Cable {
    /// To `target`, whether or not anybody listens there yet.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::<State>::default();
        let shared = state.clone();
        // It ends with the tests.
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // If nobody listens, whoever has connected is hung up on.
                if let Ok(far) = TcpStream::connect(target) {
                    shared.join(near, far).expect("a fresh socket can be shared");
                }
            }
        });
        Cable { address, state }
    }

    /// Where to connect to.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets all connections; what is in flight is lost.
    pub fn cut(&self) {
        for end in self.state.ends.lock().expect("nobody fails with it").drain(..) {
            // It may have ended already.
            let _ = SockRef::from(&end).set_linger(Some(std::time::Duration::ZERO));
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Passes nothing on, or goes on.
    pub fn hold(&self, is_held: bool) {
        *self.state.is_held.lock().expect("nobody fails with it") = is_held;
        self.state.released.notify_all();
    }
}

impl State {
    fn join(self: &Arc<Self>, near: TcpStream, far: TcpStream) -> io::Result<()> {
        for (from, to) in
            [(near.try_clone()?, far.try_clone()?), (far.try_clone()?, near.try_clone()?)]
        {
            let state = self.clone();
            thread::spawn(move || state.copy(from, to));
        }
        self.ends.lock().expect("nobody fails with it").extend([near, far]);
        Ok(())
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let held = self.is_held.lock().expect("nobody fails with it");
            drop(self.released.wait_while(held, |is_held| *is_held).expect("nobody fails with it"));
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
        let _ = from.shutdown(Shutdown::Read);
    }
}

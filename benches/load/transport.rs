//! The ways in which clients reach a daemon.

use std::sync::Arc;

use clap::ValueEnum;
use rustls::ClientConfig;

/// What lies between a client's frames and TCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Nothing.
    #[default]
    Tcp,
    Tls,
    /// A WebSocket.
    Ws,
    /// A WebSocket over TLS.
    Wss,
}

impl Transport {
    /// What it adds to the title of a row.
    pub const fn suffix(self) -> &'static str {
        match self {
            Transport::Tcp => "",
            Transport::Tls => " tls",
            Transport::Ws => " ws",
            Transport::Wss => " wss",
        }
    }

    pub const fn is_encrypted(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    pub const fn is_websocket(self) -> bool {
        matches!(self, Transport::Ws | Transport::Wss)
    }
}

/// How clients of a running daemon connect.
#[derive(Clone, Default)]
pub struct Way {
    /// How they encrypt, if they do.
    pub tls: Option<Arc<ClientConfig>>,
    pub is_websocket: bool,
}

//! Datagrams for Wireshark: as if each had been caught on a connection to port 7199, or 7198.
//!
//! The file is pcapng. Every participant has an address below 10.0.0.0/9 and every client one below 10.128.0.0/9 that are made up; what is routed
//! stands as if the participant that routed it had sent it to 10.255.255.255:7199. Who that was is a comment of the packet, and is among the
//! names of addresses.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::net::Ipv4Addr;
use std::path::Path as FilePath;

use crate::platform::files;
use crate::trace::record::{Path, Record};

/// Of the message director that everybody is connected to, and of agents.
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 255, 255, 255);
const LINK_PORT: u16 = 7199;
const CLIENT_PORT: u16 = 7198;
const PEER_PORT: u16 = 49152;
/// `LINKTYPE_IPV4`
const LINK_TYPE: u16 = 228;
const HEADERS_BYTES: usize = 40;
/// More does not fit a packet.
const SEGMENT_BYTES_MAX: usize = 32 * 1024;

/// A file that is being written.
pub(super) struct Pcap {
    file: BufWriter<File>,
    /// By name, and which way: the address, and the next sequence numbers of both sides.
    flows: HashMap<(bool, String), Flow>,
}

#[derive(Copy, Clone)]
struct Flow {
    address: Ipv4Addr,
    port: u16,
    /// What the peer and what the server sends next.
    next: [u32; 2],
}

/// A file for whoever has made it alone: there may be secrets in it. What was in it is gone.
fn new_file(path: &FilePath) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    files::set_mode_of_new(&mut options, 0o600).open(path)
}

impl Pcap {
    /// Makes the file; one that is there is written over.
    pub fn create(path: &FilePath) -> io::Result<Self> {
        let mut pcap = Pcap { file: BufWriter::new(new_file(path)?), flows: HashMap::new() };
        let mut head = Vec::new();
        head.extend(0x1a2b_3c4d_u32.to_le_bytes());
        head.extend([1, 0, 0, 0]);
        head.extend(u64::MAX.to_le_bytes());
        pcap.block(0x0a0d_0d0a, &head)?;
        let mut interface = Vec::new();
        interface.extend(LINK_TYPE.to_le_bytes());
        interface.extend([0, 0]);
        interface.extend(0u32.to_le_bytes());
        pcap.block(1, &interface)?;
        Ok(pcap)
    }

    /// Writes a record.
    pub fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        let Record::Datagram { micros, path, origin, bytes } = *record else { return Ok(()) };
        let (is_client, name) = match path {
            Path::Routed => (false, origin.to_owned()),
            Path::FromClient(_, client) | Path::ToClient(_, client) => (true, client.to_string()),
        };
        let comment = match path {
            Path::Routed => format!("routed by {origin}"),
            Path::FromClient(_, client) => format!("from client {client} to {origin}"),
            Path::ToClient(_, client) => format!("from {origin} to client {client}"),
        };
        let mut flow = self.flow(is_client, &name)?;
        let is_from_peer = !matches!(path, Path::ToClient(..));
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let frame = [&length.to_le_bytes()[..], bytes].concat();
        for segment in frame.chunks(SEGMENT_BYTES_MAX) {
            let packet = flow.packet(is_from_peer, segment);
            self.packet(micros, &packet, &comment)?;
        }
        self.flows.insert((is_client, name), flow);
        Ok(())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// The connection of a participant or a client, which has a name if it is new.
    fn flow(&mut self, is_client: bool, name: &str) -> io::Result<Flow> {
        if let Some(flow) = self.flows.get(&(is_client, name.to_owned())) {
            return Ok(*flow);
        }
        let number = u32::try_from(self.flows.len() + 1).unwrap_or(u32::MAX) & 0x007f_ffff;
        let base = if is_client { 0x0a80_0000 } else { 0x0a00_0000 };
        let address = Ipv4Addr::from_bits(base | number);
        let mut names = vec![1, 0];
        let value = [&address.octets()[..], name.as_bytes(), &[0]].concat();
        names.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        names.extend(padded(&value));
        names.extend([0; 4]);
        self.block(4, &names)?;
        let port = if is_client { CLIENT_PORT } else { LINK_PORT };
        Ok(Flow { address, port, next: [1, 1] })
    }

    fn packet(&mut self, micros: u64, packet: &[u8], comment: &str) -> io::Result<()> {
        let mut block = Vec::with_capacity(packet.len() + 64);
        block.extend(0u32.to_le_bytes());
        block.extend(((micros >> 32) as u32).to_le_bytes());
        block.extend((micros as u32).to_le_bytes());
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX).to_le_bytes();
        block.extend([length, length].concat());
        block.extend(padded(packet));
        block.extend([1, 0]);
        block.extend(u16::try_from(comment.len()).unwrap_or(u16::MAX).to_le_bytes());
        block.extend(padded(comment.as_bytes()));
        block.extend([0; 4]);
        self.block(6, &block)
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
        self.file.write_all(&kind.to_le_bytes())?;
        self.file.write_all(&length)?;
        self.file.write_all(body)?;
        self.file.write_all(&length)
    }
}

/// Up to the next four bytes.
fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}

impl Flow {
    /// An IPv4 packet with a TCP segment, as large as they may be.
    fn packet(&mut self, is_from_peer: bool, data: &[u8]) -> Vec<u8> {
        let peer = (self.address, PEER_PORT);
        let server = (SERVER, self.port);
        let ends = if is_from_peer { [peer, server] } else { [server, peer] };
        let side = usize::from(!is_from_peer);
        let (sequence, acknowledged) = (self.next[side], self.next[1 - side]);
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.next[side] = sequence.wrapping_add(length);
        let total = u16::try_from(HEADERS_BYTES + data.len()).unwrap_or(u16::MAX);
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        ends.iter().for_each(|(address, _)| packet.extend(address.octets()));
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        let mut segment = Vec::with_capacity(20 + data.len());
        ends.iter().for_each(|(_, port)| segment.extend(port.to_be_bytes()));
        segment.extend(sequence.to_be_bytes());
        segment.extend(acknowledged.to_be_bytes());
        // PSH and ACK, a window, a checksum and no urgent data.
        segment.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(data);
        let mut pseudo: Vec<u8> = ends.iter().flat_map(|(address, _)| address.octets()).collect();
        pseudo.extend([0, 6]);
        pseudo.extend(u16::try_from(segment.len()).unwrap_or(u16::MAX).to_be_bytes());
        pseudo.extend(&segment);
        let sum = checksum(&pseudo);
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        packet.extend(segment);
        packet
    }
}

/// The internet's checksum.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| {
        u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or_default()]))
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

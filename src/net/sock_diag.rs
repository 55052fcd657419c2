//! What the kernel knows of a TCP connection, as `ss` shows it: asked over netlink, since the socket option that says
//! the same cannot be read without `unsafe`.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::pulse::Signs;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const IPPROTO_TCP: u8 = 6;
const ENOENT: i32 = 2;
/// The attribute with the connection's times, and the bit that asks for it.
const INET_DIAG_INFO: u16 = 2;
const WITH_INFO: u8 = 1 << (INET_DIAG_INFO - 1);
const ESTABLISHED: u8 = 1;
const HEADER_BYTES: usize = 16;
/// The part of an answer before its attributes, and where the state is in it.
const ANSWER_BYTES: usize = 72;
const STATE_AT: usize = 1;
/// Where the number of bytes is that have been written and not been acknowledged.
const QUEUED_AT: usize = 60;
/// Where `tcp_info` has the milliseconds since the last acknowledgement.
const LAST_ACK_AT: usize = 56;

/// What the kernel knows of the connection between these addresses.
pub(super) fn signs(local: SocketAddr, peer: SocketAddr) -> Signs {
    match ask(&question(local, peer)) {
        Ok(answer) => read(&answer).unwrap_or(Signs::Unknown),
        // Old kernels, and sandboxes.
        Err(_) => Signs::Unknown,
    }
}

/// How many bytes of what was written on the connection between these addresses have not been acknowledged. `None`
/// if there is no such connection any more, or the kernel does not tell.
pub(super) fn unacknowledged_bytes(local: SocketAddr, peer: SocketAddr) -> Option<usize> {
    let answer = ask(&question(local, peer)).ok()?;
    if u16_at(&answer, 4)? == NLMSG_ERROR {
        return None;
    }
    usize::try_from(u32_at(answer.get(HEADER_BYTES..)?, QUEUED_AT)?).ok()
}

fn ask(question: &[u8]) -> io::Result<Vec<u8>> {
    let (domain, protocol) = (Domain::from(AF_NETLINK), Protocol::from(NETLINK_SOCK_DIAG));
    let mut socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    // The answer is there when the question has been sent.
    socket.set_nonblocking(true)?;
    socket.send(question)?;
    let mut answer = vec![0; 4096];
    let length = socket.read(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

fn question(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
    let mut body = vec![family, IPPROTO_TCP, WITH_INFO, 0];
    body.extend(u32::MAX.to_ne_bytes());
    body.extend(local.port().to_be_bytes());
    body.extend(peer.port().to_be_bytes());
    for address in [local, peer] {
        let mut field = [0; 16];
        match address.ip() {
            IpAddr::V4(ip) => field[..4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => field = ip.octets(),
        }
        body.extend(field);
    }
    let interface = if let SocketAddr::V6(peer) = peer { peer.scope_id() } else { 0 };
    // And any cookie.
    [interface, u32::MAX, u32::MAX].iter().for_each(|word| body.extend(word.to_ne_bytes()));
    let length = (HEADER_BYTES + body.len()) as u32;
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes
}

fn read(answer: &[u8]) -> Option<Signs> {
    let body = answer.get(HEADER_BYTES..)?;
    if u16_at(answer, 4)? == NLMSG_ERROR {
        // There is no such connection any more.
        let is_gone = u32_at(body, 0)? == ENOENT.wrapping_neg() as u32;
        return Some(if is_gone { Signs::Ended } else { Signs::Unknown });
    }
    if *body.get(STATE_AT)? != ESTABLISHED {
        return Some(Signs::Ended);
    }
    let mut attributes = body.get(ANSWER_BYTES..)?;
    loop {
        let length = usize::from(u16_at(attributes, 0)?);
        if u16_at(attributes, 2)? == INET_DIAG_INFO {
            let info = attributes.get(4..length)?;
            let heard = Duration::from_millis(u32_at(info, LAST_ACK_AT)?.into());
            return Some(Signs::Open { heard });
        }
        attributes = attributes.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_answered_is_no_panic() {
        let mut answer = vec![0; HEADER_BYTES + ANSWER_BYTES];
        answer[HEADER_BYTES + STATE_AT] = ESTABLISHED;
        answer.extend([8, 0, 5, 0, 1, 1, 1, 1]);
        let info_bytes = 4 + LAST_ACK_AT as u16 + 4;
        answer.extend(info_bytes.to_ne_bytes());
        answer.extend(INET_DIAG_INFO.to_ne_bytes());
        answer.extend([0; LAST_ACK_AT]);
        answer.extend(1234_u32.to_ne_bytes());
        assert_eq!(read(&answer), Some(Signs::Open { heard: Duration::from_millis(1234) }));
        for end in 0..answer.len() {
            let cut = read(&answer[..end]);
            assert_eq!(cut, None, "{end} bytes");
        }
        answer[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        answer[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&(-2_i32).to_ne_bytes());
        assert_eq!(read(&answer), Some(Signs::Ended));
        answer[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(read(&answer), Some(Signs::Unknown));
    }
}

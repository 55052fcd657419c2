//! Who is banned, by address and by account, before and while he is in.

use super::*;
use crate::harness::websocket::{WebSocket, ask, request, tcp};

/// Whoever is banned from the beginning.
const OF_OLD: &str = "# ours\n192.0.2.0/24 never cheats\naccount 7 never sold it\nnonsense\n";

/// A daemon with a ban list.
fn start(more: &str) -> (tempfile::TempDir, Daemon) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bans.txt");
    std::fs::write(&file, OF_OLD).expect("ours");
    let keys = format!(", banlist: '{}'{more}", file.display());
    (folder, setup(&keys).start())
}

fn from(daemon: &Daemon, ip: &str) -> Client {
    let mut client = daemon.client();
    client.stream().send_raw(format!("PROXY TCP4 {ip} 10.0.0.1 4000 80\r\n").as_bytes());
    client
}

#[test]
fn a_banned_address_is_refused_and_one_that_is_banned_while_in_is_put_out() {
    let (folder, daemon) = start(", haproxy: true");
    let line = "a line of the ban list is ignored: \"nonsense\" is no address";
    wait_until("the line is said", || daemon.log().contains(line).then_some(()));
    let text = from(&daemon, "192.0.2.9").expect_eject_with(EjectReason::Banned as u16);
    assert_eq!(text, "You are banned: cheats");
    let (mut other, mut banned) = (from(&daemon, "198.51.100.1"), from(&daemon, "198.51.100.2"));
    other.hello();
    banned.hello();
    let more = format!(
        "{OF_OLD}198.51.100.2 2999-01-01T00:00:00Z at last\n198.51.100.1 2001-01-01T00:00:00Z over\n"
    );
    std::fs::write(folder.path().join("bans.txt"), more).expect("ours");
    daemon.signal("HUP");
    let text = banned.expect_eject_with(EjectReason::Banned as u16);
    assert_eq!(text, "You are banned until 2999-01-01T00:00:00Z: at last");
    let mut stage = Stage { server: daemon.link(), daemon };
    let channel = channel_of_port(&stage.daemon, 4000);
    stage.sync(&mut other, channel);
}

#[test]
fn a_banned_account_is_put_out_when_it_is_known_and_when_it_is_banned() {
    let (folder, daemon) = start("");
    let mut stage = Stage { server: daemon.link(), daemon };
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::SetClientId { channel: Channel(7 << 32) });
    let text = client.expect_eject_with(EjectReason::Banned as u16);
    assert_eq!(text, "You are banned: sold it");
    let (mut client, channel) = stage.established();
    let logged_in = Channel(8 << 32 | 100);
    stage.tell(channel, &ClientAgent::SetClientId { channel: logged_in });
    stage.sync(&mut client, logged_in);
    // The file is watched: nobody has to say anything.
    std::fs::write(folder.path().join("bans.txt"), "account 8 never\n").expect("ours");
    let text = client.expect_eject_with(EjectReason::Banned as u16);
    assert_eq!(text, "You are banned.");
}

#[test]
fn a_websocket_is_refused_before_or_after_its_proxy_has_spoken() {
    let (folder, daemon) = start(", websocket: {bind: $WS, trusted_proxies: [127.0.0.0/8]}");
    let fields = ["X-Forwarded-For: 192.0.2.1"];
    let mut client = WebSocket::connect(daemon.address("WS"), "/", &fields);
    let [_eject] = &client.datagrams()[..] else { panic!("several") };
    assert_eq!(client.expect_close(4152), "You are banned: cheats");
    drop((client, daemon, folder));
    let (folder, daemon) = start(", websocket: {bind: $WS}");
    std::fs::write(folder.path().join("bans.txt"), "127.0.0.0/8 never\n").expect("ours");
    daemon.signal("HUP");
    wait_until("it is banned", || {
        let (answer, _) = ask(&mut tcp(daemon.address("WS")), &request("/", &[])).ok()?;
        answer.starts_with("HTTP/1.1 403 ").then_some(())
    });
}

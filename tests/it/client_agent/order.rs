//! What one peer tells a session takes effect in its order, whatever channels it goes to: an UberDOG
//! that gives a client a channel talks to it there at once.

use super::*;

#[test]
fn a_channel_that_was_just_opened_is_heard() {
    for _ in 0..20 {
        let mut stage = Stage::start();
        let (mut client, channel) = stage.established();
        let avatar = Channel(1_001 << 32 | 7);
        stage.tell(channel, &ClientAgent::OpenChannel { channel: avatar });
        stage.sync(&mut client, avatar);
    }
}

#[test]
fn a_client_is_heard_at_the_channel_that_it_was_just_given() {
    for _ in 0..20 {
        let mut stage = Stage::start();
        let (mut client, channel) = stage.established();
        let account = Channel(1_003 << 32 | 7);
        stage.tell(channel, &ClientAgent::SetClientId { channel: account });
        stage.sync(&mut client, account);
    }
}

#[test]
fn a_login_may_come_in_one_piece() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.anonymous();
    let account = Channel(1_003 << 32 | 7);
    let login = [
        (channel, ClientAgent::SetClientId { channel: account }),
        (account, ClientAgent::SetState { state: 2 }),
        (account, ClientAgent::OpenChannel { channel: SERVER }),
        (SERVER, ClientAgent::AddSessionObject { do_id: OBJECT }),
        (SERVER, ClientAgent::SendDatagram { datagram: Blob(b"welcome") }),
    ];
    let mut bytes = Vec::new();
    for (to, message) in &login {
        let datagram = datagram_of(*to, LOGIN, message);
        bytes.extend((datagram.len() as u16).to_le_bytes());
        bytes.extend(datagram);
    }
    stage.server.stream().send_raw(&bytes);
    assert_eq!(client.receive(), b"welcome");
    let mut object = stage.hearer(OBJECT);
    client.close();
    object.expect(OBJECT, account, &StateServer::ObjectDeleteRam { do_id: OBJECT });
}

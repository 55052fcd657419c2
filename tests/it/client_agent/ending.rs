//! What clients and the cluster are told when the daemon is told to end.

use super::*;

/// The channel of the AI whose objects die with its link.
const AI: Channel = Channel(6_000);

#[test]
fn whoever_plays_is_told_that_the_server_stops_and_an_ai_hears_of_it_before_its_own_link_ends() {
    for signal in ["TERM", "INT"] {
        let mut stage = Stage::start();
        let (mut client, channel) = stage.established();
        stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OBJECT });
        stage.give(&mut client, channel, OBJECT);
        let (mut anonymous, _) = stage.anonymous();
        // What the AI leaves behind would eject the client with another reason.
        let deletion = StateServer::ObjectDeleteRam { do_id: OBJECT };
        let gone = datagram_of(channel, AI, &deletion);
        let mut ai = stage.hearer(OBJECT);
        ai.control(&Control::AddPostRemove { sender: AI, datagram: Blob(&gone) });
        ai.sync();
        let code = stage.daemon.terminate(signal);
        for client in [&mut client, &mut anonymous] {
            let text = client.expect_eject_with(EjectReason::Restart as u16);
            assert_eq!(text, "The server stops.");
        }
        ai.expect(OBJECT, channel, &deletion);
        ai.expect_closed();
        assert_eq!(code.code(), Some(0));
    }
}

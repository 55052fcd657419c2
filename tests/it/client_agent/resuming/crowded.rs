//! Clients that come back where there is no room.

use super::*;

/// Limits that two connections reach.
const FULL: [(&str, &str); 2] = [
    ("connections: 2", "Client capacity reached"),
    ("connections_per_address: 2", "There are too many connections from this address."),
];

fn crowded(limit: &str, more: &str) -> Scene {
    Scene::new(", resume_ms: 60000", &format!(", limits: {{{limit}}}{more}"))
}

/// Somebody new says hello, and is told that there is no room.
#[track_caller]
fn expect_no_room(scene: &Scene, text: &str) {
    let mut stranger = scene.stage.daemon.client();
    stranger.send(&ClientMessage::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) });
    assert_eq!(stranger.expect_eject_with(EjectReason::Generic as u16), text);
}

#[test]
fn who_is_away_or_only_looks_alive_finds_room_and_others_do_not() {
    for (limit, text) in FULL {
        for how in ALL {
            let mut scene = crowded(limit, "");
            let mut player = Player::come(&scene.stage.daemon, how);
            let port = player.port();
            let (channel, mut token) = scene.play(&mut player, port);
            let mut before = Some(player);
            for is_away in [true, false] {
                if is_away {
                    drop(before.take());
                    scene.wait_for_event("client-away");
                }
                expect_no_room(&scene, text);
                // They take nobody's place by saying nothing.
                let _silent = [(); 3].map(|()| Player::come(&scene.stage.daemon, How::Tcp));
                let mut back = Player::come(&scene.stage.daemon, how);
                token = back.resume(&token).expect("it is back");
                back.next();
                back.retold();
                scene.expect_unnoticed(&mut back, channel);
                expect_no_room(&scene, text);
                before = Some(back);
            }
        }
    }
}

#[test]
fn who_is_on_probation_has_as_long_as_for_a_hello_and_one_try() {
    for (limit, text) in FULL {
        let mut scene = crowded(limit, ", tuning: {handshake_timeout: 300}");
        let mut player = Player::come(&scene.stage.daemon, How::Tcp);
        let port = player.port();
        scene.play(&mut player, port);
        let mut silent = scene.stage.daemon.client();
        assert_eq!(silent.expect_eject_with(EjectReason::Generic as u16), text);
        let mut wrong = Player::come(&scene.stage.daemon, How::Tcp);
        assert_eq!(wrong.resume(&[1; 32]), None);
        let Player::Tcp(mut wrong) = wrong else { unreachable!("it came so") };
        assert_eq!(wrong.expect_eject_with(EjectReason::Generic as u16), text);
    }
}

//! The same over TLS.

use super::*;
use crate::harness::secure::{Authority, Believer};
use crate::harness::websocket;

impl Player {
    fn come_secretly(daemon: &Daemon, believer: &Believer, how: How) -> Self {
        let target = if matches!(how, How::Tcp) { "TLS" } else { "WS" };
        let stream = websocket::tcp(daemon.address(target));
        let own = stream.local_addr().expect("it is connected");
        let secure = believer.shake(stream, "game.example").expect("encrypted");
        let fields: &[&str] = if matches!(how, How::Frames) { &[FRAMES] } else { &[] };
        match how {
            How::Tcp => Player::Tls(Box::new(secure), own.port()),
            How::Messages | How::Frames => {
                let stream = Box::new(secure.into_stream());
                Player::Web(WebSocket::over(stream, own, "/", fields), VecDeque::new())
            }
        }
    }
}

#[test]
fn over_tls_and_over_websocket_with_tls_a_client_is_back_and_nobody_has_noticed() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new("authority"));
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let more =
        format!(", tls: {{bind: $TLS, {files}}}, websocket: {{bind: $WS, tls: {{{files}}}}}");
    let believer = authority.believer();
    let from_one_to_another = [How::Messages, How::Frames, How::Tcp];
    for (before, after) in ALL.into_iter().zip(ALL).chain(ALL.into_iter().zip(from_one_to_another))
    {
        let mut scene = Scene::new(", resume_ms: 60000", &more);
        let mut player = Player::come_secretly(&scene.stage.daemon, &believer, before);
        let port = player.port();
        let (channel, token) = scene.play(&mut player, port);
        drop(player);
        scene.wait_for_event("client-away");
        scene.change();
        let mut player = Player::come_secretly(&scene.stage.daemon, &believer, after);
        player.resume(&token).expect("it is back");
        expect_all_told(&mut player);
        scene.expect_unnoticed(&mut player, channel);
    }
}

#[test]
fn there_is_room_for_who_comes_back_encrypted_and_takes_over() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new("authority"));
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let more = format!(
        ", tls: {{bind: $TLS, {files}}}, websocket: {{bind: $WS, tls: {{{files}}}}}, limits: {{connections: 2}}"
    );
    let believer = authority.believer();
    for how in ALL {
        let mut scene = Scene::new(", resume_ms: 60000", &more);
        let mut old = Player::come_secretly(&scene.stage.daemon, &believer, how);
        let port = old.port();
        let (channel, token) = scene.play(&mut old, port);
        let mut player = Player::come_secretly(&scene.stage.daemon, &believer, how);
        player.resume(&token).expect("it is back");
        player.next();
        player.retold();
        scene.expect_unnoticed(&mut player, channel);
    }
}

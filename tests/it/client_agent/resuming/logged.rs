//! What the log says of a client that is lost and comes back.

use super::*;

#[test]
fn at_the_level_of_traces_the_log_has_a_sessions_whole_life() {
    let setup = setup(", client: {add_interest: enabled, resume_ms: 60000}");
    let mut stage = Stage::of(setup.argument("--loglevel=trace"));
    let wait_for = |stage: &Stage, words: &str| {
        wait_until(words, || stage.daemon.log().contains(words).then_some(()));
    };
    let (client, _) = stage.established();
    let mut player = Player::Tcp(client);
    let token = player.ask();
    drop(player);
    wait_for(&stage, "client lost; it may come back");
    let mut player = Player::come(&stage.daemon, How::Tcp);
    player.resume(&token).expect("it is back");
    player.send(&ClientMessage::Disconnect {});
    for words in [
        "client connected",
        "client let in",
        "client's state is set",
        "before=anonymous state=established",
        "client is back",
        "client disconnected",
    ] {
        wait_for(&stage, words);
    }
}

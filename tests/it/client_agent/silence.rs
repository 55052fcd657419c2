//! Who is put out because nothing comes from him, and who is not.

use std::time::Duration;

use super::interests::Scene;
use super::*;

/// Long enough for what is said between two stalls on a busy machine.
const TIMEOUT: Duration = Duration::from_millis(2000);

/// A daemon that was stopped for longer than its clients may be silent has not heard them, but they have spoken.
#[test]
fn a_stall_of_the_daemon_is_not_the_silence_of_its_clients() {
    for threads in [1, 3] {
        let keys = format!(", client: {{heartbeat_timeout: {}}}", TIMEOUT.as_millis());
        let setup = setup(&keys).daemon(format!("threads: {threads}"));
        let mut stage = Stage::of(setup);
        let (mut silent, _) = stage.established();
        let mut alive = Vec::new();
        for _ in 0..40 {
            alive.push(stage.established());
            // On a busy machine it may take long until all are there.
            silent.send(&ClientMessage::Heartbeat {});
            alive.iter_mut().for_each(|(client, _)| client.send(&ClientMessage::Heartbeat {}));
        }
        silent.send(&ClientMessage::Heartbeat {});
        stage.sync_all(&mut alive);
        stage.daemon.signal("STOP");
        alive.iter_mut().for_each(|(client, _)| client.send(&ClientMessage::Heartbeat {}));
        // The stall itself, and nothing that is waited for.
        std::thread::sleep(TIMEOUT * 2);
        stage.daemon.signal("CONT");
        alive.iter_mut().for_each(|(client, _)| client.send(&ClientMessage::Heartbeat {}));
        stage.sync_all(&mut alive);
        silent.expect_eject(EjectReason::NoHeartbeat);
        let line = "this process has stood still for ";
        wait_until("it is said", || stage.daemon.log().contains(line).then_some(()));
    }
}

#[test]
fn a_client_that_says_hello_and_then_nothing() {
    let mut stage = Stage::with(", tuning: {anonymous_timeout: 300}");
    let (mut established, channel) = stage.established();
    let (mut silent, _) = stage.anonymous();
    let text = silent.expect_eject_with(EjectReason::NoHeartbeat as u16);
    assert!(text.contains("log in"), "{text}");
    stage.sync(&mut established, channel);
}

/// What was answered in time is shown before the interest is said to be done.
#[test]
fn a_stall_of_the_daemon_is_not_the_silence_of_the_cluster() {
    let mut scene = Scene::start();
    let wish = scene.add(1, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.stage.daemon.signal("STOP");
    scene.count(request, 1);
    scene.generate(request, OBJECT, HERE);
    // Longer than the interest waits, and than any busy daemon is late.
    std::thread::sleep(Duration::from_secs(3));
    scene.stage.daemon.signal("CONT");
    scene.expect_shown(OBJECT, HERE);
    scene.expect_done(wish, 1);
}

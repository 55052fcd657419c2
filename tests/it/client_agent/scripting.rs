//! A client agent with a script, in a daemon: `client.script`.

use donet::message;

use super::*;

fn stage(lua: &str) -> Stage {
    Stage::of(setup(", client: {script: game.lua}").file("game.lua", lua))
}

/// Says something to the log-in UberDOG, which every client may.
fn log_in(client: &mut Client, user: &str) {
    let value = Values::new().string(user).u8(1);
    let value = Rest(value.bytes());
    client.send(&message::Client::ObjectSetField { do_id: LOGIN, field: login::LOGIN, value });
}

const GREETS: &str = r#"
    donet.on_field("Login.login", function(client, object, user, kind)
      if user == "ann" then client:send("welcome") else client:eject(900, "no " .. user) end
      return donet.DROP
    end)
"#;

#[test]
fn it_answers_before_anybody_else_hears_of_it() {
    let mut stage = stage(GREETS);
    let mut uberdog = stage.daemon.link();
    uberdog.subscribe(LOGIN);
    let (mut ann, channel) = stage.anonymous();
    log_in(&mut ann, "ann");
    assert_eq!(ann.receive(), b"welcome");
    stage.sync(&mut ann, channel);
    let mut bob = stage.daemon.client();
    bob.hello();
    log_in(&mut bob, "bob");
    assert_eq!(bob.expect_eject_with(900), "no bob");
    uberdog.expect_nothing_from(&mut stage.server);
}

#[test]
fn a_reload_takes_another_script_and_refuses_a_wrong_one() {
    let mut stage = stage(GREETS);
    let (mut ann, channel) = stage.anonymous();
    log_in(&mut ann, "ann");
    assert_eq!(ann.receive(), b"welcome");
    let file = stage.daemon.path("game.lua");
    let reload = |lua: &str| {
        std::fs::write(&file, lua).expect("ours");
        let output = stage.daemon.operate("reload", &[]).output().expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    let (is_done, said) = reload("local a = 1\ndonet.on_field('Login.logon', print)\n");
    assert!(!is_done && said.contains("game.lua:2: "), "{said}");
    let (is_done, said) = reload(&GREETS.replace("welcome", "hello again"));
    assert!(is_done && said.contains("roles[0].client.script (what is in it)"), "{said}");
    log_in(&mut ann, "ann");
    assert_eq!(ann.receive(), b"hello again");
    stage.sync(&mut ann, channel);
}

#[test]
fn a_script_that_does_not_end_costs_its_call_and_is_named_with_its_line() {
    let mut stage = stage("donet.on_field('Login.login', function()\n  while true do end\nend)\n");
    let (mut ann, channel) = stage.anonymous();
    log_in(&mut ann, "ann");
    stage.sync(&mut ann, channel);
    let log = stage.daemon.log();
    let line = log.lines().find(|line| line.contains("a call of the script has gone wrong"));
    assert!(line.is_some_and(|line| line.contains("game.lua:2")), "{log}");
}

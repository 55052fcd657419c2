//! Files of other servers.

use super::*;

#[track_caller]
fn check(text: &str, server: &str, position: (usize, usize)) {
    let errors = read(text).expect_err("another server's").0;
    let [error] = &errors[..] else { panic!("{errors:#?}") };
    assert!(
        error.message.starts_with(&format!("this is a configuration of {server}, ")),
        "{error}"
    );
    assert_eq!(error.position().map(|at| (at.line, at.column)), Some(position), "{error}");
    assert_eq!(error.help.len(), 3, "{error}");
}

#[test]
fn a_file_of_ardos_is_known() {
    check("log-level: info\ndc-files:\n  - game.dc\nwant-database: true\n", "Ardos", (2, 1));
    check("message-director: {host: 127.0.0.1, port: 7100}", "Ardos", (1, 1));
    check("uberdogs: []\nclient-agent:\n  channels: {min: 1, max: 2}", "Ardos", (2, 1));
    // Somebody has mistyped a key of ours.
    let errors = errors("messagedirector: {bind: a}\nstate-server: {}");
    assert!(errors.starts_with("2:1: state-server: there is no such key"), "{errors}");
}

#[test]
fn a_file_of_otpgo_is_known() {
    let agent = "roles:\n  - {type: clientagent, dc_hash: 7, lua_file: Client.lua}";
    check(agent, "OtpGo", (2, 37));
    check("roles:\n  - {type: lua, name: Chat}", "OtpGo", (2, 12));
    check("debug: {pprof: true}", "OtpGo", (1, 9));
    check("general: {dc_disable_virtual_inheritance: true}\nroles: []", "OtpGo", (1, 11));
    check(
        "roles: [{type: stateserver, control: 1000, do_preallocation_amount: 7}]",
        "OtpGo",
        (1, 44),
    );
}

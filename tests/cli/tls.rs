//! Wrong certificates and keys: what is said of them, by both.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::program::Folder;

const TEXT: &str = "roles: [{type: clientagent, bind: '127.0.0.1:0', channels: {min: 2000, max: 2999}, \
                    tls: {certificate: game.pem, key_file: game.key}}]";

/// A certificate and its key as PEM.
fn certificate(years: (i32, i32)) -> (String, String) {
    let mut params = CertificateParams::new(["game.example".to_owned()]).expect("a name");
    params.not_before = date_time_ymd(years.0, 1, 2);
    params.not_after = date_time_ymd(years.1, 1, 2);
    let key = KeyPair::generate().expect("a key");
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}

/// Puts a good certificate and its key into a folder: `game.pem`, `game.key`.
pub fn write_certificate(folder: &Folder) {
    let (certificate, key) = certificate((2020, 4000));
    folder.write("game.pem", &certificate);
    folder.write("game.key", &key);
}

fn folder(certificate: &str, key: &str) -> Folder {
    let folder = Folder::with(&[("game.yml", TEXT), ("game.pem", certificate), ("game.key", key)]);
    fs::set_permissions(folder.path("game.key"), Permissions::from_mode(0o600)).expect("ours");
    folder
}

/// Checks that both say this and fail.
#[track_caller]
fn fails(folder: &Folder, said: &str) {
    folder.run(&["check", "game.yml"]).code(1).complains(&[said]);
    folder.run(&["game.yml"]).code(1).says(&[said, "FATAL: main: the configuration has errors"]);
}

/// Checks that both warn so, and that it starts.
#[track_caller]
fn warns(folder: &Folder, said: &str) {
    folder.run(&["check", "game.yml"]).code(0).complains(&[said]);
    let mut running = folder.start(&["game.yml"]);
    running.wait_for(said);
    running.ready().signal("TERM");
}

#[test]
fn every_kind_of_wrong_file_is_named() {
    let (good, key) = certificate((2020, 4000));
    let (_, other) = certificate((2020, 4000));
    let damaged = good.replacen("MII", "!!!", 1);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let nonsense = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for (certificate, key, said) in [
        (&*good, &*other, "tls.key_file: "),
        (&good, &other, "game.key: the key does not belong to the certificate"),
        (&key, &key, "game.pem: there is no certificate in it"),
        (&good, &good, "game.key: there is no private key in it"),
        ("", &key, "game.pem: the file is empty"),
        (&good, "hello", "game.key: the file is not PEM"),
        (&damaged, &key, "game.pem: the PEM in it is damaged"),
        (nonsense, &key, "game.pem: the certificate cannot be read"),
        (&good, encrypted, "game.key: the key is encrypted; `openssl pkey"),
    ] {
        fails(&folder(certificate, key), said);
    }
    let folder = folder(&good, &key);
    fs::remove_file(folder.path("game.pem")).expect("ours");
    fails(&folder, "tls.certificate: ");
    fails(&folder, "game.pem: there is no such file");
    fs::create_dir(folder.path("game.pem")).expect("ours");
    fails(&folder, "game.pem: the file cannot be read: it is a directory");
}

#[test]
fn what_peers_or_others_on_the_machine_make_of_it_is_warned_of() {
    let (expired, key) = certificate((2020, 2021));
    warns(&folder(&expired, &key), "game.pem: the certificate has expired on 2021-01-02T00:00:00Z");
    let (early, key) = certificate((3000, 3001));
    warns(&folder(&early, &key), "game.pem: the certificate is not valid before 3000-01-02");
    let (good, key) = certificate((2020, 4000));
    let open = folder(&good, &key);
    fs::set_permissions(open.path("game.key"), Permissions::from_mode(0o640)).expect("ours");
    warns(&open, "game.key: others than its owner can read the key; `chmod 600`");
    let good = folder(&good, &key);
    let checked = good.run(&["check", "game.yml"]).code(0);
    assert!(!checked.stderr.contains("game.pem: "), "{checked:#?}");
    assert!(!checked.stderr.contains("game.key: "), "{checked:#?}");
    assert!(
        checked.stdout.contains("client agent: listens on 127.0.0.1:0 with TLS"),
        "{checked:#?}"
    );
}

#[test]
fn those_of_websocket_are_looked_at_too_and_where_it_listens_is_said() {
    const WEBSOCKET: &str = "roles: [{type: clientagent, bind: none, channels: {min: 2000, max: 2999}, websocket: \
        {bind: '127.0.0.1:0', tls: {certificate: game.pem, key_file: game.key}}}]";
    let (good, key) = certificate((2020, 4000));
    let (_, other) = certificate((2020, 4000));
    let folder = folder(&good, &key);
    fs::write(folder.path("game.yml"), WEBSOCKET).expect("ours");
    let checked = folder.run(&["check", "game.yml"]).code(0);
    let said = "client agent: listens for WebSocket with TLS on 127.0.0.1:0, version";
    assert!(checked.stdout.contains(said), "{checked:#?}");
    fs::write(folder.path("game.key"), other).expect("ours");
    fails(&folder, "websocket.tls.key_file: ");
    let plain = WEBSOCKET.replace("bind: none", "bind: '127.0.0.1:1'");
    let plain = plain.replace(", tls: {certificate: game.pem, key_file: game.key}", "");
    fs::write(folder.path("game.yml"), plain).expect("ours");
    let checked = folder.run(&["check", "game.yml"]).code(0);
    let said = "client agent: listens on 127.0.0.1:1 and for WebSocket on 127.0.0.1:0, version";
    assert!(checked.stdout.contains(said), "{checked:#?}");
}

//! What lines say, who is found, and what a file looks like after a change.

use std::os::unix::fs::PermissionsExt;

use super::*;

const TEXT: &str = "# Those who cheat\n\
                    192.0.2.1 never aimbot\n\
                    \n\
                    10.0.0.0/8 2030-01-31T12:00:00+01:00 a whole network\n\
                    2001:db8::/32 never\n\
                    account 17   2020-01-01T00:00:00Z  long ago  \n\
                    ::ffff:192.0.2.9 never mapped\n\
                    account 18 never # not a comment\n";

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

#[test]
fn lines_say_who_and_until_when_and_why() {
    let (list, flaws) = List::read(TEXT);
    assert_eq!(flaws, []);
    let now = at("2026-01-01T00:00:00Z");
    let why = |ip: &str, now| {
        let ban = list.of_address(ip.parse().expect("an address"), now);
        ban.map(|ban| &*ban.reason)
    };
    assert_eq!(why("192.0.2.1", now), Some("aimbot"));
    assert_eq!(why("::ffff:192.0.2.1", now), Some("aimbot"));
    assert_eq!(why("192.0.2.9", now), Some("mapped"));
    assert_eq!(why("192.0.2.2", now), None);
    assert_eq!(why("10.255.0.1", now), Some("a whole network"));
    assert_eq!(why("10.255.0.1", at("2030-01-31T11:00:00Z")), None, "it is over");
    assert_eq!(why("2001:db8:1::1", now), Some(""));
    assert_eq!(why("2001:db9::1", now), None);
    assert_eq!(list.of_account(17, now), None, "it is over");
    let ban = list.of_account(18, now).expect("it lasts");
    assert_eq!(ban.text(), "You are banned: # not a comment");
    let ban = list.of_address("10.0.0.1".parse().expect("one"), now).expect("it lasts");
    assert_eq!(ban.text(), "You are banned until 2030-01-31T11:00:00Z: a whole network");
}

#[test]
fn a_bad_line_is_named_and_the_others_count() {
    let text = "192.0.2.1 never\nnonsense never\n10.0.0.0/33 never\naccount never\n192.0.2.3\n\
                192.0.2.4 tomorrow\naccount 0 never\naccount 4294967296 never\n192.0.2.2 never";
    let (list, flaws) = List::read(text);
    assert_eq!(flaws.iter().map(|flaw| flaw.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8]);
    assert!(flaws[0].message.starts_with("\"nonsense\" is no address"), "{flaws:?}");
    assert!(flaws[3].message.starts_with("it does not say until when"), "{flaws:?}");
    assert!(flaws[4].message.starts_with("\"tomorrow\" is no time"), "{flaws:?}");
    for ip in ["192.0.2.1", "192.0.2.2"] {
        assert!(list.of_address(ip.parse().expect("one"), Timestamp::UNIX_EPOCH).is_some());
    }
}

#[test]
fn what_is_written_is_what_is_read_and_the_rest_stays() {
    let subject = "192.0.2.1".parse().expect("one");
    let ban = Ban { until: Some(at("2031-01-01T00:00:00Z")), reason: "again\nand again".into() };
    let text = with(TEXT, subject, &ban);
    let expected =
        TEXT.replace("192.0.2.1 never aimbot", "192.0.2.1 2031-01-01T00:00:00Z again and again");
    assert_eq!(text, expected);
    let account = "account 5".parse().expect("one");
    let forever = Ban { until: None, reason: Box::default() };
    assert_eq!(with("# no end", account, &forever), "# no end\naccount 5 never\n");
    let left = without(&text, subject).expect("it was there");
    assert_eq!(left, TEXT.replace("192.0.2.1 never aimbot\n", ""));
    assert_eq!(without(&left, subject), None);
    assert_eq!("10.1.2.3/8".parse::<Subject>().expect("one").to_string(), "10.0.0.0/8");
}

#[test]
fn looking_somebody_up_does_not_walk_over_all() {
    let text: String = (0..100_000u32)
        .map(|i| {
            format!("10.{}.{}.{} never\naccount {} never\n", i >> 16, i >> 8 & 255, i & 255, i + 1)
        })
        .collect();
    let (list, flaws) = List::read(&text);
    assert_eq!((flaws.len(), list.len()), (0, 200_000));
    assert_eq!(list.lengths[0], [32], "what is looked up for an address");
    assert!(list.of_address("10.1.134.159".parse().expect("one"), Timestamp::UNIX_EPOCH).is_some());
    assert!(list.of_account(100_000, Timestamp::UNIX_EPOCH).is_some());
}

#[test]
fn a_file_keeps_its_mode_and_one_that_is_not_there_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bans.txt");
    let (subject, ban) = (Subject::Account(5), Ban { until: None, reason: "cheats".into() });
    let banlist = Banlist::open(&path).expect("it may be missing");
    let changes = banlist.changes();
    assert!(banlist.list().is_empty());
    banlist.ban(subject, &ban).expect("it can be written");
    assert!(changes.has_changed().expect("it lives"));
    assert_eq!(banlist.list().of_account(5, Timestamp::UNIX_EPOCH), Some(&ban));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).expect("ours");
    // Somebody else has written it meanwhile.
    std::fs::write(&path, "# mine\naccount 6 never\n").expect("ours");
    banlist.ban(subject, &ban).expect("it can be written");
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert_eq!(text, "# mine\naccount 6 never\naccount 5 never cheats\n");
    assert!(banlist.list().of_account(6, Timestamp::UNIX_EPOCH).is_some());
    assert!(banlist.unban(subject).expect("it can be written"));
    assert!(!banlist.unban(subject).expect("it can be read"));
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o604);
    assert_eq!(std::fs::read_dir(folder.path()).expect("ours").count(), 1, "nothing is left");
}

#[tokio::test(start_paused = true)]
async fn a_file_is_watched_and_stays_in_force_when_it_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bans.txt");
    std::fs::write(&path, "account 1 never\n").expect("ours");
    let banlist = Banlist::open(&path).expect("it can be read");
    let (reload, heard) = tokio::sync::watch::channel(());
    let keep = tokio::spawn(banlist.clone().keep(heard));
    let has = |account| banlist.list().of_account(account, Timestamp::UNIX_EPOCH).is_some();
    assert!(has(1));
    let mut changes = banlist.changes();
    std::fs::write(&path, "account 2 never\n").expect("ours");
    let began = tokio::time::Instant::now();
    changes.changed().await.expect("it lives");
    assert!(began.elapsed() <= std::time::Duration::from_secs(10));
    assert!(has(2) && !has(1));
    // At once if somebody asks.
    std::fs::write(&path, "account 3 never\n").expect("ours");
    reload.send_replace(());
    changes.changed().await.expect("it lives");
    assert!(has(3));
    // Gone, and written again by whoever bans somebody.
    std::fs::remove_file(&path).expect("ours");
    let ban = Ban { until: None, reason: Box::default() };
    banlist.ban(Subject::Account(4), &ban).expect("it can be written");
    assert!(has(3) && has(4), "nobody is let in for that");
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert_eq!(text, "account 3 never\naccount 4 never\n");
    // Somebody else's word counts, also if he says nothing any more.
    std::fs::write(&path, "").expect("ours");
    banlist.ban(Subject::Account(5), &ban).expect("it can be written");
    assert!(has(5) && !has(3) && !has(4));
    keep.abort();
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time")
}

fn offender(until: i64) -> Ban {
    Ban::for_offence("permission", Some(second(until)))
}

#[test]
fn an_offender_is_entered_and_what_people_have_written_stays() {
    let ours = "# ours\n192.0.2.1 never cheats\n192.0.2.2 1970-01-01T00:01:40Z insults\nnonsense\naccount 9 \
                1970-01-01T00:00:01Z over";
    let subject = |text: &str| text.parse::<Subject>().expect("somebody");
    let bans = [
        // For ever is longer.
        (subject("192.0.2.1"), offender(500)),
        (subject("192.0.2.2"), offender(500)),
        (subject("account 7"), offender(500)),
    ];
    let (text, entered) = offenders::with(ours, &bans, second(50));
    let expected = "# ours\n192.0.2.1 never cheats\n192.0.2.2 1970-01-01T00:01:40Z insults\nnonsense\naccount 9 \
                    1970-01-01T00:00:01Z over\n192.0.2.2 1970-01-01T00:08:20Z offence: permission\naccount 7 1970-01-01T00:08:20Z offence: permission\n";
    assert_eq!((&*text, entered), (expected, Entered { count: 2, left_out: 0 }));
    let ban = List::read(&text).0;
    let ban = ban.of_address([192, 0, 2, 2].into(), second(50)).expect("he is banned");
    assert_eq!(*ban, offender(500), "the last counts");
    // Shorter bans change nothing, and neither does nobody.
    let shorter = [(subject("192.0.2.2"), offender(499))];
    for bans in [&shorter[..], &[]] {
        assert_eq!(offenders::with(&text, bans, second(50)), (text.clone(), Entered::default()));
    }
    assert_eq!(offenders::with(ours, &[], second(50)).0, ours);
    // Those that are over go; not those that people have written.
    let (text, _) = offenders::with(&text, &[], second(500));
    assert_eq!(text, format!("{ours}\n"));
}

#[test]
fn there_is_an_end_to_those_that_the_daemon_enters() {
    let bans = |from: u32| {
        let number = |number: u32| (Subject::Account(from + number), offender(500));
        (0..6_000).map(number).collect::<Vec<_>>()
    };
    let (text, entered) = offenders::with("account 8000 never ours\n", &bans(1), second(50));
    assert_eq!(entered, Entered { count: 6_000, left_out: 0 });
    let (text, entered) = offenders::with(&text, &bans(7_001), second(50));
    assert_eq!(entered, Entered { count: 4_000, left_out: 1_999 });
    assert!(text.starts_with("account 8000 never ours\n"));
}

#[test]
fn a_host_of_ipv6_is_all_that_it_can_call_itself() {
    for (ip, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2:3:4:5", "2001:db8:0:1::/64"),
    ] {
        let host = Subject::host(ip.parse().expect("an address"));
        assert_eq!(host.to_string(), expected);
        let ban = List::read(&format!("{host} never")).0;
        assert!(ban.of_address(ip.parse().expect("an address"), second(0)).is_some());
    }
}

#[test]
fn agents_of_a_process_share_what_is_read_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bans.txt");
    std::fs::write(&path, "account 1 never\n").expect("ours");
    let one = Banlist::open(&path).expect("it can be read");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).expect("ours");
    for other in [&path, &link] {
        assert!(std::sync::Arc::ptr_eq(&one, &Banlist::open(other).expect("it can be read")));
    }
}

#[test]
fn times_are_what_the_rfc_says_and_the_mark_of_an_encoding_is_none_of_a_line() {
    let text = "\u{feff}account 1 never\naccount 2 9999-12-31T23:59:59Z\n\
                account 3 9999-12-31T23:59:59-23:59 why\naccount 4 9999-12-29T00:00:00z\n\
                account 5 9999-12-31\naccount 6 0000-01-01T00:00:00Z\n";
    let (list, flaws) = List::read(text);
    assert_eq!(flaws.iter().map(|flaw| flaw.line).collect::<Vec<_>>(), [5]);
    let now = at("2026-01-01T00:00:00Z");
    let accounts: Vec<u32> = (1..=6).filter(|n| list.of_account(*n, now).is_some()).collect();
    assert_eq!(accounts, [1, 2, 3, 4]);
    let ban = list.of_account(2, now).expect("it lasts");
    assert_eq!(ban.text(), "You are banned until 9999-12-30T22:00:00Z.");
    let ban = Ban { until: None, reason: Box::default() };
    let changed = with(text, Subject::Account(1), &ban);
    assert_eq!(changed.matches("account 1 ").count(), 1, "{changed:?}");
    let age = Some(std::time::Duration::from_secs(u64::MAX));
    assert_eq!(Ban::new(age, now, "").until, Some(LAST));
}

#[test]
fn ipv4_that_is_written_as_ipv6_is_ipv4() {
    let (list, flaws) = List::read("::ffff:10.9.0.0/112 never\n::ffff:10.9.0.0/95 never\n");
    assert_eq!(flaws.len(), 1, "{flaws:?}");
    let is_banned =
        |ip: &str| list.of_address(ip.parse().expect("one"), Timestamp::UNIX_EPOCH).is_some();
    assert!(is_banned("10.9.3.4") && is_banned("::ffff:10.9.3.4") && !is_banned("10.8.0.0"));
    let subject: Subject = "::ffff:10.9.1.1/112".parse().expect("one");
    assert_eq!(subject.to_string(), "10.9.0.0/16");
}

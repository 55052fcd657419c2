//! The bench as a test of itself: everything is played small. `cargo test --test load` does that.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;

use crate::{Args, broker, play};

/// A part, and its arguments.
type Part = (&'static str, &'static [&'static str]);

const PARTS: &[Part] = &[
    (
        "floors",
        &[
            "--floor=epoll,tokio",
            "--floor-flush-ms=0,5",
            "--scenario=world_crowd,ca_interest,ca_upstream",
        ],
    ),
    (
        "floors_that_route",
        &["--floor=epoll,tokio", "--scenario=md_route,md_pingpong,ca_zone,ca_idle"],
    ),
    (
        "transports",
        &["--transport=tcp,tls,ws,wss", "--scenario=ca_idle,ca_zone,ca_upstream,world_spread"],
    ),
    ("slow_readers", &["--scenario=ca_slow,ca_slow_merge"]),
    (
        "stock_clients",
        &[
            "--transport=tcp,tls",
            "--floor=epoll,tokio",
            "--floor-flush-ms=0,5",
            "--scenario=panda3d_10,panda3d_arrival_10,panda3d_arrival_server",
        ],
    ),
    // The first port is nobody's: it is reserved for a service that is no longer in use.
    (
        "brokers_that_are_away",
        &["--nats=127.0.0.1:1", "--redis=127.0.0.1:1", "--scenario=md_fanout"],
    ),
];

/// A part that is played if its variable says where others' server is: what tells the bench, and its scenarios.
type Other = (&'static str, &'static str, &'static str, &'static str);

const OTHERS: &[Other] = &[
    ("nats", "DONET_TEST_NATS", "--nats", "md_route,md_fanout,md_pingpong"),
    ("redis", "DONET_TEST_REDIS", "--redis", "md_route,md_fanout,md_pingpong"),
    ("stock_server", "DONET_TEST_STOCK_SERVER", "--stock-server", "panda3d_10,panda3d_arrival_10"),
];

/// Plays the parts whose names contain all of the words with this daemon.
pub fn main(daemon: &str, words: &[String]) -> Result<ExitCode> {
    let is_wanted = |name: &str| words.iter().all(|word| name.contains(word.as_str()));
    let (mut all, mut passed) = (0, 0);
    let mut play = |name: &str, part: &dyn Fn() -> Result<()>| {
        if is_wanted(name) {
            println!("{name}");
            all += 1;
            match part() {
                Ok(()) => passed += 1,
                Err(error) => println!("FAILED {name}: {error:#}"),
            }
        }
    };
    play("splitting", &broker::check_splitting);
    for (name, arguments) in PARTS {
        let arguments = || arguments.iter().map(|argument| (*argument).to_owned());
        play(name, &|| part(daemon, arguments()));
    }
    for (name, variable, option, scenarios) in OTHERS.iter().filter(|other| is_wanted(other.0)) {
        let Ok(other) = std::env::var(variable) else {
            println!("load: 1 skipped ({name}: {variable} names none)");
            continue;
        };
        let arguments = [format!("{option}={other}"), format!("--scenario={scenarios}")];
        play(name, &|| part(daemon, arguments.clone().into_iter()));
    }
    println!("load: {passed} of {all} passed");
    Ok(if passed == all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn part(daemon: &str, arguments: impl Iterator<Item = String>) -> Result<()> {
    let always = ["load", "--quiet", "--scale=0.02", "--daemon", daemon].map(str::to_owned);
    let args = Args::try_parse_from(always.into_iter().chain(arguments))?;
    let failed = play(&args, daemon)?;
    ensure!(failed == 0, "{failed} runs");
    Ok(())
}

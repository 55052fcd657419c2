//! Roles with DistributedObjects.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use donet::config::{DbStateServerConfig, DoIdRange, StateServerConfig};
use donet::hash::Seed;
use donet::ids::{Channel, DoId};
use donet::object::Population;
use donet::role::db_state_server::DbStateServer;
use donet::role::state_server::StateServer;
use donet::router::Role;

use super::cluster::{Outside, channels, datagram, schema};
use super::input::Input;

const CONTROL: Channel = Channel(100_100);
const DATABASE: Channel = Channel(1200);

/// The channels that objects listen to: their own, and those of their parents' children.
fn channels_of(objects: &Population) -> BTreeSet<Channel> {
    let parents = objects.iter().map(|object| object.location().parent);
    let parents = parents.filter(|parent| parent.is_some()).map(DoId::children);
    objects.iter().map(|object| object.do_id().channel()).chain(parents).collect()
}

/// Datagrams to a state server. What it listens to follows from the objects that it has.
pub fn state_server(input: &[u8]) {
    let mut input = Input::new(input);
    let channels = channels(&[CONTROL, Channel::STATE_SERVERS]);
    let mut core =
        StateServer::new(&StateServerConfig { control: CONTROL }, schema(), Seed::fixed(0));
    let mut outside = Outside::default();
    let now = Instant::now();
    core.start(&mut outside.effects);
    outside.give_back(&mut core, now);
    while let Some(datagram) = datagram(&mut input, &channels) {
        outside.deliver(&mut core, now, &datagram);
        let mut expected = channels_of(core.objects());
        expected.extend([CONTROL, Channel::STATE_SERVERS, Channel::OBSERVERS]);
        assert_eq!(outside.subscriptions, expected);
    }
}

/// Datagrams to a database-state server, and time. In the end nothing is waited for any more.
pub fn db_state_server(input: &[u8]) {
    const WAIT: Duration = Duration::from_secs(30);
    let mut input = Input::new(input);
    let channels = channels(&[DATABASE]);
    let config = DbStateServerConfig {
        database: DATABASE,
        ranges: vec![DoIdRange::new(DoId(1), DoId(4)).expect("not empty")],
        load_timeout_ms: WAIT.as_millis() as u64,
    };
    let mut core = DbStateServer::new(&config, schema(), Seed::fixed(0));
    let mut outside = Outside::default();
    let mut now = Instant::now();
    core.start(&mut outside.effects);
    outside.give_back(&mut core, now);
    while let Some(datagram) = datagram(&mut input, &channels) {
        outside.deliver(&mut core, now, &datagram);
        now += WAIT / 8;
        core.on_deadline(now, &mut outside.effects);
        outside.give_back(&mut core, now);
        let mut expected = channels_of(core.objects());
        expected.insert(Channel::OBSERVERS);
        assert_eq!(outside.subscriptions, expected);
    }
    while let Some(deadline) = core.next_deadline() {
        assert!(deadline > now, "what was due is done");
        now = deadline;
        core.on_deadline(now, &mut outside.effects);
        outside.give_back(&mut core, now);
    }
    assert_eq!(core.loading_count(), 0);
}

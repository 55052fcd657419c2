//! What a new connection to the upstream is told, while others go on.

use super::*;

const CHANNELS: u64 = 60_000;
/// Far more than the most that is told in one hold.
const LIMIT: u64 = 10_000;

/// What the other end knows.
#[derive(PartialEq, Eq, Default, Debug)]
struct Known {
    channels: BTreeSet<String>,
    post_removes: BTreeMap<String, Vec<u16>>,
}

impl Known {
    fn of(log: &[String]) -> Self {
        let mut known = Known::default();
        for entry in log {
            let words: Vec<&str> = entry.split(' ').collect();
            match words[..] {
                ["add", channel] => {
                    assert!(known.channels.insert(channel.to_owned()), "{entry} twice")
                }
                ["remove", channel] => assert!(known.channels.remove(channel), "{entry} in vain"),
                ["clear", sender] => drop(known.post_removes.remove(sender)),
                ["post-remove", sender, number] => {
                    let number = number.parse().expect("a number");
                    known.post_removes.entry(sender.to_owned()).or_default().push(number);
                }
                _ => {}
            }
        }
        known
    }
}

/// Somebody who listens, with post-removes of two senders, the second of whom has most of them.
fn someone(router: &Router, number: u64) -> (Participant, BTreeMap<u64, Vec<u16>>) {
    let someone = router.join("someone", Arc::new(Recorder::default()));
    let mut kept = BTreeMap::new();
    for (sender, count) in [(number * 10, 3), (number * 10 + 5, 1000)] {
        kept.insert(sender, Vec::from_iter(0..count));
        (0..count).for_each(|number| keep(&someone, sender, number));
    }
    (someone, kept)
}

fn keep(participant: &Participant, sender: u64, number: u16) {
    let bytes = frame(&[7_000_000], number);
    participant.batch().add_post_remove(Channel(sender), Frame::new(&bytes).expect("one frame"));
}

#[test]
fn a_new_connection_is_told_everything_in_slices_as_it_is_by_then() {
    let router = Router::new();
    let uplink = Arc::new(UplinkRecorder::default());
    router.set_uplink(uplink.clone());
    let mut all: Vec<_> = (1..8).map(|number| someone(&router, number)).collect();
    let mut channels: BTreeSet<u64> = (0..CHANNELS).collect();
    (0..CHANNELS).for_each(|channel| all[1].0.batch().subscribe(Channel(channel)));
    all[0].0.batch().subscribe_range(range(5_000_000, 5_000_010));

    uplink.log.lock().clear();
    router.begin_to_tell_uplink(|| uplink.log.lock().push("begin".to_owned()));
    let mut holds = 1;
    loop {
        // All kinds of changes, before and behind the place that has been come to.
        for step in 0..300 {
            let channel = (step * 101 + holds * 7) % (2 * CHANNELS);
            let mut batch = all[1].0.batch();
            match channels.remove(&channel) {
                true => batch.unsubscribe(Channel(channel)),
                false => {
                    channels.insert(channel);
                    batch.subscribe(Channel(channel));
                }
            }
        }
        for (participant, kept) in &mut all {
            for (sender, numbers) in kept {
                numbers.push(holds as u16);
                keep(participant, *sender, holds as u16);
                if holds % 5 == sender % 7 {
                    participant.batch().clear_post_removes(Channel(*sender));
                    numbers.clear();
                }
            }
        }
        if holds % 6 == 0 {
            let place = 2 + holds as usize % 5;
            all[place] = someone(&router, 100 + holds);
        }
        if !router.tell_uplink_some() {
            break;
        }
        holds += 1;
    }
    assert!(holds > 10, "{holds}");
    let most = router.holds().most().told;
    assert!(most > 0 && most < LIMIT, "{most} in a hold");

    let log = std::mem::take(&mut *uplink.log.lock());
    assert_eq!(log.iter().filter(|entry| *entry == "told all").count(), 1);
    let mut expected = Known {
        channels: channels.iter().map(u64::to_string).collect(),
        post_removes: all
            .iter()
            .flat_map(|(_, kept)| kept)
            .filter(|(_, numbers)| !numbers.is_empty())
            .map(|(sender, numbers)| (sender.to_string(), numbers.clone()))
            .collect(),
    };
    expected.channels.insert("5000000-5000010".to_owned());
    let known = Known::of(&log);
    assert_eq!(known.channels, expected.channels);
    assert_eq!(known.post_removes, expected.post_removes);
    // All that comes now is told.
    all[1].0.batch().subscribe(Channel(6_000_000));
    keep(&all[1].0, 6, 6);
    assert_eq!(uplink.take(), ["add 6000000", "post-remove 6 6"]);
}

#[test]
fn little_is_told_at_once() {
    let router = Router::new();
    let uplink = Arc::new(UplinkRecorder::default());
    router.set_uplink(uplink.clone());
    let one = router.join("one", Arc::new(Recorder::default()));
    one.batch().subscribe(Channel(7));
    keep(&one, 5, 1);
    uplink.log.lock().clear();
    router.begin_to_tell_uplink(|| {});
    assert_eq!(*uplink.log.lock(), ["add 7", "post-remove 5 1", "told all"]);
    assert!(!router.tell_uplink_some());
}

//! How long the router was held, and who is told.

use std::fmt::Debug;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::*;

/// Writes down what is logged, and whether the router was free by then.
struct Scribe {
    router: Router,
    lines: Arc<Mutex<Vec<(String, bool)>>>,
}

impl<S: Subscriber> Layer<S> for Scribe {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let is_free = self.router.shared.world.try_lock().is_some();
        self.lines.lock().push((line.0, is_free));
    }
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

#[test]
fn who_holds_the_router_for_long_is_named_when_it_is_free_again() {
    let router = Router::new();
    let slow = router.join("slow", Arc::new(Recorder::default()));
    let lines = Arc::default();
    let scribe = Scribe { router: router.clone(), lines: Arc::clone(&lines) };
    let before = router.holds().count();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(scribe), || {
        let bytes = frame(&[5000], 1);
        let mut batch = slow.batch();
        batch.route(Frame::new(&bytes).expect("one frame"));
        std::thread::sleep(Duration::from_millis(6));
        drop(batch);
    });
    let holds = router.holds();
    assert_eq!(holds.count(), before + 1);
    assert!(holds.longest() >= Duration::from_millis(6), "{:?}", holds.longest());
    assert_eq!(holds.most().datagrams, 1);
    let lines = lines.lock();
    let [(line, is_free)] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.contains("the router was held for") && line.contains("slow"), "{line}");
    assert!(*is_free);
}

//! Rules for the interests that clients open.

use super::interest_changes::context_of;
use super::interests::Scene;
use super::*;

#[test]
fn rules_say_below_which_parents_and_in_which_zones_clients_open_interests() {
    let rules = "[{deny: {zones: 80-88}}, {allow: {parent: 10000, zones: [1, 70-99]}}]";
    let mut scene = Scene::with(&format!(", client: {{add_interest: {rules}}}"));
    scene.open(5, &[ZONE], &[]);
    let context = scene.remove(5);
    scene.expect_done(context, 5);
    // What the cluster opens is not limited, and not the client's to close.
    let add = ClientAgent::AddInterest { interest: InterestId(6), location: THERE };
    scene.stage.tell(scene.session, &add);
    let request = scene.expect_asked(PARENT, &[THERE.zone]);
    let context = context_of(&scene.client.receive(), |context| ClientMessage::AddInterest {
        context,
        interest: InterestId(6),
        location: THERE,
    });
    scene.count(request, 0);
    scene.expect_done(context, 6);
    scene.add(7, PARENT, &[ZoneId(70), THERE.zone]);
    let text = scene.client.expect_eject_with(EjectReason::ForbiddenInterest as u16);
    assert!(text.contains("zone 88 of parent with id 10000"), "{text}");
}

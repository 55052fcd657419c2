"""What clients say goes to an UberDOG first, which lets it through, changes it, or drops it."""

import pytest

from conftest import World

pytestmark = pytest.mark.better_than_astron


@pytest.fixture(params=["net", "native"])
def world(request, stage):
    from harness.daemon import CHAT_FILTER

    stage.start_daemon(client={"intercept": {"Avatar.shout": CHAT_FILTER}})
    return World(stage, request.param)


def test_an_uberdog_hears_it_first_and_all_hear_what_it_lets_through(world):
    ann, bob = world.join_all("ann", "bob")
    bob.wait_to_see(ann.avatar)
    ann.call("send", ann.avatar, "shout", ["darn it"])
    world.uberdog.wait("intercepted", client=ann.channel, do=ann.avatar)
    bob.wait_for_field(ann.avatar, "shout", ["**** it"])
    # Its sender, too: it is no longer its own update.
    ann.wait_for_field(ann.avatar, "shout", ["**** it"], view="owner")
    ann.call("send", ann.avatar, "shout", ["spam"])
    ann.call("send", ann.avatar, "shout", ["over"])
    bob.wait_for_field(ann.avatar, "shout", ["over"])
    heard = [report["values"] for report in bob.reports if report.get("name") == "shout"]
    assert heard == [["**** it"], ["over"]]


def test_other_fields_go_where_they_have_always_gone(world):
    ann, bob = world.join_all("ann", "bob")
    bob.wait_to_see(ann.avatar)
    ann.call("send", ann.avatar, "say", ["darn it"])
    bob.wait_for_field(ann.avatar, "say", ["darn it"])
    assert world.uberdog.find("intercepted") is None

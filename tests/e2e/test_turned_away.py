"""Clients that are turned away, each with the reason that the protocol gives for it."""

import pytest

from harness.daemon import HEARTBEAT_TIMEOUT_MS, VERSION, WORLD_DC

SQUARE, CELLAR = 1, 3

BAD_CREDENTIALS = 122  # what the UberDOG of these tests gives
INVALID_MESSAGE = 108
ANONYMOUS_VIOLATION = 113
FORBIDDEN_INTEREST = 115
MISSING_OBJECT = 117
FORBIDDEN_FIELD = 118
FORBIDDEN_RELOCATE = 119
BAD_VERSION = 124
BAD_DC_HASH = 125
NO_HEARTBEAT = 345


def test_wrong_password(world):
    mallory = world.connect("mallory")
    mallory.log_in("mallory", "12345")
    assert mallory.wait_for_eject(BAD_CREDENTIALS) == "Bad credentials"
    client = world.uberdog.wait("login", name="mallory")["client"]
    world.daemon.wait_for_event(
        "client-ejected", sender=f"Client:{client}", reason_code=str(BAD_CREDENTIALS)
    )
    # The password was the only thing wrong.
    world.join("mallory-again")


def test_wrong_version(world):
    client = world.connect("old", version="e2e 0.9")
    assert VERSION in client.wait_for_eject(BAD_VERSION)
    assert client.find("hello") is None


def test_wrong_dc_file(world, tmp_path):
    """One field more, and the files no longer agree."""
    changed = tmp_path / "changed.dc"
    changed.write_text(WORLD_DC.read_text().replace("dclass Root {", "dclass Root { setX(uint8);"))
    client = world.connect("modder", dc_files=[str(changed)])
    client.wait_for_eject(BAD_DC_HASH)
    assert client.find("hello") is None


def test_no_heartbeat(world):
    """One client keeps its heart beating and stays, the other does not."""
    strict = {"port": world.daemon.ports.strict_clients}
    alive = world.connect("alive", **strict)
    alive.wait("hello")
    alive.call("start_heartbeat", HEARTBEAT_TIMEOUT_MS / 1000 / 6)
    silent = world.connect("silent", **strict)
    silent.wait("hello")
    silent.wait_for_eject(NO_HEARTBEAT)
    # It said hello first, and so its time would have been up first.
    world.meet(alive)
    assert alive.find("ejected") is None


def test_an_interest_before_the_log_in(world):
    client = world.connect("hasty")
    client.wait("hello")
    client.call("send_raw_interest", world.town, SQUARE)
    client.wait_for_eject(INVALID_MESSAGE)


def test_an_interest_below_what_the_client_does_not_see(world):
    ann = world.join("ann")
    hidden = world.ai.call("create", "Town", world.town, CELLAR, {"setMotto": ["Hush"]})
    world.ai.call("create", "Ball", hidden, SQUARE, {"setPosition": [0, 0]})
    world.ai.call("ask_location", hidden)
    world.ai.wait("answer", do=hidden)
    ann.call("send_raw_interest", hidden, SQUARE)
    ann.wait_for_eject(FORBIDDEN_INTEREST)
    assert not [ball for ball in ann.visible.values() if ball["class"] == "Ball"]


def test_a_field_that_only_the_owner_may_send(world):
    ann, bob = world.join_all("ann", "bob")
    ann.wait_to_see(bob.avatar)
    ann.call("send", bob.avatar, "walk", [1, 1])
    ann.wait_for_eject(FORBIDDEN_FIELD)
    # Bob was not moved, and goes on playing.
    bob.call("send", bob.avatar, "walk", [0, 1])
    bob.wait_for_field(bob.avatar, "setPosition", [0, 1], view="owner")
    assert world.ai.find("walk", client=ann.channel) is None


def test_relocating_what_belongs_to_somebody_else(world):
    ann, bob = world.join_all("ann", "bob")
    ann.wait_to_see(bob.avatar)
    ann.call("relocate", bob.avatar, world.town, CELLAR)
    ann.wait_for_eject(FORBIDDEN_RELOCATE)
    world.ai.call("ask_location", bob.avatar)
    world.ai.wait("answer", do=bob.avatar, location=[world.town, SQUARE])


@pytest.mark.parametrize("times", [1, 20])
def test_the_town_goes_on(world, times):
    """However many are turned away, others come in, and the channels of the former are free."""
    clients = [world.connect(f"old-{number}", version="e2e 0.9") for number in range(times)]
    for client in clients:
        client.wait_for_eject(BAD_VERSION)
        client.kill()
    world.join("ann")

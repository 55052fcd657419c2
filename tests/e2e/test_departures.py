"""Leaving: players who go or vanish, servers that die, a daemon that ends."""

import signal

import pytest

SQUARE, PARK = 1, 2

SESSION_OBJECT_DELETED = 153


def leave_politely(client):
    client.call("disconnect")


def vanish(client):
    client.kill()


@pytest.mark.parametrize("leave", [leave_politely, vanish])
def test_a_players_avatar_goes_with_the_player(world, leave):
    """The avatar is a session object: gone from every view, from the AI and the state server."""
    ann, bob, cid = world.join_all("ann", "bob", "cid")
    for other in (bob, cid):
        other.wait_to_see(ann.avatar)
    bob.wait_to_see(cid.avatar)
    cid.wait_to_see(bob.avatar)
    leave(ann)
    for other in (bob, cid):
        other.wait_to_lose(ann.avatar)
    world.ai.wait("leave", do=ann.avatar)
    event = "client-disconnected" if leave is leave_politely else "client-lost"
    world.daemon.wait_for_event(event, sender=f"Client:{ann.channel}")

    # The state server would refuse an object whose id is still taken.
    fields = {"setPosition": [7, 7]}
    world.ai.call("create", "Ball", world.town, SQUARE, fields, ann.avatar)
    bob.wait_to_see(ann.avatar)
    assert bob.visible[ann.avatar]["class"] == "Ball"
    assert cid.avatar in bob.visible
    assert bob.avatar in cid.visible


def test_a_player_comes_back(world):
    first = world.join("ann")
    bob = world.join("bob")
    bob.wait_to_see(first.avatar)
    first.kill()
    bob.wait_to_lose(first.avatar)
    second = world.join("anna")
    bob.wait_to_see(second.avatar)
    second.wait_to_see(bob.avatar)
    assert second.channel != bob.channel


def test_a_killed_ai_takes_its_objects_along(world):
    """Its post-remove deletes them: in all zones, for all clients, and nobody else's."""
    ann, bob = world.join_all("ann", "bob")
    bob.open_interest(world.town, PARK)
    second_ai = world.stage.start_second_ai()
    theirs = [
        second_ai.call("create", "Ball", world.town, zone, {"setPosition": [number, 0]})
        for zone in (SQUARE, PARK)
        for number in range(20)
    ]
    ours = world.ai.call("create", "Ball", world.town, SQUARE, {"setPosition": [9, 9]})
    ann.wait_to_see(ours, *theirs[:20])
    bob.wait_to_see(ours, *theirs)

    second_ai.kill()
    ann.wait_to_lose(*theirs)
    bob.wait_to_lose(*theirs)
    assert {ours, world.town, bob.avatar} <= ann.visible.keys()

    # What takes its place may use the same ids.
    heir = world.stage.start_ai("heir", 400_000_000)
    heir.call("create", "Ball", world.town, SQUARE, {"setPosition": [1, 2]}, theirs[0])
    ann.wait_for_field(theirs[0], "setPosition", [1, 2])


def test_an_ai_decides_what_happens_when_it_is_gone(world):
    """It takes back the deletion of all its objects, and leaves that of one."""
    ann = world.join("ann")
    second_ai = world.stage.start_second_ai()
    kept, left = (
        second_ai.call("create", "Ball", world.town, SQUARE, {"setPosition": [number, 0]})
        for number in range(2)
    )
    ann.wait_to_see(kept, left)
    second_ai.call("delete_when_i_am_gone", left)
    # An answer to it means that what it sent before has arrived.
    second_ai.call("ask_location", kept)
    second_ai.wait("answer", do=kept)
    second_ai.kill()
    ann.wait_to_lose(left)
    assert kept in ann.visible


def test_a_post_remove_left_with_a_client(world):
    """An AI may leave any message with a client's session, for when that has gone."""
    ann, bob = world.join_all("ann", "bob")
    ball = world.ai.call("create", "Ball", world.town, SQUARE, {"setPosition": [0, 0]})
    bob.wait_to_see(ball)
    world.ai.call("delete_when_client_is_gone", ann.channel, ball)
    world.ai.call("ask_address", ann.channel)
    world.ai.wait("address", client=ann.channel)
    ann.kill()
    bob.wait_to_lose(ball, ann.avatar)


@pytest.mark.better_than_astron
def test_a_killed_ai_with_more_objects_than_fit_one_message(world):
    """Astron addresses them all in one message, whose count wraps at 256, and deletes none."""
    ann = world.join("ann")
    second_ai = world.stage.start_second_ai()
    theirs = [
        second_ai.call("create", "Ball", world.town, SQUARE, {"setPosition": [number, 0]})
        for number in range(300)
    ]
    ann.wait_to_see(*theirs)
    second_ai.kill()
    ann.wait_to_lose(*theirs)


def test_session_objects_of_a_killed_ai_end_their_sessions(world):
    ann, bob = world.join_all("ann", "bob")
    world.ai.kill()
    ann.wait_for_eject(SESSION_OBJECT_DELETED)
    bob.wait_for_eject(SESSION_OBJECT_DELETED)


def test_a_new_ai_takes_over_from_a_killed_one(world):
    ann = world.join("ann")
    world.ai.kill()
    ann.wait_for_eject(SESSION_OBJECT_DELETED)
    world.ai = world.stage.start_ai("new-ai", makes_town=True)
    bob = world.join("bob")
    cid = world.join("cid")
    bob.wait_to_see(cid.avatar)


def test_a_killed_uberdog_takes_the_root_along(world):
    """And with the root all that hangs below it; nobody can log in any more."""
    ann = world.join("ann")
    world.uberdog.kill()
    ann.wait_for_eject(SESSION_OBJECT_DELETED)
    world.ai.wait("leave", do=world.town)


@pytest.mark.parametrize(
    "end",
    [
        signal.SIGINT,
        # Astron has no handler for it.
        pytest.param(signal.SIGTERM, marks=pytest.mark.better_than_astron),
    ],
)
def test_the_daemon_ends_in_order(world, end):
    ann = world.join("ann")
    world.daemon.signal(end)
    assert world.daemon.wait_for_end() == 0
    ann.wait("connection lost")
    world.ai.wait("connection lost")
    world.uberdog.wait("connection lost")

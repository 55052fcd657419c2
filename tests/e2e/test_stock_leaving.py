"""How objects of stock clients end: deleted, or gone with their owner; and what ids are then."""

import signal

import pytest

from harness.stock import Sea

# No more than two blocks.
TWO_BLOCKS = {"doids": {"min": 5_000_001, "max": 5_200_000, "per_client": 100_000}}


def leave_politely(client):
    client.call("take_leave")


def vanish(client):
    client.kill()


def test_a_delete_is_echoed(sea):
    """The owner's program keeps the object until it is told that it is gone."""
    ann, bob, cid = sea.join("ann", "bob", "cid")
    ship, rest = ann.launch("Anna", 1), ann.launch("stays", 1)
    for other in (bob, cid):
        other.wait_to_see(ship, rest)
    ann.call("remove", ship)
    for player in (ann, bob, cid):
        player.wait("deleted", do=ship)
        player.wait("leave", do=ship)
        assert len(player.told("deleted")) == 1
    assert rest in bob.visible and rest in ann.owned

    # The id is free, and may stand for something else.
    again = ann.create("Buoy", 1, do=ship)
    assert again == ship
    bob.wait_to_see(ship)
    assert bob.visible[ship]["class"] == "Buoy"
    ann.call("change", ship, "setX", [4])
    bob.field(ship, "setX", [4])


def test_a_delete_where_nobody_looks(sea):
    (ann,) = sea.join("ann", zones=())
    ship = ann.launch("Anna", 8)
    ann.call("remove", ship)
    ann.wait("leave", do=ship)


def test_ids_come_back_after_deletes(sea):
    """Many objects one after the other, some of them with the ids of others before."""
    ann, bob = sea.join("ann", "bob")
    for turn in range(3):
        ships = [ann.launch(f"{turn}-{number}", 1) for number in range(20)]
        bob.wait_to_see(*ships)
        for ship in ships:
            ann.call("remove", ship)
        bob.wait_to_lose(*ships)
        ann.until(lambda: not ann.owned, "lose its ships")


@pytest.mark.parametrize("leave", [leave_politely, vanish])
def test_objects_go_with_their_owner(sea, leave):
    """In all zones, for all who look, and nobody else's."""
    ann, bob, cid = sea.join("ann", "bob", "cid", zones=(1, 2, 3))
    theirs = [ann.launch(f"Anna {zone}", zone) for zone in (1, 2, 3) for _ in range(5)]
    ours = bob.launch("Bob's", 1)
    bob.wait_to_see(*theirs)
    cid.wait_to_see(ours, *theirs)
    leave(ann)
    for other in (bob, cid):
        for ship in theirs:
            other.wait("deleted", do=ship)
        assert len(other.told("deleted")) == len(theirs)
        assert not other.visible.keys() & set(theirs)
    assert ours in cid.visible
    late = sea.join_one("late", zones=(1, 2, 3))
    late.wait_to_see(ours)
    assert late.visible.keys() == {ours}


@pytest.mark.better_than_stock
@pytest.mark.parametrize("leave", [leave_politely, vanish])
def test_a_block_of_ids_comes_back(stage, leave):
    """The third player has that of the first, who has left. ServerRepository has 4294 of them."""
    sea = Sea(stage, **TWO_BLOCKS)
    ann, bob = sea.join("ann", "bob")
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    leave(ann)
    bob.wait_to_lose(ship)
    cid = sea.join_one("cid")
    assert (cid.base, cid.count) == (ann.base, ann.count)
    assert cid.launch("Cid's", 1) == ship
    bob.wait_for_field(ship, "setName", ["Cid's"])


@pytest.mark.better_than_stock
def test_whoever_finds_no_block_left_is_turned_away(stage):
    """And comes in when somebody has left. ServerRepository gives out what it does not have."""
    sea = Sea(stage, **TWO_BLOCKS)
    ann, bob = sea.join("ann", "bob")
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    late = sea.start("late")
    late.wait("connection lost")
    assert late.find("ready") is None
    ann.kill()
    bob.wait_to_lose(ship)
    sea.join_one("later").launch("later", 1)
    bob.wait_to_see(ship)


@pytest.mark.better_than_stock
def test_a_heartbeat_does_no_harm(sea):
    """It kills ServerRepository. Here it costs nobody anything, required or not."""
    ann, bob = sea.join("ann", "bob")
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    ann.call("beat", 0.05)
    # Each round is later than a few heartbeats.
    for number in range(20):
        ann.call("change", ship, "shout", [f"{number}"])
        bob.field(ship, "shout", [f"{number}"])
    assert ann.find("connection lost") is None


@pytest.mark.better_than_stock
def test_a_program_that_has_stopped_is_put_out(stage):
    """With a heartbeat that is asked for; its connection is open, and says nothing."""
    sea = Sea(stage, heartbeat_timeout=3_000)
    ann, bob = (sea.start(name) for name in ("ann", "bob"))
    for player in (ann, bob):
        player.wait_to_be_ready()
        player.call("beat", 0.5)
        player.look_at(1)
    theirs, ours = ann.launch("Anna", 1), bob.launch("Bob's", 1)
    bob.wait_to_see(theirs)
    ann.wait_to_see(ours)
    ann.signal(signal.SIGSTOP)
    bob.wait_to_lose(theirs)
    bob.call("change", ours, "chime", [1])
    bob.field(ours, "chime", [1])


@pytest.mark.better_than_stock
def test_players_are_told_of_the_server_s_end(sea):
    ann, bob = sea.join("ann", "bob")
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    sea.server.signal(signal.SIGTERM)
    assert sea.server.wait_for_end() == 0
    ann.wait("connection lost")
    bob.wait("connection lost")

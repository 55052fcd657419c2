"""What stock clients see: interests, objects that move, and what somebody who comes late is told."""

import pytest

from harness.stock import Sea


def test_an_interest_shows_what_is_there(sea):
    ann, bob = sea.join("ann", "bob", zones=())
    near, far = ann.launch("near", 1), ann.launch("far", 2)
    bob.look_at(1)
    bob.wait_to_see(near, location=[0, 1])
    bob.look_at(1, 2)
    bob.wait_to_see(near, far)
    assert bob.told("leave") == []


def test_a_new_set_of_zones_replaces_the_old_one(sea):
    """The client is told in one list what it has lost: all of the zones that it left, no more."""
    ann, bob = sea.join("ann", "bob", zones=(1,))
    ships = {zone: [ann.launch(f"{zone}-{i}", zone) for i in range(3)] for zone in (1, 2, 3)}
    bob.look_at(1, 2, 3)
    bob.wait_to_see(*ships[1], *ships[2], *ships[3])
    bob.look_at(3, 4)
    lost = sorted(ships[1] + ships[2])
    assert bob.told("disabled")[-1]["objects"] == lost
    assert bob.visible.keys() == set(ships[3])

    bob.look_at()
    assert bob.told("disabled")[-1]["objects"] == sorted(ships[3])
    assert not bob.visible

    # What it has lost, it may have again.
    bob.look_at(2)
    bob.wait_to_see(*ships[2])
    assert bob.visible.keys() == set(ships[2])


def test_a_zone_that_nobody_is_in_is_answered_with_an_empty_list(sea):
    (ann,) = sea.join("ann", zones=())
    ann.look_at(77, 78)
    assert [report["objects"] for report in ann.told("disabled")] == [[]]


def test_the_same_set_of_zones_again_is_not_answered(sea):
    ann = sea.join_one("ann", zones=(1, 2))
    ann.call("look_at", [2, 1])
    ann.call("look_at", [1, 2, 2])
    ship = ann.launch("Anna", 1)
    ann.call("change", ship, "chime", [1])
    ann.field(ship, "chime", [1])
    assert len(ann.told("disabled")) == 1


def test_whoever_owns_an_object_sees_its_zone(sea):
    """Without any interest of its own, and for as long as it has an object there."""
    (ann,) = sea.join("ann", zones=())
    bob = sea.join_one("bob", zones=(5,))
    theirs = bob.launch("Bob's", 5)
    ours = [ann.launch(f"Anna {i}", 5) for i in range(2)]
    ann.wait_to_see(theirs)
    bob.wait_to_see(*ours)
    bob.call("change", theirs, "shout", ["Ahoi"])
    ann.field(theirs, "shout", ["Ahoi"])

    ann.call("look_at", [5])
    ann.call("remove", ours[0])
    ann.until(lambda: ours[0] not in ann.owned, "be told of its delete")
    ann.call("look_at", [])
    bob.call("change", theirs, "shout", ["Still there?"])
    ann.field(theirs, "shout", ["Still there?"])
    ann.call("remove", ours[1])
    ann.wait("disabled", objects=[theirs])
    assert not ann.visible


def test_a_ship_sails_from_zone_to_zone(sea):
    """The old zone loses it, the new one gets it, and who sees both keeps it where it is now."""
    ann, old, new = (sea.start(name) for name in ("ann", "old", "new"))
    both = sea.join_one("both", zones=(1, 2))
    for client, zones in ((ann, (9,)), (old, (1,)), (new, (2,))):
        client.wait_to_be_ready().look_at(*zones)
    ship = ann.launch("Anna", 1)
    rest = ann.launch("stays", 1)
    old.wait_to_see(ship, rest, location=[0, 1])
    both.wait_to_see(ship, rest, location=[0, 1])
    seen = len(both.told("enter", do=ship))

    ann.call("move", ship, 2)
    new.wait_to_see(ship, location=[0, 2])
    assert new.visible[ship]["fields"]["setName"] == ["Anna"]
    old.wait("disabled", objects=[ship])
    assert ship not in old.visible
    both.wait_to_see(ship, location=[0, 2])
    assert len(both.told("enter", do=ship)) == seen
    assert both.told("leave", do=ship) == []
    assert rest in old.visible and rest in both.visible and rest not in new.visible
    assert ann.owned[ship]["location"] == [0, 2]

    # Updates go where it is now.
    ann.call("change", ship, "shout", ["over here"])
    ann.call("change", rest, "shout", ["done"])
    new.field(ship, "shout", ["over here"])
    both.field(ship, "shout", ["over here"])
    old.field(rest, "shout", ["done"])
    assert old.find("field", do=ship, name="shout") is None

    # And back.
    ann.call("move", ship, 1)
    old.wait_to_see(ship, location=[0, 1])
    new.wait_to_lose(ship)
    both.wait_to_see(ship, location=[0, 1])
    assert both.told("leave", do=ship) == []


def test_who_moves_an_object_sees_where_it_went(sea):
    """Its owner follows it, and loses sight of what it has left behind."""
    (ann,) = sea.join("ann", zones=())
    bob = sea.join_one("bob", zones=(1, 2))
    first, second = bob.launch("first", 1), bob.launch("second", 2)
    ship = ann.launch("Anna", 1)
    ann.wait_to_see(first)
    assert second not in ann.visible
    ann.call("move", ship, 2)
    ann.wait("disabled", objects=[first])
    assert first not in ann.visible
    ann.wait_to_see(second)


def test_a_ship_on_a_long_voyage(sea):
    """Ten zones one after the other, with somebody in each, and one who looks at all of them."""
    ann = sea.join_one("ann", zones=())
    watch, bob = sea.join("watch", "bob", zones=tuple(range(1, 12)))
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    bob.look_at(11)
    for zone in range(2, 12):
        ann.call("move", ship, zone)
        ann.call("change", ship, "shout", [f"in {zone}"])
    watch.field(ship, "shout", ["in 11"])
    watch.wait_to_see(ship, location=[0, 11])
    assert watch.told("leave") == []
    assert [report["values"] for report in watch.told("field", name="shout")] == [
        [f"in {zone}"] for zone in range(2, 12)
    ]
    bob.field(ship, "shout", ["in 11"])
    assert len(bob.told("field", name="shout")) == 1
    assert ann.visible == {}


def test_a_late_comer_is_told_what_the_owner_knows(sea):
    """The owner is asked, so that what it has changed without a word to anybody counts too."""
    ann, bob = sea.join("ann", "bob", zones=(1,))
    ship, buoy = ann.launch("Anna", 1), ann.create("Buoy", 1)
    bob.wait_to_see(ship, buoy)
    ann.call("change", ship, "setFlag", ["said"])
    bob.field(ship, "setFlag", ["said"])
    ann.call("change_unsaid", ship, "setFlag", ["known to me alone"])
    ann.call("change_unsaid", ship, "setName", ["Annabel"])
    ann.call("change_unsaid", buoy, "setPos", [1, 2.5, -3])
    asked = len(ann.told("asked to generate", zone=1))
    cid = sea.join_one("cid", zones=(1,))
    cid.wait_to_see(ship, buoy)
    cid.wait_for_field(ship, "setName", ["Annabel"])
    cid.wait_for_field(ship, "setFlag", ["known to me alone"])
    for field, values in (("setX", [1]), ("setY", [2.5]), ("setZ", [-3])):
        cid.wait_for_field(buoy, field, values)
    assert len(ann.told("asked to generate", zone=1)) == asked + 1


@pytest.mark.better_than_stock
def test_an_arrival_costs_what_there_is_in_the_zone(sea):
    """Whoever owns nothing there is not asked, and whoever knows all that is not told it again."""
    ann, bob, idle = sea.join("ann", "bob", "idle", zones=(1,))
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    # The first has Ann say what nobody had been told, which is news for Bob, too.
    sea.join_one("early", zones=(1,)).wait_for_field(ship, "setRudder", [0])
    ann.call("change", ship, "chime", [1])
    bob.field(ship, "chime", [1])
    told = len(bob.reports)
    for number in range(3):
        late = sea.join_one(f"late-{number}", zones=(1,))
        late.wait_to_see(ship)
    ann.call("change", ship, "shout", ["done"])
    idle.field(ship, "shout", ["done"])
    bob.field(ship, "shout", ["done"])
    assert idle.told("asked to generate") == []
    assert [report["name"] for report in bob.reports[told:] if report["report"] == "field"] == [
        "shout"
    ]


@pytest.mark.better_than_stock
def test_a_late_comer_is_told_what_the_state_server_knows(stage):
    """`regenerate: server`: nobody is asked, so that what was broadcast last is what counts."""
    sea = Sea(stage, regenerate="server")
    ann, bob = sea.join("ann", "bob", zones=(1,))
    ship, buoy = ann.launch("Anna", 1), ann.create("Buoy", 1)
    bob.wait_to_see(ship, buoy)
    ann.call("change", ship, "setFlag", ["said"])
    ann.call("change", ship, "setTrim", [3, 4, 5.5])
    ann.call("change", buoy, "setPos", [7, 8, 9])
    bob.field(buoy, "setPos", [7, 8, 9])
    ann.call("change_unsaid", ship, "setFlag", ["known to me alone"])
    cid = sea.join_one("cid", zones=(1,))
    cid.wait_to_see(ship, buoy, location=[0, 1])
    cid.wait_for_field(ship, "setFlag", ["said"])
    cid.wait_for_field(ship, "setSails", [3, 4])
    cid.wait_for_field(ship, "setRudder", [5.5])
    for field, values in (("setX", [7]), ("setY", [8]), ("setZ", [9])):
        cid.wait_for_field(buoy, field, values)
    assert ann.told("asked to generate") == []

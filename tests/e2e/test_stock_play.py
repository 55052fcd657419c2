"""Stock Panda3D clients at play: coming in, seeing each other, and every kind of update."""

import pytest

CARGO = [["apples", 120], ["Käse", 7]]


@pytest.fixture
def players(sea):
    return sea.join("ann", "bob", "cid")


def test_each_player_may_create_in_a_block_of_its_own(players):
    blocks = sorted((player.base, player.base + player.count) for player in players)
    assert all(start < end for start, end in blocks)
    assert all(end <= start for (_, end), (start, _) in zip(blocks, blocks[1:]))
    for player in players:
        assert player.launch("first", 1) == player.base


def test_players_see_each_others_objects(players):
    """With the required fields, and with those that the owner wants told beside them."""
    fields = {"setCargo": [CARGO], "setFlag": ["blue"]}
    for player in players:
        values = {"setName": [player.name], **fields}
        player.ship = player.create("Ship", 1, values, optional=["setFlag"])
    for player in players:
        for other in players:
            if other is player:
                continue
            player.wait_to_see(other.ship, location=[0, 1])
            player.wait_for_field(other.ship, "setFlag", ["blue"])
            entrance = player.wait("enter", do=other.ship)
            assert (entrance["class"], entrance["sender"]) == ("Ship", other.base)
            assert entrance["fields"] == {"setName": [other.name], "setCargo": [CARGO]}
        assert player.ship not in player.visible
        assert player.owned.keys() == {player.ship}


def test_a_default_value_stands_for_what_the_owner_does_not_have(players):
    ann, bob, _ = players
    buoy = ann.create("Buoy", 1)
    bob.wait_for_field(buoy, "setLight", ["red"])


def test_a_broadcast_reaches_all_others_and_not_its_sender(players):
    ann, bob, cid = players
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    cid.wait_to_see(ship)
    ann.call("change", ship, "setFlag", ["black"])
    ann.call("change", ship, "shout", ["Ahoi, земля!"])
    ann.call("change", ship, "hoist", ["all"])
    ann.call("change", ship, "chime", [1])
    for other in (bob, cid):
        for field, values in (
            ("setFlag", ["black"]),
            ("shout", ["Ahoi, земля!"]),
            ("hoist", ["all"]),
        ):
            assert other.field(ship, field, values)["sender"] == ann.base
    # What comes later has come, so an echo would have come as well.
    ann.field(ship, "chime", [1])
    assert ann.told("field", name="shout") == []
    assert ann.told("field", name="setFlag") == []


def test_what_is_reflected_reaches_its_sender_too(players):
    """But a field that is also `broadcast` does not: that comes first."""
    ann, bob, cid = players
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    cid.wait_to_see(ship)
    ann.call("change", ship, "wave", ["hand"])
    ann.call("change", ship, "chime", [8])
    for player in players:
        assert player.field(ship, "chime", [8])["sender"] == ann.base
    for other in (bob, cid):
        assert other.find("field", name="wave", values=["hand"])
    assert ann.find("field", name="wave") is None


def test_a_molecular_update_is_one_call(players):
    ann, bob, _ = players
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    ann.call("change", ship, "setTrim", [5, 6, -1.5])
    bob.field(ship, "setTrim", [5, 6, -1.5])
    assert bob.find("field", name="setSails", values=[5, 6]) is None

    buoy = ann.create("Buoy", 1)
    bob.wait_to_see(buoy)
    ann.call("change", buoy, "setPos", [1.5, -2.5, 30])
    bob.field(buoy, "setPos", [1.5, -2.5, 30])


def test_updates_arrive_in_the_order_in_which_they_were_sent(players):
    ann, bob, cid = players
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    cid.wait_to_see(ship)
    said = [f"line {number}" for number in range(200)]
    for line in said:
        ann.call("change", ship, "shout", [line])
    for other in (bob, cid):
        other.field(ship, "shout", [said[-1]])
        assert [report["values"][0] for report in other.told("field", name="shout")] == said


def test_p2p_reaches_the_owner_alone(players):
    ann, bob, cid = players
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    cid.wait_to_see(ship)
    bob.call("change", ship, "hail", ["Hey, Anna"])
    assert ann.field(ship, "hail", ["Hey, Anna"])["sender"] == bob.base
    # And what the owner says to itself comes back to it.
    ann.call("change", ship, "hail", ["to myself"])
    assert ann.field(ship, "hail", ["to myself"])["sender"] == ann.base
    ann.call("change", ship, "shout", ["done"])
    cid.field(ship, "shout", ["done"])
    assert cid.find("field", name="hail") is None
    assert bob.find("field", name="hail") is None


def test_p2p_needs_no_interest_of_its_owner_but_the_object_s_zone(sea):
    """An owner that looks at nothing hears who speaks to what it owns."""
    (ann,) = sea.join("ann", zones=())
    bob = sea.join_one("bob", zones=(4,))
    ship = ann.launch("Anna", 4)
    bob.wait_to_see(ship)
    bob.call("change", ship, "hail", ["Hey"])
    assert ann.field(ship, "hail", ["Hey"])["sender"] == bob.base


def test_anybody_may_send_a_clsend_field(players):
    """It goes to the owner and to all others who look on, and does not come back."""
    ann, bob, cid = players
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    cid.wait_to_see(ship)
    bob.call("change", ship, "knock", ["Who's there?"])
    for other in (ann, cid):
        assert other.field(ship, "knock", ["Who's there?"])["sender"] == bob.base
    # Something that bob is told later.
    ann.call("change", ship, "chime", [2])
    bob.field(ship, "chime", [2])
    assert bob.find("field", name="knock") is None


def test_a_targeted_update_reaches_one_client_alone(players):
    """Of the owner any field, with or without keywords; of others what they may send."""
    ann, bob, cid = players
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    cid.wait_to_see(ship)
    ann.call("send_to", bob.base, ship, "tell", ["a secret"])
    ann.call("send_to", bob.base, ship, "setFlag", ["for bob"])
    ann.call("send_to", bob.base, ship, "chime", [3])
    cid.call("send_to", bob.base, ship, "knock", ["from cid"])
    cid.call("send_to", bob.base, ship, "hail", ["from cid, too"])
    said = (
        ("tell", ["a secret"], ann),
        ("setFlag", ["for bob"], ann),
        ("chime", [3], ann),
        ("knock", ["from cid"], cid),
        ("hail", ["from cid, too"], cid),
    )
    for field, values, sender in said:
        assert bob.field(ship, field, values)["sender"] == sender.base
    # Later, to all: the ones for bob would have come before.
    bob.call("change", ship, "knock", ["to all"])
    for player in (ann, cid):
        player.field(ship, "knock", ["to all"])
        assert not [field for field, values, _ in said if player.find("field", values=values)]


def test_a_targeted_update_of_a_client_to_itself(players):
    ann, bob, _ = players
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    ann.call("send_to", ann.base, ship, "tell", ["note"])
    assert ann.field(ship, "tell", ["note"])["sender"] == ann.base


def test_what_nothing_lets_travel_does_not(players):
    """A bare `ownsend`, `airecv` or no keyword at all: dropped, and its sender plays on."""
    ann, bob, cid = players
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    ann.call("change", ship, "steer", [90])
    ann.call("change", ship, "log", ["calm"])
    ann.call("change", ship, "tell", ["nobody"])
    ann.call("change", ship, "shout", ["still here"])
    for other in (bob, cid):
        other.field(ship, "shout", ["still here"])
        heard = {report["name"] for report in other.told("field", do=ship)}
        assert not heard & {"steer", "log", "tell"}


def test_an_ai_program_answers_who_asked(sea):
    """An AIRepository is a ClientRepository with the suffix AI: its objects are its classes'."""
    ai = sea.start_ai()
    ann, bob = sea.join("ann", "bob")
    ai.wait_to_be_ready()
    lighthouse = ai.create("Lighthouse", 1, {"setBeam": [12]})
    for player in (ann, bob):
        player.wait_for_field(lighthouse, "setBeam", [12])
    ann.call("change", lighthouse, "askBearing", ["Anna"])
    assert ai.field(lighthouse, "askBearing", ["Anna"])["sender"] == ann.base
    assert ann.field(lighthouse, "bearing", ["Anna", 90])["sender"] == ai.base
    bob.call("change", lighthouse, "askBearing", ["Bob's"])
    assert bob.field(lighthouse, "bearing", ["Bob's", 90])["sender"] == ai.base
    assert ann.told("field", values=["Bob's", 90]) == []
    assert bob.told("field", values=["Anna", 90]) == []


def test_an_ai_program_sees_what_players_make(sea):
    ai = sea.start_ai()
    ann = sea.join_one("ann")
    ai.wait_to_be_ready()
    ai.look_at(1)
    ship = ann.launch("Anna", 1)
    ai.wait_to_see(ship)
    assert ai.visible[ship]["fields"]["setName"] == ["Anna"]
    ann.call("change", ship, "shout", ["Ahoi"])
    assert ai.field(ship, "shout", ["Ahoi"])["sender"] == ann.base
    ann.call("remove", ship)
    ai.wait_to_lose(ship)


@pytest.mark.better_than_stock
def test_required_fields_that_are_not_broadcast_stay_with_their_owner(players):
    """ServerRepository passes them on, where the others' programs misread all after the first."""
    ann, bob, _ = players
    values = {"setGold": [1000], "setLabel": ["Tea"], "setLock": ["1-2-3"], "setPlace": ["aft"]}
    chest = ann.create("Chest", 1, values)
    bob.wait_to_see(chest)
    assert bob.visible[chest]["fields"] == {"setLabel": ["Tea"], "setPlace": ["aft"]}
    ann.call("change", chest, "setPlace", ["bow"])
    bob.field(chest, "setPlace", ["bow"])

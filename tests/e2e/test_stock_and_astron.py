"""Stock clients and Astron's in one world."""

import pytest

from conftest import World
from harness.daemon import WORLD_DC, free_port
from harness.stock import NOBODY, STOCK_DC, Sea, stock_agent

pytestmark = pytest.mark.better_than_stock

# Stock clients know no parents. All their zones are those of this object, which the agent makes.
ROOT = 2_500
HARBOUR, BAY, OCEAN = 5, 6, 7
INTEREST = 2000


class MixedSea(Sea):
    """A town of Astron's, on a daemon to which stock clients can connect as well."""

    def __init__(self, stage):
        self.stage = stage
        port, trusted_port = free_port(), free_port()
        stage.dc_files = [str(WORLD_DC), str(STOCK_DC)]
        self.server = stage.start_daemon(
            dc_files=stage.dc_files, more_roles=[stock_agent(port, trusted_port, {"root": ROOT})]
        )
        self.server.port, self.server.trusted_port = port, trusted_port
        self.world = World(stage)
        self.ai = self.world.ai

    def start(self, name: str, *arguments, **settings):
        return super().start(name, *arguments, dc_files=self.stage.dc_files, **settings)

    def join_astron(self, name: str, zones: list[int]):
        """Bring a player of Astron's into these zones. Its avatar stays in the town."""
        client = self.world.join(name)
        self.ai.call("open_interest", client.channel, INTEREST, ROOT, zones)
        client.wait("interest done", interest=INTEREST)
        return client


@pytest.fixture
def mixed(stage):
    return MixedSea(stage)


def test_they_see_each_other(mixed):
    ann, cid = mixed.join("ann", "cid", zones=(HARBOUR,))
    bob = mixed.join_astron("bob", [HARBOUR])
    ship = ann.launch("Anna", HARBOUR)
    bob.wait_to_see(ship, location=[ROOT, HARBOUR])
    assert bob.visible[ship]["fields"]["setName"] == ["Anna"]
    ball = mixed.ai.call("create", "Ball", ROOT, HARBOUR, {"setPosition": [1, 2]})
    mixed.ai.call("move", bob.avatar, ROOT, HARBOUR)
    for player in (ann, cid):
        player.wait_to_see(ball, bob.avatar, location=[0, HARBOUR])
        entrance = player.wait("enter", do=bob.avatar)
        # And not what only the owner knows.
        assert entrance["fields"] == {"setName": ["bob"], "setPosition": [0, 0]}

    ann.call("change", ship, "setFlag", ["blue"])
    bob.wait_for_field(ship, "setFlag", ["blue"])
    ann.call("change", ship, "setTrim", [1, 2, 3.5])
    bob.wait_for_field(ship, "setTrim", [1, 2, 3.5])
    bob.call("send", bob.avatar, "say", ["Ahoi, Anna"])
    mixed.ai.call("change", ball, "setSpin", [-7])
    for player in (ann, cid):
        player.field(bob.avatar, "say", ["Ahoi, Anna"])
        player.field(ball, "setSpin", [-7])
    bob.call("send", ship, "knock", ["Who's there?"])
    for player in (ann, cid):
        player.field(ship, "knock", ["Who's there?"])


def test_who_comes_late_sees_what_is_there(mixed):
    """Of both kinds, and of what both kinds have made."""
    ann = mixed.join_one("ann", zones=(HARBOUR,))
    ship = ann.launch("Anna", HARBOUR)
    ball = mixed.ai.call("create", "Ball", ROOT, HARBOUR, {"setPosition": [1, 2]})
    ann.wait_to_see(ball)
    ann.call("change", ship, "setFlag", ["blue"])
    mixed.ai.call("change", ball, "setSpin", [-7])
    ann.field(ball, "setSpin", [-7])
    bob = mixed.join_astron("bob", [HARBOUR])
    bob.wait_for_field(ship, "setFlag", ["blue"])
    bob.wait_for_field(ball, "setSpin", [-7])
    cid = mixed.join_one("cid", zones=(HARBOUR,))
    cid.wait_to_see(ship, ball)
    cid.wait_for_field(ball, "setSpin", [-7])
    cid.wait_for_field(ball, "setPosition", [1, 2])


def test_they_see_each_other_move(mixed):
    """Into sight, from zone to zone within sight, and out of it."""
    ann = mixed.join_one("ann", zones=(HARBOUR, BAY))
    bob = mixed.join_astron("bob", [HARBOUR, BAY])
    ship = ann.launch("Anna", OCEAN)
    light = mixed.ai.call("create", "Lighthouse", ROOT, OCEAN, {"setBeam": [12]})
    # Ann sees the ocean, too, as long as her ship is there.
    ann.wait_to_see(light, location=[0, OCEAN])
    ann.call("move", ship, HARBOUR)
    ann.wait_to_lose(light)
    bob.wait_to_see(ship, location=[ROOT, HARBOUR])
    ann.call("move", ship, BAY)
    bob.wait_to_see(ship, location=[ROOT, BAY])
    assert bob.find("leave", do=ship) is None
    ann.call("move", ship, OCEAN)
    bob.wait_to_lose(ship)
    ann.wait_to_see(light)
    ann.call("move", ship, BAY)
    ann.wait_to_lose(light)

    left = len(ann.told("leave", do=light))
    for zone in (HARBOUR, BAY, HARBOUR):
        mixed.ai.call("move", light, ROOT, zone)
        ann.wait_to_see(light, location=[0, zone])
    assert len(ann.told("leave", do=light)) == left
    mixed.ai.call("move", light, ROOT, OCEAN)
    ann.wait_to_lose(light)

    # A player of Astron's moves its own avatar. Its class has no `setLocation`, so that a stock
    # client cannot be told of a move within its sight.
    mixed.ai.call("move", bob.avatar, ROOT, HARBOUR)
    ann.wait_to_see(bob.avatar, location=[0, HARBOUR])
    bob.call("relocate", bob.avatar, ROOT, BAY)
    bob.call("send", bob.avatar, "say", ["Here I am"])
    ann.field(bob.avatar, "say", ["Here I am"])
    assert ann.find("leave", do=bob.avatar) is None
    bob.call("relocate", bob.avatar, mixed.world.town, 1)
    ann.wait_to_lose(bob.avatar)


def test_they_see_each_other_leave(mixed):
    ann, cid = mixed.join("ann", "cid", zones=(HARBOUR,))
    bob = mixed.join_astron("bob", [HARBOUR])
    theirs, ours = ann.launch("Anna", HARBOUR), cid.launch("Cid's", HARBOUR)
    ball = mixed.ai.call("create", "Ball", ROOT, HARBOUR, {"setPosition": [1, 2]})
    mixed.ai.call("move", bob.avatar, ROOT, HARBOUR)
    for player in (ann, cid):
        player.wait_to_see(ball, bob.avatar)
    bob.wait_to_see(theirs, ours, ball)

    mixed.ai.call("delete", ball)
    for player in (ann, bob, cid):
        player.wait_to_lose(ball)
    ann.call("remove", theirs)
    bob.wait_to_lose(theirs)
    theirs = ann.launch("Anna II", HARBOUR)
    bob.wait_to_see(theirs)
    ann.kill()
    bob.wait_to_lose(theirs)
    assert ours in bob.visible
    bob.kill()
    cid.wait_to_lose(bob.avatar, theirs)


def test_an_ai_of_astron_s_serves_stock_clients(mixed):
    """With the class of an AI program of theirs: it is asked, knows who asks, and answers."""
    ann, bob = mixed.join("ann", "bob", zones=(HARBOUR,))
    lighthouse = mixed.ai.call("create", "Lighthouse", ROOT, HARBOUR, {"setBeam": [12]})
    for player in (ann, bob):
        player.wait_for_field(lighthouse, "setBeam", [12])
    ann.call("change", lighthouse, "askBearing", ["Anna"])
    asked = mixed.ai.wait("field", do=lighthouse, name="askBearing")
    assert (asked["values"], asked["sender"]) == (["Anna"], ann.base)
    assert ann.field(lighthouse, "bearing", ["Anna", 90])["sender"] == NOBODY
    bob.call("change", lighthouse, "askBearing", ["Bob's"])
    bob.field(lighthouse, "bearing", ["Bob's", 90])
    assert ann.told("field", name="bearing", values=["Bob's", 90]) == []


def test_an_ai_of_astron_s_knows_what_stock_clients_have(mixed):
    """The state server has their objects as it has all others."""
    ann, bob = mixed.join("ann", "bob", zones=(HARBOUR,))
    ship = ann.launch("Anna", HARBOUR)
    ann.call("change", ship, "setFlag", ["blue"])
    bob.wait_for_field(ship, "setFlag", ["blue"])
    mixed.ai.call("ask_object", ship)
    answer = mixed.ai.wait("object", do=ship)
    assert (answer["class"], answer["location"]) == ("Ship", [ROOT, HARBOUR])
    assert answer["fields"]["setName"] == ["Anna"]
    assert answer["fields"]["setFlag"] == ["blue"]
    # It was said to nobody, and the state server has not kept it.
    assert "setLocation" not in answer["fields"]

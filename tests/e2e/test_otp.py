"""Players of the OTP era, by Panda3D's own classes, in one world with those of other kinds.

Their accounts are those of the example that is shipped; the world is the tests' own.
"""

import pytest

from conftest import TOWN, World
from harness.daemon import ROOT
from harness.otp import (
    PARK,
    QUIET,
    SEA,
    SQUARE,
    TOWN_ZONE,
    UBER,
    MixedExample,
    OtpClient,
)
from harness.stock import Sea

pytestmark = pytest.mark.better_than_astron

# Where the AI puts avatars. Players of the era see nothing there: it is their quiet zone.
ENTRY = 1
# Zones of the sea, and the interest by which the AI shows them.
HARBOUR, BAY, OCEAN = 5, 6, 7
INTEREST = 2000
SYSTEM_MESSAGE = 78


class Era:
    """A town of Astron's, which players of the era can enter, too."""

    def __init__(self, stage):
        self.stage = stage
        self.example = MixedExample(stage)
        self.example.start_daemon()
        self.uberdog = self.example.start_uberdog()
        self.world = World(stage)
        self.ai = self.world.ai

    def start(self, name: str, agent: str = "objects", **settings) -> OtpClient:
        return self.example.start_era_client(name, agent, **settings)

    def meet(self, name: str, agent: str = "objects", lives: bool = True) -> OtpClient:
        """A player who is logged in, sees the town, has its avatar, and shows life."""
        client = self.start(name, agent, **({"heartbeat": 0.5} if lives else {}))
        account = client.register(name)
        if agent != "2003":
            client.open(ROOT, TOWN_ZONE)
            assert TOWN in client.visible
        fields = {"setName": [name], "setPosition": [0, 0], "setPurse": [100]}
        client.avatar = self.ai.call("create", "Avatar", TOWN, ENTRY, fields)
        client.channel = self.ai.call("play_as", account, client.avatar)
        self.ai.wait("playing", client=client.channel)
        self.ai.call("clientAddSessionObject", client.channel, client.avatar)
        self.ai.call("set_owner", client.avatar, client.channel)
        client.wait_to_own(client.avatar)
        return client


@pytest.fixture
def era(stage):
    return Era(stage)


@pytest.mark.parametrize("agent", ["objects", "avatars"])
def test_they_play_with_those_of_astron(era, agent):
    ann = era.meet("ann", agent)
    bob = era.world.join("bob", [ENTRY, SQUARE, PARK])
    assert ann.owned[ann.avatar]["fields"] == {
        "setName": ["ann"],
        "setPosition": [0, 0],
        "setPurse": [100],
    }
    # Both go to the square, one by its own word.
    bob.wait_to_see(ann.avatar)
    era.ai.call("move", bob.avatar, TOWN, SQUARE)
    ann.call("relocate", ann.avatar, TOWN, SQUARE)
    bob.wait_to_see(ann.avatar, location=[TOWN, SQUARE])
    handle = ann.open(TOWN, SQUARE)
    assert ann.visible[bob.avatar]["fields"] == {"setName": ["bob"], "setPosition": [0, 0]}
    assert ann.visible[bob.avatar]["location"] == [TOWN, SQUARE]
    # It is tied to the session, so that there is no other view of it than its own.
    assert ann.avatar not in ann.visible

    ann.call("send", ann.avatar, "say", ["Hello, Bob"])
    bob.wait("field", do=ann.avatar, name="say", values=["Hello, Bob"])
    bob.call("send", bob.avatar, "say", ["Hello, Ann"])
    ann.wait("field", do=bob.avatar, name="say", values=["Hello, Ann"])
    ann.call("send", ann.avatar, "walk", [1.5, -2])
    walk = era.ai.wait("walk", do=ann.avatar)
    assert walk == {**walk, "client": ann.channel, "step": [1.5, -2]}
    bob.wait_for_field(ann.avatar, "setPosition", [1.5, -2])
    ann.wait_for_field(ann.avatar, "setPosition", [1.5, -2], view="owner")

    # Out of sight, and back.
    era.ai.call("move", bob.avatar, TOWN, PARK)
    ann.wait_to_lose(bob.avatar)
    era.ai.call("move", bob.avatar, TOWN, SQUARE)
    ann.wait_to_see(bob.avatar)
    # Where it has no interest it keeps what it owns, and is told where that goes.
    ann.call("close_interest", handle)
    ann.wait("interest closed", handle=handle)
    ann.wait_to_lose(bob.avatar)
    assert ann.avatar in ann.owned and ann.avatar not in ann.visible
    era.ai.call("move", ann.avatar, TOWN, PARK)
    kind = "own location" if agent == "objects" else "location"
    ann.wait(kind, do=ann.avatar, location=[TOWN, PARK])

    ann.call("take_leave")
    bob.wait_to_lose(ann.avatar)
    assert ann.find("ejected") is None


def test_interests_are_altered_by_their_handles(era):
    ann = era.meet("ann")
    # Classes are numbered in the order of the DC file: Ball before Pet.
    objects = {}
    for zone in (SQUARE, PARK):
        pet = era.ai.call("create", "Pet", TOWN, zone, {"setName": ["Rex"], "setFood": [1]})
        ball = era.ai.call("create", "Ball", TOWN, zone, {"setPosition": [0, 0], "setSpin": [3]})
        objects[zone] = (pet, ball)
    start = ann.reports[-1]
    handle = ann.open(TOWN, SQUARE)
    pet, ball = objects[SQUARE]
    assert ann.entrances(start) == [ball, pet]
    assert ann.visible[ball]["fields"]["setSpin"] == [3]
    # One zone more, one less; what stays is not told again.
    start = ann.reports[-1]
    ann.alter(handle, TOWN, SQUARE, PARK)
    assert ann.entrances(start) == [objects[PARK][1], objects[PARK][0]]
    ann.alter(handle, TOWN, PARK)
    ann.wait_to_lose(pet, ball)
    assert set(objects[PARK]) <= ann.visible.keys()
    # Nothing, and the quiet zone, are answered at once.
    for zones in ([], [QUIET], []):
        ann.alter(handle, TOWN, *zones)
        ann.wait_to_lose(*objects[PARK])
    ann.call("close_interest", handle)
    ann.wait("interest closed", handle=handle)
    assert handle not in ann.call("open_interests")


def test_the_ai_opens_interests_of_its_own(era):
    ann = era.meet("ann")
    ball = era.ai.call("create", "Ball", TOWN, SQUARE, {"setPosition": [0, 0]})
    done = len([report for report in ann.reports if report["report"] == "done"])
    era.ai.call("open_interest", ann.channel, 77, TOWN, [SQUARE])
    era.ai.wait("interest done", client=ann.channel, interest=77)
    ann.wait_to_see(ball)
    ann.call("close_ai_interest", 77)
    ann.wait_to_lose(ball)
    assert len([report for report in ann.reports if report["report"] == "done"]) == done


def test_what_is_owned_and_seen_has_two_views_or_one(era):
    for agent, has_two in [("objects", True), ("avatars", False)]:
        ann = era.meet("ann-" + agent, agent)
        fields = {"setName": ["her double"], "setPosition": [0, 0], "setPurse": [1]}
        double = era.ai.call("create", "Avatar", TOWN, SQUARE, fields)
        ann.open(TOWN, SQUARE)
        ann.wait_to_see(double)
        if not has_two:
            # It becomes the avatar by message 15, and the client would have it twice.
            era.ai.call("move", double, TOWN, PARK)
            ann.wait_to_lose(double)
        era.ai.call("set_owner", double, ann.channel)
        ann.wait_to_own(double)
        era.ai.call("move", double, TOWN, PARK if has_two else SQUARE)
        kind = "own location" if has_two else "location"
        if has_two:
            ann.wait_to_lose(double)
        ann.wait("location", do=double, location=[TOWN, PARK if has_two else SQUARE])
        assert double in ann.owned and double not in ann.visible
        era.ai.call("move", double, TOWN, 9)
        ann.wait(kind, do=double, location=[TOWN, 9])
        era.ai.call("delete", double)
        ann.until(lambda: double not in ann.owned, "lose what it owns")


def test_somebody_else_logs_in(era):
    ann = era.meet("ann", "avatars")
    wrong = era.start("wrong")
    wrong.wait("connected")
    wrong.call("log_in", "ann", "guess")
    assert wrong.wait("login")["code"] == 1
    again = era.start("again", "avatars")
    assert again.log_in("ann") > 0
    ann.wait_for_eject(100)
    # Its avatar has gone with it.
    era.ai.wait("leave", do=ann.avatar)


def test_who_loses_its_avatar_is_put_out(era):
    ann = era.meet("ann", "avatars")
    era.ai.call("delete", ann.avatar)
    ann.wait_for_eject(153)


def test_what_the_cluster_has_to_say(era):
    ann = era.meet("ann")
    ball = era.ai.call("create", "Ball", TOWN, SQUARE, {"setPosition": [0, 0]})
    ann.open(TOWN, SQUARE)
    ann.wait_to_see(ball)
    era.ai.call("say_to_all", ann.channel, SYSTEM_MESSAGE, "The park is open")
    ann.wait("system message", text="The park is open")
    era.ai.call("allow_send", ann.channel, ball, ["kick"])
    ann.wait("sendable", do=ball, fields=["kick"])
    ann.call("send", ball, "kick", [1, 1])
    kick = era.ai.wait("kick", do=ball)
    assert kick["client"] == ann.channel
    ann.wait_for_field(ball, "setPosition", [1, 1])


def test_heartbeats_are_echoed_and_missed(era):
    ann, bob = era.meet("ann", "avatars"), era.meet("bob", "avatars", lives=False)
    bob.wait_for_eject(345)
    beats = len([report for report in ann.reports if report["report"] == "heartbeat"])
    assert beats > 2
    ann.check_running()
    assert ann.find("ejected") is None


def test_nobody_plays_who_has_not_logged_in(era):
    ann, bob = era.start("ann"), era.start("bob")
    ann.wait("connected")
    ann.open(ROOT, TOWN_ZONE)
    assert TOWN in ann.visible
    ann.call("open_interest", TOWN, [SQUARE])
    ann.wait_for_eject(113)
    bob.wait("connected")
    bob.call("relocate", 5000, TOWN, SQUARE)
    bob.wait_for_eject(108)


def test_in_2003_there_was_one_zone(era):
    bob = era.world.join("bob", [SQUARE, PARK])
    pet = era.ai.call("create", "Pet", TOWN, UBER, {"setName": ["Rex"], "setFood": [1]})
    balls = {
        zone: era.ai.call("create", "Ball", TOWN, zone, {"setPosition": [0, 0]})
        for zone in (SQUARE, PARK)
    }
    ann = era.meet("ann", "2003")
    ann.call("set_shard", TOWN)
    ann.wait("shard set")
    assert pet in ann.visible
    ann.call("set_zone", SQUARE, [])
    ann.wait("zone set", zone=SQUARE)
    # Its avatar goes where it is.
    bob.wait_to_see(ann.avatar, location=[TOWN, SQUARE])
    assert balls[SQUARE] in ann.visible and ann.avatar not in ann.visible
    ann.call("set_zone", PARK, [])
    ann.wait("zone set", zone=PARK)
    assert balls[SQUARE] not in ann.visible and balls[PARK] in ann.visible and pet in ann.visible
    bob.wait_to_see(ann.avatar, location=[TOWN, PARK])
    ann.call("set_zone", PARK, [PARK, SQUARE])
    ann.until(lambda: balls[SQUARE] in ann.visible, "see the square from the park")
    ann.call("set_zone", QUIET, [])
    ann.wait("zone set", zone=QUIET)
    assert set(ann.visible) == {pet}
    era.ai.call("delete", pet)
    ann.wait_to_lose(pet)


def test_players_of_all_kinds_see_each_other(era):
    """Of 2005, of 2003, of Astron, and with Panda3D's own repository: come, speak, move, go."""
    sea = Sea(era.stage, server=era.stage.daemon)
    files = {"dc_files": era.stage.dc_files, "modules": era.stage.modules}
    cid = sea.start("cid", port=era.example.stock, **files)
    cid.wait_to_be_ready()
    cid.look_at(HARBOUR, BAY)
    ann, dan = era.meet("ann"), era.meet("dan", "2003")
    bob = era.world.join("bob")
    for player in (ann, bob):
        era.ai.call("open_interest", player.channel, INTEREST, SEA, [HARBOUR, BAY])
        era.ai.wait("interest done", client=player.channel, interest=INTEREST)
    dan.call("set_shard", SEA)
    dan.wait("shard set")

    # They come.
    ship = cid.launch("Cid's", HARBOUR)
    dan.call("set_zone", HARBOUR, [HARBOUR, BAY])
    for player in (ann, bob):
        player.call("relocate", player.avatar, SEA, HARBOUR)
    theirs = {ann: ann.avatar, bob: bob.avatar, cid: ship, dan: dan.avatar}
    names = {ann: "ann", bob: "bob", cid: "Cid's", dan: "dan"}
    # A stock client has no parents, one of 2003 no places.
    places = {ann: [SEA, HARBOUR], bob: [SEA, HARBOUR], cid: [0, HARBOUR], dan: [None, None]}
    pairs = [(seer, seen) for seer in theirs for seen in theirs if seer is not seen]
    for seer, seen in pairs:
        seer.wait_to_see(theirs[seen], location=places[seer])
        assert seer.visible[theirs[seen]]["fields"]["setName"] == [names[seen]]

    # They speak.
    for player in (ann, bob, dan):
        player.call("send", player.avatar, "say", [f"I am {names[player]}"])
    cid.call("change", ship, "setFlag", ["blue"])
    for seer, seen in pairs:
        name, value = ("setFlag", "blue") if seen is cid else ("say", f"I am {names[seen]}")
        seer.wait("field", do=theirs[seen], name=name, values=[value])

    # They move within sight: only who knows places is told.
    dan.call("set_zone", BAY, [HARBOUR, BAY])
    cid.call("move", ship, BAY)
    for player in (ann, bob):
        player.call("relocate", player.avatar, SEA, BAY)
    for seer in (ann, bob):
        for seen in set(theirs) - {seer}:
            seer.wait_to_see(theirs[seen], location=[SEA, BAY])
    for player in (ann, bob, dan):
        player.call("send", player.avatar, "say", ["I have moved"])
    cid.call("change", ship, "setFlag", ["green"])
    for seer, seen in pairs:
        name, value = ("setFlag", "green") if seen is cid else ("say", "I have moved")
        seer.wait("field", do=theirs[seen], name=name, values=[value])
        assert seer.find("leave", do=theirs[seen], view="object") is None

    # Out of sight, and back.
    ann.call("relocate", ann.avatar, SEA, OCEAN)
    cid.call("move", ship, OCEAN)
    for seer in (bob, dan):
        seer.wait_to_lose(ann.avatar, ship)
    ann.wait_to_lose(ship)
    ann.call("relocate", ann.avatar, SEA, HARBOUR)
    cid.call("move", ship, HARBOUR)
    for seer in (bob, dan):
        seer.wait_to_see(ann.avatar, ship)
    ann.wait_to_see(ship)
    cid.wait_to_see(ann.avatar)

    # They go, each in another way.
    ann.call("take_leave")
    for seer in (bob, cid, dan):
        seer.wait_to_lose(ann.avatar)
    cid.kill()
    for seer in (bob, dan):
        seer.wait_to_lose(ship)
    dan.kill()
    bob.wait_to_lose(dan.avatar)
    eve = era.meet("eve", "2003")
    eve.call("set_shard", SEA)
    eve.wait("shard set")
    eve.call("set_zone", BAY, [BAY])
    eve.wait_to_see(bob.avatar)
    bob.kill()
    eve.wait_to_lose(bob.avatar)

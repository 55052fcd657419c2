"""Players of the OTP era, by Panda3D's own classes, and Astron's in one world."""

import pytest

from conftest import TOWN, World
from harness.otp import (
    AGENTS,
    OTP_LOGIN,
    OTP_UBERDOG_CHANNEL,
    PARK,
    QUIET,
    SQUARE,
    TOWN_ZONE,
    UBER,
    OtpClient,
    OtpUberDog,
    start_daemon,
)
from harness.daemon import ROOT

pytestmark = pytest.mark.better_than_astron

# Where the AI puts avatars. Players of the era see nothing there: it is their quiet zone.
ENTRY = 1


class Era:
    """A town of Astron's, which players of the era can enter, too."""

    def __init__(self, stage):
        self.stage = stage
        self.ports = start_daemon(stage)
        self.world = World(stage)
        self.ai = self.world.ai
        self.uberdog = stage._start(
            OtpUberDog,
            "otp-uberdog",
            port=stage.daemon.ports.messages,
            channel=OTP_UBERDOG_CHANNEL,
            otp_login=OTP_LOGIN,
        )
        self.uberdog.wait("connected")

    def start(self, name: str, agent: str = "objects") -> OtpClient:
        era = AGENTS[agent]["type"]
        return self.stage._start(OtpClient, name, port=self.ports[agent], era=era)

    def meet(self, name: str, agent: str = "objects") -> OtpClient:
        """A player who is logged in, sees the town, and has its avatar."""
        client = self.start(name, agent)
        account = client.log_in(name)
        if agent != "2003":
            client.open(ROOT, TOWN_ZONE)
            assert TOWN in client.visible
        client.call("set_avatar", name)
        self.uberdog.wait("avatar wanted", name=name, client=account << 32)
        fields = {"setName": [name], "setPosition": [0, 0], "setPurse": [100]}
        client.avatar = self.ai.call("create", "Avatar", TOWN, ENTRY, fields)
        client.channel = self.uberdog.call("play", account, client.avatar)
        self.uberdog.wait("playing", client=client.channel)
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
    era.uberdog.call("say_to_all", ann.channel, "The park is open")
    ann.wait("system message", text="The park is open")
    era.ai.call("allow_send", ann.channel, ball, ["kick"])
    ann.wait("sendable", do=ball, fields=["kick"])
    ann.call("send", ball, "kick", [1, 1])
    kick = era.ai.wait("kick", do=ball)
    assert kick["client"] == ann.channel
    ann.wait_for_field(ball, "setPosition", [1, 1])


def test_heartbeats_are_echoed_and_missed(era):
    ann, bob = era.meet("ann", "avatars"), era.meet("bob", "avatars")
    ann.call("start_heartbeat", 0.5)
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

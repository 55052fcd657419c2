"""Playing: coming in, seeing each other, updates, zones and interests, ownership."""

import pytest

from conftest import World
from harness.daemon import ROOT

SQUARE, PARK, CELLAR = 1, 2, 3


@pytest.fixture(params=["net", "native"])
def world(request, stage):
    """Panda3D's two ways to reach a daemon; `net` goes with its field updates in Python."""
    stage.start_daemon()
    return World(stage, request.param)


@pytest.fixture
def players(world):
    return world.join_all("ann", "bob", "cid")


def test_players_see_the_town_and_each_other(world, players):
    """Log-in through the anonymous UberDOG; the AI makes the avatars."""
    for player in players:
        others = [other for other in players if other is not player]
        player.wait_to_see(*(other.avatar for other in others), location=[world.town, SQUARE])
        for other in others:
            assert player.visible[other.avatar]["class"] == "Avatar"
            assert player.visible[other.avatar]["fields"]["setName"] == [other.name]
            assert player.visible[other.avatar]["fields"]["setPosition"] == [0, 0]
        player.wait_for_field(world.town, "setMotto", ["Well met"])
        assert player.visible[world.town]["location"] == [ROOT, 2]


def test_an_owner_has_a_view_of_its_own(players):
    """It shows what only the owner is told. The avatar is a session object: no second view."""
    for player in players:
        assert player.owned == {
            player.avatar: {
                "class": "Avatar",
                "location": [None, None],
                "fields": {"setName": [player.name], "setPosition": [0, 0], "setPurse": [100]},
            }
        }
        assert player.avatar not in player.visible
    for player in players:
        for other in player.visible.values():
            assert "setPurse" not in other["fields"]


def test_the_uberdog_is_told_that_the_interest_is_complete(world, players):
    for player in players:
        world.uberdog.wait("interest done", client=player.channel)


def test_the_owner_sends_the_ai_decides_everyone_is_told(world, players):
    ann, bob, cid = players
    bob.wait_to_see(ann.avatar)
    cid.wait_to_see(ann.avatar)
    ann.call("send", ann.avatar, "walk", [1.5, -2.5])
    walk = world.ai.wait("walk", do=ann.avatar)
    assert walk["client"] == ann.channel
    assert walk["step"] == [1.5, -2.5]
    ann.wait_for_field(ann.avatar, "setPosition", [1.5, -2.5], view="owner")
    for other in (bob, cid):
        other.wait_for_field(ann.avatar, "setPosition", [1.5, -2.5])


def test_an_owners_broadcast_reaches_the_others_and_not_itself(world, players):
    ann, bob, cid = players
    bob.wait_to_see(ann.avatar)
    cid.wait_to_see(ann.avatar)
    ann.call("send", ann.avatar, "say", ["Hello, all!"])
    ann.call("send", ann.avatar, "walk", [1, 0])
    for other in (bob, cid):
        other.wait_for_field(ann.avatar, "say", ["Hello, all!"])
    # What comes later has come, so an echo would have come as well.
    ann.wait_for_field(ann.avatar, "setPosition", [1, 0], view="owner")
    assert ann.find("field", name="say") is None


def test_updates_arrive_in_the_order_in_which_they_were_sent(world, players):
    ann, bob, _ = players
    bob.wait_to_see(ann.avatar)
    said = [f"line {number}" for number in range(200)]
    for line in said:
        ann.call("send", ann.avatar, "say", [line])
    bob.wait_for_field(ann.avatar, "say", [said[-1]])
    heard = [report["values"][0] for report in bob.reports if report.get("name") == "say"]
    assert heard == said


def test_a_late_comer_gets_the_present_state(world):
    """Fields that were set since come along: plain ones, structs, arrays, parts of a molecular."""
    ann = world.join("ann")
    world.ai.call("change", ann.avatar, "setPosition", [3, 4])
    world.ai.call("change", ann.avatar, "setMood", ["merry"])
    world.ai.call("change", ann.avatar, "setLook", [[10, 20, 30], ["bowler", "", "crown"]])
    ann.wait_for_field(ann.avatar, "setPosition", [3, 4], view="owner")
    bob = world.join("bob")
    bob.wait_for_field(ann.avatar, "setMood", ["merry"])
    bob.wait_for_field(ann.avatar, "setCoat", [[10, 20, 30]])
    bob.wait_for_field(ann.avatar, "setHats", [["bowler", "", "crown"]])
    assert bob.visible[ann.avatar]["fields"]["setPosition"] == [3, 4]


def test_a_molecular_update_reaches_those_who_look_on(world, players):
    ann, bob, _ = players
    bob.wait_to_see(ann.avatar)
    world.ai.call("change", ann.avatar, "setLook", [[1, 2, 3], ["cap"]])
    bob.wait_for_field(ann.avatar, "setLook", [[1, 2, 3], ["cap"]])


def test_interests_decide_what_a_player_sees(world):
    """Opened and closed; two that overlap; the parent of the zones was opened by the UberDOG."""
    ann, bob = world.join_all("ann", "bob")
    in_park = world.ai.call("create", "Ball", world.town, PARK, {"setPosition": [1, 1]})
    in_cellar = world.ai.call("create", "Ball", world.town, CELLAR, {"setPosition": [2, 2]})

    park = ann.open_interest(world.town, PARK)
    ann.wait_to_see(in_park, location=[world.town, PARK])
    assert in_cellar not in ann.visible
    both = ann.open_interest(world.town, [PARK, CELLAR])
    ann.wait_to_see(in_cellar, location=[world.town, CELLAR])

    # The second interest still covers the park.
    ann.close_interest(park)
    assert in_park in ann.visible
    ann.close_interest(both)
    assert not {in_park, in_cellar} & ann.visible.keys()
    assert bob.avatar in ann.visible

    # Bob was never shown either of them.
    bob.open_interest(world.town, 4)
    assert [report["do"] for report in bob.reports if report["report"] == "enter"].count(
        in_park
    ) == 0


def test_objects_are_there_when_an_interest_is_complete(world):
    ann = world.join("ann")
    balls = [
        world.ai.call("create", "Ball", world.town, PARK, {"setPosition": [number, 0]})
        for number in range(50)
    ]
    world.ai.call("ask_location", balls[-1])
    world.ai.wait("answer", do=balls[-1])
    ann.open_interest(world.town, PARK)
    assert set(balls) <= ann.visible.keys()


def test_an_empty_zone_completes_too(world):
    ann = world.join("ann")
    ann.open_interest(world.town, [77, 78])


def test_moves_show_hide_and_relocate(world):
    """The AI moves a ball: into view, within view, out of view, and away."""
    ann = world.join("ann")
    bob = world.join("bob", [SQUARE, PARK])
    ball = world.ai.call("create", "Ball", world.town, CELLAR, {"setPosition": [5, 5]})

    world.ai.call("move", ball, world.town, PARK)
    bob.wait_to_see(ball, location=[world.town, PARK])
    world.ai.call("move", ball, world.town, SQUARE)
    ann.wait_to_see(ball, location=[world.town, SQUARE])
    bob.wait_to_see(ball, location=[world.town, SQUARE])
    assert bob.find("location", do=ball, location=[world.town, SQUARE])
    assert ann.find("location", do=ball) is None

    world.ai.call("move", ball, world.town, PARK)
    ann.wait_to_lose(ball)
    bob.wait_to_see(ball, location=[world.town, PARK])
    world.ai.call("move", ball, world.town, CELLAR)
    bob.wait_to_lose(ball)
    world.ai.call("ask_location", ball)
    world.ai.wait("answer", do=ball, location=[world.town, CELLAR])


def test_a_deleted_object_leaves_every_view(world, players):
    ball = world.ai.call("create", "Ball", world.town, SQUARE, {"setPosition": [0, 0]})
    for player in players:
        player.wait_to_see(ball)
    world.ai.call("delete", ball)
    for player in players:
        player.wait_to_lose(ball)
    world.ai.wait("leave", do=ball)


def test_an_owner_may_relocate_its_object(world, players):
    """`client.relocate` is on: the AI and the onlookers are told where it went."""
    ann, bob, _ = players
    bob.open_interest(world.town, PARK)
    bob.wait_to_see(ann.avatar)
    ann.call("relocate", ann.avatar, world.town, PARK)
    world.ai.wait("location", do=ann.avatar, location=[world.town, PARK])
    bob.wait_to_see(ann.avatar, location=[world.town, PARK])
    players[2].wait_to_lose(ann.avatar)


def test_ownership_changes_hands(world):
    """A ball that is nobody's session object: both views, and the right to send goes along."""
    ann, bob = world.join_all("ann", "bob")
    ball = world.ai.call("create", "Ball", world.town, SQUARE, {"setPosition": [0, 0]})
    ann.wait_to_see(ball)
    bob.wait_to_see(ball)

    world.ai.call("set_owner", ball, ann.channel)
    ann.wait_to_own(ball)
    ann.call("send", ball, "kick", [1, 0])
    assert world.ai.wait("kick", do=ball)["client"] == ann.channel
    bob.wait_for_field(ball, "setPosition", [1, 0])
    ann.wait_for_field(ball, "setPosition", [1, 0])

    world.ai.call("set_owner", ball, bob.channel)
    bob.wait_to_own(ball)
    ann.until(lambda: ball not in ann.owned, "lose ownership")
    assert ball in ann.visible
    assert bob.owned[ball]["fields"]["setPosition"] == [1, 0]
    bob.call("send", ball, "kick", [0, 1])
    world.ai.wait("kick", do=ball, client=bob.channel)
    ann.wait_for_field(ball, "setPosition", [1, 1])


def test_an_ai_may_allow_a_client_a_field(world):
    """The field has neither clsend nor ownsend, and ann does not own the ball."""
    ann, bob = world.join_all("ann", "bob")
    ball = world.ai.call("create", "Ball", world.town, SQUARE, {"setPosition": [0, 0]})
    ann.wait_to_see(ball)
    bob.wait_to_see(ball)
    world.ai.call("allow_send", ann.channel, ball, ["setSpin"])
    # An interest that the AI opens comes after the permission, on the same way.
    world.ai.call("open_interest", ann.channel, 2000, world.town, [CELLAR])
    ann.wait("interest done", interest=2000)
    ann.call("send", ball, "setSpin", [-40_000])
    bob.wait_for_field(ball, "setSpin", [-40_000])


def test_an_ai_opens_and_closes_interests_for_a_client(world):
    ann = world.join("ann")
    in_park = world.ai.call("create", "Ball", world.town, PARK, {"setPosition": [1, 1]})
    in_cellar = world.ai.call("create", "Ball", world.town, CELLAR, {"setPosition": [2, 2]})
    world.ai.call("open_interest", ann.channel, 2000, world.town, [PARK, CELLAR])
    world.ai.wait("interest done", client=ann.channel, interest=2000)
    ann.wait_to_see(in_park, in_cellar)
    world.ai.call("close_interest", ann.channel, 2000)
    world.ai.wait("interest removed", client=ann.channel, interest=2000)
    ann.wait_to_lose(in_park, in_cellar)


def test_an_ai_asks_about_objects_and_clients(world):
    ann = world.join("ann")
    world.ai.call("ask_location", ann.avatar)
    world.ai.wait("answer", do=ann.avatar, location=[world.town, SQUARE])
    world.ai.call("change", ann.avatar, "setMood", ["calm"])
    world.ai.call("ask_object", ann.avatar)
    answer = world.ai.wait("object", do=ann.avatar)
    assert answer["class"] == "Avatar"
    assert answer["location"] == [world.town, SQUARE]
    assert answer["fields"] == {
        "setName": ["ann"],
        "setPosition": [0, 0],
        "setPurse": [100],
        "setMood": ["calm"],
    }
    world.ai.call("ask_address", ann.channel)
    address = world.ai.wait("address", client=ann.channel)
    assert address["remote"][0] == "127.0.0.1"
    assert address["local"] == ["127.0.0.1", world.daemon.ports.clients]


@pytest.mark.better_than_astron
def test_names_may_be_written_in_any_script(world, players):
    """Astron takes ASCII only: it ejects the client and dies of the AI's update."""
    ann, bob, _ = players
    bob.wait_to_see(ann.avatar)
    ann.call("send", ann.avatar, "say", ["Grüße, здравствуй, 你好"])
    bob.wait_for_field(ann.avatar, "say", ["Grüße, здравствуй, 你好"])
    world.ai.call("change", ann.avatar, "setMood", ["très gaie"])
    bob.wait_for_field(ann.avatar, "setMood", ["très gaie"])


def test_events_of_servers_and_of_the_daemon_are_logged(world):
    ann = world.join("ann")
    world.ai.call("log_event", "trade", {"avatar": ann.avatar, "item": "hat"})
    world.daemon.wait_for_event("trade", avatar=ann.avatar, item="hat")
    world.daemon.wait_for_event(
        "client-connected",
        sender=f"Client:{ann.channel}",
        local_address=f"127.0.0.1:{world.daemon.ports.clients}",
    )

"""Stored objects: panda3d-astron's database interface, and activation into the world."""

import itertools
import signal

import pytest

from conftest import World
from harness.daemon import DATABASE, DATABASE_BACKENDS, STORED

PARK = 2
UNKNOWN = STORED["max"]


class Database:
    """The database as an AI server sees it; every operation waits for its answer."""

    def __init__(self, ai):
        self.ai = ai
        self.tags = (f"{ai.name} {number}" for number in itertools.count(1))

    def create(self, **fields) -> int:
        tag = next(self.tags)
        self.ai.call("store", tag, DATABASE, "Pet", fields)
        return self.ai.wait("stored", tag=tag)["do"]

    def query(self, do: int, *fields: str) -> dict | None:
        tag = next(self.tags)
        self.ai.call("query", tag, DATABASE, do, "Pet", fields)
        found = self.ai.wait("found", tag=tag)
        assert found["class"] == ("Pet" if found["fields"] is not None else None)
        return found["fields"]

    def update(self, do: int, new: dict, old: dict | None = None) -> dict | None:
        """None if it was done, else what the database has instead of `old`."""
        tag = next(self.tags)
        self.ai.call("update", tag, DATABASE, do, "Pet", new, old)
        return self.ai.wait("updated", tag=tag)["refused"]

    def is_active(self, do: int) -> bool:
        tag = next(self.tags)
        self.ai.call("ask_activated", tag, do)
        return self.ai.wait("activated", tag=tag)["active"]


@pytest.fixture
def world(stage, backend):
    stage.start_daemon(database_backend=DATABASE_BACKENDS[backend])
    return World(stage)


@pytest.fixture
def database(world):
    return Database(world.ai)


def test_create_and_query(database):
    """What is not given has its default from the DC file, or is not there."""
    rex = database.create(setName=["Rex"], setFriends=[[7, 8]], setSecret=["bone"])
    tom = database.create(setName=["Tom"], setFood=[9])
    assert STORED["min"] <= rex <= STORED["max"]
    assert STORED["min"] <= tom <= STORED["max"]
    assert rex != tom
    assert database.query(rex) == {
        "setName": ["Rex"],
        "setFood": [3],
        "setFriends": [[7, 8]],
        "setSecret": ["bone"],
    }
    assert database.query(tom) == {"setName": ["Tom"], "setFood": [9]}
    assert database.query(rex, "setSecret") == {"setSecret": ["bone"]}
    assert database.query(tom, "setFood", "setName", "setSecret") == {
        "setName": ["Tom"],
        "setFood": [9],
    }


def test_query_what_is_not_there(database):
    assert database.query(UNKNOWN) is None
    assert database.query(UNKNOWN, "setName") is None
    assert database.query(UNKNOWN, "setName", "setFood") is None
    rex = database.create(setName=["Rex"])
    assert database.query(rex, "setSecret") is None


def test_update(database):
    rex = database.create(setName=["Rex"])
    assert database.update(rex, {"setFood": [4]}) is None
    assert database.query(rex) == {"setName": ["Rex"], "setFood": [4]}
    assert database.update(rex, {"setFood": [5], "setSecret": ["under the tree"]}) is None
    assert database.query(rex) == {
        "setName": ["Rex"],
        "setFood": [5],
        "setSecret": ["under the tree"],
    }


def test_update_if_equal(database):
    rex = database.create(setName=["Rex"], setSecret=["bone"])
    assert database.update(rex, {"setFood": [4]}, {"setFood": [3]}) is None
    assert database.update(rex, {"setFood": [99]}, {"setFood": [3]}) == {"setFood": [4]}
    new = {"setFood": [5], "setSecret": ["ball"]}
    assert database.update(rex, new, {"setFood": [4], "setSecret": ["?"]}) == {
        "setFood": [4],
        "setSecret": ["bone"],
    }
    assert database.query(rex) == {"setName": ["Rex"], "setFood": [4], "setSecret": ["bone"]}
    assert database.update(rex, new, {"setFood": [4], "setSecret": ["bone"]}) is None
    assert database.query(rex) == {"setName": ["Rex"], "setFood": [5], "setSecret": ["ball"]}
    assert database.update(UNKNOWN, {"setFood": [1]}, {"setFood": [0]}) == {}


def test_two_servers_count_on_one_field(world, database):
    """Update-if-equal is what keeps them from undoing each other's work."""
    rex = database.create(setName=["Rex"], setFood=[0])
    second_ai = world.stage.start_second_ai()
    for ai in (world.ai, second_ai):
        ai.call("count_up", "food", DATABASE, rex, 50)
    for ai in (world.ai, second_ai):
        ai.wait("counted", tag="food")
    assert database.query(rex, "setFood") == {"setFood": [100]}


def test_a_stored_object_comes_into_the_world(world, database):
    """Activated, it is an object like any other; what it is told is stored."""
    ann = world.join("ann", PARK)
    rex = database.create(setName=["Rex"], setFriends=[[7]], setSecret=["bone"])
    assert not database.is_active(rex)
    assert rex not in ann.visible

    world.ai.call("activate", rex, world.town, PARK, "Pet", {})
    ann.wait_to_see(rex, location=[world.town, PARK])
    ann.wait_for_field(rex, "setFriends", [[7]])
    assert ann.visible[rex]["class"] == "Pet"
    assert ann.visible[rex]["fields"] == {
        "setName": ["Rex"],
        "setFood": [3],
        "setFriends": [[7]],
    }
    assert world.ai.wait("enter", do=rex)["class"] == "Pet"
    assert database.is_active(rex)

    # One field is stored and told, the other is only told.
    world.ai.call("change", rex, "setFood", [2])
    world.ai.call("change", rex, "setMood", ["hungry"])
    ann.wait_for_field(rex, "setFood", [2])
    ann.wait_for_field(rex, "setMood", ["hungry"])
    assert database.query(rex) == {
        "setName": ["Rex"],
        "setFood": [2],
        "setFriends": [[7]],
        "setSecret": ["bone"],
    }


def test_it_leaves_the_world_and_comes_back(world, database):
    ann = world.join("ann", PARK)
    rex = database.create(setName=["Rex"])
    world.ai.call("activate", rex, world.town, PARK, "Pet", {})
    ann.wait_to_see(rex)
    world.ai.wait("enter", do=rex)

    world.ai.call("delete", rex)
    ann.wait_to_lose(rex)
    world.ai.wait("leave", do=rex)
    assert not database.is_active(rex)
    # While it is away, the database-state server writes for it.
    world.ai.call("send_field", rex, "Pet", "setFood", [8])
    assert not database.is_active(rex)  # sent on the same way, so the update is under way

    world.ai.call("activate", rex, world.town, PARK, "Pet", {})
    ann.wait_to_see(rex)
    assert ann.visible[rex]["fields"] == {"setName": ["Rex"], "setFood": [8]}


@pytest.mark.better_than_astron
def test_an_inactive_object_is_asked_and_then_activated(world, database):
    """Astron answers the question and then never activates the object."""
    ann = world.join("ann", PARK)
    rex = database.create(setName=["Rex"], setFriends=[[7]])
    world.ai.call("ask_object", rex)
    answer = world.ai.wait("object", do=rex)
    assert answer["location"] == [0, 0]
    assert answer["class"] == "Pet"
    assert answer["fields"] == {"setName": ["Rex"], "setFood": [3], "setFriends": [[7]]}
    world.ai.call("activate", rex, world.town, PARK, "Pet", {})
    ann.wait_to_see(rex, location=[world.town, PARK])


def test_activation_with_other_values(world, database):
    """panda3d-astron sets these after the activation and only then moves the object into view."""
    ann = world.join("ann", PARK)
    rex = database.create(setName=["Rex"])
    fields = {"setMood": ["proud"], "setFood": [7]}
    world.ai.call("activate", rex, world.town, PARK, "Pet", fields)
    ann.wait_to_see(rex, location=[world.town, PARK])
    ann.wait_for_field(rex, "setMood", ["proud"])
    assert ann.visible[rex]["fields"]["setFood"] == [7]
    assert database.query(rex, "setFood") == {"setFood": [7]}


def test_a_player_owns_a_stored_object(world, database):
    ann = world.join("ann", PARK)
    rex = database.create(setName=["Rex"])
    world.ai.call("activate", rex, world.town, PARK, "Pet", {})
    world.ai.call("set_owner", rex, ann.channel)
    ann.wait_to_own(rex)
    assert ann.owned[rex]["fields"] == {"setName": ["Rex"], "setFood": [3]}


def test_a_killed_ai_does_not_delete_what_is_stored(world, database):
    ann = world.join("ann", PARK)
    rex = database.create(setName=["Rex"])
    second_ai = world.stage.start_second_ai()
    second_ai.call("activate", rex, world.town, PARK, "Pet", {})
    ann.wait_to_see(rex)
    second_ai.wait("enter", do=rex)
    second_ai.call("change", rex, "setFood", [6])
    ann.wait_for_field(rex, "setFood", [6])
    assert database.query(rex, "setFood") == {"setFood": [6]}
    second_ai.kill()
    # Its clean-up message goes to the state server, which knows nothing of stored objects.
    assert database.query(rex) == {"setName": ["Rex"], "setFood": [6]}


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_objects_outlive_the_daemon(world, database, backend, end):
    """What was acknowledged is there when the daemon starts again, however it ended."""
    rex = database.create(setName=["Rex"], setFriends=[[1, 2, 3]])
    assert database.update(rex, {"setFood": [4]}, {"setFood": [3]}) is None
    world.daemon.signal(end)
    world.daemon.wait_for_end()
    world.ai.wait("connection lost")

    world.stage.start_daemon(database_backend=DATABASE_BACKENDS[backend])
    database = Database(world.stage.start_ai("ai-after"))
    assert database.query(rex) == {"setName": ["Rex"], "setFood": [4], "setFriends": [[1, 2, 3]]}
    assert database.create(setName=["Tom"]) != rex

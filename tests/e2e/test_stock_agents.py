"""Stock clients of several client agents, which share a world."""

import time

import pytest

from harness.process import LIMIT
from harness.stock import STATE_SERVER, Sea, StockDaemon

pytestmark = pytest.mark.better_than_stock

TIME = 9  # the zone of each agent's TimeManager
LOW = {
    "doids": {"min": 1_000_001, "max": 2_000_000, "per_client": 100_000},
    "time_manager": {"zone": TIME},
}
HIGH = {
    "doids": {"min": 2_000_001, "max": 3_000_000, "per_client": 100_000},
    "time_manager": {"zone": TIME},
}


class TwoAgents(Sea):
    """Two client agents, in one daemon or in two of one cluster."""

    def __init__(self, stage, processes: int):
        if processes == 1:
            super().__init__(stage, agents=[LOW, HIGH])
            self.ports = self.server.ports
            return
        super().__init__(stage, agents=[LOW])
        self.second = StockDaemon(
            stage.binary,
            stage.directory,
            [{**HIGH, "stateserver": STATE_SERVER}],
            name="second",
            upstream=self.server.messages,
        )
        stage.processes.append(self.second)
        self.ports = [self.server.port, self.second.port]

    def join_at(self, **agents: int) -> list:
        """Bring players in by these agents. They look at zone 1."""
        players = [self.start(name, self.ports[agent]) for name, agent in agents.items()]
        for player in players:
            player.wait_to_be_ready()
        for player in players:
            player.look_at(1)
        return players


def wait_until(condition) -> None:
    """Try again and again, since what is said to nobody is said in vain."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(params=[1, 2])
def sea(request, stage):
    return TwoAgents(stage, request.param)


def test_players_of_two_agents_play_with_each_other(sea):
    ann, bob, cid = sea.join_at(ann=0, bob=1, cid=1)
    assert ann.base < HIGH["doids"]["min"] <= bob.base
    theirs, ours = ann.launch("Anna", 1), bob.launch("Bob's", 1)
    ann.wait_to_see(ours)
    bob.wait_to_see(theirs)
    cid.wait_to_see(theirs, ours)

    ann.call("change", theirs, "chime", [1])
    for player in (ann, bob, cid):
        assert player.field(theirs, "chime", [1])["sender"] == ann.base
    bob.call("change", theirs, "hail", ["Hey"])
    assert ann.field(theirs, "hail", ["Hey"])["sender"] == bob.base
    ann.call("send_to", cid.base, theirs, "tell", ["psst"])
    assert cid.field(theirs, "tell", ["psst"])["sender"] == ann.base
    cid.call("change", theirs, "knock", ["Open up"])
    for player in (ann, bob):
        assert player.field(theirs, "knock", ["Open up"])["sender"] == cid.base


def test_a_late_comer_at_another_agent(sea):
    """Owners are asked at whatever agent they are; the time is told by each."""
    ann, bob = sea.join_at(ann=0, bob=1)
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    ann.call("change_unsaid", ship, "setFlag", ["known to me alone"])
    (late,) = sea.join_at(late=1)
    late.wait_for_field(ship, "setFlag", ["known to me alone"])
    late.look_at(1, TIME)
    late.wait("synchronised")


def test_moves_and_departures_are_seen_at_another_agent(sea):
    ann, bob = sea.join_at(ann=0, bob=1)
    theirs, ours = ann.launch("Anna", 1), bob.launch("Bob's", 1)
    ann.wait_to_see(ours)
    bob.wait_to_see(theirs)
    ann.call("move", theirs, 2)
    bob.wait_to_lose(theirs)
    ann.call("move", theirs, 1)
    bob.wait_to_see(theirs, location=[0, 1])
    ann.call("remove", theirs)
    bob.wait_to_lose(theirs)
    theirs = ann.launch("Anna II", 1)
    bob.wait_to_see(theirs)
    ann.kill()
    bob.wait_to_lose(theirs)


def test_a_killed_agent_takes_its_clients_objects_along(stage):
    """The state server is elsewhere, and is told by what the agent has left for this case."""
    sea = TwoAgents(stage, 2)
    ann, bob, cid = sea.join_at(ann=0, bob=1, cid=1)
    theirs = [bob.launch(f"Bob's {number}", 1) for number in range(3)] + [cid.launch("Cid's", 1)]
    ann.wait_to_see(*theirs)
    ours = ann.launch("Anna", 1)
    bob.wait_to_see(ours)
    sea.second.kill()
    ann.wait_to_lose(*theirs)
    bob.wait("connection lost")
    (dan,) = sea.join_at(dan=0)
    dan.wait_to_see(ours)
    assert dan.visible.keys() == {ours}


def test_the_game_goes_on_when_the_state_server_comes_back(stage):
    """It has forgotten all. The agent has its clients generate their objects anew."""
    world = StockDaemon(stage.binary, stage.directory, [], name="world")
    stage.processes.append(world)
    agent = StockDaemon(
        stage.binary,
        stage.directory,
        [{"stateserver": STATE_SERVER}],
        name="agent",
        upstream=world.messages,
    )
    stage.processes.append(agent)
    sea = Sea(stage, server=agent)
    ann, bob = sea.join("ann", "bob")
    theirs, ours = ann.launch("Anna", 1), bob.launch("Bob's", 1)
    ann.wait_to_see(ours)
    bob.wait_to_see(theirs)
    world.kill()
    heir = StockDaemon(stage.binary, stage.directory, [], name="heir", messages=world.messages)
    stage.processes.append(heir)

    # What was said meanwhile is lost, so it is said until it is heard.
    def play(player, other, ship):
        player.call("change", ship, "setFlag", ["again"])
        return other.find("field", do=ship, name="setFlag", values=["again"])

    wait_until(lambda: play(ann, bob, theirs) and play(bob, ann, ours))
    (cid,) = sea.join("cid")
    cid.wait_to_see(theirs, ours)
    ann.kill()
    for player in (bob, cid):
        player.wait_to_lose(theirs)

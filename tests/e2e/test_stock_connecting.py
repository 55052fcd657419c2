"""The ways in which stock clients connect, what they may create, and the time that they agree on."""

import pytest

from harness.stock import CERTIFICATE, KEY, Sea

HOUR = 3_600
TICKS = 100  # of network time, in a second


def play_a_little(ann, bob) -> None:
    """Something of everything that goes over a connection, long messages among it."""
    ship = ann.launch("Anna", 1)
    bob.wait_to_see(ship)
    ours = bob.launch("Bob's", 1)
    ann.wait_to_see(ours)
    text = "ä" * 20_000
    ann.call("change", ship, "shout", [text])
    assert bob.field(ship, "shout", [text])["sender"] == ann.base
    bob.call("change", ship, "hail", ["Hey"])
    ann.field(ship, "hail", ["Hey"])
    for number in range(100):
        bob.call("change", ours, "shout", [f"line {number}"])
    ann.field(ours, "shout", ["line 99"])
    assert len(ann.told("field", name="shout")) == 100
    ann.call("remove", ship)
    bob.wait_to_lose(ship)
    bob.call("take_leave")
    ann.wait_to_lose(ours)


@pytest.mark.parametrize("method", ["http", "net", "native"])
def test_each_connect_method(sea, method):
    play_a_little(*sea.join("ann", "bob", method=method))


def test_clients_with_different_connect_methods(sea):
    ann, bob = (
        sea.start(name, method=method) for name, method in (("ann", "net"), ("bob", "native"))
    )
    for player in (ann, bob):
        player.wait_to_be_ready().look_at(1)
    play_a_little(ann, bob)


@pytest.mark.parametrize("method", ["http", "net"])
def test_a_longer_header(stage, method):
    """`tcp-header-size 4`, which the native method does not know."""
    prc = "tcp-header-size 4"
    sea = Sea(stage, prc, tcp_header_size=4)
    play_a_little(*sea.join("ann", "bob", method=method, prc=prc))


@pytest.mark.better_than_stock
def test_an_encrypted_connection_is_a_matter_of_the_url(stage):
    """ServerRepository has no TLS. The client needs to know whom it trusts, and nothing else."""
    sea = Sea(stage, role={"tls": {"certificate": str(CERTIFICATE), "key_file": str(KEY)}})
    trusting = {"scheme": "https", "prc": f"ssl-certificates {CERTIFICATE}"}
    play_a_little(*sea.join("ann", "bob", **trusting))
    doubting = sea.start("doubting", scheme="https")
    doubting.wait("connection refused")


@pytest.mark.parametrize("method", ["http", "net", "native"])
def test_an_ai_program_may_use_each_of_them(sea, method):
    ai = sea.start_ai(method=method).wait_to_be_ready()
    ann = sea.join_one("ann", method=method)
    lighthouse = ai.create("Lighthouse", 1, {"setBeam": [12]})
    ann.wait_to_see(lighthouse)
    ann.call("change", lighthouse, "askBearing", ["Anna"])
    ann.field(lighthouse, "bearing", ["Anna", 90])


def agree_on_the_time(first, *others) -> None:
    """What others say is the time is between what the first says before and afterwards."""
    for other in others:
        before, doubt = first.call("network_time")
        between, more = other.call("network_time")
        after, _ = first.call("network_time")
        doubt = ((doubt or 0) + more) * TICKS + 1
        assert before - doubt <= between <= after + doubt


def test_an_ai_program_tells_the_time(sea):
    """Its clock is an hour ahead, and so is everybody's who has asked it."""
    ai = sea.start_ai(clock=HOUR)
    ann, bob = sea.start("ann"), sea.start("bob", clock=5 * HOUR)
    ai.wait_to_be_ready().call("create_time_manager", 1)
    for player in (ann, bob):
        player.wait_to_be_ready().look_at(1)
        player.wait("synchronised")
    assert ai.call("network_time")[0] >= HOUR * TICKS
    agree_on_the_time(ai, ann, bob)


@pytest.mark.better_than_stock
def test_the_daemon_tells_the_time(stage):
    """With `time_manager` no AI program is needed. Clocks that are hours apart agree."""
    sea = Sea(stage, time_manager={"zone": 3})
    ann, bob = sea.start("ann"), sea.start("bob", clock=5 * HOUR)
    for player in (ann, bob):
        player.wait_to_be_ready().look_at(1, 3)
        player.wait("synchronised")
    agree_on_the_time(ann, bob)
    play_a_little(ann, bob)


@pytest.mark.better_than_stock
@pytest.mark.parametrize("offence", ["warn", "eject"])
def test_players_create_what_they_may_and_ai_programs_anything(stage, offence):
    sea = Sea(stage, create=["Ship"], role={"offences": {"permission": offence}})
    ai = sea.start_ai()
    ann, mallory = sea.join("ann", "mallory")
    ai.wait_to_be_ready()
    ship = ann.launch("Anna", 1)
    mallory.wait_to_see(ship)
    lighthouse = ai.create("Lighthouse", 1, {"setBeam": [12]})
    ann.wait_to_see(lighthouse)
    forged = mallory.create("Buoy", 1)
    if offence == "eject":
        mallory.wait("connection lost")
    else:
        mallory.call("change", ship, "knock", ["still here"])
        ann.field(ship, "knock", ["still here"])
    ann.call("change", ship, "chime", [1])
    ann.field(ship, "chime", [1])
    assert forged not in ann.visible

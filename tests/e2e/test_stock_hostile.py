"""What hostile clients send costs at most their own connection, and nobody else anything.

ServerRepository, which reads as little as it can, dies of some of these packets and passes others
on, which the programs of other players die of.
"""

import struct

import pytest

from harness.stock import Sea
from harness.stock_wire import (
    CREATE,
    DELETE,
    DISABLED,
    HEARTBEAT,
    SET_INTEREST,
    SET_ZONE,
    TARGETED,
    UPDATE_FIELD,
    RawClient,
    class_number,
    creation,
    field_number,
    string,
    update,
)

pytestmark = pytest.mark.better_than_stock

CALLS = ("shout", "chime", "wave", "hail", "knock", "tell")

SHOUT = field_number("Ship", "shout")
FLAG = field_number("Ship", "setFlag")
SAILS = field_number("Ship", "setSails")
KNOCK = field_number("Ship", "knock")
HAIL = field_number("Ship", "hail")
TELL = field_number("Ship", "tell")
LIGHT = field_number("Buoy", "setLight")

# Each is given the attacker, who has made an object with the first of its ids in zone 1, and the
# id of somebody else's ship there.

# What no program of Panda3D's can send.
MALFORMED = {
    "an empty message": lambda raw, ship: raw.send_payload(b""),
    "half a message number": lambda raw, ship: raw.send_payload(b"\x33"),
    "an unknown message": lambda raw, ship: raw.send(4242),
    "a block of ids": lambda raw, ship: raw.send(9001, struct.pack("<II", 1, 10)),
    "an object as servers send it": lambda raw, ship: raw.send(
        9003, struct.pack("<I", raw.base) + creation(raw.base + 1)
    ),
    "an update as servers send it": lambda raw, ship: raw.send(
        9004, struct.pack("<I", raw.base) + update(raw.base, SHOUT, string("x"))
    ),
    "a disable list": lambda raw, ship: raw.send(9005, struct.pack("<I", ship)),
    "a question for objects": lambda raw, ship: raw.send(9007, struct.pack("<I", 1)),
    "a zone without an end": lambda raw, ship: raw.send(SET_ZONE, b"\x01"),
    "a zone for a doId alone": lambda raw, ship: raw.send(SET_ZONE, struct.pack("<I", raw.base)),
    "a zone and more": lambda raw, ship: raw.send(SET_ZONE, struct.pack("<IIB", raw.base, 2, 0)),
    "half a zone of interest": lambda raw, ship: raw.send(
        SET_INTEREST, b"\x01\x00\x00\x00\x02\x00"
    ),
    "half a doId to delete": lambda raw, ship: raw.send(DELETE, b"\x01\x00"),
    "an object of an unknown class": lambda raw, ship: raw.send(
        CREATE, creation(raw.base + 1, number=999)
    ),
    "an object of a struct": lambda raw, ship: raw.send(CREATE, creation(raw.base + 1, number=0)),
    "an object without its end": lambda raw, ship: raw.send(CREATE, creation(raw.base + 1)[:-5]),
    "an object and more": lambda raw, ship: raw.send(CREATE, creation(raw.base + 1) + b"\x00"),
    "an object with the start of its name": lambda raw, ship: raw.send(
        CREATE, creation(raw.base + 1, fields=b"\xff\xffname")
    ),
    "an object with more fields than are there": lambda raw, ship: raw.send(
        CREATE, creation(raw.base + 1, fields=string("x") + struct.pack("<HH", 0, 500))
    ),
    "an object with a field of another class": lambda raw, ship: raw.send(
        CREATE,
        creation(
            raw.base + 1, fields=string("x") + struct.pack("<HHH", 0, 1, LIGHT) + string("red")
        ),
    ),
    "an update without a field": lambda raw, ship: raw.send(
        UPDATE_FIELD, struct.pack("<I", raw.base)
    ),
    "a value without an end": lambda raw, ship: raw.send(
        UPDATE_FIELD, update(raw.base, SHOUT, b"\xff\xffAhoi")
    ),
    "a value and more": lambda raw, ship: raw.send(
        UPDATE_FIELD, update(raw.base, SHOUT, string("Ahoi") + b"!")
    ),
    "a string that is none": lambda raw, ship: raw.send(
        UPDATE_FIELD, update(raw.base, SHOUT, string(b"\xff\xfe"))
    ),
    "a value out of its range": lambda raw, ship: raw.send(
        UPDATE_FIELD, update(raw.base, SAILS, bytes([10, 101]))
    ),
    "a wrong value of a field that all may send": lambda raw, ship: raw.send(
        UPDATE_FIELD, update(ship, KNOCK, b"\x05\x00")
    ),
    "a wrong value for the owner": lambda raw, ship: raw.send(
        UPDATE_FIELD, update(ship, HAIL, b"\x05\x00")
    ),
    "a wrong value for one client": lambda raw, ship: raw.send(
        TARGETED, struct.pack("<I", raw.bystander) + update(raw.base, TELL, b"\x05\x00")
    ),
    "a wrong value for a client that has left": lambda raw, ship: raw.send(
        TARGETED, struct.pack("<I", 1) + update(raw.base, TELL, b"\x05\x00")
    ),
    "half a targeted update": lambda raw, ship: raw.send(TARGETED, struct.pack("<IH", ship, 1)),
    "a request of a web browser": lambda raw, ship: raw.send_bytes(
        b"GET / HTTP/1.1\r\n\r\n" * 9_000
    ),
}

# What games may send by mistake. ServerRepository drops it with a warning; so does donet, unless its
# configuration says that it is an offence.
FORBIDDEN = {
    "an object with somebody else's id": lambda raw, ship: raw.send(CREATE, creation(ship + 1)),
    "somebody else's object": lambda raw, ship: raw.send(CREATE, creation(ship)),
    "an object that has another class": lambda raw, ship: raw.send(
        CREATE,
        creation(
            raw.base, number=class_number("Buoy"), fields=string("red") + struct.pack("<H", 0)
        ),
    ),
    "an unknown field": lambda raw, ship: raw.send(UPDATE_FIELD, update(raw.base, 60_000, b"")),
    "a field of another class": lambda raw, ship: raw.send(
        UPDATE_FIELD, update(raw.base, LIGHT, string("red"))
    ),
    "a field that only the owner may send": lambda raw, ship: raw.send(
        UPDATE_FIELD, update(ship, FLAG, string("pirate"))
    ),
    "an owner's field for one client": lambda raw, ship: raw.send(
        TARGETED, struct.pack("<I", raw.bystander) + update(ship, TELL, string("I am Ann"))
    ),
    "a zone for somebody else's object": lambda raw, ship: raw.send(
        SET_ZONE, struct.pack("<II", ship, 2)
    ),
    "the end of somebody else's object": lambda raw, ship: raw.send(
        DELETE, struct.pack("<I", ship)
    ),
}

HARMLESS = {
    "a heartbeat": lambda raw, ship: raw.send(HEARTBEAT),
    "an update for a client that has left": lambda raw, ship: raw.send(
        TARGETED, struct.pack("<I", raw.gone) + update(raw.base, TELL, string("late"))
    ),
    "an update of an object that has gone": lambda raw, ship: (
        raw.send(CREATE, creation(raw.base + 1)),
        raw.send(DELETE, struct.pack("<I", raw.base + 1)),
        raw.send(UPDATE_FIELD, update(raw.base + 1, SHOUT, string("late"))),
    ),
    "an update that nothing lets travel": lambda raw, ship: raw.send(
        UPDATE_FIELD, update(raw.base, TELL, string("nobody"))
    ),
    "nothing of interest": lambda raw, ship: raw.send(SET_INTEREST),
}


class Scene:
    """Ann and her ship, Bob who looks on, and how to get an attacker into it."""

    def __init__(self, sea):
        self.port = sea.server.port
        self.ann, self.bob = sea.join("ann", "bob")
        self.ship = self.ann.launch("Anna", 1)
        self.bob.wait_to_see(self.ship)
        left = RawClient(self.port)
        left.close()
        self.gone = left.base

    def attacker(self) -> RawClient:
        raw = RawClient(self.port)
        raw.bystander, raw.gone = self.bob.base, self.gone
        raw.send(CREATE, creation(raw.base))
        assert raw.wait_for(DISABLED) == b""
        self.bob.wait_to_see(raw.base)
        return raw

    def try_all(self, acts: dict) -> list[str]:
        """Have an attacker of its own do each of these; which of them were not put out for it."""
        spared = []
        for name, act in acts.items():
            raw = self.attacker()
            try:
                act(raw, self.ship)
            except OSError:
                pass
            if not is_put_out(raw):
                spared.append(name)
            raw.close()
            self.bob.wait_to_lose(raw.base)
        return spared

    def check_that_all_is_well(self) -> None:
        """Neither has been told anything that Ann has not said, and they play on."""
        ann, bob, ship = self.ann, self.bob, self.ship
        assert bob.visible.keys() == {ship}
        assert bob.visible[ship]["location"] == [0, 1]
        assert bob.visible[ship]["fields"]["setName"] == ["Anna"]
        assert bob.find("field", values=["pirate"]) is None
        assert ann.owned.keys() == {ship}
        ann.call("change", ship, "shout", ["All well"])
        bob.field(ship, "shout", ["All well"])
        bob.call("change", ship, "hail", ["Aye"])
        ann.field(ship, "hail", ["Aye"])
        for player in (ann, bob):
            said = [told["values"] for told in player.told("field") if told["name"] in CALLS]
            assert said in ([["All well"]], [["Aye"]])
            assert player.find("connection lost") is None


def is_put_out(raw: RawClient) -> bool:
    """Whether its connection is closed, rather than a further message of it answered."""
    try:
        raw.send(SET_INTEREST, struct.pack("<I", 4_321))
    except OSError:
        return True
    while (message := raw.receive()) is not None:
        if message[0] == DISABLED:
            return False
    return True


@pytest.fixture
def scene(sea):
    return Scene(sea)


def test_what_is_malformed_costs_its_sender_its_connection(scene):
    """And what the sender had made goes with it."""
    assert scene.try_all(MALFORMED) == []
    scene.check_that_all_is_well()


def test_what_is_forbidden_is_dropped(scene):
    assert scene.try_all(FORBIDDEN) == list(FORBIDDEN)
    scene.check_that_all_is_well()


def test_what_is_forbidden_may_be_an_offence(stage):
    scene = Scene(Sea(stage, role={"offences": {"permission": "eject", "object": "eject"}}))
    assert scene.try_all(FORBIDDEN) == []
    scene.check_that_all_is_well()


def test_what_honest_clients_may_send_too_costs_nothing(scene):
    """Heartbeats, and what comes too late."""
    assert scene.try_all(HARMLESS) == list(HARMLESS)
    scene.check_that_all_is_well()

"""What a stock client says is heard as it has said it: in any pieces, in its order, all of it."""

import struct

import pytest

from harness.stock_wire import (
    CREATE,
    DELETE,
    SET_ZONE,
    TARGETED,
    UPDATE_FIELD,
    RawClient,
    creation,
    field_number,
    framed,
    string,
    update,
)


@pytest.fixture
def pair(sea):
    """Bob, who looks at zone 1, and a client whose messages the test packs."""
    bob = sea.join_one("bob")
    return bob, RawClient(sea.server.port)


def call(do: int, field: str, value: bytes) -> bytes:
    return framed(UPDATE_FIELD, update(do, field_number("Ship", field), value))


def test_messages_in_any_pieces(pair):
    """Byte by byte, and many at once."""
    bob, raw = pair
    raw.send(CREATE, creation(raw.base))
    for octet in call(raw.base, "shout", string("Ahoi")):
        raw.send_bytes(bytes([octet]))
    bob.field(raw.base, "shout", ["Ahoi"])
    raw.send_bytes(call(raw.base, "shout", string("Ahoi")) * 50)
    raw.send_bytes(call(raw.base, "shout", string("done")))
    bob.field(raw.base, "shout", ["done"])
    assert len(bob.told("field", do=raw.base, name="shout")) == 52
    raw.close()
    bob.wait_to_lose(raw.base)


def test_no_kind_of_update_overtakes_another(pair):
    """All in one piece: those to all, those that come back, those to one client, and the end."""
    bob, raw = pair
    do = raw.base
    to_bob = struct.pack("<I", bob.base) + update(do, field_number("Ship", "tell"), string("4"))
    everything = [
        framed(CREATE, creation(do)),
        call(do, "shout", string("1")),
        call(do, "chime", b"\x02"),
        call(do, "wave", string("3")),
        framed(TARGETED, to_bob),
        call(do, "setFlag", string("5")),
        call(do, "chime", b"\x06"),
        call(do, "shout", string("7")),
        framed(DELETE, struct.pack("<I", do)),
    ]
    for turn in range(5):
        seen = len(bob.reports)
        raw.send_bytes(b"".join(everything))
        bob.until(
            lambda: any(report["report"] == "deleted" for report in bob.reports[seen:]),
            "hear that the ship is deleted",
        )
        heard = [
            report["values"][0] if report["report"] == "field" else report["report"]
            for report in bob.reports[seen:]
            if report.get("do") == do
        ]
        assert heard == ["enter", "1", 2, "3", "4", "5", 6, "7", "leave", "deleted"]
        raw.wait_for(DELETE)


def test_a_zone_that_is_only_passed(pair):
    """An object that comes and goes in one piece is seen, or not; in the end it is not."""
    bob, raw = pair
    ship, other = raw.base, raw.base + 1
    raw.send_bytes(
        framed(CREATE, creation(ship, zone=2))
        + framed(SET_ZONE, struct.pack("<II", ship, 1))
        + framed(CREATE, creation(ship, zone=1))
        + framed(SET_ZONE, struct.pack("<II", ship, 3))
        + framed(CREATE, creation(ship, zone=3))
        + framed(CREATE, creation(other))
    )
    bob.wait_to_see(other)
    bob.wait_to_lose(ship)

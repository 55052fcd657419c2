"""A stock client by hand: a bare socket that says what a test has it say, well formed or not."""

import socket
import struct

from panda3d.direct import DCFile

from harness.process import LIMIT
from harness.stock import STOCK_DC

# Messages of clients, and those of servers that tests wait for.
UPDATE_FIELD = 120
CREATE, DELETE, DISCONNECT, SET_INTEREST, SET_ZONE, TARGETED = 9002, 9006, 9008, 9009, 9010, 9011
HEARTBEAT = TARGETED
DOID_RANGE, DISABLED = 9001, 9005

DC = DCFile()
assert DC.read(str(STOCK_DC))


def class_number(name: str) -> int:
    return DC.get_class_by_name(name).get_number()


def field_number(name: str, field: str) -> int:
    return DC.get_class_by_name(name).get_field_by_name(field).get_number()


def string(text: str | bytes) -> bytes:
    octets = text.encode() if isinstance(text, str) else text
    return struct.pack("<H", len(octets)) + octets


def creation(
    do: int, zone: int = 1, number: int | None = None, fields: bytes | None = None
) -> bytes:
    """A ship as its owner makes it, with these required and other fields."""
    number = class_number("Ship") if number is None else number
    fields = string("forged") + struct.pack("<HH", 0, 0) if fields is None else fields
    return struct.pack("<IHI", zone, number, do) + fields


def update(do: int, field: int, value: bytes) -> bytes:
    return struct.pack("<IH", do, field) + value


def framed(number: int, body: bytes = b"") -> bytes:
    """A message as it is on the wire."""
    return struct.pack("<HH", 2 + len(body), number) + body


class RawClient:
    """It has been told which ids are its own."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.buffer = b""
        message = self.receive()
        assert message[0] == DOID_RANGE, message
        self.base, self.count = struct.unpack("<II", message[1])

    def send(self, number: int, body: bytes = b"") -> None:
        self.send_bytes(framed(number, body))

    def send_payload(self, payload: bytes) -> None:
        self.send_bytes(struct.pack("<H", len(payload)) + payload)

    def send_bytes(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def receive(self) -> tuple[int, bytes] | None:
        """The next message, or None when the connection has been closed."""
        while len(self.buffer) < 2 or len(self.buffer) < 2 + self._length():
            try:
                octets = self.socket.recv(65_536)
            except ConnectionResetError:
                octets = b""
            if not octets:
                return None
            self.buffer += octets
        payload, self.buffer = (
            self.buffer[2 : 2 + self._length()],
            self.buffer[2 + self._length() :],
        )
        return struct.unpack_from("<H", payload)[0], payload[2:]

    def _length(self) -> int:
        return struct.unpack_from("<H", self.buffer)[0]

    def wait_for(self, number: int) -> bytes:
        """The body of the next message of this kind; others before it are passed over."""
        while (message := self.receive()) is not None:
            if message[0] == number:
                return message[1]
        raise AssertionError(f"the connection was closed before a message {number}")

    def wait_for_close(self) -> None:
        while self.receive() is not None:
            pass

    def close(self) -> None:
        self.socket.close()

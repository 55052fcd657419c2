"""Players who come by WebSocket, with Python's `websockets`, into a town of Panda3D's."""

import contextlib
import struct

import pytest
from panda3d.direct import DCFile, DCPacker
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from harness.daemon import LOGIN_MANAGER, VERSION, WORLD_DC
from harness.process import LIMIT

pytestmark = pytest.mark.better_than_astron

HELLO, HELLO_RESP, DISCONNECT, EJECT, SET_FIELD = 1, 2, 3, 4, 120
ENTER_OWNER = (172, 173)
BAD_CREDENTIALS = 122  # what the UberDOG of these tests gives
FRAMES = "donet.frames"


class Player:
    """A client that knows as much of the protocol as these tests need."""

    def __init__(self, socket, frames: bool):
        self.frames = frames
        self.socket = socket
        assert self.socket.subprotocol == (FRAMES if frames else None)
        assert "Sec-WebSocket-Extensions" not in self.socket.response.headers
        self.unread: list[bytes] = []
        self.dc = DCFile()
        assert self.dc.read(str(WORLD_DC))
        version = VERSION.encode()
        head = struct.pack("<IH", self.dc.get_hash(), len(version))
        self.send(HELLO, head + version)
        assert self.receive() == (HELLO_RESP, b"")

    def send(self, number: int, arguments: bytes = b"") -> None:
        datagram = struct.pack("<H", number) + arguments
        tag = struct.pack("<H", len(datagram)) if self.frames else b""
        # In pieces, as any client may.
        message = tag + datagram
        self.socket.send([message[:1], message[1:]])

    def receive(self) -> tuple[int, bytes]:
        while not self.unread:
            message = self.socket.recv(timeout=LIMIT)
            while self.frames and message:
                (length,) = struct.unpack_from("<H", message)
                assert len(message) >= 2 + length, "half a datagram"
                self.unread.append(message[2 : 2 + length])
                message = message[2 + length :]
            if not self.frames:
                self.unread.append(message)
        datagram = self.unread.pop(0)
        return struct.unpack_from("<H", datagram)[0], datagram[2:]

    def log_in(self, name: str, password: str) -> None:
        field = self.dc.get_class_by_name("LoginManager").get_field_by_name("login")
        packer = DCPacker()
        packer.begin_pack(field)
        packer.push()
        packer.pack_string(name)
        packer.pack_string(password)
        packer.pop()
        assert packer.end_pack()
        head = struct.pack("<IH", LOGIN_MANAGER, field.get_number())
        self.send(SET_FIELD, head + packer.get_bytes())

    def wait_for_avatar(self) -> int:
        while True:
            number, arguments = self.receive()
            if number in ENTER_OWNER:
                return struct.unpack_from("<I", arguments)[0]

    def wait_for_close(self) -> tuple[int, str]:
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                self.receive()
        return closed.value.rcvd.code, closed.value.rcvd.reason


@contextlib.contextmanager
def player(world, frames: bool):
    """A player who has said hello; a proxy of the environment is not asked."""
    url = f"ws://127.0.0.1:{world.daemon.ports.websocket}/"
    with connect(url, subprotocols=[FRAMES] if frames else None, proxy=None) as socket:
        yield Player(socket, frames)


@pytest.mark.parametrize("frames", [False, True])
def test_a_player_in_a_town_of_others(world, frames):
    alice = world.join("alice")
    with player(world, frames) as bob:
        bob.log_in("bob", "guest")
        avatar = bob.wait_for_avatar()
        assert world.ai.wait_for_avatar("bob") == avatar
        alice.wait_to_see(avatar)
        bob.send(DISCONNECT)
        assert bob.wait_for_close() == (1000, "")
    alice.wait_to_lose(avatar)


@pytest.mark.parametrize("frames", [False, True])
def test_a_wrong_password_is_the_reason_of_the_close_too(world, frames):
    with player(world, frames) as mallory:
        mallory.log_in("mallory", "12345")
        number, arguments = mallory.receive()
        assert (number, arguments[:2]) == (EJECT, struct.pack("<H", BAD_CREDENTIALS))
        assert mallory.wait_for_close() == (4000 + BAD_CREDENTIALS, "Bad credentials")

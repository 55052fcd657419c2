"""The UberDOG of an invented game of the OTP era: accounts, avatars, and one log-in at a time.

It gets the clients' messages as they are, and answers with what Astron has for sessions.
"""

import hashlib
import hmac
import os

import otp_messages as messages
from stage import connect_method, report, run, settings

from direct.distributed.PyDatagram import PyDatagram
from direct.showbase.ShowBase import ShowBase
from panda3d_astron import msgtypes
from repositories import InternalRepository

ESTABLISHED = 2
# The code by which a player hears that somebody else has logged in as him.
LOGGED_IN_ELSEWHERE = 100
ACCOUNTS = 1003
PUPPETS = 1001


def hash_of(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**10, r=8, p=1)


class Account:
    """A password of which only the hash is kept, and who is logged in."""

    def __init__(self, number: int, password: str):
        self.number = number
        self.salt = os.urandom(16)
        self.hash = hash_of(password, self.salt)

    def is_right(self, password: str) -> bool:
        return hmac.compare_digest(self.hash, hash_of(password, self.salt))

    @property
    def channel(self) -> int:
        """Where whoever is logged in as this hears what is for the account."""
        return (ACCOUNTS << 32) + self.number


class Server(InternalRepository):
    def handleConnected(self) -> None:
        self.accounts = {}
        self.generateGlobalObject(settings["otp_login"], "OtpLogin")
        report("connected")

    def tell(self, client: int, number: int, write) -> None:
        """Send a client a message of the game's own."""
        message = PyDatagram()
        message.addUint16(number)
        write(message)
        dg = PyDatagram()
        dg.addServerHeader(client, self.ourChannel, msgtypes.CLIENTAGENT_SEND_DATAGRAM)
        dg.addBlob(message.getMessage())
        self.send(dg)

    def say_channel(self, client: int, number: int, channel: int) -> None:
        """What panda3d-astron has no methods for."""
        dg = PyDatagram()
        dg.addServerHeader(client, self.ourChannel, number)
        dg.addUint64(channel)
        self.send(dg)

    def answer(self, client: int, code: int, text: str, account: int = 0) -> None:
        def write(message: PyDatagram) -> None:
            message.addUint8(code)
            message.addString(text)
            message.addUint32(account)

        self.tell(client, messages.LOGIN_RESP, write)

    def log_in(self, client: int, name: str, password: str) -> None:
        """Whoever is new has an account from now on."""
        account = self.accounts.get(name)
        if account is None:
            account = self.accounts[name] = Account(len(self.accounts) + 1, password)
        if not account.is_right(password):
            self.answer(client, 1, "Bad credentials")
            return
        # Whoever is there as this hears it before the new one does.
        self.eject(account.channel, LOGGED_IN_ELSEWHERE, "Somebody else has logged in")
        self.say_channel(client, msgtypes.CLIENTAGENT_OPEN_CHANNEL, account.channel)
        self.say_channel(client, msgtypes.CLIENTAGENT_SET_CLIENT_ID, account.number << 32)
        self.setClientState(account.channel, ESTABLISHED)
        self.answer(account.channel, 0, "", account.number)

    def set_avatar(self, client: int, name: str) -> None:
        """Who makes avatars is the test's matter; then it calls `play`."""
        report("avatar wanted", client=client, name=name)

    def play(self, account: int, avatar: int) -> int:
        """From now on the client speaks as its avatar. Its channel, at which it can be spoken to
        when that has been reported."""
        channel = (account << 32) + avatar
        at = (ACCOUNTS << 32) + account
        self.say_channel(at, msgtypes.CLIENTAGENT_OPEN_CHANNEL, (PUPPETS << 32) + avatar)
        self.say_channel(at, msgtypes.CLIENTAGENT_SET_CLIENT_ID, channel)
        self.getNetworkAddress(channel, lambda *ends: report("playing", client=channel))
        return channel

    def say_to_all(self, client: int, text: str) -> None:
        self.tell(client, messages.SYSTEM_MESSAGE, lambda message: message.addString(text))

    def lostConnection(self) -> None:
        report("connection lost")


ShowBase()
server = Server(
    settings["root"],
    settings["channel"],
    serverId=settings["state_server"],
    dcFileNames=settings["dc_files"],
    dcSuffix="UD",
    connectMethod=connect_method(InternalRepository),
)
server.connect("127.0.0.1", settings["port"])
run(server)

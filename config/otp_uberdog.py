"""The UberDOG: lets players in, and has them choose their frogs."""

import asyncio
import struct
import sys
from collections.abc import Coroutine

from direct.distributed.PyDatagram import PyDatagram
from direct.showbase.ShowBase import ShowBase
from panda3d.core import loadPrcFileData
from panda3d_astron import msgtypes
from panda3d_astron.repository import AstronInternalRepository

import otp_numbers as numbers
from otp_accounts import Accounts, Answer, Refused

loadPrcFileData("", "window-type none\naudio-library-name null")

ESTABLISHED = 2
# Seconds after which a player hears that the database does not answer. Less than tuning.channel_rest of the
# agent: until then nobody else gets the channel of one who has gone.
PATIENCE = 5
# Seconds after which nobody waits for the database any more. Until then a change that has been begun is finished,
# though its player has been told to try again.
LATEST = 60
# Questions that are answered at once, at most: as many log-ins as can be looked at until patience ends. Whoever
# comes above that hears so, and may try again.
MOST_AT_ONCE = 200


# How messages are laid out: `s` is a string, other letters are those of `struct`.


def read(message: bytes, layout: str) -> list:
    """The values of a message. Clients are not trusted: one that is cut short, or has too much, is a ValueError."""
    values, at = [], 0
    for letter in layout:
        if letter == "s":
            (size,) = struct.unpack_from("<H", message, at)
            letter, at = f"{size}s", at + 2
        values += struct.unpack_from("<" + letter, message, at)
        at += struct.calcsize("<" + letter)
    if at != len(message):
        raise ValueError("bytes are left")
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def write(layout: str, *values) -> bytes:
    parts = []
    for letter, value in zip(layout, values, strict=True):
        if letter == "s":
            value = value.encode()
            parts.append(struct.pack("<H", len(value)) + value)
        else:
            parts.append(struct.pack("<" + letter, value))
    return b"".join(parts)


class UberDog(AstronInternalRepository):
    GameGlobalsId = numbers.ROOT

    def handleConnected(self):
        self.accounts = Accounts(self)
        # By whom something is being asked: one question of a client at a time. That is all we know of clients; who
        # they are the agent says with each message, also after we have been started again.
        self.busy = {}
        self.opening = asyncio.ensure_future(self.open())

    async def open(self):
        while True:
            try:
                await asyncio.wait_for(self.accounts.names.open(), PATIENCE)
                break
            except (asyncio.TimeoutError, Refused):
                print("the database does not answer", flush=True)
                await asyncio.sleep(1)
        self.generateGlobalObject(numbers.GATEKEEPER, "Gatekeeper")
        print("the gatekeeper is ready", flush=True)

    def lostConnection(self):
        # Whoever runs servers starts them again. Clients who are logged in stay it.
        sys.exit("the link is lost")

    # What clients say.

    def heard(self, client: int, message: bytes) -> None:
        """A message of the game's own. What a client may say depends on who it is: nobody at first, then an account,
        then an avatar of one, which is what its channel says."""
        account, avatar = client >> 32, client & 0xFFFFFFFF
        handlers = self.stranger if not account else {} if avatar else self.chooser
        try:
            (number,) = struct.unpack_from("<H", message)
            layout, handle = handlers[number]
            values = read(message[2:], layout)
        except (KeyError, ValueError, struct.error):
            self.eject(client, numbers.NOT_NOW, "That cannot be said now")
            return
        handle(self, client, *values)

    def log_in(self, client: int, name: str, password: str) -> None:
        self.serve(client, self.accounts.log_in(name, password), self.admit, self.refuse_login)

    def register(self, client: int, name: str, password: str) -> None:
        self.serve(client, self.accounts.register(name, password), self.admit, self.refuse_login)

    def list_avatars(self, client: int) -> None:
        work = self.accounts.avatars(client >> 32)
        self.serve(client, work, self.tell_avatars, self.refuse_list)

    def create_avatar(self, client: int, name: str, colour: int) -> None:
        work = self.accounts.create_avatar(client >> 32, name, colour)
        self.serve(client, work, self.tell_created, self.refuse_created)

    def set_avatar(self, client: int, avatar: int) -> None:
        async def work() -> int:
            await self.accounts.check_avatar(client >> 32, avatar)
            # An AI that is not there would not hear that somebody comes.
            there = Answer()
            self.getLocation(numbers.POND, there)
            await there.future
            return avatar

        self.serve(client, work(), self.play, self.refuse_choice)

    stranger = {numbers.LOGIN: ("ss", log_in), numbers.REGISTER: ("ss", register)}
    chooser = {
        numbers.GET_AVATARS: ("", list_avatars),
        numbers.CREATE_AVATAR: ("sB", create_avatar),
        numbers.SET_AVATAR: ("I", set_avatar),
    }

    def serve(self, client: int, work: Coroutine, conclude, refuse) -> None:
        """Answer when the work is done; if it takes too long, say that, and let it come to its end."""
        if client in self.busy or len(self.busy) >= MOST_AT_ONCE:
            work.close()
            if client not in self.busy:
                refuse(client, numbers.TRY_LATER, "Too many are here")
            return
        # Kept here, since nobody else keeps a task of asyncio.
        self.busy[client] = asyncio.ensure_future(self.served(client, work, conclude, refuse))

    async def served(self, client: int, work: Coroutine, conclude, refuse) -> None:
        this = asyncio.current_task()
        work = asyncio.ensure_future(asyncio.wait_for(work, LATEST))
        work.add_done_callback(lambda work: work.cancelled() or work.exception())
        await asyncio.wait({work}, timeout=PATIENCE)
        if self.busy.get(client) is not this:
            return  # somebody else has logged in meanwhile, and is called what this client was
        del self.busy[client]
        if not work.done():
            refuse(client, numbers.TRY_LATER, "The database does not answer")
            return
        try:
            value = work.result()
        except Refused as refusal:
            refuse(client, *refusal.args)
            return
        conclude(client, value)

    # What they are answered.

    def admit(self, client: int, account: int) -> None:
        """The client is this account from now on. Whoever was it before hears that first; nobody listens there, if
        nobody was."""
        channel = numbers.ACCOUNTS + account
        self.eject(channel, numbers.LOGGED_IN_ELSEWHERE, "Somebody else has logged in")
        self.busy.pop(account << 32, None)
        self.tell_agent(client, msgtypes.CLIENTAGENT_OPEN_CHANNEL, channel)
        self.tell_agent(client, msgtypes.CLIENTAGENT_SET_CLIENT_ID, account << 32)
        self.setClientState(client, ESTABLISHED)
        self.tell(client, numbers.LOGIN_RESP, "BsI", numbers.OK, "", account)
        print(f"account {account} is here", flush=True)

    def play(self, client: int, avatar: int) -> None:
        """The client is this avatar from now on, and the pond's AI shows it to it."""
        account = client >> 32
        channel = numbers.ACCOUNTS + account
        self.tell_agent(channel, msgtypes.CLIENTAGENT_OPEN_CHANNEL, numbers.PUPPETS + avatar)
        self.tell_agent(channel, msgtypes.CLIENTAGENT_SET_CLIENT_ID, account << 32 | avatar)
        enter = self.getDcFile().getClassByName("Pond").getFieldByName("enter")
        pond, values = numbers.POND, [account, avatar]
        self.send(enter.aiFormatUpdate(pond, pond, self.ourChannel, values))
        print(f"account {account} plays {avatar}", flush=True)

    def tell_avatars(self, client: int, frogs: list) -> None:
        values = [value for frog in frogs for value in frog]
        layout = "BsH" + "IsB" * len(frogs)
        self.tell(client, numbers.GET_AVATARS_RESP, layout, numbers.OK, "", len(frogs), *values)

    def tell_created(self, client: int, avatar: int) -> None:
        self.tell(client, numbers.CREATE_AVATAR_RESP, "BsI", numbers.OK, "", avatar)

    def refuse_login(self, client: int, code: int, text: str) -> None:
        self.tell(client, numbers.LOGIN_RESP, "BsI", code, text, 0)

    def refuse_list(self, client: int, code: int, text: str) -> None:
        self.tell(client, numbers.GET_AVATARS_RESP, "BsH", code, text, 0)

    def refuse_created(self, client: int, code: int, text: str) -> None:
        self.tell(client, numbers.CREATE_AVATAR_RESP, "BsI", code, text, 0)

    def refuse_choice(self, client: int, code: int, text: str) -> None:
        self.tell(client, numbers.SET_AVATAR_RESP, "Bs", code, text)

    def tell(self, client: int, number: int, layout: str, *values) -> None:
        """Send a client a message of the game's own."""
        dg = PyDatagram()
        dg.addServerHeader(client, self.ourChannel, msgtypes.CLIENTAGENT_SEND_DATAGRAM)
        dg.addBlob(write("H" + layout, number, *values))
        self.send(dg)

    def tell_agent(self, client: int, message: int, channel: int) -> None:
        """What panda3d-astron has no methods for."""
        dg = PyDatagram()
        dg.addServerHeader(client, self.ourChannel, message)
        dg.addUint64(channel)
        self.send(dg)


async def main() -> None:
    base = ShowBase()
    server = UberDog(
        numbers.UBERDOG_CHANNEL,
        serverId=numbers.STATE_SERVER,
        dcFileNames=numbers.DC_FILES,
        dcSuffix="UD",
        connectMethod=UberDog.CM_NET,
    )
    server.connect(*numbers.MESSAGE_DIRECTOR)
    while True:
        base.taskMgr.step()
        # What waits for the database goes on here, and others have the processor.
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())

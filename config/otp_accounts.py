"""Accounts and frogs in donet's database, and the way from a name to an account."""

import asyncio
import hashlib
import hmac
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from direct.distributed.PyDatagram import PyDatagram
from panda3d_astron import msgtypes

import otp_numbers as numbers

# The base-2 logarithm of scrypt's N: what a password costs, us as whoever has stolen the file. It may be raised
# at any time; each account keeps its own.
COST = 14
# Seconds that a wrong password costs whoever guesses.
PENANCE = 1
MOST_FROGS = 6


class Refused(Exception):
    """A player cannot have what he wants: a code and a text for him."""

    def __init__(self, code: int, text: str):
        super().__init__(code, text)


class Database:
    """dbInterface for coroutines. An answer may never come: who waits here gives it a time."""

    def __init__(self, air):
        self.air = air
        self.ask = air.dbInterface

    async def create(self, name: str, **fields) -> int:
        answer = Answer()
        self.ask.createObject(numbers.DATABASE, self.dclass(name), fields, answer)
        do = await answer.future
        if do == 0:
            raise Refused(numbers.TRY_LATER, "The database does not answer")
        return do

    async def find(self, do: int) -> tuple[str, dict]:
        """Its class and its fields; none, if there is no such object or it cannot be read now."""
        answer = Answer()
        self.ask.queryObject(numbers.DATABASE, do, answer)
        dclass, fields = await answer.future
        return (dclass.getName(), fields) if dclass else ("", {})

    async def get(self, do: int, name: str = "") -> tuple[str, dict]:
        """The same of an object that there is, of this class."""
        found, fields = await self.find(do)
        if not found or name not in ("", found):
            raise Refused(numbers.TRY_LATER, "The database does not answer")
        return found, fields

    async def replace(self, do: int, name: str, field: str, old, new):
        """Set a field that still has the old value: None. Else what it has now."""
        answer = Answer()
        dclass = self.dclass(name)
        self.ask.updateObject(numbers.DATABASE, do, dclass, {field: [new]}, {field: [old]}, answer)
        current = await answer.future
        if current is None:
            return None
        if field not in current:
            raise Refused(numbers.TRY_LATER, "The database does not answer")
        return current[field][0]

    def delete(self, do: int) -> None:
        dg = PyDatagram()
        dg.addServerHeader(numbers.DATABASE, self.air.ourChannel, msgtypes.DBSERVER_OBJECT_DELETE)
        dg.addUint32(do)
        self.air.send(dg)

    def dclass(self, name: str):
        return self.air.getDcFile().getClassByName(name)


class Answer:
    """A callback, and the future that has what it was called with."""

    def __init__(self):
        self.future = asyncio.get_running_loop().create_future()

    def __call__(self, *values) -> None:
        # Nobody waits any longer for one that comes too late.
        if not self.future.done():
            self.future.set_result(values[0] if len(values) == 1 else values)


def folded(name: str) -> str:
    """What two spellings of one name have in common."""
    return unicodedata.normalize("NFKC", name).casefold()


def path(name: str) -> bytes:
    """The way through the nodes."""
    return hashlib.sha256(folded(name).encode()).digest()


class Names:
    """From a name to the doId of its account.

    A tree of nodes of 256 children each, in which a name's hash is the way: a node is a kilobyte however many names
    there are, and with a million names the third has the account. A name is added by a single change of a single
    node, made only if that is still what has been read. So two who add the same name at once meet in it, and one
    of them finds the other's.
    """

    def __init__(self, database: Database):
        self.database = database

    async def open(self) -> None:
        """Make the first node, if this is the first time."""
        kind, _ = await self.database.find(numbers.NAMES)
        if kind == "NameNode":
            return
        made = await self.database.create("NameNode", setChildren=[[0] * 256])
        if made != numbers.NAMES:
            self.database.delete(made)
            raise SystemExit(
                f"object {numbers.NAMES} is not the first node of the names, and cannot be made: "
                "the accounts want a database of their own, and NAMES is its generate.min"
            )

    async def find(self, name: str) -> tuple[int, dict] | None:
        """The account and its fields."""
        way = path(name)
        _, fields = await self.database.get(numbers.NAMES, "NameNode")
        for step in way:
            child = fields["setChildren"][0][step]
            if not child:
                return None
            kind, fields = await self.database.get(child)
            if kind == "Account":
                return (child, fields) if folded(fields["setName"][0]) == folded(name) else None
        return None

    async def add(self, name: str, account: int) -> bool:
        """False if the name is taken."""
        way, depth, node = path(name), 0, numbers.NAMES
        _, fields = await self.database.get(node, "NameNode")
        children = fields["setChildren"][0]
        while True:
            child, between = children[way[depth]], None
            if child:
                kind, fields = await self.database.get(child)
                if kind == "NameNode":
                    node, depth, children = child, depth + 1, fields["setChildren"][0]
                    continue
                other = path(fields["setName"][0])
                if other == way:
                    return False
                # Two names have come the same way so far: from here on there is a node for both.
                between = [0] * 256
                between[other[depth + 1]] = child
                child = await self.database.create("NameNode", setChildren=[between])
            wanted = list(children)
            wanted[way[depth]] = child or account
            change = (node, "NameNode", "setChildren", children, wanted)
            current = await self.database.replace(*change)
            if current is None and between is None:
                return True
            if current is None:
                node, depth, children = child, depth + 1, between
            else:
                # Somebody else was here first.
                if between is not None:
                    self.database.delete(child)
                children = current


class Accounts:
    """What players have. Nothing of it is kept in memory: other sessions, and other programs, may change it."""

    def __init__(self, air):
        self.database = Database(air)
        self.names = Names(self.database)
        # scrypt is slow on purpose. Beside the thread that serves all others, and no more at once than there are
        # here: a crowd that logs in waits for itself, not everybody for the crowd.
        self.hashers = ThreadPoolExecutor(max_workers=2)

    async def hashed(self, password: str, cost: int, salt: bytes) -> bytes:
        def work() -> bytes:
            most = 256 << cost << 4
            return hashlib.scrypt(password.encode(), salt=salt, n=1 << cost, r=8, p=1, maxmem=most)

        return await asyncio.get_running_loop().run_in_executor(self.hashers, work)

    async def log_in(self, name: str, password: str) -> int:
        """The account. Whether there is such a name neither the answer tells nor its time."""
        found = await self.names.find(name)
        account, fields = found or (0, {})
        cost, salt, wanted = fields.get("setPassword", (COST, bytes(16), b""))
        is_right = hmac.compare_digest(wanted, await self.hashed(password, cost, salt))
        if not (account and is_right):
            await asyncio.sleep(PENANCE)
            raise Refused(numbers.WRONG, "There is no such name, or it has another password")
        return account

    async def register(self, name: str, password: str) -> int:
        """A new account.

        First the object, then the name: an account that nobody names is in nobody's way, a name whose account is
        not there would be.
        """
        if not (1 <= len(name) <= 20 and name.isprintable() and name == name.strip()):
            raise Refused(numbers.BAD_NAME, "A name has 1 to 20 letters, and no blanks around them")
        if not 1 <= len(password) <= 100:
            raise Refused(numbers.BAD_NAME, "A password has 1 to 100 letters")
        if await self.names.find(name):
            raise Refused(numbers.TAKEN, "Somebody else has this name")
        salt = os.urandom(16)
        password = [COST, salt, await self.hashed(password, COST, salt)]
        account = await self.database.create(
            "Account", setName=[name], setPassword=password, setAvatars=[[]]
        )
        if not await self.names.add(name, account):
            self.database.delete(account)
            raise Refused(numbers.TAKEN, "Somebody else has this name")
        return account

    async def avatars(self, account: int) -> list[tuple[int, str, int]]:
        """Of each frog its doId, name and colour."""
        _, fields = await self.database.get(account, "Account")
        frogs = fields["setAvatars"][0]
        found = await asyncio.gather(*(self.database.get(frog, "Frog") for frog in frogs))
        return [
            (frog, fields["setName"][0], fields["setColour"][0])
            for frog, (_, fields) in zip(frogs, found)
        ]

    async def create_avatar(self, account: int, name: str, colour: int) -> int:
        if not (1 <= len(name) <= 20 and name.isprintable() and 0 <= colour <= 7):
            raise Refused(numbers.BAD_NAME, "A frog's name has 1 to 20 letters, its colour is 0 to 7")
        _, fields = await self.database.get(account, "Account")
        frogs, frog = fields["setAvatars"][0], 0
        while True:
            if len(frogs) >= MOST_FROGS:
                if frog:
                    self.database.delete(frog)
                raise Refused(numbers.TOO_MANY, f"An account has {MOST_FROGS} frogs at most")
            if not frog:
                frog = await self.database.create("Frog", setName=[name], setColour=[colour])
            change = (account, "Account", "setAvatars", frogs, [*frogs, frog])
            frogs = await self.database.replace(*change)
            if frogs is None:
                return frog

    async def check_avatar(self, account: int, avatar: int) -> int:
        _, fields = await self.database.get(account, "Account")
        if avatar not in fields["setAvatars"][0]:
            raise Refused(numbers.WRONG, "This frog is not yours")
        return avatar

"""How the example finds accounts by their names, on a database that answers in any order."""

import asyncio
import random
import sys

import pytest

from harness.otp import CONFIG, numbers

sys.path.append(str(CONFIG))
from otp_accounts import Names, path  # noqa: E402


class Stored:
    """Objects in memory, as the example's `Database` has them; each request takes a while of its own."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.objects: dict[int, tuple[str, dict]] = {}
        self.asked = 0

    async def _wait(self) -> None:
        self.asked += 1
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)

    async def create(self, name: str, **fields) -> int:
        await self._wait()
        do = numbers.NAMES + len(self.objects)
        self.objects[do] = (name, fields)
        await self._wait()
        return do

    async def find(self, do: int) -> tuple[str, dict]:
        await self._wait()
        return self.objects.get(do, ("", {}))

    async def get(self, do: int, name: str = "") -> tuple[str, dict]:
        found = await self.find(do)
        assert found[0] and name in ("", found[0])
        return found

    async def replace(self, do: int, name: str, field: str, old, new):
        await self._wait()
        fields = self.objects[do][1]
        current = fields[field][0]
        if current != old:
            return current
        self.objects[do] = (name, {**fields, field: [new]})
        await self._wait()
        return None

    def delete(self, do: int) -> None:
        self.objects[do] = ("", {})

    def count(self, name: str) -> int:
        return sum(kind == name for kind, _ in self.objects.values())


async def register(names: Names, name: str) -> int:
    """The account, 0 if the name is taken."""
    account = await names.database.create("Account", setName=[name])
    if await names.add(name, account):
        return account
    names.database.delete(account)
    return 0


async def opened(seed: int) -> Names:
    names = Names(Stored(seed))
    await names.open()
    return names


def test_many_names():
    async def run() -> None:
        names = await opened(1)
        many = [f"player {number}" for number in range(10_000)]
        accounts = {}
        for start in range(0, len(many), 500):
            some = many[start : start + 500]
            accounts |= zip(some, await asyncio.gather(*(register(names, name) for name in some)))
        assert all(accounts.values()) and len(set(accounts.values())) == len(many)
        for name in many[::37]:
            before = names.database.asked
            account, fields = await names.find(name.upper())
            assert (account, fields["setName"]) == (accounts[name], [name])
            # A node for each byte of the hash that others have, too, and the account.
            assert names.database.asked - before <= 5
        assert await names.find("nobody") is None
        assert names.database.count("Account") == len(many)

    asyncio.run(run())


def test_the_same_names_at_once():
    async def run(seed: int) -> None:
        names = await opened(seed)
        wanted = [f"player {number % 40}" for number in range(200)]
        names.database.random.shuffle(wanted)
        accounts = await asyncio.gather(*(register(names, name) for name in wanted))
        for name in set(wanted):
            (account,) = [mine for mine, its in zip(accounts, wanted) if its == name and mine]
            assert (await names.find(name))[0] == account
        assert names.database.count("Account") == 40

    for seed in range(50):
        asyncio.run(run(seed))


def test_hashes_that_begin_alike():
    """Names whose ways part late have nodes of their own, also if they come at once."""
    first: dict[bytes, str] = {}
    for number in range(100_000):
        name = f"n{number}"
        other = first.setdefault(path(name)[:3], name)
        if other != name:
            break
    else:
        raise AssertionError("no two names begin alike")

    async def run(seed: int) -> None:
        names = await opened(seed)
        accounts = await asyncio.gather(register(names, name), register(names, other))
        found = [(await names.find(one))[0] for one in (name, other)]
        assert found == accounts
        # The first one, and one for each byte that they have in common.
        assert names.database.count("NameNode") == 4

    for seed in range(20):
        asyncio.run(run(seed))


def test_a_database_that_has_other_objects():
    async def run() -> None:
        names = Names(Stored(1))
        await names.database.create("Frog", setName=["Ribbit"])
        with pytest.raises(SystemExit, match="a database of their own"):
            await names.open()
        assert names.database.count("NameNode") == 0

    asyncio.run(run())

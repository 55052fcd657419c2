"""Playing: log-in, seeing each other, updates, zones, interests, ownership."""

import pytest

from conftest import World


def test_smoke(world):
    a, b, c = world.join_all("ann", "bob", "cid")
    for client in (a, b, c):
        client.wait_to_see(world.town, a.avatar, b.avatar, c.avatar)

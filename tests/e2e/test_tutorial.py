"""The game that `donet init` makes, as the tutorial has it."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from harness.process import LIMIT

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TUTORIAL = REPOSITORY / "docs" / "tutorial.md"

pytestmark = pytest.mark.better_than_astron

# Plays on the game's own client: goes to the gate as whoever presses keys, and cheats.
ROAMER = """
import math
import sys

import client
import settings
from panda3d.core import loadPrcFileData


class Roamer(client.Game):
    def play(self, avatar):
        super().play(avatar)
        if sys.argv[1] == "leap":
            avatar.sendUpdate("walk", (settings.EDGE - 2, 0, 0))
        else:
            x, y, _ = avatar.pose
            to_x, to_y = settings.GATE
            avatar.pose = (x, y, math.degrees(math.atan2(x - to_x, to_y - y)))
            self.messenger.send("w")


loadPrcFileData("", "window-type none")
Roamer("Eve", headless=True).run()
"""

# Plays it as test.py plays the others.
PLAY = """
import sys

import test


def play(game):
    test.start_servers(game)
    eve = game.start_python("Eve", "roamer.py", sys.argv[1])
    eve.wait_for("^you are Eve")
    eve.wait_for(sys.argv[2])


test.run(play)
"""


@pytest.fixture
def game(stage):
    """The folder of a new game."""
    made = [stage.binary, "init", "mygame"]
    subprocess.run(made, cwd=stage.directory, check=True, capture_output=True)
    return stage.directory / "mygame"


def run(stage, game, *command: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "DONET": str(stage.binary), "PYTHONDONTWRITEBYTECODE": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command = [sys.executable, *command]
    return subprocess.run(command, cwd=game, env=environment, timeout=5 * LIMIT, **pipes)


def play(stage, game) -> str:
    """Run the game's own test; what it printed."""
    ended = run(stage, game, "test.py")
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_a_new_game_plays(stage, game):
    before = sorted(game.rglob("*"))
    said = play(stage, game)
    assert "Bob stands at" in said
    assert "Bob: good morning, Ann" in said
    assert sorted(game.rglob("*")) == before, "it leaves nothing behind"


def test_what_the_tutorial_changes(stage, game):
    """The changes of the page, one after the other, and then the game's test, which they change too."""
    name = None
    changes = 0
    before, *rest = TUTORIAL.read_text().split("```diff\n")
    for part in rest:
        # The file is named in the line before, or it is that of the change before.
        named = re.search(r"`([^`]+)`", before.rstrip().splitlines()[-1])
        name = named.group(1) if named else name
        change, before = part.split("```\n", 1)
        lines = change.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] != "+")
        new = "".join(line[1:] for line in lines if line[0] != "-")
        text = (game / name).read_text()
        assert text.count(old) == 1, (name, old)
        (game / name).write_text(text.replace(old, new))
        changes += 1
    assert changes == 7
    assert "Bob hops" in play(stage, game)


def test_the_test_of_a_broken_game_fails(stage, game):
    configuration = game / "cluster.yml"
    text = configuration.read_text()
    configuration.write_text(text.replace("version: mygame 1", "version: mygame 2"))
    ended = run(stage, game, "test.py")
    assert ended.returncode == 1, ended.stdout
    assert "failed: Ann did not say" in ended.stdout
    assert "(124)" in ended.stdout, "Ann was told why"


@pytest.mark.parametrize(
    ("what", "seen"),
    [("leap", "^you are put back"), ("gate", "^you are in the meadow by night")],
)
def test_the_ai_server_has_the_last_word(stage, game, what, seen):
    (game / "roamer.py").write_text(ROAMER)
    (game / "play.py").write_text(PLAY)
    ended = run(stage, game, "play.py", what, seen)
    assert ended.returncode == 0, ended.stdout

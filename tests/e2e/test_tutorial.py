"""The game that `donet init` makes, as the tutorial has it."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

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
        if sys.argv[1] == "stray":
            avatar.setPose = lambda *pose: self.come_back(avatar, pose)

    def come_back(self, avatar, pose):
        # What the AI server says of our own avatar comes when that is further.
        before = avatar.pose
        type(avatar).setPose(avatar, *pose)
        print("is set back" if avatar.pose != before else "walks on", flush=True)


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

# A player who has gone before the AI server has made an avatar for him, and one whose machine has stopped.
LOSE = """
import signal
import time

import test


def play(game):
    ai = test.start_servers(game)
    uberdog = game.programs[1]
    ai.process.send_signal(signal.SIGSTOP)
    eve = game.start_python("Eve", "client.py", "Eve", "--headless")
    uberdog.wait_for("Eve logs in")
    eve.process.kill()
    while not any("client-lost" in log.read_text() for log in game.folder.glob("events-*.log")):
        time.sleep(0.02)
    ai.process.send_signal(signal.SIGCONT)
    ai.wait_for("^Eve has avatar")
    ai.wait_for("^Eve has gone")

    bob = game.start_python("Bob", "client.py", "Bob", "--headless")
    bob.wait_for("^you are Bob")
    bob.process.send_signal(signal.SIGSTOP)
    ai.wait_for("^Bob has gone")
    bob.process.kill()


test.run(play)
"""

TITLE = """
import sys

import client
from panda3d.core import WindowProperties, loadPrcFileData

loadPrcFileData("", "window-type none")
client.Game = lambda *_: sys.exit(WindowProperties.getDefault().getTitle())
client.main()
"""


@pytest.fixture
def game(stage):
    """The folder of a new game."""
    made = [stage.binary, "init", "mygame"]
    subprocess.run(made, cwd=stage.directory, check=True, capture_output=True)
    return stage.directory / "mygame"


@pytest.fixture
def temporary(stage) -> pathlib.Path:
    """Where the game's test puts what it needs for a while."""
    folder = stage.directory / "temporary"
    folder.mkdir()
    return folder


def options(stage, game, **environment: str) -> dict:
    """How programs of the game are started."""
    ours = {
        **{name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"},
        "DONET": str(stage.binary),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(stage.directory / "temporary"),
        **environment,
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return {"cwd": game, "env": ours, **pipes}


def run(stage, game, *command: str, **environment: str) -> subprocess.CompletedProcess:
    how = options(stage, game, **environment)
    return subprocess.run([sys.executable, *command], timeout=5 * LIMIT, **how)


def running_in(folder: pathlib.Path) -> list[str]:
    """What runs there, also if the folder is gone."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").startswith(str(folder)):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue  # it has ended
    return found


def wait_until(condition: Callable, wanted: str) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, wanted
        time.sleep(0.02)


def play(stage, game) -> str:
    """Run the game's own test; what it printed."""
    ended = run(stage, game, "test.py")
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_a_new_game_plays(stage, game, temporary):
    before = sorted(game.rglob("*"))
    said = play(stage, game)
    assert "Bob stands at" in said
    assert "Bob: good morning, Ann" in said
    assert sorted(game.rglob("*")) == before, "it leaves nothing behind"
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("temporary")
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


def test_the_test_of_a_broken_game_fails(stage, game, temporary):
    configuration = game / "cluster.yml"
    text = configuration.read_text()
    configuration.write_text(text.replace("version: mygame 1", "version: mygame 2"))
    ended = run(stage, game, "test.py")
    assert ended.returncode == 1, ended.stdout
    assert "failed: Ann did not say" in ended.stdout
    assert "(124)" in ended.stdout, "Ann was told why"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_what_is_ended_leaves_nothing(stage, game, temporary, name):
    number = signal.Signals[name]
    if sys.platform != "linux" or signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("there is no /proc, or what is started here ignores the signal")
    test = subprocess.Popen([sys.executable, "test.py"], **options(stage, game))
    try:
        wait_until(lambda: "you are Ann" in test.stdout.readline(), "it plays")
        assert len(running_in(temporary)) > 3
        test.send_signal(number)
        rest, _ = test.communicate(timeout=LIMIT)
    finally:
        test.kill()
    if number == signal.SIGKILL:
        # It can do nothing; Linux ends what it has started, and the daemon takes its socket away.
        wait_until(lambda: running_in(temporary) == [], "all has ended")
        assert not list(temporary.rglob("*.sock"))
    else:
        assert (test.returncode, rest.splitlines()[-1]) == (128 + number, f"ended by {name}")
        assert running_in(temporary) == []
        assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("temporary")
def test_what_is_no_donet_is_named(stage, game):
    text = game / "text"
    text.write_text("hello")
    text.chmod(0o755)
    for wrong in ("", str(game), str(game / "README.md"), str(text), "/bin/true", "./nowhere"):
        ended = run(stage, game, "test.py", DONET=wrong)
        what = f"$DONET is {wrong!r}, which is not donet's program"
        expected = f"failed: {what}: install donet, or name its program in $DONET\n"
        assert (ended.returncode, ended.stdout) == (1, expected)
    # A path is seen from where it is written.
    assert run(stage, game, "test.py", DONET=os.path.relpath(stage.binary, game)).returncode == 0


@pytest.mark.parametrize("program", ["test.py", "ai.py", "uberdog.py", "client.py"])
@pytest.mark.usefixtures("temporary")
def test_what_is_not_installed_is_named(stage, game, program):
    # -S: without whatever pip has installed.
    ended = run(stage, game, "-S", program)
    assert ended.returncode == 1
    assert re.fullmatch(r"panda3d is not installed for .*: run `pip install -r requirements.txt` .*\n", ended.stdout)


@pytest.mark.usefixtures("temporary")
def test_an_avatar_goes_with_its_player(stage, game):
    configuration = game / "cluster.yml"
    text = configuration.read_text()
    assert text.count("heartbeat_timeout: 60000\n") == 1
    configuration.write_text(text.replace("heartbeat_timeout: 60000\n", "heartbeat_timeout: 15000\n"))
    (game / "lose.py").write_text(LOSE)
    ended = run(stage, game, "lose.py")
    assert ended.returncode == 0, ended.stdout


@pytest.mark.usefixtures("temporary")
def test_a_window_has_its_players_name(stage, game):
    (game / "title.py").write_text(TITLE)
    assert run(stage, game, "title.py", "Ann").stdout.splitlines()[-1] == "Ann - mygame"


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        ("leap", "^you are put back"),
        ("gate", "^you are in the meadow by night"),
        ("stray", "^walks on"),
    ],
)
@pytest.mark.usefixtures("temporary")
def test_the_ai_server_has_the_last_word(stage, game, what, seen):
    (game / "roamer.py").write_text(ROAMER)
    (game / "play.py").write_text(PLAY)
    ended = run(stage, game, "play.py", what, seen)
    assert ended.returncode == 0, ended.stdout

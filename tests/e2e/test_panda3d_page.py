"""The page for people who have a game with ServerRepository, step by step, on its configuration."""

import pathlib
import re
import shutil
import subprocess
import sys
import threading

import pytest

from harness.daemon import free_port, wait_for_listener
from harness.process import LIMIT, Process, Program
from harness.stock import CERTIFICATE, KEY

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "panda3d.md").read_text()
CONFIGURATION = REPOSITORY / "config" / "panda3d.yml"

# The class that the DC file of that configuration imports.
MESSAGE = """
from direct.distributed.DistributedObject import DistributedObject

class Message(DistributedObject):
    text = ""

    def setText(self, text):
        self.text = text

    def getText(self):
        return self.text

    def announceGenerate(self):
        super().announceGenerate()
        print(f"somebody says {self.text}", flush=True)
"""

# A game as small as can be: it says what it is told to, and what it hears.
CHAT = """
import queue, sys, threading
from panda3d.core import URLSpec, loadPrcFileData

url, suffix, *prc = sys.argv[1:]
loadPrcFileData("", "window-type none\\naudio-library-name null\\n" + "\\n".join(prc))

from direct.distributed.ClientRepository import ClientRepository
from direct.distributed.TimeManager import TimeManager
from direct.showbase.ShowBase import ShowBase
from message import Message

class Chat(ClientRepository):
    def __init__(self):
        super().__init__(dcFileNames=["panda3d.dc"], dcSuffix=suffix)
        self.accept(self.uniqueName("createReady"), self.ready)
        self.accept(self.uniqueName("gotTimeSync"), lambda: print("it knows the time", flush=True))
        failed = lambda code, text: print(f"no connection: {code}", flush=True)
        self.connect([URLSpec(url)], successCallback=lambda: None, failureCallback=failed)

    def ready(self):
        self.setInterestZones([1])
        print("it is ready", flush=True)

    def lostConnection(self):
        print("the connection is lost", flush=True)

    def say(self, text):
        message = Message(self)
        message.text = text
        self.createDistributedObject(distObj=message, zoneId=1)

base = ShowBase()
chat = Chat()
words = queue.SimpleQueue()

def read():
    for line in sys.stdin:
        words.put(line.rstrip("\\n"))

threading.Thread(target=read, daemon=True).start()
while True:
    base.taskMgr.step()
    try:
        word = words.get(timeout=0.01)
    except queue.Empty:
        continue
    if word == "make a TimeManager":
        chat.createDistributedObject("TimeManager" + suffix, zoneId=1)
    elif word == "show life":
        chat.startHeartbeat()
        chat.sendHeartbeat()
    else:
        chat.say(word)
"""


class Game:
    """The folder of the game, with the page's configuration and free ports for its fixed ones."""

    def __init__(self, stage):
        self.stage, self.directory = stage, stage.directory
        (self.directory / "message.py").write_text(MESSAGE)
        (self.directory / "chat.py").write_text(CHAT)
        shutil.copy(CONFIGURATION.with_suffix(".dc"), self.directory)
        self.text = CONFIGURATION.read_text()
        self.players, self.programs = free_port(), free_port()
        for fixed, free in ((4400, self.players), (4401, self.programs), (7199, free_port())):
            assert self.text.count(f":{fixed}\n") == 1
            self.text = self.text.replace(f":{fixed}\n", f":{free}\n")

    def leave_out(self, pattern: str) -> None:
        self.text, count = re.subn(pattern, "", self.text)
        assert count == 1, pattern

    def add(self, pattern: str, lines: str) -> None:
        self.text, count = re.subn(pattern, lambda found: found[0] + lines, self.text)
        assert count == 1, pattern

    def check(self) -> str:
        (self.directory / "panda3d.yml").write_text(self.text)
        command = [self.stage.binary, "check", "panda3d.yml"]
        done = subprocess.run(
            command, cwd=self.directory, capture_output=True, text=True, timeout=LIMIT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def start_daemon(self) -> None:
        (self.directory / "panda3d.yml").write_text(self.text)
        self.daemon = Process("daemon", [self.stage.binary, "panda3d.yml"], self.directory)
        self.stage.processes.append(self.daemon)
        wait_for_listener(self.daemon, self.players)

    def start(self, name: str, url: str = "", suffix: str = "", prc: tuple = ()) -> Program:
        url = url or f"http://127.0.0.1:{self.players}"
        command = [sys.executable, "chat.py", url, suffix, *prc]
        program = Program(name, command, self.directory)
        self.stage.processes.append(program)
        return program

    def wait_for_log(self, text: str) -> None:
        for _ in range(int(LIMIT * 20)):
            if text in self.daemon.log.read_text():
                return
            # Between two looks at it.
            threading.Event().wait(0.05)
        raise AssertionError(f"the log does not say “{text}”")


@pytest.fixture
def game(stage):
    return Game(stage)


def test_the_steps_of_the_page(game):
    """Steps 1 to 4: the configuration as it is."""
    assert "Panda3D's own repository" in game.check()
    game.start_daemon()
    ann, bob = game.start("ann"), game.start("bob")
    for player in (ann, bob):
        player.wait_for_line("it is ready")
        # The agent's own TimeManager.
        player.wait_for_line("it knows the time")
    ann.tell("hello")
    bob.wait_for_line("somebody says hello")
    # Players may make messages only.
    bob.tell("make a TimeManager")
    game.wait_for_log("of class TimeManager, which clients may not (client.create)")
    bob.tell("show life")
    bob.tell("still here")
    ann.wait_for_line("somebody says still here")
    # Who comes later sees what is there.
    cid = game.start("cid")
    cid.wait_for_line("somebody says hello")
    cid.wait_for_line("somebody says still here")


def test_a_program_of_ones_own_tells_the_time(game):
    """Step 4, where the agent does not."""
    game.leave_out(r"\n +time_manager:\n +zone: 1")
    game.start_daemon()
    ai = game.start("ai", f"http://127.0.0.1:{game.programs}", "AI")
    ai.wait_for_line("it is ready")
    ai.tell("make a TimeManager")
    ann = game.start("ann")
    ann.wait_for_line("it knows the time")


def test_without_the_list_everybody_may_make_all(game):
    """Step 2."""
    game.leave_out(r"\n +create: .*")
    game.leave_out(r"\n +time_manager:\n +zone: 1")
    assert "every client may make objects of every class" in game.check()


def test_what_newcomers_are_told(game):
    """Step 5."""
    assert "      regenerate: server\n" in PAGE
    game.add(r"\n +create: .*", "\n      regenerate: server")
    game.start_daemon()
    ann = game.start("ann")
    ann.wait_for_line("it is ready")
    ann.tell("hello")
    game.start("bob").wait_for_line("somebody says hello")


def test_encryption(game):
    """Step 6."""
    for name, file in (("fullchain.pem", CERTIFICATE), ("key.pem", KEY)):
        assert name in PAGE
        shutil.copy(file, game.directory / name)
    lines = "\n    tls:\n      certificate: fullchain.pem\n      key_file: key.pem"
    assert lines.lstrip("\n") in PAGE
    game.add(r"\n +- type: clientagent|\n  - type: clientagent", lines)
    game.start_daemon()
    url = f"https://127.0.0.1:{game.players}"
    ann = game.start("ann", url, prc=("ssl-certificates fullchain.pem",))
    ann.wait_for_line("it knows the time")
    stranger = game.start("stranger", url)
    stranger.until(lambda: any("no connection" in line for line in stranger.lines), "be refused")

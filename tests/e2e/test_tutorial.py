"""The programs of the tutorial and of the README, run as these say on the quickstart cluster."""

import os
import pathlib
import re
import shutil
import socket
import sys

import pytest

from harness.daemon import free_port, wait_for_listener
from harness.process import Process, Program

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
README = REPOSITORY / "README.md"
TUTORIAL = REPOSITORY / "docs" / "tutorial.md"
PROGRAMS = sorted((REPOSITORY / "docs" / "tutorial").glob("*.py"))
CONFIGURATION = REPOSITORY / "config" / "quickstart.yml"
DC_FILE = CONFIGURATION.with_suffix(".dc")


class Session:
    """The tutorial's steps in a folder of their own, with free ports for its fixed ones."""

    def __init__(self, stage):
        self.stage = stage
        self.directory = stage.directory
        # A program's output must not wait in a buffer for more.
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        for path in [*PROGRAMS, DC_FILE]:
            shutil.copy(path, self.directory)

    def start_daemon(self) -> None:
        text = CONFIGURATION.read_text()
        if self.stage.astron:  # which crashes in its default mode
            text = text.replace("messagedirector:", "messagedirector:\n  threaded: false")
        messages, clients, events = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
        for fixed, free in ((7199, messages), (7198, clients), (7197, events), (7180, free_port())):
            assert f"127.0.0.1:{fixed}" in text
            text = text.replace(f"127.0.0.1:{fixed}", f"127.0.0.1:{free}")
        (self.directory / "quickstart.yml").write_text(text)
        self.clients = f"127.0.0.1:{clients}"
        self.environment["CLIENT_AGENT"] = self.clients
        self.environment["MESSAGE_DIRECTOR"] = f"127.0.0.1:{messages}"
        daemon = Process("daemon", [self.stage.binary, "quickstart.yml"], self.directory)
        self.stage.processes.append(daemon)
        for port in (messages, clients):
            wait_for_listener(daemon, port)

    def start(self, name: str, program: str, *arguments: str) -> Program:
        command = [sys.executable, program, *arguments]
        started = Program(name, command, self.directory, env=self.environment)
        self.stage.processes.append(started)
        return started


@pytest.fixture
def quickstart(stage):
    session = Session(stage)
    session.start_daemon()
    return session


@pytest.fixture
def session(quickstart):
    session = quickstart
    session.start("uberdog", "uberdog.py").wait_for_line("the login manager is ready")
    session.start("ai", "ai.py").wait_for_line("the room is ready")
    return session


def test_two_players_walk_and_talk(session):
    ann = session.start("ann", "client.py", "Ann")
    ann.wait_for_line("you are Ann")
    bob = session.start("bob", "client.py", "Bob")
    bob.wait_for_line("you are Bob")
    bob.wait_for_line("Ann is here")
    ann.wait_for_line("Bob is here")

    ann.tell("w")
    ann.wait_for_line("Ann walks to (0, 1)")
    bob.wait_for_line("Ann walks to (0, 1)")
    bob.tell("good morning, Ann")
    ann.wait_for_line("Bob: good morning, Ann")

    bob.kill()
    ann.wait_for_line("Bob is gone")


def test_a_wrong_password(session):
    eve = session.start("eve", "client.py", "Eve", "12345")
    eve.end_expected = True
    assert eve.wait_for_end() == 1
    assert "wrong password (122)" in eve.log.read_text()


def test_the_lines_of_the_readme(quickstart):
    """They run beside the tutorial's programs, which the DC file imports."""
    (text,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    for fixed, here in (
        ("127.0.0.1:7198", quickstart.clients),
        ("../../config/quickstart.dc", "quickstart.dc"),
    ):
        assert text.count(fixed) == 1
        text = text.replace(fixed, here)
    (quickstart.directory / "readme.py").write_text(text)
    quickstart.start("readme", "readme.py").wait_for_line("the server says hello")


@pytest.mark.parametrize("path", [*PROGRAMS, DC_FILE], ids=lambda path: path.name)
def test_the_tutorial_shows_the_programs_as_they_are(path):
    language = {".py": "python", ".dc": "c"}[path.suffix]
    assert f"```{language}\n{path.read_text()}```\n" in TUTORIAL.read_text()

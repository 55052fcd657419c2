"""The programs of docs/tutorial.md, run as the tutorial says, on the quickstart configuration."""

import os
import pathlib
import shutil
import sys

import pytest

from harness.daemon import free_port, wait_for_listener
from harness.process import Process, TalkingProcess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TUTORIAL = REPOSITORY / "docs" / "tutorial.md"
PROGRAMS = sorted((REPOSITORY / "tests" / "e2e" / "tutorial").glob("*.py"))
CONFIGURATION = REPOSITORY / "tests" / "e2e" / "tutorial" / "quickstart.yml"
DC_FILE = CONFIGURATION.with_suffix(".dc")


class Program(TalkingProcess):
    """One of the tutorial's programs."""

    def __init__(self, *arguments, **options):
        self.lines: list[str] = []
        super().__init__(*arguments, **options)

    def handle_line(self, line: str) -> None:
        self.lines.append(line)

    def describe(self) -> str:
        return "\n".join(f"  {line}" for line in self.lines)

    def wait_for_line(self, line: str) -> None:
        self.until(lambda: line in self.lines, f"print “{line}”")


class Session:
    """The tutorial's steps in a folder of their own, with free ports for its fixed ones."""

    def __init__(self, stage):
        self.stage = stage
        self.directory = stage.directory
        self.environment = dict(os.environ)
        for path in [*PROGRAMS, DC_FILE]:
            shutil.copy(path, self.directory)

    def start_daemon(self) -> None:
        text = CONFIGURATION.read_text()
        ports = {}
        for variable, port in (("MESSAGE_DIRECTOR", 7199), ("CLIENT_AGENT", 7198)):
            known = f"127.0.0.1:{port}"
            assert text.count(known) == 1, known
            ports[variable] = free_port()
            text = text.replace(known, f"127.0.0.1:{ports[variable]}")
            self.environment[variable] = f"127.0.0.1:{ports[variable]}"
        (self.directory / "quickstart.yml").write_text(text)
        daemon = Process("daemon", [self.stage.binary, "quickstart.yml"], self.directory)
        self.stage.processes.append(daemon)
        for port in ports.values():
            wait_for_listener(daemon, port)

    def start(self, name: str, program: str, *arguments: str) -> Program:
        command = [sys.executable, program, *arguments]
        started = Program(name, command, self.directory, env=self.environment)
        self.stage.processes.append(started)
        return started


@pytest.fixture
def session(stage):
    session = Session(stage)
    session.start_daemon()
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


@pytest.mark.parametrize("path", [*PROGRAMS, DC_FILE], ids=lambda path: path.name)
def test_the_tutorial_shows_the_programs_as_they_are(path):
    language = {".py": "python", ".dc": "c"}[path.suffix]
    assert f"```{language}\n{path.read_text()}```\n" in TUTORIAL.read_text()

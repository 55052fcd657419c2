"""The page about the Python side: the game that its pieces make is played, so that it stays right."""

import os
import pathlib
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Callable

import pytest

from harness.daemon import free_port, wait_for_listener
from harness.process import LIMIT, Process, Program

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "python.md").read_text()
PIECES = re.findall(r"^```\w+\n(?:#|//) (\w+\.\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


class Game:
    """The page's files in a folder of their own, with free ports for its fixed ones."""

    def __init__(self, stage):
        self.stage, self.directory = stage, stage.directory
        self.messages, self.clients = free_port(), free_port()
        files: dict[str, str] = {}
        for name, text in PIECES:
            files[name] = files.get(name, "") + text
        assert sorted(files) == ["ai.py", "client.py", "game.dc", "game.yml", "objects.py", "uberdog.py"]
        for fixed, free in (("7199", self.messages), ("7198", self.clients)):
            assert files["game.yml"].count(f":{fixed}\n") == 1
            files["game.yml"] = files["game.yml"].replace(f":{fixed}\n", f":{free}\n")
        for name, text in files.items():
            (self.directory / name).write_text(text)
        self.environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "MESSAGE_DIRECTOR_PORT": str(self.messages),
            "CLIENT_AGENT_PORT": str(self.clients),
        }

    def start_daemon(self) -> Process:
        command = [self.stage.binary, "--loglevel", "debug", "game.yml"]
        daemon = Process("daemon", command, self.directory)
        self.stage.processes.append(daemon)
        for port in (self.messages, self.clients):
            wait_for_listener(daemon, port)
        return daemon

    def give_database_away(self) -> None:
        """Have it run in a daemon of its own, which can be stopped."""
        configuration = self.directory / "game.yml"
        role = re.search(r"^  - type: database\n(    .*\n)+", configuration.read_text(), re.MULTILINE)
        configuration.write_text(configuration.read_text().replace(role.group(), ""))
        (self.directory / "database.yml").write_text(
            f"messagedirector: {{bind: unspecified, connect: 127.0.0.1:{self.messages}}}\n"
            f"general: {{dc_files: [game.dc]}}\nroles:\n{role.group()}"
        )

    def start_database(self) -> Process:
        database = Process("database", [self.stage.binary, "database.yml"], self.directory)
        self.stage.processes.append(database)
        return database

    def start(self, name: str, program: str, *arguments: str) -> Program:
        command = [sys.executable, program, *arguments]
        started = Program(name, command, self.directory, env=self.environment)
        self.stage.processes.append(started)
        return started

    def start_servers(self) -> tuple[Program, Program]:
        uberdog, ai = self.start("uberdog", "uberdog.py"), self.start("ai", "ai.py")
        uberdog.wait_for_line("the account manager is ready")
        ai.wait_for_line("the world is ready")
        return uberdog, ai

    def play(self, name: str, password: str = "secret", at: str = "0, 0", known_as: str = "") -> Program:
        player = self.start(known_as or name, "client.py", name, password)
        player.wait_for_line(f"you are {name} at {at}")
        player.wait_for_line("the clock is set")
        return player

    def ends(self, player: Program, text: str) -> None:
        player.end_expected = True
        player.wait_for_end()
        assert text in player.log.read_text()


def wait_until(condition: Callable, wanted: str) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, wanted
        time.sleep(0.02)


@pytest.fixture
def files(stage):
    """The page's files, before anything has been started."""
    if stage.astron:
        pytest.skip("its configuration is donet's")
    return Game(stage)


@pytest.fixture
def game(files):
    game = files
    game.daemon = game.start_daemon()
    game.uberdog, game.ai = game.start_servers()
    return game


def test_players_see_what_they_are_to_see(game):
    ann = game.play("Ann")
    ann.wait_for_line("a lamp, dark")
    bob = game.play("Bob")
    ann.wait_for_line("Bob is here")
    bob.wait_for_line("Ann is here")

    ann.tell("walk")
    ann.wait_for_line("you walk to 1, 0")
    ann.tell("run")  # which the AI does not allow
    ann.tell("toggle")
    bob.wait_for_line("the lamp is lit")

    bob.tell("cellar")
    ann.wait_for_line("Bob is gone")
    bob.wait_for_line("the lamp is gone")
    bob.tell("garden")
    bob.wait_for_line("a lamp, lit")

    bob.tell("smash")
    ann.wait_for_line("the lamp is gone")
    assert not any("walk to 10" in line for line in ann.lines)

    bob.end_expected = True
    bob.tell("bye")
    ann.until(lambda: ann.lines.count("Bob is gone") == 2, "see Bob go")
    # What happens in the programs unseen is told in their logs.
    for program in (ann, game.ai, game.uberdog):
        assert "Traceback" not in program.log.read_text()


def test_accounts_are_kept(game):
    ann = game.play("Ann")
    ann.tell("walk")
    ann.wait_for_line("you walk to 1, 0")
    # With the same account from elsewhere: the first one makes way.
    again = game.play("Ann", at="1, 0", known_as="ann again")
    game.ends(ann, "put out: logged in elsewhere (100)")
    eve = game.start("eve", "client.py", "Ann", "guess")
    game.ends(eve, "put out: wrong password (122)")
    again.end_expected = True
    again.tell("bye")
    again.wait_for_end()
    with sqlite3.connect(game.directory / "names.sqlite") as names:
        ((name, account),) = names.execute("select * from names").fetchall()
    assert (name, account in range(10_000_000, 11_000_000)) == ("Ann", True)
    game.play("Ann", at="1, 0", known_as="ann once more")


def test_an_ai_that_is_lost(game):
    """All that it had goes with it, and what is stored comes again with the next one."""
    ann = game.play("Ann")
    ann.tell("walk")
    ann.wait_for_line("you walk to 1, 0")
    game.ai.kill()
    ann.wait_for_line("the lamp is gone")
    game.ends(ann, "(153)")
    game.start("ai again", "ai.py").wait_for_line("the world is ready")
    game.play("Ann", at="1, 0", known_as="ann again").wait_for_line("a lamp, dark")


def test_servers_whose_link_is_lost_end(game):
    game.daemon.kill()
    for server in (game.ai, game.uberdog):
        game.ends(server, "the link is lost")


def test_a_database_that_does_not_answer(files):
    game = files
    game.give_database_away()
    game.daemon = game.start_daemon()
    database = game.start_database()
    game.uberdog, game.ai = game.start_servers()
    game.play("Ann")

    database.popen.send_signal(signal.SIGSTOP)
    for name in ("Ann", "Eve"):  # one who has an account, and one who has none yet
        waits = game.start(f"{name} waits", "client.py", name, "secret")
        game.ends(waits, "put out: the database does not answer (1000)")
    database.popen.send_signal(signal.SIGCONT)
    # What it answers now is too late, and in nobody's way.
    game.play("Eve")
    with sqlite3.connect(game.directory / "names.sqlite") as names:
        assert sorted(names.execute("select name from names")) == [("Ann",), ("Eve",)]
    assert "Traceback" not in game.uberdog.log.read_text()


def test_an_avatar_whose_player_has_gone_before_it_came(game):
    ann = game.play("Ann")
    game.ai.popen.send_signal(signal.SIGSTOP)
    eve = game.start("Eve", "client.py", "Eve", "secret")
    with sqlite3.connect(game.directory / "names.sqlite", isolation_level=None) as names:
        find = "select name from names where name = 'Eve'"
        wait_until(lambda: names.execute(find).fetchone(), "Eve is let in")
    eve.kill()
    wait_until(lambda: ": client lost" in game.daemon.log.read_text(), "its end is noticed")
    game.ai.popen.send_signal(signal.SIGCONT)
    ann.wait_for_line("Eve is here")
    ann.wait_for_line("Eve is gone")
    assert "Traceback" not in game.ai.log.read_text()

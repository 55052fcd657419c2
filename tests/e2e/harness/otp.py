"""The example for games of the OTP era as it is shipped, and more agents, worlds and programs on its daemon."""

import json
import os
import pathlib
import shutil
import sys

from harness.actor import Client
from harness.daemon import (
    CHAT_FILTER,
    LOGIN_MANAGER,
    ROOT,
    WORLD_DC,
    Ports,
    client_agent,
    free_port,
    wait_for_listener,
)
from harness.process import Process, Program
from harness.stock import STOCK_DC, stock_agent

CONFIG = pathlib.Path(__file__).resolve().parents[3] / "config"
# What the example's programs agree on.
sys.path.append(str(CONFIG))
import otp_numbers as numbers  # noqa: E402

# Below the root, where the town is, and in the town.
TOWN_ZONE, SQUARE, PARK, QUIET, UBER = 2, 5, 6, 1, 4
# The parent of all zones of stock clients, which their agent makes.
SEA = 2_500

AGENTS = {
    "objects": {"type": "otp", "owner_view": 36},
    "avatars": {"type": "otp", "owner_view": 15, "heartbeat_ms": 3000},
    "2003": {"type": "toontown2003", "zones": {"uber": UBER}},
}


def otp_agent(number: int, port: int, client: dict) -> dict:
    first = 1_000_010_000 + 1000 * number
    login = {"login": [3, 6, 32, 125, 127], "login_to": numbers.GATEKEEPER}
    return {
        "type": "clientagent",
        "bind": f"127.0.0.1:{port}",
        "channels": {"min": first, "max": first + 999},
        "client": {"root": ROOT, **login, **client},
    }


class OtpClient(Client):
    """A player's program of the era."""

    script = "era_client.py"

    def register(self, name: str, password: str = "guest") -> int:
        """Make an account; its number."""
        return self._let_in("register", name, password)

    def log_in(self, name: str, password: str = "guest") -> int:
        return self._let_in("log_in", name, password)

    def _let_in(self, command: str, name: str, password: str) -> int:
        login = self._answer(command, name, password)
        assert login["code"] == numbers.OK, login
        return login["account"]

    def ask(self, command: str, name: str, password: str) -> int:
        """Try to log in or to register; the code of the answer."""
        return self._answer(command, name, password)["code"]

    def _answer(self, command: str, name: str, password: str) -> dict:
        self.wait("connected")
        last = self.reports[-1]
        self.call(command, name, password)
        return self.wait("login", after=last)

    def avatars(self) -> list:
        last = self.reports[-1]
        self.call("get_avatars")
        return self.wait("avatars", after=last, code=numbers.OK)["avatars"]

    def create_avatar(self, name: str, colour: int = 0) -> int:
        last = self.reports[-1]
        self.call("create_avatar", name, colour)
        return self.wait("avatar created", after=last, code=numbers.OK)["avatar"]

    def choose(self, avatar: int) -> None:
        self.call("set_avatar", avatar)
        self.wait_to_own(avatar)
        self.avatar = avatar

    def open(self, parent: int, *zones: int) -> int:
        handle = self.call("open_interest", parent, list(zones))
        self.wait("interest opened", handle=handle)
        return handle

    def alter(self, handle: int, parent: int, *zones: int) -> None:
        last = self.reports[-1]
        self.call("alter_interest", handle, parent, list(zones))
        self.wait("interest altered", after=last, handle=handle)

    def entrances(self, after: dict) -> list[int]:
        """Which objects have come since, in their order."""
        return [
            report["do"]
            for report in self.since(after)
            if report["report"] == "enter" and report["view"] == "object"
        ]


class Example:
    """The shipped files in a folder of their own, with free ports for their fixed ones."""

    def __init__(self, stage):
        self.stage, self.directory = stage, stage.directory
        for file in CONFIG.glob("otp*"):
            if file.suffix in (".yml", ".dc", ".py"):
                shutil.copy(file, self.directory)
        self.text = (self.directory / "otp.yml").read_text()
        self.ports = Ports()
        self.players = free_port()
        for fixed, free in ((7199, self.ports.messages), (6667, self.players)):
            self.replace(f":{fixed}\n", f":{free}\n")
        self.environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "MESSAGE_DIRECTOR_PORT": str(self.ports.messages),
            "CLIENT_AGENT_PORT": str(self.players),
        }
        stage.modules = [str(CONFIG)]
        stage.dc_files = [str(CONFIG / "otp.dc")]
        self.listeners = [self.ports.messages, self.players]

    def replace(self, old: str, new: str) -> None:
        assert self.text.count(old) == 1, old
        self.text = self.text.replace(old, new)

    def add(self, dc_files: list, uberdogs: list[dict], roles: list[dict], ports: list[int]) -> None:
        """More on the same daemon. JSON is YAML, so that the tests need no YAML library."""
        self.stage.dc_files += map(str, dc_files)
        self.replace("    - otp.dc\n", "    - otp.dc\n" + _lines(4, map(str, dc_files)))
        self.replace("uberdogs:\n", "uberdogs:\n" + _lines(2, uberdogs))
        self.text += _lines(2, roles)
        self.listeners += ports

    def start_daemon(self) -> Process:
        (self.directory / "otp.yml").write_text(self.text)
        daemon = self.start_process("daemon", [self.stage.binary, "--loglevel", "debug", "otp.yml"])
        for port in self.listeners:
            wait_for_listener(daemon, port)
        daemon.ports = self.ports
        self.stage.daemon = daemon
        return daemon

    def give_database_away(self) -> None:
        """Have it run in a daemon of its own, which can be stopped."""
        start = self.text.index("  # Keeps accounts and frogs for good")
        end = self.text.index("  # Brings frogs to life")
        role = self.text[start:end]
        self.text = self.text[:start] + self.text[end:]
        (self.directory / "database.yml").write_text(
            f"messagedirector: {{bind: unspecified, connect: 127.0.0.1:{self.ports.messages}}}\n"
            f"general: {{dc_files: [otp.dc]}}\nroles:\n{role}"
        )

    def start_process(self, name: str, command: list) -> Process:
        process = Process(self.fresh(name), command, self.directory)
        self.stage.processes.append(process)
        return process

    def start_program(self, name: str, program: str, *arguments: str) -> Program:
        command = [sys.executable, program, *arguments]
        started = Program(self.fresh(name), command, self.directory, env=self.environment)
        self.stage.processes.append(started)
        return started

    def start_uberdog(self) -> Program:
        uberdog = self.start_program("gatekeeper", "otp_uberdog.py")
        uberdog.wait_for_line("the gatekeeper is ready")
        return uberdog

    def start_ai(self) -> Program:
        ai = self.start_program("pond", "otp_ai.py")
        ai.wait_for_line("the pond is ready")
        return ai

    def fresh(self, name: str) -> str:
        """What starts again has a log of its own."""
        earlier = sum(process.name.split("-")[0] == name for process in self.stage.processes)
        return f"{name}-{earlier + 1}" if earlier else name

    def start_client(self, name: str) -> OtpClient:
        """A player of the example, who has not logged in yet."""
        return self.stage._start(
            OtpClient,
            self.fresh(name),
            port=self.players,
            root=numbers.ROOT,
            avatar_class="Frog",
            heartbeat=5,
        )


def _lines(indent: int, values) -> str:
    return "".join(f"{' ' * indent}- {json.dumps(value)}\n" for value in values)


class MixedExample(Example):
    """The example's accounts in one daemon with the tests' world, for clients of every type."""

    def __init__(self, stage):
        super().__init__(stage)
        self.agents = {name: free_port() for name in AGENTS}
        self.stock, self.trusted = free_port(), free_port()
        agents = enumerate(AGENTS.items())
        self.add(
            dc_files=[WORLD_DC, STOCK_DC],
            uberdogs=[
                {"id": LOGIN_MANAGER, "class": "LoginManager", "anonymous": True},
                {"id": CHAT_FILTER, "class": "ChatFilter", "anonymous": False},
            ],
            roles=[
                client_agent(self.ports.clients, 1_000_000_000),
                stock_agent(self.stock, self.trusted, {"root": SEA}),
                *(otp_agent(number, self.agents[name], client) for number, (name, client) in agents),
            ],
            ports=[self.ports.clients, self.stock, *self.agents.values()],
        )

    def start_era_client(self, name: str, agent: str, **settings) -> OtpClient:
        era = AGENTS[agent]["type"]
        return self.stage._start(OtpClient, name, port=self.agents[agent], era=era, **settings)

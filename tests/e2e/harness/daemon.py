"""The daemon under test: one process with all roles on free ports of the loopback interface."""

import json
import os
import pathlib
import random
import socket
import time

from harness.process import LIMIT, Process

WORLD_DC = pathlib.Path(__file__).parent.parent / "world.dc"
VERSION = "e2e 1.0"

# Ids and channels of the test world. None of them is special to the daemon.
LOGIN_MANAGER = 4660
ROOT = 4661
CHAT_FILTER = 4662
STATE_SERVER = 4001
DATABASE = 4003
STORED = {"min": 50_000, "max": 59_999}
UBERDOG_CHANNEL = 100_000_000
AI_CHANNEL = 200_000_000
SECOND_AI_CHANNEL = 300_000_000

HEARTBEAT_TIMEOUT_MS = 3000

# `backend` sections that the database tests can be run with. Paths are relative to the
# configuration's folder; servers are named by the same variables as for the other tests.
DATABASE_BACKENDS = {
    "yaml": {"type": "yaml", "directory": "stored"},
    "sqlite": {"type": "sqlite", "file": "stored.sqlite"},
    "postgres": {"type": "postgres", "url": os.environ.get("DONET_TEST_POSTGRES_URL", "")},
    "mysql": {"type": "mysql", "url": os.environ.get("DONET_TEST_MYSQL_URL", "")},
}


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody has.

    None of those that the system gives to connections: it might give it to one before the daemon
    listens there.
    """
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("0.0.0.0", port))
                return port
            except OSError:
                continue


def wait_for_listener(process: Process, port: int) -> None:
    """Wait until somebody accepts connections there: the one way any daemon says `ready`."""
    deadline = time.monotonic() + LIMIT
    while True:
        process.check_running()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


class Ports:
    """The addresses that one daemon listens on."""

    def __init__(self):
        self.messages = free_port()
        self.clients = free_port()
        self.strict_clients = free_port()
        self.websocket = free_port()
        self.events = free_port(socket.SOCK_DGRAM)


def client_agent(port: int, first_channel: int, **client) -> dict:
    return {
        "type": "clientagent",
        "bind": f"127.0.0.1:{port}",
        "version": VERSION,
        "channels": {"min": first_channel, "max": first_channel + 999},
        "client": {"relocate": True, "add_interest": "visible", **client},
    }


def configuration(
    ports: Ports,
    database_backend: dict | None,
    websocket: bool,
    dc_files: list[str],
    more_roles: list[dict],
    more_uberdogs: list[dict],
    client: dict,
) -> dict:
    """The cluster. `threaded: false` means nothing to donet; Astron crashes without it."""
    roles = [
        {"type": "eventlogger", "bind": f"127.0.0.1:{ports.events}", "output": "events.log"},
        {"type": "stateserver", "control": STATE_SERVER},
        client_agent(ports.clients, 1_000_000_000, **client),
        client_agent(ports.strict_clients, 1_000_001_000, heartbeat_timeout=HEARTBEAT_TIMEOUT_MS),
    ]
    if websocket:
        roles[2]["websocket"] = {"bind": f"127.0.0.1:{ports.websocket}"}
    if database_backend is not None:
        roles += [
            {
                "type": "database",
                "control": DATABASE,
                "generate": STORED,
                "backend": database_backend,
            },
            {"type": "dbss", "database": DATABASE, "ranges": [STORED]},
        ]
    return {
        "messagedirector": {"bind": f"127.0.0.1:{ports.messages}", "threaded": False},
        "general": {
            "dc_files": dc_files,
            "eventlogger": f"127.0.0.1:{ports.events}",
        },
        "uberdogs": [
            {"id": LOGIN_MANAGER, "class": "LoginManager", "anonymous": True},
            {"id": CHAT_FILTER, "class": "ChatFilter", "anonymous": False},
            *more_uberdogs,
        ],
        "roles": roles + more_roles,
    }


class Daemon(Process):
    """A running daemon that accepts connections."""

    def __init__(
        self,
        binary: pathlib.Path,
        directory: pathlib.Path,
        database_backend: dict | None = None,
        name: str = "daemon",
        websocket: bool = False,
        dc_files: list[str] = (str(WORLD_DC),),
        more_roles: list[dict] = (),
        more_uberdogs: list[dict] = (),
        client: dict | None = None,
    ):
        self.ports = Ports()
        self.event_log = directory / "events.log"
        if database_backend is not None and "directory" in database_backend:
            (directory / database_backend["directory"]).mkdir(exist_ok=True)
        # JSON is YAML, so that the tests need no YAML library.
        config = directory / f"{name}.yml"
        contents = configuration(
            self.ports,
            database_backend,
            websocket,
            list(dc_files),
            list(more_roles),
            list(more_uberdogs),
            client or {},
        )
        config.write_text(json.dumps(contents, indent=2))
        super().__init__(name, [binary, config], directory)
        for port in (self.ports.messages, self.ports.clients, self.ports.strict_clients):
            wait_for_listener(self, port)

    def wait_for_event(self, kind: str, **fields) -> dict:
        """Wait until the event logger has written an event of this type with these values."""
        deadline = time.monotonic() + LIMIT
        while True:
            for event in self.events():
                if event["type"] == kind and fields.items() <= event.items():
                    return event
            self.check_running()
            if time.monotonic() > deadline:
                raise AssertionError(f"no {kind} event with {fields} among {self.events()}")
            time.sleep(0.02)

    def events(self) -> list[dict]:
        if not self.event_log.exists():
            return []
        lines = self.event_log.read_text().split("\n")
        return [json.loads(line) for line in lines[:-1]]

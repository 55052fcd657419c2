"""Fixtures: a daemon, the servers of a small world on it, and players."""

import pathlib

import pytest

from harness.actor import Actor, Ai, Client, UberDog
from harness.daemon import (
    AI_CHANNEL,
    CHAT_FILTER,
    DATABASE_BACKENDS,
    LOGIN_MANAGER,
    ROOT,
    SECOND_AI_CHANNEL,
    STATE_SERVER,
    UBERDOG_CHANNEL,
    VERSION,
    WORLD_DC,
    Daemon,
)
from harness.process import Process
from harness.stock import Sea

TOWN = 200_500_000


def pytest_addoption(parser):
    parser.addoption("--daemon", type=pathlib.Path, help="the daemon's binary")
    parser.addoption("--astron", action="store_true", help="the daemon is Astron")
    parser.addoption(
        "--stock-server",
        action="store_true",
        help="run the tests of stock clients, and only those, on Panda3D's ServerRepository",
    )
    parser.addoption(
        "--backend",
        action="append",
        default=[],
        choices=sorted(DATABASE_BACKENDS),
        help="also run the database tests on this backend (may be repeated)",
    )


def pytest_generate_tests(metafunc):
    """The database tests run once for each backend that was asked for; none is a visible skip."""
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", metafunc.config.getoption("--backend"))


def pytest_collection_modifyitems(config, items):
    def keep(wanted) -> None:
        config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
        items[:] = [item for item in items if wanted(item)]

    def is_stock(item) -> bool:
        return item.path.name.startswith("test_stock")

    if config.getoption("--astron"):
        keep(lambda item: not is_stock(item) and not item.get_closest_marker("better_than_astron"))
    if config.getoption("--stock-server"):
        keep(lambda item: is_stock(item) and not item.get_closest_marker("better_than_stock"))


class Stage:
    """The processes of one test, in a directory of their own."""

    def __init__(self, options, directory: pathlib.Path):
        self.binary = options.daemon
        self.astron = options.astron
        self.stock_server = options.stock_server
        self.directory = directory
        self.processes: list[Process] = []
        self.daemon: Daemon | None = None
        self.dc_files = [str(WORLD_DC)]
        self.modules: list[str] = []

    def start_daemon(self, **options) -> Daemon:
        number = sum(isinstance(process, Daemon) for process in self.processes)
        name = "daemon" if number == 0 else f"daemon-{number + 1}"
        websocket = not self.astron
        self.daemon = Daemon(self.binary, self.directory, name=name, websocket=websocket, **options)
        self.processes.append(self.daemon)
        return self.daemon

    def _start(self, kind: type[Actor], name: str, **settings) -> Actor:
        actor = kind(
            name,
            self.directory,
            **{
                "dc_files": self.dc_files,
                "modules": self.modules,
                "root": ROOT,
                "login_manager": LOGIN_MANAGER,
                "chat_filter": CHAT_FILTER,
                "state_server": STATE_SERVER,
                "event_port": self.daemon.ports.events,
                **settings,
            },
        )
        self.processes.append(actor)
        return actor

    def start_uberdog(self) -> UberDog:
        uberdog = self._start(
            UberDog, "uberdog", port=self.daemon.ports.messages, channel=UBERDOG_CHANNEL
        )
        uberdog.wait("connected")
        return uberdog

    def start_ai(self, name: str = "ai", channel: int = AI_CHANNEL, **settings) -> Ai:
        ai = self._start(
            Ai, name, port=self.daemon.ports.messages, channel=channel, town=TOWN, **settings
        )
        ai.wait("connected")
        return ai

    def start_second_ai(self) -> Ai:
        return self.start_ai("second-ai", SECOND_AI_CHANNEL)

    def start_client(self, name: str, **settings) -> Client:
        return self._start(
            Client, name, **{"port": self.daemon.ports.clients, "version": VERSION, **settings}
        )

    def check_all_running(self) -> None:
        """Nothing may have ended that the test has not ended itself."""
        for process in self.processes:
            if not process.end_expected:
                process.check_running()

    def clean_up(self) -> None:
        for process in self.processes:
            process.clean_up()


STAGE = pytest.StashKey[Stage]()


@pytest.fixture
def stage(request, tmp_path):
    stage = Stage(request.config.option, tmp_path)
    request.node.stash[STAGE] = stage
    yield stage
    try:
        stage.check_all_running()
    finally:
        stage.clean_up()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test shows what the daemon and the actors printed."""
    report = yield
    stage = item.stash.get(STAGE, None)
    if report.failed and stage is not None:
        for process in stage.processes:
            report.sections.append((f"log of {process.name}", process.tail()))
    return report


class World:
    """A town on a daemon, run by an UberDOG and an AI server, into which players can come."""

    def __init__(self, stage: Stage, method: str = "net"):
        self.stage = stage
        self.method = method
        self.daemon = stage.daemon
        self.uberdog = stage.start_uberdog()
        self.ai = stage.start_ai(makes_town=True, method=method)
        self.uberdog.wait("town", do=TOWN)
        self.town = TOWN

    def connect(self, name: str, **settings) -> Client:
        """Start a player's program; it says hello, but is not logged in."""
        return self.stage.start_client(name, **{"method": self.method, **settings})

    def meet(self, client: Client) -> Client:
        """Log a player in and wait until town and avatar are there."""
        client.log_in(client.name)
        client.avatar = self.ai.wait_for_avatar(client.name)
        client.channel = self.ai.wait("avatar", name=client.name)["client"]
        client.wait_to_own(client.avatar)
        client.wait_to_see(self.town)
        return client

    def join(self, name: str, zones: list[int] | int = 1, **settings) -> Client:
        """Bring a player into the town, looking at its square (or these zones)."""
        client = self.meet(self.connect(name, **settings))
        client.square = client.open_interest(self.town, zones)
        return client

    def join_all(self, *names: str) -> list[Client]:
        """Bring several players in; their programs start at the same time."""
        clients = [self.connect(name) for name in names]
        for client in clients:
            self.meet(client)
        for client in clients:
            client.square = client.open_interest(self.town, 1)
        return clients


@pytest.fixture
def world(stage):
    stage.start_daemon()
    return World(stage)


@pytest.fixture
def sea(stage):
    """Where stock clients play."""
    return Sea(stage)

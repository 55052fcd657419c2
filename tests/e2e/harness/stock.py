"""Programs with Panda3D's own ClientRepository, and the server that they play on.

It is donet with a client agent of `type: panda3d`, or, with --stock-server, Panda3D's
ServerRepository: what these tests ask of donet is what that does, where they say nothing else.
"""

import json
import pathlib

from harness.actor import Actor, Client
from harness.daemon import free_port, wait_for_listener
from harness.process import Process

FOLDER = pathlib.Path(__file__).parent.parent
STOCK_DC = FOLDER / "stock.dc"
# For 127.0.0.1, and signed by itself. Nobody but these tests trusts it.
CERTIFICATE = FOLDER / "certificates" / "test-only.pem"
KEY = FOLDER / "certificates" / "test-only.key"

STATE_SERVER = 402_000
NOBODY = 0  # the sender of what no stock client has sent


class StockServer(Actor):
    """Panda3D's ServerRepository. It has one port for all, and no options but PRC variables."""

    script = "stock_server.py"

    def __init__(self, directory: pathlib.Path, prc: str = ""):
        self.port = self.trusted_port = free_port()
        settings = {"port": self.port, "dc_files": [str(STOCK_DC)], "prc": prc}
        super().__init__("server", directory, **settings)
        self.wait("listening")


def stock_agent(port: int, trusted_port: int, client: dict, **role) -> dict:
    return {
        "type": "clientagent",
        "bind": f"127.0.0.1:{port}",
        "client": {
            "type": "panda3d",
            "trusted": {"bind": f"127.0.0.1:{trusted_port}"},
            **client,
        },
        **role,
    }


class StockDaemon(Process):
    """donet with a state server, and a client agent for each section `client` in `agents`."""

    def __init__(
        self,
        binary: pathlib.Path,
        directory: pathlib.Path,
        agents: list[dict],
        name: str = "daemon",
        upstream: int | None = None,
        messages: int | None = None,
        **role,
    ):
        self.messages = messages or free_port()
        self.ports = [free_port() for _ in agents]
        self.trusted_ports = [free_port() for _ in agents]
        if agents:
            self.port, self.trusted_port = self.ports[0], self.trusted_ports[0]
        director = {"bind": f"127.0.0.1:{self.messages}"}
        roles = [{"type": "stateserver", "control": STATE_SERVER}]
        if upstream is not None:
            director["connect"] = f"127.0.0.1:{upstream}"
            roles = []
        for port, trusted_port, client in zip(self.ports, self.trusted_ports, agents):
            roles.append(stock_agent(port, trusted_port, client, **role))
        config = directory / f"{name}.yml"
        config.write_text(
            json.dumps(
                {
                    "messagedirector": director,
                    "general": {"dc_files": [str(STOCK_DC)]},
                    "roles": roles,
                },
                indent=2,
            )
        )
        super().__init__(name, [binary, config], directory)
        for port in [self.messages, *self.ports, *self.trusted_ports]:
            wait_for_listener(self, port)


class StockClient(Client):
    """A stock program; `owned` are the objects that it has made, `visible` those of others."""

    script = "stock_client.py"

    def __init__(self, *arguments, **settings):
        self.base = self.count = 0
        super().__init__(*arguments, **settings)

    def wait_to_be_ready(self) -> "StockClient":
        ready = self.wait("ready")
        self.base, self.count = ready["base"], ready["count"]
        return self

    def look_at(self, *zones: int) -> None:
        """Look at these zones, and wait until it is so: a change is answered with a list."""
        seen = len(self.reports)
        self.call("look_at", zones)
        self.until(
            lambda: any(report["report"] == "disabled" for report in self.reports[seen:]),
            f"hear that it looks at {zones}",
        )

    def create(
        self,
        name: str,
        zone: int,
        fields: dict | None = None,
        optional: list[str] = (),
        do: int | None = None,
    ) -> int:
        return self.call("create", name, zone, fields or {}, list(optional), do)

    def launch(self, name: str, zone: int, **fields) -> int:
        """Create a ship."""
        return self.create("Ship", zone, {"setName": [name], "setCargo": [[]], **fields})

    def told(self, kind: str, after: dict | None = None, **fields) -> list[dict]:
        """All reports of this kind with these values (later than `after`)."""
        return [
            report
            for report in self.since(after)
            if report["report"] == kind and fields.items() <= report.items()
        ]

    def field(self, do: int, name: str, values: list, after: dict | None = None) -> dict:
        """Wait for an update, and return the report of it."""
        return self.wait("field", after=after, do=do, name=name, values=values)


class Sea:
    """A server and the programs of stock clients on it."""

    def __init__(
        self,
        stage,
        prc: str = "",
        role: dict | None = None,
        agents: list[dict] | None = None,
        server: StockDaemon | None = None,
        **client,
    ):
        """`role` and `client` are options of donet's client agent, `prc` of a ServerRepository.

        With `agents` there are several client agents, each with these options; `server` is one that
        runs already.
        """
        self.stage = stage
        self.server = server
        if server is not None:
            return
        if stage.stock_server:
            server = StockServer(stage.directory, prc)
        else:
            server = StockDaemon(stage.binary, stage.directory, agents or [client], **role or {})
        self.server = server
        stage.processes.append(server)

    def start(self, name: str, port: int | None = None, **settings) -> StockClient:
        """Start a program and do not wait for it, so that several start at the same time."""
        client = StockClient(
            name,
            self.stage.directory,
            **{
                "dc_files": [str(STOCK_DC)],
                "port": port or self.server.port,
                "method": "http",
                **settings,
            },
        )
        self.stage.processes.append(client)
        return client

    def start_ai(self, name: str = "ai", port: int | None = None, **settings) -> StockClient:
        return self.start(name, port or self.server.trusted_port, suffix="AI", **settings)

    def join(self, *names: str, zones: tuple[int, ...] = (1,), **settings) -> list[StockClient]:
        """Bring players in, all of whom look at these zones."""
        clients = [self.start(name, **settings) for name in names]
        for client in clients:
            client.wait_to_be_ready()
        if zones:
            for client in clients:
                client.look_at(*zones)
        return clients

    def join_one(self, name: str, **settings) -> StockClient:
        return self.join(name, **settings)[0]

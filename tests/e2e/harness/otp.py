"""Programs of the OTP era, the agents that serve them, and the UberDOG that lets them in."""

import pathlib

from harness.actor import Actor, Client
from harness.daemon import ROOT, WORLD_DC, free_port

OTP_DC = pathlib.Path(__file__).parent.parent / "otp.dc"
OTP_LOGIN = 4665
OTP_UBERDOG_CHANNEL = 400_000_000
# Below the root, where the town is, and in the town.
TOWN_ZONE, SQUARE, PARK, QUIET, UBER = 2, 5, 6, 1, 4

AGENTS = {
    "objects": {"type": "otp", "owner_view": 36},
    "avatars": {"type": "otp", "owner_view": 15, "heartbeat_ms": 3000},
    "2003": {"type": "toontown2003", "zones": {"uber": UBER}},
}


def otp_agent(number: int, port: int, client: dict) -> dict:
    first = 1_000_010_000 + 1000 * number
    return {
        "type": "clientagent",
        "bind": f"127.0.0.1:{port}",
        "channels": {"min": first, "max": first + 999},
        "client": {"root": ROOT, "login": [125, 32], "login_to": OTP_LOGIN, **client},
    }


class OtpUberDog(Actor):
    script = "otp_login_ud.py"


class OtpClient(Client):
    """A player's program of the era."""

    script = "otp_client.py"

    def log_in(self, name: str, password: str = "guest") -> int:
        """Log in; the account."""
        self.wait("connected")
        self.call("log_in", name, password)
        login = self.wait("login")
        assert login["code"] == 0, login
        return login["account"]

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
        since = self.reports[self.reports.index(after) + 1 :]
        return [
            report["do"]
            for report in since
            if report["report"] == "enter" and report["view"] == "object"
        ]


def start_daemon(stage):
    """A daemon of Astron's world with agents for players of the era: by their names their ports."""
    ports = {name: free_port() for name in AGENTS}
    stage.dc_files = [str(WORLD_DC), str(OTP_DC)]
    agents = enumerate(AGENTS.items())
    stage.start_daemon(
        dc_files=stage.dc_files,
        more_roles=[otp_agent(number, ports[name], client) for number, (name, client) in agents],
        more_uberdogs=[{"id": OTP_LOGIN, "class": "OtpLogin", "anonymous": False}],
    )
    return ports

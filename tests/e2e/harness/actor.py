"""A Panda3D program in a process of its own, and what it has reported so far.

ShowBase, the clock and the table of open interests are one per process in Panda3D, so each
repository gets its own. An actor reports what happens to it as JSON lines on its standard output
and takes commands as JSON lines on its standard input; see actors/stage.py for the other side.
"""

import json
import pathlib
import sys

from harness.process import TalkingProcess

ACTORS = pathlib.Path(__file__).parent.parent / "actors"


class CommandFailed(AssertionError):
    """The actor raised an exception while it carried out a command."""


class Actor(TalkingProcess):
    """One Panda3D process."""

    script = ""

    def __init__(self, name: str, directory: pathlib.Path, **settings):
        self.reports: list[dict] = []
        self._replies: dict[int, dict] = {}
        self._last_command = 0
        command = [sys.executable, ACTORS / self.script, json.dumps(settings)]
        super().__init__(name, command, directory)

    def handle_line(self, line: str) -> None:
        message = json.loads(line)
        if "reply" in message:
            self._replies[message["reply"]] = message
        else:
            self.reports.append(message)
            self.apply(message)

    def apply(self, report: dict) -> None:
        """Bring what this side knows about the actor up to date."""

    def describe(self) -> str:
        return "\n".join(f"  {report}" for report in self.reports[-40:])

    def find(self, kind: str, after: dict | None = None, **fields) -> dict | None:
        """The first report of this kind with these values, if there is one (later than `after`)."""
        for report in self.since(after):
            if report["report"] == kind and fields.items() <= report.items():
                return report
        return None

    def since(self, after: dict | None) -> list[dict]:
        """The reports behind this one; not behind another one that says the same."""
        start = len(self.reports)
        while start > 0 and self.reports[start - 1] is not after:
            start -= 1
        return self.reports[start:]

    def wait(self, kind: str, after: dict | None = None, **fields) -> dict:
        """Wait for such a report; one that has come already counts."""
        return self.until(lambda: self.find(kind, after, **fields), f"report {kind} {fields}")

    def call(self, command: str, *arguments):
        """Have the actor do something; returns what its command returns."""
        self._last_command += 1
        number = self._last_command
        self.tell(json.dumps({"command": command, "arguments": arguments, "number": number}))
        reply = self.until(lambda: self._replies.pop(number, None), f"answer {command}")
        if "error" in reply:
            raise CommandFailed(f"{self.name}: {command}{arguments}: {reply['error']}")
        return reply["value"]


class UberDog(Actor):
    script = "uberdog.py"


class Ai(Actor):
    script = "ai.py"

    def wait_for_avatar(self, name: str) -> int:
        """The doId of the avatar that was created for a player of this name."""
        return self.wait("avatar", name=name)["do"]


class Client(Actor):
    """A player's program; `visible` and `owned` mirror what it sees, by doId."""

    script = "client.py"

    def __init__(self, *arguments, **settings):
        self.visible: dict[int, dict] = {}
        self.owned: dict[int, dict] = {}
        super().__init__(*arguments, **settings)

    def apply(self, report: dict) -> None:
        table = self.owned if report.get("view") == "owner" else self.visible
        match report["report"]:
            case "enter":
                table[report["do"]] = {
                    "class": report["class"],
                    "location": report["location"],
                    "fields": dict(report["fields"]),
                }
            case "leave":
                del table[report["do"]]
            case "field":
                table[report["do"]]["fields"][report["name"]] = report["values"]
            case "location":
                table[report["do"]]["location"] = report["location"]

    def log_in(self, name: str, password: str = "guest") -> None:
        self.wait("hello")
        self.call("log_in", name, password)

    def wait_to_see(self, *objects: int, location: list | None = None) -> None:
        """Wait until it sees all these objects, and at this location if one is given."""
        self.until(
            lambda: all(
                do in self.visible and location in (None, self.visible[do]["location"])
                for do in objects
            ),
            f"see {objects} at {location or 'any place'}",
        )

    def wait_to_lose(self, *objects: int) -> None:
        self.until(lambda: not self.visible.keys() & set(objects), f"lose {objects}")

    def wait_to_own(self, do: int) -> None:
        self.until(lambda: do in self.owned, f"own {do}")

    def wait_for_field(self, do: int, name: str, values: list, view: str = "object") -> None:
        """Wait until it has this value of a field, from the object's entrance or an update."""
        table = self.owned if view == "owner" else self.visible
        self.until(
            lambda: do in table and table[do]["fields"].get(name) == values,
            f"learn that {name} of {do} is {values}",
        )

    def wait_for_eject(self, code: int) -> str:
        """Wait until it was ejected for this reason and has lost its connection; the text."""
        eject = self.wait("ejected")
        assert eject["code"] == code, eject
        self.wait("connection lost")
        return eject["text"]

    def open_interest(self, parent: int, zones: list[int] | int) -> int:
        """Open an interest and wait until the daemon says that it is complete."""
        handle = self.call("open_interest", parent, zones)
        self.wait("interest opened", handle=handle)
        return handle

    def close_interest(self, handle: int) -> None:
        self.call("close_interest", handle)
        self.wait("interest closed", handle=handle)

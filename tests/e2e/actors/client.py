"""A player's program."""

from stage import connect_method, report, run, settings

from direct.showbase.ShowBase import ShowBase
from panda3d.core import URLSpec
from repositories import ClientRepository


class Player:
    """The test calls this class's methods."""

    def __init__(self):
        self.repository = ClientRepository(
            settings["root"],
            dcFileNames=settings["dc_files"],
            connectMethod=connect_method(ClientRepository),
        )
        if settings.get("method") == "native":
            # Panda3D has its field updates in Python and again in C++; without deferred
            # generates it takes the latter. So both get their turn.
            self.repository.setDeferInterval(0)
        self.interests = {}
        base.accept("CLIENT_HELLO_RESP", self.welcomed)
        base.accept("CLIENT_EJECT", lambda code, text: report("ejected", code=code, text=text))
        base.accept("LOST_CONNECTION", lambda: report("connection lost"))
        base.accept("CLIENT_DONE_INTEREST_RESP", self.interest_done)
        self.connect()

    def connect(self) -> None:
        url = URLSpec()
        url.setServer("127.0.0.1")
        url.setPort(settings["port"])
        self.repository.connect(
            [url],
            successCallback=lambda: self.repository.sendHello(settings["version"]),
            failureCallback=lambda code, text: report("connection refused", code=code, text=text),
        )

    def welcomed(self) -> None:
        self.login_manager = self.repository.generateGlobalObject(
            settings["login_manager"], "LoginManager"
        )
        report("hello")

    def log_in(self, name: str, password: str) -> None:
        self.login_manager.login(name, password)

    def send(self, do: int, field: str, values: list) -> None:
        """Send a field update, as the object's owner if it is."""
        table = self.repository.doId2ownerView
        (table.get(do) or self.repository.doId2do[do]).sendUpdate(field, values)

    def relocate(self, do: int, parent: int, zone: int) -> None:
        self.repository.sendSetLocation(do, parent, zone)

    def open_interest(self, parent: int, zones: list[int] | int) -> int:
        """Open an interest with the repository's own bookkeeping, whose event ends the wait."""
        event = f"opened {parent} {zones}"
        interest = self.repository.addInterest(parent, zones, "test", event)
        handle = interest.asInt()
        self.interests[handle] = interest
        base.acceptOnce(event, lambda: report("interest opened", handle=handle))
        return handle

    def close_interest(self, handle: int) -> None:
        event = f"closed {handle}"
        base.acceptOnce(event, lambda: report("interest closed", handle=handle))
        self.repository.removeInterest(self.interests.pop(handle), event)

    def send_raw_interest(self, parent: int, zone: int) -> None:
        """Ask for an interest without Panda3D's own checks, as a cheater would."""
        self.repository.sendAddInterest(1, 77, parent, zone)

    def interest_done(self, context: int, interest: int) -> None:
        report("interest done", context=context, interest=interest)

    def start_heartbeat(self, interval: float) -> None:
        self.repository.heartbeatInterval = interval
        self.repository.startHeartbeat()

    def disconnect(self) -> None:
        self.repository.disconnect()


ShowBase()
run(Player())

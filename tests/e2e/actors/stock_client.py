"""A program with Panda3D's own ClientRepository: a player's, or an AI's with the suffix `AI`."""

from stage import connect_method, report, run, settings

from panda3d.core import ClockObject, URLSpec, loadPrcFileData

loadPrcFileData("", settings.get("prc", ""))

import stock_objects
from direct.distributed.ClientRepository import ClientRepository
from direct.distributed.ClockDelta import globalClockDelta
from direct.distributed.PyDatagramIterator import PyDatagramIterator
from direct.showbase.ShowBase import ShowBase


class Program(ClientRepository):
    """The test calls this class's methods. It changes nothing of what Panda3D does."""

    def __init__(self):
        super().__init__(
            dcFileNames=settings["dc_files"],
            dcSuffix=settings.get("suffix", ""),
            connectMethod=connect_method(ClientRepository),
        )
        self.accept(self.uniqueName("createReady"), self.ready)
        self.accept(self.uniqueName("gotTimeSync"), lambda: report("synchronised"))
        self.connect(
            [URLSpec(f"{settings.get('scheme', 'http')}://127.0.0.1:{settings['port']}")],
            successCallback=lambda: report("connected"),
            failureCallback=lambda code, text: report("connection refused", code=code, text=text),
        )

    def ready(self) -> None:
        report("ready", base=self.doIdBase, count=self.doIdLast - self.doIdBase)

    def lostConnection(self) -> None:
        report("connection lost")

    def deallocateChannel(self, channel: int) -> None:
        """Called for each object of an AI program that ends; there is none in Panda3D."""

    # What the server tells beside objects and fields.

    def handleDisable(self, di) -> None:
        objects = sorted(_numbers(di))
        super().handleDisable(di)
        report("disabled", objects=objects)

    def handleDelete(self, di) -> None:
        (do,) = _numbers(di)
        super().handleDelete(di)
        report("deleted", do=do)

    def handleRequestGenerates(self, di) -> None:
        (zone,) = _numbers(di)
        report("asked to generate", zone=zone)
        super().handleRequestGenerates(di)

    # What a test may want done.

    def create(
        self, name: str, zone: int, fields: dict, optional: list[str], do: int | None
    ) -> int:
        created = getattr(stock_objects, name + self.dcSuffix)(self)
        given = {field: tuple(values) for field, values in fields.items()}
        created.fields = {**created.initially, **given}
        self.createDistributedObject(distObj=created, zoneId=zone, optionalFields=optional, doId=do)
        return created.doId

    def create_time_manager(self, zone: int) -> None:
        self.createDistributedObject("TimeManager" + self.dcSuffix, zoneId=zone)

    def change_unsaid(self, do: int, field: str, values: list) -> None:
        """Change a field of an own object without a word to anybody."""
        getattr(self.doId2do[do], field)(*values)

    def change(self, do: int, field: str, values: list) -> None:
        self.sendUpdate(self.doId2do[do], field, values)

    def send_to(self, target: int, do: int, field: str, values: list) -> None:
        self.sendUpdateToChannel(self.doId2do[do], (1001 << 32) + target, field, values)

    def look_at(self, zones: list[int]) -> None:
        self.setInterestZones(zones)

    def move(self, do: int, zone: int) -> None:
        self.setObjectZone(self.doId2do[do], zone)

    def remove(self, do: int) -> None:
        self.sendDeleteMsg(do)

    def take_leave(self) -> None:
        self.sendDisconnect()

    def beat(self, interval: float) -> None:
        self.heartbeatInterval = interval
        self.startHeartbeat()

    def network_time(self) -> list[float]:
        """The time on which all have agreed, in hundredths of a second, and how uncertain it is."""
        return [globalClockDelta.getRealNetworkTime(bits=32), globalClockDelta.getUncertainty()]


def _numbers(di) -> list[int]:
    """The doIds or zones that are left, without moving the iterator that Panda3D goes on to read."""
    copy = PyDatagramIterator(di.getDatagram(), di.getCurrentIndex())
    return [copy.getUint32() for _ in range(copy.getRemainingSize() // 4)]


ShowBase()
if "clock" in settings:
    ClockObject.getGlobalClock().setRealTime(settings["clock"])
run(Program())

"""The Python classes behind stock.dc, on nothing but Panda3D's own.

A class comes in two kinds: `Ship` in players' programs, `ShipAI` in AI programs. An object is seen
by its owner's program as by others; what the owner reports of it has the view `owner`.
"""

from direct.distributed.DistributedNode import DistributedNode
from direct.distributed.DistributedObject import DistributedObject
from direct.distributed.DistributedObjectAI import DistributedObjectAI
from panda3d.core import NodePath
from recorded import Recorded, records


class Stock(Recorded):
    """An object of a stock program. Each report says which program had sent what it is about."""

    initially: dict[str, tuple] = {}

    @property
    def repository(self):
        return self.cr

    @property
    def view(self) -> str:
        is_local = getattr(self.repository, "isLocalId", lambda do: False)
        return "owner" if is_local(self.doId) else "object"

    def report(self, kind: str, **fields) -> None:
        # Repositories of Astron's, in which these classes are used too, do not all know it.
        if hasattr(self.repository, "getAvatarIdFromSender"):
            fields["sender"] = self.repository.getAvatarIdFromSender()
        super().report(kind, **fields)

    def announceGenerate(self) -> None:
        super().announceGenerate()
        self.report_entrance()

    def setLocation(self, parent: int, zone: int) -> None:
        super().setLocation(parent, zone)
        if self.__dict__.get("entered") and (parent, zone) != (0, 0):
            self.report("location", location=[parent, zone])


class Seen(Stock, DistributedObject):
    def disable(self) -> None:
        self.report_end()
        super().disable()


class Served(Stock, DistributedObjectAI):
    @property
    def repository(self):
        return self.air

    def delete(self) -> None:
        self.report_end()
        super().delete()


SHIP_FIELDS = ("setName", "setCargo", "setFlag", "setSails", "setRudder", "setTrim")
SHIP_CALLS = ("shout", "chime", "wave", "hail", "knock", "tell", "steer", "log", "hoist")


# An owner is asked for what is `broadcast ram`, whether it has ever said it or not.
SHIP_INITIALLY = {"setFlag": ("white",), "setSails": (0, 0), "setRudder": (0,)}


@records(*SHIP_FIELDS, *SHIP_CALLS)
class Ship(Seen):
    initially = SHIP_INITIALLY


@records(*SHIP_FIELDS, *SHIP_CALLS)
class ShipAI(Served):
    initially = SHIP_INITIALLY


class Buoy(Stock, DistributedNode):
    """A node in the scene, whose getters are NodePath's."""

    def setLight(self, colour: str) -> None:
        self.receive("setLight", (colour,))

    def setX(self, x: float) -> None:
        NodePath.setX(self, x)
        self.receive("setX", (x,))

    def setY(self, y: float) -> None:
        NodePath.setY(self, y)
        self.receive("setY", (y,))

    def setZ(self, z: float) -> None:
        NodePath.setZ(self, z)
        self.receive("setZ", (z,))

    def setPos(self, x: float, y: float, z: float) -> None:
        NodePath.setPos(self, x, y, z)
        self.receive("setPos", (x, y, z))

    def disable(self) -> None:
        self.report_end()
        super().disable()


@records("setGold", "setLabel", "setLock", "setPlace")
class Chest(Seen):
    pass


@records("setBeam", "bearing")
class Lighthouse(Seen):
    pass


@records("setBeam")
class LighthouseAI(Served):
    def askBearing(self, ship: str) -> None:
        self.receive("askBearing", (ship,))
        asker = self.air.getAvatarIdFromSender()
        self.sendUpdateToAvatarId(asker, "bearing", [ship, 90])

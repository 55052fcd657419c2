"""The Python classes behind world.dc. They report what they are told and hold what they are given.

A class named in world.dc comes in up to four kinds: `Avatar` as other clients see it, `AvatarOV`
as its owner sees it, `AvatarAI` in AI servers and `AvatarUD` in UberDOG servers.
"""

from direct.distributed.DistributedObject import DistributedObject
from direct.distributed.DistributedObjectAI import DistributedObjectAI
from direct.distributed.DistributedObjectGlobal import DistributedObjectGlobal
from direct.distributed.DistributedObjectGlobalAI import DistributedObjectGlobalAI
from direct.distributed.DistributedObjectGlobalUD import DistributedObjectGlobalUD
from direct.distributed.DistributedObjectOV import DistributedObjectOV
from panda3d.direct import DCPacker
from recorded import Recorded, records
from repositories import OwnerView
from stage import report


class Seen(Recorded, DistributedObject):
    """An object in a client's view."""

    def announceGenerate(self) -> None:
        super().announceGenerate()
        self.report_entrance()

    def setLocation(self, parent: int, zone: int) -> None:
        super().setLocation(parent, zone)
        if self.__dict__.get("entered") and zone is not None and (parent, zone) != (0, 0):
            report("location", do=self.doId, location=[parent, zone])

    def disable(self) -> None:
        self.report_end()
        super().disable()


class Owned(Recorded, OwnerView, DistributedObjectOV):
    """An object in its owner's other view."""

    view = "owner"

    def announceGenerate(self) -> None:
        super().announceGenerate()
        self.report_entrance()

    def disable(self) -> None:
        self.report_end()
        super().disable()


class Served(Recorded, DistributedObjectAI):
    """An object in the AI server that answers for it."""

    def announceGenerate(self) -> None:
        super().announceGenerate()
        self.report_entrance()

    def setLocation(self, parent: int, zone: int) -> None:
        super().setLocation(parent, zone)
        if self.__dict__.get("entered"):
            report("location", do=self.doId, location=[parent, zone])

    def delete(self) -> None:
        self.report_end()
        super().delete()

    def change(self, name: str, *values) -> None:
        """Set a field here and tell the state server."""
        self.__dict__.setdefault("fields", {})[name] = values
        self.sendUpdate(name, values)


class LoginManager(DistributedObjectGlobal):
    def login(self, name: str, password: str) -> None:
        self.sendUpdate("login", [name, password])


class LoginManagerAI(DistributedObjectGlobalAI):
    # Only the UberDOG server listens to the clients.
    doNotListenToChannel = True


class LoginManagerUD(DistributedObjectGlobalUD):
    """Checks passwords, and has the town's AI server make an avatar for who may enter."""

    town = None

    def setTown(self, town: int) -> None:
        self.town = town
        report("town", do=town)

    def login(self, name: str, password: str) -> None:
        client = self.air.getMsgSender()
        report("login", client=client, name=name)
        if password == "guest":
            self.air.admit(client, name, self.town)
        else:
            self.air.eject(client, 122, "Bad credentials")


class ChatFilter(DistributedObjectGlobal):
    pass


class ChatFilterUD(DistributedObjectGlobalUD):
    """Hears what players shout before anybody else does, and lets it through without bad words."""

    def intercepted(self, do: int, field: int, value: bytes) -> None:
        report("intercepted", client=self.air.getMsgSender(), do=do)
        field = self.air.getDcFile().getFieldByIndex(field)
        packer = DCPacker()
        packer.setUnpackData(value)
        packer.beginUnpack(field)
        (text,) = packer.unpackObject()
        packer.endUnpack()
        if "spam" not in text:
            said = [text.replace("darn", "****")]
            self.air.send(field.aiFormatUpdate(do, do, self.air.ourChannel, said))


class Root(Seen):
    pass


class RootAI(Served):
    pass


@records("setParentingRules", "setMotto")
class Town(Seen):
    pass


@records("setParentingRules", "setMotto")
class TownAI(Served):
    def enter(self, client: int, name: str) -> None:
        self.air.make_avatar(self.doId, client, name)


AVATAR_FIELDS = ("setName", "setPosition", "setPurse", "setMood", "setCoat", "setHats")


# Panda3D calls one method for a molecular update, not one for each of its parts.
@records(*AVATAR_FIELDS, "setLook", "say", "shout")
class Avatar(Seen):
    pass


@records(*AVATAR_FIELDS, "setLook", "say", "shout")
class AvatarOV(Owned):
    pass


@records(*AVATAR_FIELDS)
class AvatarAI(Served):
    def walk(self, dx: float, dy: float) -> None:
        report("walk", do=self.doId, client=self.air.getMsgSender(), step=[dx, dy])
        x, y = self.getPosition()
        self.change("setPosition", x + dx, y + dy)


@records("setPosition", "setSpin")
class Ball(Seen):
    pass


@records("setPosition", "setSpin")
class BallOV(Owned):
    pass


@records("setPosition", "setSpin")
class BallAI(Served):
    def kick(self, dx: float, dy: float) -> None:
        report("kick", do=self.doId, client=self.air.getMsgSender())
        x, y = self.getPosition()
        self.change("setPosition", x + dx, y + dy)


@records("setName", "setFood", "setFriends", "setSecret", "setMood")
class Pet(Seen):
    pass


@records("setName", "setFood", "setFriends", "setSecret", "setMood")
class PetOV(Owned):
    pass


@records("setName", "setFood", "setFriends", "setSecret", "setMood")
class PetAI(Served):
    pass

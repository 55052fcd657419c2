"""The world's objects: what each kind of program does with them."""

import os

from direct.distributed.DistributedObject import DistributedObject
from direct.distributed.DistributedObjectAI import DistributedObjectAI
from direct.distributed.DistributedObjectGlobal import DistributedObjectGlobal
from direct.distributed.DistributedObjectGlobalUD import DistributedObjectGlobalUD
from direct.distributed.DistributedObjectOV import DistributedObjectOV

# These agree with config/quickstart.yml.
DC_FILE = os.environ.get("DC_FILE", "quickstart.dc")
VERSION = "quickstart"
LOGIN_MANAGER = 1001
STATE_SERVER = 2001

# These are ours to choose.
UBERDOG_CHANNEL = 100000
AI_CHANNEL = 200000
ROOM = 300000
FLOOR = 1  # a zone of the room
FLOOR_INTEREST = 1

CLIENT_ESTABLISHED = 2
BAD_CREDENTIALS = 122


def address(name, default):
    """Where the daemon is: host and port, from the environment or the default."""
    host, port = os.environ.get(name, default).rsplit(":", 1)
    return host, int(port)


MESSAGE_DIRECTOR = address("MESSAGE_DIRECTOR", "127.0.0.1:7199")
CLIENT_AGENT = address("CLIENT_AGENT", "127.0.0.1:7198")


class LoginManager(DistributedObjectGlobal):
    """The client's end of the login manager."""

    def login(self, name, password):
        self.sendUpdate("login", [name, password])


class LoginManagerUD(DistributedObjectGlobalUD):
    """The UberDOG server's end: lets clients in."""

    def login(self, name, password):
        client = self.air.getMsgSender()
        if password != "guest":
            print(f"{name} was turned away")
            self.air.eject(client, BAD_CREDENTIALS, "wrong password")
            return
        print(f"{name} logged in")
        self.air.setClientState(client, CLIENT_ESTABLISHED)
        # The room is the AI server's object: send it one of its fields.
        create_avatar = self.air.getDcFile().getClassByName("Room").getFieldByName("createAvatar")
        self.air.send(create_avatar.aiFormatUpdate(ROOM, ROOM, self.air.ourChannel, [client, name]))


class LoginManagerAI:
    """AI servers have no use for it, but the DC file wants the class."""


class Room(DistributedObject):
    """Clients look at its floor; they never see the room itself."""


class RoomAI(DistributedObjectAI):
    def createAvatar(self, client, name):
        avatar = AvatarAI(self.air)
        avatar.name = name
        avatar.generateWithRequiredAndId(self.air.allocateChannel(), self.doId, FLOOR)
        avatar.setAI(self.air.ourChannel)
        # A session object goes away with its client, and only its owner may walk it.
        self.air.clientAddSessionObject(client, avatar.doId)
        self.air.setOwner(avatar.doId, client)
        # Now that it has an avatar there, show the client the room's floor.
        self.air.clientAddInterest(client, FLOOR_INTEREST, self.doId, FLOOR)
        print(f"made avatar {avatar.doId} for {name}")


class AvatarAI(DistributedObjectAI):
    """The truth about an avatar: where it is."""

    name = ""
    xy = (0.0, 0.0)

    def getName(self):
        return self.name

    def getXY(self):
        return self.xy

    def walk(self, dx, dy):
        """The owner wants to go there. Here is the place to check whether it may."""
        x, y = self.xy
        self.xy = (max(-5.0, min(5.0, x + dx)), max(-5.0, min(5.0, y + dy)))
        self.sendUpdate("setXY", self.xy)


class AvatarState:
    """What the two views of an avatar on a client have in common."""

    generated = False

    def setName(self, name):
        self.name = name

    def setXY(self, x, y):
        if self.generated:
            print(f"{self.name} walks to ({x:g}, {y:g})")


class Avatar(AvatarState, DistributedObject):
    """Somebody else's avatar."""

    def announceGenerate(self):
        super().announceGenerate()
        self.generated = True
        print(f"{self.name} is here")

    def say(self, words):
        print(f"{self.name}: {words}")

    def disable(self):
        print(f"{self.name} is gone")
        super().disable()


class AvatarOV(AvatarState, DistributedObjectOV):
    """Our own avatar."""

    def announceGenerate(self):
        super().announceGenerate()
        self.generated = True
        print(f"you are {self.name}")
        messenger.send("avatar-ready", [self])  # a builtin of Panda3D; client.py listens

"""The Python classes behind otp.dc, for each kind of program: `FrogAI` is in AIs, `Frog` in clients."""

from direct.distributed.DistributedObject import DistributedObject
from direct.distributed.DistributedObjectAI import DistributedObjectAI
from direct.distributed.DistributedObjectGlobalUD import DistributedObjectGlobalUD

import otp_numbers as numbers

# Seconds after which a frog without a player is taken out of the world.
PATIENCE = 5
# How far a frog gets in one hop.
LEAP = 5


class Gatekeeper:
    """Clients never have it."""


class GatekeeperAI:
    """Nor do AIs, but the DC file wants the class."""


class GatekeeperUD(DistributedObjectGlobalUD):
    def message(self, datagram):
        self.air.heard(self.air.getMsgSender(), datagram)


class Ponds(DistributedObject):
    """Clients look below it; they never see itself."""


class PondsAI(DistributedObjectAI):
    """Where clients look for ponds."""


class Pond(DistributedObject):
    """A district, as clients see it."""

    def setName(self, name):
        self.name = name


class PondAI(DistributedObjectAI):
    def __init__(self, air):
        super().__init__(air)
        self.players = {}  # the client for which each frog is here, or comes

    def getName(self):
        return "Millpond"

    def enter(self, account, avatar):
        """The UberDOG says that this player has chosen this frog. It comes into the quiet zone; where it goes from
        there its client says."""
        player = self.players[avatar] = account << 32 | avatar
        self.air.sendActivate(avatar, self.doId, numbers.QUIET)
        self.air.setAI(avatar, self.air.ourChannel)
        # It leaves the world with its client, and only its owner may have it hop.
        self.air.clientAddSessionObject(player, avatar)
        self.air.setOwner(avatar, player)
        self.look_for_both(player, avatar)

    def look_for_both(self, player, avatar):
        """Neither may come. A client that had gone before it was tied to its frog is heard of no more, so ask for
        something that each client's session answers; and the frog comes out of the database."""
        alone, late = f"alone-{avatar}", f"late-{avatar}"
        for name, method in ((alone, self.send_away), (late, self.put_out)):
            taskMgr.remove(name)  # its player has come again
            taskMgr.doMethodLater(PATIENCE, method, name, extraArgs=[player, avatar])
        self.air.getNetworkAddress(player, lambda *_: taskMgr.remove(alone))

    def send_away(self, player, avatar):
        self.players.pop(avatar, None)
        if avatar in self.air.doId2do:
            self.air.doId2do[avatar].requestDelete()

    def put_out(self, player, avatar):
        if avatar not in self.air.doId2do:
            self.players.pop(avatar, None)
            self.air.eject(player, numbers.NOT_NOW, "Your frog does not come")


class Frog(DistributedObject):
    """Somebody's frog; a client's own, too."""

    is_here = False

    def setName(self, name):
        self.name = name

    def setColour(self, colour):
        self.colour = colour

    def setXY(self, x, y):
        self.xy = (x, y)
        if self.is_here:
            messenger.send("frog-hops", [self])

    def croak(self, words):
        messenger.send("frog-croaks", [self, words])

    def announceGenerate(self):
        super().announceGenerate()
        self.is_here = True
        messenger.send("frog-comes", [self])

    def disable(self):
        self.is_here = False
        messenger.send("frog-goes", [self])
        super().disable()


class FrogAI(DistributedObjectAI):
    """With its AI a frog comes out of the database, so that its setters are called."""

    def setName(self, name):
        self.name = name

    def setColour(self, colour):
        self.colour = colour

    def setXY(self, x, y):
        self.xy = (x, y)

    def announceGenerate(self):
        super().announceGenerate()
        print(f"{self.name} comes", flush=True)
        if self.doId not in self.pond.players:
            self.requestDelete()  # too late: its player has been put out

    def delete(self):
        print(f"{self.name} goes", flush=True)
        self.pond.players.pop(self.doId, None)
        super().delete()

    @property
    def pond(self):
        return self.air.doId2do[numbers.POND]

    def hop(self, dx, dy):
        if abs(dx) > LEAP or abs(dy) > LEAP:
            return  # no frog gets so far: a changed client
        x, y = self.xy
        self.xy = (x + dx, y + dy)
        # Told to all who see it, and stored.
        self.sendUpdate("setXY", self.xy)

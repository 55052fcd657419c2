"""The Python classes behind otp.dc, and an avatar as its player has it who knows no owner views."""

import otp_messages as messages
from direct.distributed.DistributedObject import DistributedObject
from direct.distributed.DistributedObjectGlobalAI import DistributedObjectGlobalAI
from direct.distributed.DistributedObjectGlobalUD import DistributedObjectGlobalUD
from direct.distributed.PyDatagram import PyDatagram
from direct.distributed.PyDatagramIterator import PyDatagramIterator
from objects import AVATAR_FIELDS
from recorded import Recorded, records
from repositories import OwnerView
from stage import report


class OtpLogin(DistributedObject):
    """Clients never have it."""


class OtpLoginAI(DistributedObjectGlobalAI):
    doNotListenToChannel = True


class OtpLoginUD(DistributedObjectGlobalUD):
    """What the clients' log-in messages come to."""

    def message(self, blob: bytes) -> None:
        client = self.air.getMsgSender()
        dg = PyDatagram(blob)
        # It only points to the datagram, which has to be there as long as it is read.
        di = PyDatagramIterator(dg)
        number = di.getUint16()
        report("message", client=client, number=number)
        if number == messages.LOGIN:
            self.air.log_in(client, di.getString(), di.getString())
        elif number == messages.SET_AVATAR:
            self.air.set_avatar(client, di.getString())


@records(*AVATAR_FIELDS, "setLook", "say")
class OwnAvatar(Recorded, OwnerView, DistributedObject):
    """The only view that a player has of its avatar, told by message 15."""

    view = "owner"

    def announceGenerate(self) -> None:
        super().announceGenerate()
        self.report_entrance()

    def setLocation(self, parent: int, zone: int) -> None:
        super().setLocation(parent, zone)
        if self.__dict__.get("entered") and zone is not None:
            self.report("location", location=[parent, zone])

    def disable(self) -> None:
        self.report_end()
        super().disable()


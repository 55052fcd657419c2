"""An avatar as its player has it who knows no owner views: message 15 tells of it."""

from direct.distributed.DistributedObject import DistributedObject
from objects import AVATAR_FIELDS
from recorded import Recorded, records
from repositories import OwnerView


@records(*AVATAR_FIELDS, "setLook", "say")
class OwnAvatar(Recorded, OwnerView, DistributedObject):
    """The only view that a player has of its avatar."""

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

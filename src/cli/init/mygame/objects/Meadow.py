"""Clients look into the meadow's zones. The meadow itself they never see."""

from direct.distributed.DistributedObject import DistributedObject


class Meadow(DistributedObject):
    pass

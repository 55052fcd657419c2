"""An avatar, in the AI server: the truth about it."""

import math
import time

from direct.distributed.DistributedObjectAI import DistributedObjectAI

import settings

INTEREST = 1  # a client's interests have numbers; ours have one
PATIENCE = 1.25  # clocks and networks are not exact


class AvatarAI(DistributedObjectAI):
    client = 0  # the channel of its owner
    name = ""
    pose = (0.0, 0.0, 0.0)

    def __init__(self, air):
        super().__init__(air)
        self.allowance = settings.SPEED  # so many steps it may go at once
        self.walked_at = time.monotonic()
        self.in_gate = False

    def getName(self):
        return self.name

    def getPose(self):
        return self.pose

    def walk(self, x, y, heading):
        """The owner wants to be there. Never believe a client: look whether that can be."""
        distance = math.dist((x, y), self.pose[:2])
        now = time.monotonic()
        earned = (now - self.walked_at) * settings.SPEED * PATIENCE
        # A second's worth at most, so that nobody saves up for a leap.
        self.allowance = min(self.allowance + earned, settings.SPEED * PATIENCE)
        self.walked_at = now
        if distance > self.allowance or math.hypot(x, y) > settings.EDGE:
            print(f"{self.name} is put back", flush=True)
            self.sendUpdateToChannel(self.client, "putBack", self.pose)
            return
        self.allowance -= distance
        self.pose = (x, y, heading)
        self.sendUpdate("setPose", self.pose)
        self.lookForGate()

    def lookForGate(self):
        """Who comes into the gate goes from day to night, or back."""
        was_in_gate = self.in_gate
        self.in_gate = math.dist(self.pose[:2], settings.GATE) < settings.GATE_REACH
        if self.in_gate and not was_in_gate:
            zone = settings.NIGHT if self.zoneId == settings.DAY else settings.DAY
            self.b_setLocation(self.parentId, zone)
            self.lookAround()
            print(f"{self.name} comes to {settings.ZONE_NAMES[zone]}", flush=True)

    def lookAround(self):
        """Show the owner the zone in which its avatar is, instead of another that it saw."""
        self.air.clientAddInterest(self.client, INTEREST, self.parentId, self.zoneId)

    def lookForOwner(self):
        """Who had gone before this was a session object of his has not taken it along, and does not answer."""
        alone = self.uniqueName("alone")
        taskMgr.doMethodLater(settings.ANSWER_WITHIN, self.requestDelete, alone, extraArgs=[])
        self.air.getNetworkAddress(self.client, lambda *_: taskMgr.remove(alone))

    def delete(self):
        taskMgr.remove(self.uniqueName("alone"))
        print(f"{self.name} has gone", flush=True)
        super().delete()

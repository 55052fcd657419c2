"""Our own avatar: the owner's view (OV) of it."""

import math

from direct.distributed.DistributedObjectOV import DistributedObjectOV

import settings
from puppet import Puppet

TURN = 120.0  # degrees a second


class AvatarOV(DistributedObjectOV):
    """It moves at once, and says where it is ten times a second. The AI server has the last word."""

    puppet = None
    controls = None  # client.py gives it some

    def setName(self, name):
        self.name = name

    def setPose(self, x, y, heading):
        """Where it stands at first. What comes later is where we said a moment ago that it is: we are further by now."""
        if self.puppet:
            return
        self.pose = self.sent = (x, y, heading)
        self.sent_at = 0.0

    def announceGenerate(self):
        super().announceGenerate()
        self.puppet = Puppet(self.name, self.doId)
        self.puppet.put(self.pose)
        taskMgr.add(self.move, self.uniqueName("move"))
        messenger.send("avatar-ready", [self])

    def move(self, task):
        x, y, heading = self.pose
        forward, turn = self.controls.wanted() if self.controls else (0, 0)
        elapsed = min(globalClock.getDt(), settings.SEND_EVERY)
        heading += turn * TURN * elapsed
        step = forward * settings.SPEED * elapsed
        angle = math.radians(heading)
        self.go(x - math.sin(angle) * step, y + math.cos(angle) * step, heading)
        if self.puppet.step() == "stops":
            print(f"you stand at {self.puppet.place()}", flush=True)
        if self.pose != self.sent and task.time - self.sent_at >= settings.SEND_EVERY:
            self.sendUpdate("walk", self.pose)
            self.sent, self.sent_at = self.pose, task.time
        return task.cont

    def go(self, x, y, heading):
        """Go there, unless the meadow ends on the way."""
        if math.hypot(x, y) > settings.EDGE - 1:
            x, y, _ = self.pose
        self.pose = (x, y, heading % 360)
        self.puppet.put(self.pose)

    def putBack(self, x, y, heading):
        """The AI server did not believe us."""
        self.pose = self.sent = (x, y, heading)
        self.puppet.put(self.pose)
        messenger.send("heard", ["you are put back"])

    def say(self, words):
        # Nobody hears himself by the server, so this is shown at once.
        self.sendUpdate("say", [words])
        self.puppet.say(words)
        messenger.send("heard", [f"{self.name}: {words}"])

    def setLocation(self, parent, zone):
        """The AI server has moved us to another zone."""
        messenger.send("zone-entered", [zone])

    def disable(self):
        taskMgr.remove(self.uniqueName("move"))
        self.puppet.destroy()
        super().disable()

"""Somebody else's avatar, as a client sees it."""

from direct.distributed.DistributedObject import DistributedObject
from panda3d.direct import SmoothMover

from puppet import Puppet

DELAY = 0.2  # so long ago is what is shown: at most times the next pose has come by then


class Avatar(DistributedObject):
    """It hears of a new pose ten times a second, and is shown on its way from one to the next."""

    def __init__(self, cr):
        super().__init__(cr)
        self.puppet = None
        self.smoother = SmoothMover()
        self.smoother.setSmoothMode(SmoothMover.SMOn)
        self.smoother.setPredictionMode(SmoothMover.PMOff)
        self.smoother.setDefaultToStandingStill(True)
        self.smoother.setDelay(DELAY)

    def setName(self, name):
        self.name = name

    def setPose(self, x, y, heading):
        self.smoother.setPosHpr(x, y, 0, heading, 0, 0)
        self.smoother.setTimestamp(globalClock.getFrameTime())
        self.smoother.markPosition()

    def announceGenerate(self):
        """All required fields have come."""
        super().announceGenerate()
        self.puppet = Puppet(self.name, self.doId)
        taskMgr.add(self.move, self.uniqueName("move"))
        messenger.send("heard", [f"{self.name} is here"])

    def move(self, task):
        self.smoother.computeAndApplySmoothPosHpr(self.puppet, self.puppet)
        change = self.puppet.step()
        if change == "starts":
            print(f"{self.name} walks", flush=True)
        elif change == "stops":
            print(f"{self.name} stands at {self.puppet.place()}", flush=True)
        return task.cont

    def say(self, words):
        self.puppet.say(words)
        messenger.send("heard", [f"{self.name}: {words}"])

    def disable(self):
        """It is seen no more: it is gone, or in another zone."""
        taskMgr.remove(self.uniqueName("move"))
        self.puppet.destroy()
        messenger.send("heard", [f"{self.name} is gone"])
        super().disable()

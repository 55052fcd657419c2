"""What an avatar looks like: a panda that walks, with its name and what it says above it."""

from direct.actor.Actor import Actor
from panda3d.core import NodePath, TextNode

# Panda3D comes with these models.
MODEL = "models/panda-model"
WALK = "models/panda-walk4"
COLOURS = [
    (1.0, 1.0, 1.0, 1),
    (1.0, 0.75, 0.6, 1),
    (0.65, 0.9, 1.0, 1),
    (0.75, 1.0, 0.65, 1),
    (1.0, 0.7, 0.9, 1),
    (1.0, 0.95, 0.5, 1),
]
STILL_AFTER = 0.15  # seconds without a step
SAID_FOR = 6.0  # seconds for which words stay


class Puppet(NodePath):
    def __init__(self, name, number):
        super().__init__(f"puppet-{number}")
        self.number = number
        self.actor = Actor(MODEL, {"walk": WALK})
        self.actor.reparentTo(self)
        self.actor.setScale(0.0035)
        self.actor.setH(180)  # the model looks backwards
        self.actor.setColorScale(COLOURS[number % len(COLOURS)])
        self.write(name, 2.9, (1, 1, 1, 1))
        self.words = None
        self.was_at = None
        self.still = STILL_AFTER
        self.reparentTo(render)  # a builtin of Panda3D: the scene

    def write(self, text, height, colour):
        """Write something that always turns to whoever looks."""
        node = TextNode("text")
        node.setText(text)
        node.setAlign(TextNode.ACenter)
        node.setWordwrap(14)
        node.setTextColor(colour)
        node.setCardColor(0, 0, 0, 0.45)
        node.setCardAsMargin(0.3, 0.3, 0.1, 0.1)
        written = self.attachNewNode(node)
        written.setZ(height)
        written.setScale(0.65)
        written.setBillboardPointEye()
        written.setBin("fixed", 0)  # over the scene, whose colours at night are not for it
        written.setDepthTest(False)
        written.setDepthWrite(False)
        written.setColorScaleOff(1)
        return written

    def put(self, pose):
        x, y, heading = pose
        self.setPosHpr(x, y, 0, heading, 0, 0)

    def place(self):
        return f"({self.getX():.1f}, {self.getY():.1f})"

    def step(self):
        """Walk if it has moved since the last frame. Says when it "starts" and when it "stops"."""
        moves = self.was_at is not None and (self.getPos() - self.was_at).length() > 0.001
        self.was_at = self.getPos()
        was_still = self.still >= STILL_AFTER
        self.still = 0.0 if moves else self.still + globalClock.getDt()
        is_still = self.still >= STILL_AFTER
        if was_still and not is_still:
            self.actor.loop("walk")
            return "starts"
        if is_still and not was_still:
            self.actor.pose("walk", 5)
            return "stops"
        return None

    def say(self, words):
        self.forget()
        self.words = self.write(words, 3.8, (1, 1, 0.7, 1))
        taskMgr.doMethodLater(SAID_FOR, self.forget, f"said-{self.number}", extraArgs=[])

    def forget(self):
        taskMgr.remove(f"said-{self.number}")
        if self.words:
            self.words.removeNode()
            self.words = None

    def destroy(self):
        self.forget()
        self.actor.cleanup()
        self.removeNode()

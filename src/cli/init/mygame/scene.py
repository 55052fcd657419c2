"""What a player sees in the window besides the avatars: the meadow, its gate, the sky, and lines of text."""

from direct.gui.OnscreenText import OnscreenText
from panda3d.core import TextNode

import settings

SKIES = {settings.DAY: (0.55, 0.75, 0.95, 1), settings.NIGHT: (0.03, 0.04, 0.12, 1)}
LIGHTS = {settings.DAY: (1, 1, 1, 1), settings.NIGHT: (0.35, 0.4, 0.75, 1)}
LINES = 6  # so many that were heard are shown
HELP = "arrows or WASD: walk    Enter: say something    Escape: leave"


class Scene:
    def __init__(self):
        base.disableMouse()  # which would move the camera
        base.camLens.setFov(65)
        ground = base.loader.loadModel("models/environment")
        ground.setScale(0.25)
        ground.setPos(-8, 42, 0)
        ground.reparentTo(base.render)
        self.build_gate()
        self.lines = []
        self.heard_text = self.text((0.06, -0.1), base.a2dTopLeft, TextNode.ALeft)
        self.help_text = self.text((-0.06, -0.1), base.a2dTopRight, TextNode.ARight)
        self.notice_text = self.text((0, 0.2), base.aspect2d, TextNode.ACenter)
        self.show_zone(settings.DAY)

    def build_gate(self):
        for x, z, width, height in ((-1.7, 0, 0.4, 4), (1.3, 0, 0.4, 4), (-1.7, 4, 3.4, 0.4)):
            beam = base.loader.loadModel("models/box")
            beam.setTextureOff(1)
            beam.setColor(0.75, 0.25, 0.2, 1)
            beam.setPos(settings.GATE[0] + x, settings.GATE[1] - 0.2, z)
            beam.setScale(width, 0.4, height)
            beam.reparentTo(base.render)

    def text(self, place, parent, align):
        return OnscreenText(
            pos=place, parent=parent, align=align, scale=0.05, mayChange=True,
            fg=(1, 1, 1, 1), bg=(0, 0, 0, 0.4),
        )

    def follow(self, puppet):
        """Look over an avatar's shoulder."""
        base.camera.reparentTo(puppet)
        base.camera.setPos(0, -13, 6)
        base.camera.lookAt(puppet, 0, 6, 2)

    def show_zone(self, zone):
        base.setBackgroundColor(*SKIES[zone])
        base.render.setColorScale(*LIGHTS[zone])
        self.help_text.setText(f"{settings.ZONE_NAMES[zone]}\n{HELP}")

    def show_heard(self, line):
        self.lines = [*self.lines, line][-LINES:]
        self.heard_text.setText("\n".join(self.lines))

    def notice(self, text):
        """Say something that is not to be overlooked; nothing says no more."""
        self.notice_text.setText(text)

"""The AI: makes the pond."""

import sys

from direct.showbase.ShowBase import ShowBase
from panda3d.core import loadPrcFileData
from panda3d_astron.repository import AstronInternalRepository

import otp_classes
import otp_numbers as numbers

loadPrcFileData("", "window-type none\naudio-library-name null")


class Ai(AstronInternalRepository):
    GameGlobalsId = numbers.ROOT

    def handleConnected(self):
        # The one pond's AI makes the root, too. Where there are several, the UberDOG does.
        for do, kind, parent, zone in (
            (numbers.ROOT, otp_classes.PondsAI, 0, 0),
            (numbers.POND, otp_classes.PondAI, numbers.ROOT, numbers.PONDS_ZONE),
        ):
            made = kind(self)
            made.generateWithRequiredAndId(do, parent, zone)
            made.setAI(self.ourChannel)
        print("the pond is ready", flush=True)

    def lostConnection(self):
        # What was here is gone, the frogs and their sessions with it. Whoever runs servers starts them again.
        sys.exit("the link is lost")


base = ShowBase()
base.setSleep(0.01)
server = Ai(
    numbers.AI_CHANNEL,
    serverId=numbers.STATE_SERVER,
    dcFileNames=numbers.DC_FILES,
    connectMethod=Ai.CM_NET,
)
server.connect(*numbers.MESSAGE_DIRECTOR)
base.run()

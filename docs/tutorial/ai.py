"""The AI server: makes the room, and decides what happens in it."""

from direct.showbase.ShowBase import ShowBase
from panda3d.core import loadPrcFileData
from panda3d_astron.repository import AstronInternalRepository

import world

loadPrcFileData("", "window-type none\naudio-library-name null")


class Ai(AstronInternalRepository):
    GameGlobalsId = world.ROOM

    def handleConnected(self):
        room = world.RoomAI(self)
        room.generateWithRequiredAndId(world.ROOM, 0, 0)
        room.setAI(self.ourChannel)
        print("the room is ready")


base = ShowBase()
base.setSleep(0.01)  # leave the processor to others between two frames
server = Ai(
    world.AI_CHANNEL,
    serverId=world.STATE_SERVER,
    dcFileNames=[world.DC_FILE],
    connectMethod=Ai.CM_NET,
)
server.connect(*world.MESSAGE_DIRECTOR)
base.run()

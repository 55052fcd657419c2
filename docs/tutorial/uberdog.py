"""The UberDOG server: holds what there is one of in the world, here the login manager."""

from direct.showbase.ShowBase import ShowBase
from panda3d.core import loadPrcFileData
from panda3d_astron.repository import AstronInternalRepository

import world

loadPrcFileData("", "window-type none\naudio-library-name null")


class UberDog(AstronInternalRepository):
    GameGlobalsId = world.ROOM

    def handleConnected(self):
        self.generateGlobalObject(world.LOGIN_MANAGER, "LoginManager")
        print("the login manager is ready")


base = ShowBase()
base.setSleep(0.01)  # leave the processor to others between two frames
server = UberDog(
    world.UBERDOG_CHANNEL,
    serverId=world.STATE_SERVER,
    dcFileNames=[world.DC_FILE],
    dcSuffix="UD",
    connectMethod=UberDog.CM_NET,
)
server.connect(*world.MESSAGE_DIRECTOR)
base.run()

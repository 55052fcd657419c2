"""What the AI and the UberDOG server have in common: their link to the message director."""

import sys

import installed  # before the others

from direct.showbase.ShowBase import ShowBase
from panda3d.core import loadPrcFileData
from panda3d_astron.msgtypes import CLIENTAGENT_DONE_INTEREST_RESP
from panda3d_astron.repository import AstronInternalRepository

import settings

# A server has neither window nor sound. If the daemon is not there yet, it is tried again each second.
loadPrcFileData(
    "",
    "window-type none\n"
    "audio-library-name null\n"
    "air-reconnect-delay 1\n"
    f"air-channel-allocation {settings.CHANNELS_OF_A_SERVER}\n",
)


class Server(AstronInternalRepository):
    # What has this id is known to all without being seen.
    GameGlobalsId = settings.MEADOW

    def lostConnection(self):
        # The daemon has deleted what this server had made, or is gone itself. Whoever runs servers for others
        # has something that starts them again: then they begin anew, with handleConnected.
        sys.exit("the link to the daemon is lost")

    def handleDatagram(self, di):
        # panda3d-astron 1.1.0 complains of this answer to clientAddInterest. We do not wait for it.
        if self.getMsgType() != CLIENTAGENT_DONE_INTEREST_RESP:
            super().handleDatagram(di)


def run(kind, channel, suffix):
    """Run a server of this kind for ever. Its classes are those that end in `suffix`."""
    base = ShowBase()
    base.setSleep(0.01)  # leave the processor to others between two frames
    server = kind(
        channel,
        serverId=settings.STATE_SERVER,
        dcFileNames=[settings.DC_FILE],
        dcSuffix=suffix,
        connectMethod=kind.CM_NET,
    )
    server.connect(*settings.MESSAGE_DIRECTOR)
    base.run()

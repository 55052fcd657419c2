"""The UberDOG server's end of the login manager: lets players in."""

from direct.distributed.DistributedObjectGlobalUD import DistributedObjectGlobalUD

import settings

CLIENT_ESTABLISHED = 2


class LoginManagerUD(DistributedObjectGlobalUD):
    def login(self, name):
        """A client wants in. All are guests; here would be the place to ask for a password."""
        client = self.air.getMsgSender()
        if name != name.strip() or not name.isprintable():
            print(f"{name!r} is refused", flush=True)
            self.sendUpdateToChannel(client, "refuse", ["a name is printable, without blanks around it"])
            return
        print(f"{name} logs in", flush=True)
        # From now on the client may speak to whatever it sees.
        self.air.setClientState(client, CLIENT_ESTABLISHED)
        self.makeAvatar(client, name)

    def makeAvatar(self, client, name):
        """Ask the AI server, whose object the meadow is, by sending the meadow one of its fields."""
        meadow = self.air.getDcFile().getClassByName("Meadow")
        field = meadow.getFieldByName("createAvatar")
        us = self.air.ourChannel
        self.air.send(field.aiFormatUpdate(settings.MEADOW, settings.MEADOW, us, [client, name]))

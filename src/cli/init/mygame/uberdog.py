"""The UberDOG server: has what there is one of in the whole game. Here that is the login manager."""

import installed  # before the others

import settings
from server import Server, run


class UberDog(Server):
    def handleConnected(self):
        self.generateGlobalObject(settings.LOGIN_MANAGER, "LoginManager")
        print("the login manager is ready", flush=True)


run(UberDog, settings.UBERDOG_CHANNEL, "UD")

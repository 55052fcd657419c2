"""The client's end of the login manager."""

from direct.distributed.DistributedObjectGlobal import DistributedObjectGlobal


class LoginManager(DistributedObjectGlobal):
    def login(self, name):
        self.sendUpdate("login", [name])

    def refuse(self, why):
        messenger.send("refused", [why])  # a builtin of Panda3D; client.py listens

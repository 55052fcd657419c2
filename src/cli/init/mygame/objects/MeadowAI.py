"""The meadow, in the AI server: makes the avatars."""

import random

from direct.distributed.DistributedObjectAI import DistributedObjectAI

import settings
from objects.AvatarAI import AvatarAI


class MeadowAI(DistributedObjectAI):
    def createAvatar(self, client, name):
        """The UberDOG server has let somebody in."""
        avatar = AvatarAI(self.air)
        avatar.client = client
        avatar.name = name
        avatar.pose = (random.uniform(-4.0, 4.0), random.uniform(-4.0, 4.0), 0.0)
        # This sends the required fields, for which it calls the getters: getName for setName.
        avatar.generateWithRequiredAndId(self.air.allocateChannel(), self.doId, settings.DAY)
        avatar.setAI(self.air.ourChannel)
        # A session object goes when its client goes, and only its owner may walk it.
        self.air.clientAddSessionObject(client, avatar.doId)
        self.air.setOwner(avatar.doId, client)
        avatar.lookAround()
        avatar.lookForOwner()
        print(f"{name} has avatar {avatar.doId}", flush=True)

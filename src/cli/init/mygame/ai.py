"""The AI server: makes the meadow, and decides what happens in it."""

import installed  # before the others

import settings
from objects.MeadowAI import MeadowAI
from server import Server, run


class Ai(Server):
    def handleConnected(self):
        meadow = MeadowAI(self)
        meadow.generateWithRequiredAndId(settings.MEADOW, 0, 0)
        # What we are the AI of goes when we go: the repository has asked the daemon for that.
        meadow.setAI(self.ourChannel)
        print("the meadow is ready", flush=True)


run(Ai, settings.AI_CHANNEL, "AI")

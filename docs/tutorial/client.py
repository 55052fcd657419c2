"""A player's program: python client.py NAME [PASSWORD]

Type w, a, s or d to walk, and anything else to say it.
"""

import queue
import sys
import threading

from direct.showbase.ShowBase import ShowBase
from panda3d.core import URLSpec, loadPrcFileData
from panda3d_astron.repository import AstronClientRepository

import world

loadPrcFileData("", "window-type none\naudio-library-name null")

STEPS = {"w": (0, 1), "a": (-1, 0), "s": (0, -1), "d": (1, 0)}


class Client(AstronClientRepository):
    # An interest that a server opens below this object needs no view of the object itself.
    GameGlobalsId = world.ROOM


class Game(ShowBase):
    def __init__(self, name, password):
        super().__init__()
        self.setSleep(0.01)  # leave the processor to others between two frames
        self.name = name
        self.password = password
        self.lines = queue.SimpleQueue()
        self.client = Client(dcFileNames=[world.DC_FILE], connectMethod=Client.CM_NET)
        self.accept("CLIENT_HELLO_RESP", self.log_in)
        self.accept("CLIENT_EJECT", self.ejected)
        self.accept("LOST_CONNECTION", sys.exit, ["the connection was lost"])
        self.accept("avatar-ready", self.play)
        url = URLSpec()
        url.setServer(world.CLIENT_AGENT[0])
        url.setPort(world.CLIENT_AGENT[1])
        self.client.connect([url], successCallback=self.hello, failureCallback=self.no_daemon)

    def no_daemon(self, code, explanation):
        sys.exit(f"nobody listens at {world.CLIENT_AGENT}")

    def hello(self):
        # The daemon compares version and DC file with its own.
        self.client.sendHello(world.VERSION)

    def log_in(self):
        manager = self.client.generateGlobalObject(world.LOGIN_MANAGER, "LoginManager")
        manager.login(self.name, self.password)

    def ejected(self, code, reason):
        sys.exit(f"the server ended the connection: {reason} ({code})")

    def play(self, avatar):
        threading.Thread(target=self.read_keyboard, daemon=True).start()
        self.taskMgr.add(self.obey, "obey", extraArgs=[avatar], appendTask=True)

    def read_keyboard(self):
        for line in sys.stdin:
            self.lines.put(line.strip())

    def obey(self, avatar, task):
        while not self.lines.empty():
            line = self.lines.get()
            if line in STEPS:
                avatar.sendUpdate("walk", STEPS[line])
            elif line:
                avatar.sendUpdate("say", [line])
        return task.cont


Game(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "guest").run()

"""A player's program: python client.py NAME [--headless]

With --headless there is no window. Then it obeys lines instead of keys: `+w` presses a key, `-w` lets it go, and
anything else is said. test.py plays it in this way.
"""

import argparse
import queue
import sys
import threading

import installed  # before the others

from direct.showbase.ShowBase import ShowBase
from panda3d.core import ConfigVariableString, URLSpec, loadPrcFileData
from panda3d_astron import msgtypes
from panda3d_astron.repository import AstronClientRepository

import settings
from controls import ChatLine, Controls
from scene import Scene

HINT_AFTER = 5.0  # seconds without an avatar


class Connection(AstronClientRepository):
    """The link to the client agent, with what panda3d-astron 1.1.0 leaves out."""

    # What has this id is known without being seen, so that zones of the meadow can be looked into.
    GameGlobalsId = settings.MEADOW

    def handle_object_leaving(self, di):
        # The original deletes the object twice.
        self.deleteObject(di.getUint32())

    def handleObjectLocation(self, di):
        # The original has no word for an object of which there is an owner's view only.
        number, parent, zone = di.getUint32(), di.getUint32(), di.getUint32()
        for view in (self.doId2ownerView.get(number), self.doId2do.get(number)):
            if view is not None:
                view.setLocation(parent, zone)

    def sendHeartbeat(self):
        # The original does not note when, and sends one for whatever it hears.
        self.lastHeartbeat = globalClock.getRealTime()
        super().sendHeartbeat()


class Game(ShowBase):
    def __init__(self, name, headless):
        super().__init__()
        self.setSleep(0.01)  # leave the processor to others between two frames
        self.name = name
        self.avatar = None
        self.scene = None if headless else Scene()
        self.controls = Controls()
        self.accept("escape", self.userExit)
        self.accept("heard", self.hear)
        self.accept("zone-entered", self.enter_zone)
        self.accept("avatar-ready", self.play)
        self.accept("refused", lambda why: self.end(f"the server refuses: {why}"))
        self.accept("CLIENT_HELLO_RESP", self.log_in)
        self.accept("CLIENT_EJECT", self.ejected)
        self.accept("LOST_CONNECTION", self.end, ["the link to the server is lost"])
        self.connect()

    def connect(self):
        host, port = settings.CLIENT_AGENT
        url = URLSpec()
        url.setServer(host)
        url.setPort(port)
        self.connection = Connection(
            dcFileNames=[settings.DC_FILE], connectMethod=Connection.CM_NET
        )
        self.connection.connect(
            [url],
            # The client agent compares version and DC file with its own.
            successCallback=self.connection.sendHello,
            successArgs=[settings.VERSION],
            failureCallback=lambda *_: self.end(f"no server at {host}:{port}: is donet running?"),
        )

    def log_in(self):
        # Who says nothing for a minute has been lost: cluster.yml says so.
        self.connection.startHeartbeat()
        manager = self.connection.generateGlobalObject(settings.LOGIN_MANAGER, "LoginManager")
        manager.login(self.name)
        hint = "no avatar yet: are uberdog.py and ai.py running?"
        self.taskMgr.doMethodLater(HINT_AFTER, self.hear, "hint", extraArgs=[hint])

    def play(self, avatar):
        self.taskMgr.remove("hint")
        self.avatar = avatar
        avatar.controls = self.controls
        if self.scene:
            self.scene.follow(avatar.puppet)
            ChatLine(self.controls, avatar.say)
        else:
            self.obey_lines()
        self.hear(f"you are {avatar.name}")

    def hear(self, line):
        print(line, flush=True)
        if self.scene:
            self.scene.show_heard(line)

    def enter_zone(self, zone):
        self.hear(f"you are in {settings.ZONE_NAMES[zone]}")
        if self.scene:
            self.scene.show_zone(zone)

    def ejected(self, code, reason):
        self.end(f"the server ended the connection: {reason} ({code})")

    def end(self, why):
        """There is no playing on. The first reason is the one that counts."""
        self.ignoreAll()
        self.taskMgr.remove("hint")
        if not self.scene:
            sys.exit(why)
        print(why, file=sys.stderr)
        if self.avatar:
            self.avatar.controls = None
        self.scene.notice(f"{why}\n\nEscape ends the game")
        self.accept("escape", self.userExit)

    def obey_lines(self):
        lines = queue.SimpleQueue()
        read = threading.Thread(target=lambda: [lines.put(line.strip()) for line in sys.stdin])
        read.daemon = True
        read.start()
        self.taskMgr.add(self.obey, "obey", extraArgs=[lines], appendTask=True)

    def obey(self, lines, task):
        while not lines.empty():
            line = lines.get()
            if line[:1] in ("+", "-"):
                self.messenger.send(line[1:] + ("-up" if line[0] == "-" else ""))
            elif line:
                self.avatar.say(line[: settings.WORDS_LENGTH])
        return task.cont


def player_name(text):
    if not 1 <= len(text.encode()) <= settings.NAME_LENGTH:
        raise argparse.ArgumentTypeError(f"a name has 1 to {settings.NAME_LENGTH} letters")
    return text


def main():
    parser = argparse.ArgumentParser(description="Play mygame.")
    parser.add_argument("name", type=player_name, help="your name in the game")
    parser.add_argument("--headless", action="store_true", help="no window; obey lines")
    options = parser.parse_args()
    loadPrcFileData("", "win-size 960 600\naudio-library-name null")
    ConfigVariableString("window-title").setValue(f"{options.name} - mygame")
    if options.headless:
        loadPrcFileData("", "window-type none")
    Game(options.name, options.headless).run()


if __name__ == "__main__":
    main()

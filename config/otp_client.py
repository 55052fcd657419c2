"""A player's program, without a picture.

    python otp_client.py NAME PASSWORD [--register] [--frog NAME]

With --register it makes an account; with --frog a frog, if the account has none of this name; it plays with that, or with
the first one. Then it takes commands, a line each: hop X Y, croak WORDS, reeds, lilies, bye.
"""

import argparse
import queue
import sys
import threading

from direct.showbase.ShowBase import ShowBase
from panda3d.core import URLSpec, loadPrcFileData

import otp_numbers as numbers
from otp_era import EraRepository

loadPrcFileData("", "window-type none\naudio-library-name null")


class Client(EraRepository):
    avatar_class = "Frog"
    avatar = None

    def __init__(self):
        method = EraRepository.CM_NET
        super().__init__(numbers.ROOT, dcFileNames=numbers.DC_FILES, connectMethod=method)
        self.add_messages_of_the_game()

    def add_messages_of_the_game(self):
        self.handlers |= {
            numbers.LOGIN_RESP: self.handle_login,
            numbers.GET_AVATARS_RESP: self.handle_avatars,
            numbers.CREATE_AVATAR_RESP: self.handle_created,
            numbers.SET_AVATAR_RESP: self.handle_choice,
        }

    def handle_login(self, di):
        code, text, account = di.getUint8(), di.getString(), di.getUint32()
        messenger.send("login", [code, text, account])

    def handle_avatars(self, di):
        code, text, frogs = di.getUint8(), di.getString(), []
        for _ in range(di.getUint16()):
            frogs.append((di.getUint32(), di.getString(), di.getUint8()))
        messenger.send("avatars", [code, text, frogs])

    def handle_created(self, di):
        code, text, avatar = di.getUint8(), di.getString(), di.getUint32()
        messenger.send("avatar-created", [code, text, avatar])

    def handle_choice(self, di):
        messenger.send("avatar-refused", [di.getUint8(), di.getString()])

    def make_avatar(self, dclass):
        self.avatar = super().make_avatar(dclass)
        return self.avatar

    def lostConnection(self):
        messenger.send("connection-lost")


class Game(ShowBase):
    def __init__(self, options):
        super().__init__()
        self.setSleep(0.01)
        self.options, self.place = options, None
        self.client = Client()
        for event, method in (
            ("login", self.logged_in),
            ("avatars", self.choose),
            ("avatar-created", self.created),
            ("avatar-refused", self.refused),
            ("frog-comes", self.frog_comes),
            ("frog-hops", lambda frog: self.tell(f"{frog.name} is at {frog.xy[0]:g}, {frog.xy[1]:g}")),
            ("frog-croaks", lambda frog, words: self.tell(f"{frog.name}: {words}")),
            ("frog-goes", lambda frog: self.tell(f"{frog.name} is gone")),
            ("pond-found", self.enter),
            ("in-zone", lambda: self.tell("you look around")),
            ("put-out", lambda code, text: sys.exit(f"put out: {text} ({code})")),
            ("connection-lost", lambda: sys.exit("the connection is lost")),
        ):
            self.accept(event, method)
        url = URLSpec()
        url.setServer(numbers.CLIENT_AGENT[0])
        url.setPort(numbers.CLIENT_AGENT[1])
        failed = lambda code, text: sys.exit(f"nobody listens at {numbers.CLIENT_AGENT}")
        self.client.connect([url], successCallback=self.log_in, failureCallback=failed)

    def tell(self, text):
        print(text, flush=True)

    def log_in(self):
        self.client.startHeartbeat()
        number = numbers.REGISTER if self.options.register else numbers.LOGIN
        self.client.say(number, "ss", self.options.name, self.options.password)

    def logged_in(self, code, text, account):
        self.refused(code, text)
        self.client.say(numbers.GET_AVATARS)

    def refused(self, code, text):
        if code != numbers.OK:
            sys.exit(f"refused: {text} ({code})")

    def choose(self, code, text, frogs):
        self.refused(code, text)
        self.tell("frogs: " + (", ".join(name for _, name, _ in frogs) or "none"))
        wanted = self.options.frog
        fitting = [frog for frog, name, _ in frogs if wanted in ("", name)]
        if fitting:
            self.client.say(numbers.SET_AVATAR, "I", fitting[0])
        elif wanted:
            self.client.say(numbers.CREATE_AVATAR, "sB", wanted, len(frogs))
        else:
            sys.exit("you have no frog: --frog NAME makes one")

    def created(self, code, text, avatar):
        self.refused(code, text)
        self.client.say(numbers.SET_AVATAR, "I", avatar)

    def frog_comes(self, frog):
        if frog is not self.client.avatar:
            self.tell(f"{frog.name} is here")
            return
        self.tell(f"you are {frog.name} at {frog.xy[0]:g}, {frog.xy[1]:g}")
        self.client.addInterest(numbers.ROOT, numbers.PONDS_ZONE, "ponds", "pond-found")

    def enter(self):
        self.go(numbers.LILIES)
        self.lines = queue.SimpleQueue()
        threading.Thread(target=self.read_keyboard, daemon=True).start()
        self.taskMgr.add(self.obey, "obey")

    def go(self, zone):
        """The client itself says where its frog is, and what it wants to see."""
        self.client.avatar.b_setLocation(numbers.POND, zone)
        if self.place is None:
            self.place = self.client.addInterest(numbers.POND, [zone], "place", "in-zone")
        else:
            self.client.alterInterest(self.place, numbers.POND, [zone], event="in-zone")

    def read_keyboard(self):
        for line in sys.stdin:
            self.lines.put(line.strip().split(maxsplit=1))

    def hop(self, step):
        try:
            x, y = (float(part) for part in step.split())
        except ValueError:
            self.tell("hop takes two numbers: hop 1 2")
            return
        self.client.avatar.sendUpdate("hop", [x, y])

    def obey(self, task):
        while not self.lines.empty():
            match self.lines.get():
                case ["hop", step]:
                    self.hop(step)
                case ["croak", words]:
                    self.client.avatar.sendUpdate("croak", [words])
                case ["reeds"]:
                    self.go(numbers.REEDS)
                case ["lilies"]:
                    self.go(numbers.LILIES)
                case ["bye"]:
                    self.client.leave()
                    sys.exit()
        return task.cont


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("password")
    parser.add_argument("--register", action="store_true", help="make an account")
    parser.add_argument("--frog", default="", help="the frog to play with")
    Game(parser.parse_args()).run()

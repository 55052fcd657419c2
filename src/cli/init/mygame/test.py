"""Plays mygame without a window: python test.py

Starts the daemon, the UberDOG server, the AI server and two players, on ports that are free and in a temporary
folder, and looks whether the players see each other walk and hear each other talk. $DONET names the daemon's
program, if it is not `donet`. Ends with 0 if all went well. Nothing is left of it, also if it is ended by Ctrl-C
or a signal; SIGKILL leaves the folder, and on other systems than Linux what it had started.
"""

import installed  # before the others

import math
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import settings

FOLDER = pathlib.Path(__file__).resolve().parent
PATIENCE = 60.0  # seconds; only what fails takes so long
GRACE = 20.0  # seconds; so long a program may take for its end
PORTS = {7199: "MESSAGE_DIRECTOR", 7198: "CLIENT_AGENT", 7197: None, 7196: None, 7180: None}


# Signals that end this.
ENDINGS = [each for each in signal.Signals if each.name in ("SIGINT", "SIGTERM", "SIGHUP")]
# Those that have come.
heard = []

# Begins each program on Linux, which then sends it SIGTERM (15) when this program ends, whatever the reason.
# It may have ended before that.
LEASH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)
if os.getppid() != int(sys.argv[1]):
    sys.exit()
os.execv(sys.argv[2], sys.argv[2:])
"""


class Failed(Exception):
    pass


class Ended(Exception):
    """By a signal."""


class Program:
    """A program that runs, and what it says."""

    def __init__(self, name, command, **options):
        self.name = name
        self.lines = []
        self.looked_at = 0  # so many of the lines
        self.news = threading.Condition()
        if sys.platform == "linux":
            command = [sys.executable, "-c", LEASH, str(os.getpid()), *command]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(command, text=True, errors="replace", **pipes, **options)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip())
                self.news.notify_all()

    def wait_for(self, pattern):
        """Wait for a line that has this in it, after those that were waited for, and return the match."""
        deadline = time.monotonic() + PATIENCE
        with self.news:
            while True:
                if heard:
                    raise Ended
                while self.looked_at < len(self.lines):
                    self.looked_at += 1
                    found = re.search(pattern, self.lines[self.looked_at - 1])
                    if found:
                        print(f"{self.name:>8}: {found.string}")
                        return found
                left = deadline - time.monotonic()
                if left <= 0 or not self.reader.is_alive():
                    raise Failed(f"{self.name} did not say “{pattern}”")
                self.news.wait(min(left, 0.5))

    def tell(self, line):
        print(f"{self.name:>8}< {line}")
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError:
            raise Failed(f"{self.name} has ended") from None

    def end(self):
        # The daemon takes away what it has made, if it is asked to end and not killed.
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()


def find_donet():
    """The daemon's program."""
    named = os.environ.get("DONET")
    found = shutil.which("donet" if named is None else named)
    if not found or not is_donet(found):
        what = "there is no program `donet`"
        if named is not None:
            what = f"$DONET is {named!r}, which is not donet's program"
        raise Failed(f"{what}: install donet, or name its program in $DONET")
    return os.path.abspath(found)


def is_donet(program):
    try:
        said = subprocess.run([program, "--version"], capture_output=True, timeout=GRACE).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False  # a text, say
    return said.startswith(b"donet ")


def free_ports():
    """As many ports as cluster.yml names, which nobody uses."""
    sockets = [socket.socket() for _ in PORTS]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    free = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return dict(zip(PORTS, free))


class Game:
    """All programs of the game."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.programs = []
        self.environment = dict(os.environ)
        configuration = (FOLDER / "cluster.yml").read_text()
        for fixed, free in free_ports().items():
            configuration = configuration.replace(f"127.0.0.1:{fixed}", f"127.0.0.1:{free}")
            if PORTS[fixed]:
                self.environment[PORTS[fixed]] = f"127.0.0.1:{free}"
        (self.folder / "cluster.yml").write_text(configuration)
        shutil.copy(FOLDER / settings.DC_FILE, self.folder)
        for script in FOLDER.glob("*.lua"):
            shutil.copy(script, self.folder)

    def start(self, name, *command):
        if heard:
            raise Ended
        program = Program(name, command, cwd=self.folder, env=self.environment)
        self.programs.append(program)
        return program

    def start_python(self, name, file, *arguments):
        return self.start(name, sys.executable, str(FOLDER / file), *arguments)

    def end(self):
        for program in reversed(self.programs):
            program.end()


def place(found):
    return tuple(float(number) for number in re.findall(r"-?\d+\.\d", found.string))


def walk(player, other):
    """One walks, and the other one sees where to."""
    player.tell("+w")
    other.wait_for(f"^{player.name} walks")
    player.tell("-w")
    went_to = place(player.wait_for("^you stand at"))
    seen_at = place(other.wait_for(f"^{player.name} stands at"))
    if math.dist(went_to, seen_at) > 0.2:
        raise Failed(f"{player.name} is at {went_to}, and {other.name} sees {seen_at}")


def start_servers(game):
    daemon = game.start("donet", find_donet(), "cluster.yml")
    daemon.wait_for("daemon: ready")
    game.start_python("uberdog", "uberdog.py").wait_for("the login manager is ready")
    ai = game.start_python("ai", "ai.py")
    ai.wait_for("the meadow is ready")
    return ai


def play_as_two(game):
    ai = start_servers(game)
    ann = game.start_python("Ann", "client.py", "Ann", "--headless")
    ann.wait_for("^you are Ann")
    bob = game.start_python("Bob", "client.py", "Bob", "--headless")
    bob.wait_for("^you are Bob")
    bob.wait_for("^Ann is here")
    ann.wait_for("^Bob is here")

    walk(ann, bob)
    walk(bob, ann)
    bob.tell("good morning, Ann")
    ann.wait_for("^Bob: good morning, Ann")

    bob.end()
    ai.wait_for("Bob has gone")
    ann.wait_for("^Bob is gone")


def run(play):
    """Let somebody play with a game, and end it, whatever happens."""
    for number in ENDINGS:
        # What is ignored (by nohup, say) stays so. The others are looked at where nothing is half done.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: heard.append(number))
    failure = None
    with tempfile.TemporaryDirectory() as folder:
        game = Game(folder)
        try:
            play(game)
        except (Failed, Ended) as error:
            failure = error
        finally:
            game.end()
    if heard:
        print(f"ended by {signal.Signals(heard[0]).name}", file=sys.stderr)
        sys.exit(128 + heard[0])
    if failure:
        for program in game.programs:
            print(f"--- the last that {program.name} said:", *program.lines[-20:], sep="\n")
        sys.exit(f"failed: {failure}")


if __name__ == "__main__":
    run(play_as_two)
    print("all is well: they see each other walk, and hear each other")

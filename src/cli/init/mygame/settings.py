"""What all programs of mygame agree on."""

import os


def address(name, default):
    """Where a port of the daemon is: from the environment, or as in cluster.yml."""
    host, port = os.environ.get(name, default).rsplit(":", 1)
    return host, int(port)


# As in cluster.yml.
MESSAGE_DIRECTOR = address("MESSAGE_DIRECTOR", "127.0.0.1:7199")
CLIENT_AGENT = address("CLIENT_AGENT", "127.0.0.1:7198")
VERSION = "mygame 1"
LOGIN_MANAGER = 1001
STATE_SERVER = 2001

DC_FILE = "game.dc"

# Channels and ids of ours: none of them stands in cluster.yml. Each server has so many of them, from its own
# on, for itself and the objects that it makes.
MEADOW = 5000
UBERDOG_CHANNEL = 100000
AI_CHANNEL = 200000
CHANNELS_OF_A_SERVER = 100000

# The meadow's two zones. Who is in one of them does not see the other.
DAY = 1
NIGHT = 2
ZONE_NAMES = {DAY: "the meadow by day", NIGHT: "the meadow by night"}

# Lengths are in steps, times in seconds.
SPEED = 8.0  # steps a second
EDGE = 20.0  # the meadow reaches so far from its middle
GATE = (0.0, 12.0)  # it leads from day to night, and back
GATE_REACH = 1.5
SEND_EVERY = 0.1  # so often a client says where it is
ANSWER_WITHIN = 10.0  # whoever does not answer for so long is not there

NAME_LENGTH = 24
WORDS_LENGTH = 120

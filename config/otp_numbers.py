"""What the programs of config/otp.yml agree on: ids, channels, and the game's own messages."""

import os
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent
DC_FILES = [str(FOLDER / "otp.dc")]


def address(variable: str, port: int) -> tuple[str, int]:
    return "127.0.0.1", int(os.environ.get(variable, port))


MESSAGE_DIRECTOR = address("MESSAGE_DIRECTOR_PORT", 7199)
CLIENT_AGENT = address("CLIENT_AGENT_PORT", 6667)

# As in otp.yml.
GATEKEEPER, STATE_SERVER, DATABASE = 4665, 4001, 4003
# The first node of the names: the first object that the database makes, `generate.min`.
NAMES = 10_000_000

# Ours to choose. A doId is a channel, too: all of these differ from each other and from all ranges.
# A server's own ids begin at its channel, and are a million.
UBERDOG_CHANNEL, AI_CHANNEL = 20_000_000, 30_000_000
ROOT, POND = 4618, 4700

# Below the root clients look for ponds, and each pond has zones. Nobody sees anything in the quiet one.
PONDS_ZONE, QUIET, LILIES, REEDS = 3, 1, 2000, 2100

# Channels that lead to whoever plays with an account, or an avatar.
ACCOUNTS, PUPPETS = 1003 << 32, 1001 << 32

# The game's own messages. Those from clients stand in `client.login`.
GET_AVATARS = 3  # –
GET_AVATARS_RESP = 5  # uint8 code, string text, uint16 n, (uint32 avatar, string name, uint8 colour) × n
CREATE_AVATAR = 6  # string name, uint8 colour
CREATE_AVATAR_RESP = 7  # uint8 code, string text, uint32 avatar
SET_AVATAR = 32  # uint32 avatar; the answer is the avatar, or
SET_AVATAR_RESP = 33  # uint8 code, string text
LOGIN = 125  # string name, string password
LOGIN_RESP = 126  # uint8 code, string text, uint32 account
REGISTER = 127  # string name, string password; answered with LOGIN_RESP

# Codes in answers.
OK, WRONG, TAKEN, BAD_NAME, TOO_MANY, TRY_LATER = range(6)
# Reasons of an eject, beside the agent's own.
LOGGED_IN_ELSEWHERE, NOT_NOW = 100, 1001

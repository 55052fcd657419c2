"""Messages of the OTP era: those about objects, and those of a game that was invented for these tests."""

GO_GET_LOST = 4
AVATAR_DETAILS = 15
UPDATE_FIELD = 24
DISABLE = 25
DISABLE_OWNER = 26
DELETE_2003 = 27
SET_ZONE_2003 = 29
SET_SHARD_2003 = 31
CREATE = 34
CREATE_OTHER = 35
CREATE_OWNER = 36
DISCONNECT = 37
GET_STATE_2003 = 47
DONE = 48
HEARTBEAT = 52
SYSTEM_MESSAGE = 78
ADD_INTEREST = 97
REMOVE_INTEREST = 99
LOCATION = 102
FIELDS_SENDABLE = 120

# The game's own. Each is passed on to its UberDOG.
LOGIN = 125  # string name, string password
LOGIN_RESP = 126  # uint8 code, string text, uint32 account
SET_AVATAR = 32  # string name

MESSAGES_OF_THE_GAME = [LOGIN, SET_AVATAR]

"""A player's program of the OTP era: what is shipped with the example, and says what happens to it.

Beside the example's frogs it knows the avatars of the tests' world, and what was different in 2003.
"""

from stage import connect_method, report, run, settings

import otp_client
import otp_numbers as numbers
from direct.distributed.DoInterestManager import DoInterestManager
from direct.showbase.ShowBase import ShowBase
from otp_era import DONE, HEARTBEAT, EraRepository
from panda3d.core import URLSpec

DELETE_2003, SET_ZONE_2003, SET_SHARD_2003, GET_STATE_2003 = 27, 29, 31, 47


class Repository(otp_client.Client):
    avatar_class = settings.get("avatar_class", "Avatar")

    def __init__(self):
        self.is_of_2003 = settings.get("era") == "toontown2003"
        # The example's own program says how it connects; a test does it here.
        EraRepository.__init__(
            self,
            settings["root"],
            dcFileNames=settings["dc_files"],
            connectMethod=connect_method(EraRepository),
        )
        self.add_messages_of_the_game()
        self.handlers[HEARTBEAT] = lambda di: report("heartbeat")
        if self.is_of_2003:
            self.handlers |= {
                DELETE_2003: lambda di: self.disableDoId(di.getUint32()),
                GET_STATE_2003: lambda di: report("shard set"),
                DONE: lambda di: report("zone set", zone=di.getUint16()),
            }

    def read_place(self, di) -> tuple:
        return (None, None) if self.is_of_2003 else super().read_place(di)

    def make_avatar(self, dclass):
        if self.avatar_class == "Frog":
            return super().make_avatar(dclass)
        from era_objects import OwnAvatar

        return OwnAvatar(self)

    def lostConnection(self) -> None:
        report("connection lost")


class Player:
    """The test calls this class's methods."""

    def __init__(self):
        self.repository = Repository()
        self.interests = {}
        for event, kind, names in (
            ("login", "login", ("code", "text", "account")),
            ("avatars", "avatars", ("code", "text", "avatars")),
            ("avatar-created", "avatar created", ("code", "text", "avatar")),
            ("avatar-refused", "avatar refused", ("code", "text")),
            ("system-message", "system message", ("text",)),
            ("own-location", "own location", ("do", "location")),
            ("fields-sendable", "sendable", ("do", "fields")),
            ("interest-done", "done", ("handle", "context")),
            ("put-out", "ejected", ("code", "text")),
        ):
            self.report_event(event, kind, names)
        base.accept("frog-comes", self.frog_comes)
        base.accept("frog-hops", lambda frog: self.frog_says(frog, "setXY", frog.xy))
        base.accept("frog-croaks", lambda frog, words: self.frog_says(frog, "croak", (words,)))
        base.accept("frog-goes", lambda frog: self.report_frog(frog, "leave"))
        self.repository.connect(
            [URLSpec(f"http://127.0.0.1:{settings['port']}")],
            successCallback=self.connected,
            failureCallback=lambda code, text: report("connection refused", code=code, text=text),
        )

    def connected(self) -> None:
        if "heartbeat" in settings:
            self.start_heartbeat(settings["heartbeat"])
        report("connected")

    def report_event(self, event: str, kind: str, names: tuple) -> None:
        base.accept(event, lambda *values: report(kind, **dict(zip(names, values, strict=True))))

    # The example's frogs, whose classes only send events.

    def report_frog(self, frog, kind: str, **fields) -> None:
        is_own = frog is getattr(self.repository, "avatar", None)
        report(kind, do=frog.doId, view="owner" if is_own else "object", **fields)

    def frog_comes(self, frog) -> None:
        fields = {"setName": [frog.name], "setColour": [frog.colour], "setXY": frog.xy}
        place = [frog.parentId, frog.zoneId]
        self.report_frog(frog, "enter", **{"class": "Frog"}, location=place, fields=fields)

    def frog_says(self, frog, name: str, values: tuple) -> None:
        self.report_frog(frog, "field", name=name, values=values)

    # The game's own messages.

    def log_in(self, name: str, password: str) -> None:
        self.repository.say(numbers.LOGIN, "ss", name, password)

    def register(self, name: str, password: str) -> None:
        self.repository.say(numbers.REGISTER, "ss", name, password)

    def get_avatars(self) -> None:
        self.repository.say(numbers.GET_AVATARS)

    def create_avatar(self, name: str, colour: int) -> None:
        self.repository.say(numbers.CREATE_AVATAR, "sB", name, colour)

    def set_avatar(self, avatar: int) -> None:
        self.repository.say(numbers.SET_AVATAR, "I", avatar)

    def say_numbers(self, number: int, layout: str, values: list) -> None:
        """Anything at all."""
        self.repository.say(number, layout, *values)

    # Objects and interests.

    def send(self, do: int, field: str, values: list) -> None:
        table = self.repository.doId2ownerView
        (table.get(do) or self.repository.doId2do[do]).sendUpdate(field, values)

    def relocate(self, do: int, parent: int, zone: int) -> None:
        self.repository.sendSetLocation(do, parent, zone)

    def open_interest(self, parent: int, zones: list[int]) -> int:
        event = self.repository.uniqueName(f"opened-{len(self.interests)}")
        interest = self.repository.addInterest(parent, zones, "test", event)
        handle = interest.asInt()
        self.interests[handle] = interest
        self.repository.acceptOnce(event, lambda: report("interest opened", handle=handle))
        return handle

    def alter_interest(self, handle: int, parent: int, zones: list[int]) -> None:
        event = self.repository.uniqueName(f"altered-{handle}")
        self.repository.acceptOnce(event, lambda: report("interest altered", handle=handle))
        self.repository.alterInterest(self.interests[handle], parent, zones, event=event)

    def close_interest(self, handle: int) -> None:
        event = self.repository.uniqueName(f"closed-{handle}")
        self.repository.acceptOnce(event, lambda: report("interest closed", handle=handle))
        self.repository.removeInterest(self.interests.pop(handle), event)

    def close_ai_interest(self, handle: int) -> None:
        self.repository.removeAIInterest(handle)

    def open_interests(self) -> list[int]:
        return sorted(DoInterestManager._interests)

    def set_shard(self, shard: int) -> None:
        self.repository.say(SET_SHARD_2003, "I", shard)

    def set_zone(self, zone: int, visible: list[int]) -> None:
        self.repository.say(SET_ZONE_2003, "I" * (1 + len(visible)), zone, *visible)

    def start_heartbeat(self, interval: float) -> None:
        self.repository.heartbeatInterval = interval
        self.repository.startHeartbeat()

    def take_leave(self) -> None:
        self.repository.leave()


ShowBase()
run(Player())

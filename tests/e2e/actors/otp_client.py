"""A player's program of the OTP era, built of Panda3D's own classes.

`ClientRepositoryBase` and `DoInterestManager` are what clients of that time stood on. Panda3D 1.10
has Astron's numbers and layouts in them; here are those of the era again, and nothing else.
"""

import otp_messages as messages
from stage import connect_method, report, run, settings

from direct.distributed.ClientRepositoryBase import ClientRepositoryBase
from direct.distributed.DoInterestManager import DoInterestManager
from direct.distributed.PyDatagram import PyDatagram
from direct.distributed.PyDatagramIterator import PyDatagramIterator
from direct.showbase.ShowBase import ShowBase
from otp_objects import OwnAvatar
from panda3d.core import URLSpec

# What Panda3D 1.10 writes for a field update.
UPDATE_FIELD_OF_ASTRON = 120


def datagram(number: int) -> PyDatagram:
    dg = PyDatagram()
    dg.addUint16(number)
    return dg


class Repository(ClientRepositoryBase):
    """Panda3D's classes with the numbers and layouts of the era."""

    def __init__(self):
        self.GameGlobalsId = settings["root"]
        super().__init__(
            dcFileNames=settings["dc_files"], connectMethod=connect_method(ClientRepositoryBase)
        )
        # Message 120 is another one.
        self.setHandleCUpdates(False)
        self.is_of_2003 = settings.get("era") == "toontown2003"
        self.handlers = {
            messages.GO_GET_LOST: self.handleGoGetLost,
            messages.AVATAR_DETAILS: self.handle_avatar_details,
            messages.UPDATE_FIELD: self.handleUpdateField,
            messages.DISABLE: lambda di: self.disableDoId(di.getUint32()),
            messages.CREATE: lambda di: self.handle_create(di, has_other=False),
            messages.CREATE_OTHER: lambda di: self.handle_create(di, has_other=True),
            messages.HEARTBEAT: lambda di: report("heartbeat"),
            messages.SYSTEM_MESSAGE: lambda di: report("system message", text=di.getString()),
            messages.LOGIN_RESP: self.handle_login,
        }
        if self.is_of_2003:
            self.handlers |= {
                messages.DELETE_2003: lambda di: self.disableDoId(di.getUint32()),
                messages.GET_STATE_2003: lambda di: report("shard set"),
                messages.DONE: lambda di: report("zone set", zone=di.getUint16()),
            }
        else:
            self.handlers |= {
                messages.DISABLE_OWNER: lambda di: self.disableDoId(di.getUint32(), ownerView=True),
                messages.CREATE_OWNER: self.handle_create_owner,
                messages.DONE: self.handleInterestDoneMessage,
                messages.LOCATION: self.handle_location,
                messages.FIELDS_SENDABLE: self.handle_sendable,
            }

    # What it hears.

    def handleDatagram(self, di) -> None:
        number = self.getMsgType()
        self.handlers[number](di)
        # What is for an owner's view alone, Panda3D reads from a copy.
        if number != messages.UPDATE_FIELD:
            left = di.getRemainingSize()
            assert left == 0, f"{left} bytes behind message {number}"

    def handle_login(self, di) -> None:
        report("login", code=di.getUint8(), text=di.getString(), account=di.getUint32())

    def handle_create(self, di, has_other: bool) -> None:
        place = (None, None) if self.is_of_2003 else (di.getUint32(), di.getUint32())
        dclass, do = self.dclassesByNumber[di.getUint16()], di.getUint32()
        generate = self.generateWithRequiredFields
        if has_other:
            generate = self.generateWithRequiredOtherFields
        assert do not in self.doId2do, f"{do} comes twice"
        dclass.startGenerate()
        generate(dclass, do, di, *place)
        dclass.stopGenerate()

    def handle_create_owner(self, di) -> None:
        dclass, do = self.dclassesByNumber[di.getUint16()], di.getUint32()
        di.getUint32(), di.getUint32()
        dclass.startGenerate()
        self.generateWithRequiredOtherFieldsOwner(dclass, do, di)
        dclass.stopGenerate()

    def handle_avatar_details(self, di) -> None:
        """The player's own avatar: there is no other view of it."""
        do, code = di.getUint32(), di.getUint8()
        assert code == 0 and do not in self.doId2do
        avatar = OwnAvatar(self)
        avatar.dclass = self.dclassesByName["Avatar"]
        avatar.doId = do
        self.doId2do[do] = avatar
        avatar.generateInit()
        avatar.generate()
        avatar.updateRequiredFields(avatar.dclass, di)

    def handle_location(self, di) -> None:
        do, place = di.getUint32(), (di.getUint32(), di.getUint32())
        if do in self.doId2do:
            self.doId2do[do].setLocation(*place)
        else:
            report("own location", do=do, location=place)

    def handle_sendable(self, di) -> None:
        do, fields = di.getUint32(), []
        while di.getRemainingSize():
            fields.append(self.getDcFile().getFieldByIndex(di.getUint16()).getName())
        report("sendable", do=do, fields=fields)

    def handleInterestDoneMessage(self, di) -> None:
        # Panda3D's own has the two the other way round.
        handle, context = di.getUint16(), di.getUint32()
        report("done", handle=handle, context=context)
        done = PyDatagram()
        done.addUint32(context)
        done.addUint16(handle)
        super().handleInterestDoneMessage(PyDatagramIterator(done))

    def handleGoGetLost(self, di) -> None:
        super().handleGoGetLost(di)
        report("ejected", code=self.bootedIndex, text=self.bootedText)

    def lostConnection(self) -> None:
        report("connection lost")

    # What it says.

    def send(self, dg) -> None:
        if PyDatagramIterator(dg).getUint16() == UPDATE_FIELD_OF_ASTRON:
            update = datagram(messages.UPDATE_FIELD)
            update.appendData(dg.getMessage()[2:])
            dg = update
        super().send(dg)

    def sendHeartbeat(self) -> None:
        self.lastHeartbeat = globalClock.getRealTime()
        self.send(datagram(messages.HEARTBEAT))

    def sendSetLocation(self, do: int, parent: int, zone: int) -> None:
        dg = datagram(messages.LOCATION)
        for number in (do, parent, zone):
            dg.addUint32(number)
        self.send(dg)

    def _sendAddInterest(
        self, handle, contextId, parentId, zoneIdList, description, action=None
    ) -> None:
        dg = datagram(messages.ADD_INTEREST)
        dg.addUint16(handle)
        dg.addUint32(contextId)
        dg.addUint32(parentId)
        zones = zoneIdList if isinstance(zoneIdList, list) else [zoneIdList]
        for zone in zones:
            dg.addUint32(zone)
        self.send(dg)

    def _sendRemoveInterest(self, handle, contextId) -> None:
        dg = datagram(messages.REMOVE_INTEREST)
        dg.addUint16(handle)
        if contextId != 0:
            dg.addUint32(contextId)
        self.send(dg)

    def _sendRemoveAIInterest(self, handle) -> None:
        dg = datagram(messages.REMOVE_INTEREST)
        dg.addUint16((1 << 15) + handle)
        self.send(dg)


class Player:
    """The test calls this class's methods."""

    def __init__(self):
        self.repository = Repository()
        self.interests = {}
        self.repository.connect(
            [URLSpec(f"http://127.0.0.1:{settings['port']}")],
            successCallback=lambda: report("connected"),
            failureCallback=lambda code, text: report("connection refused", code=code, text=text),
        )

    def log_in(self, name: str, password: str) -> None:
        dg = datagram(messages.LOGIN)
        dg.addString(name)
        dg.addString(password)
        self.repository.send(dg)

    def set_avatar(self, name: str) -> None:
        dg = datagram(messages.SET_AVATAR)
        dg.addString(name)
        self.repository.send(dg)

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
        dg = datagram(messages.SET_SHARD_2003)
        dg.addUint32(shard)
        self.repository.send(dg)

    def set_zone(self, zone: int, visible: list[int]) -> None:
        dg = datagram(messages.SET_ZONE_2003)
        for number in [zone, *visible]:
            dg.addUint32(number)
        self.repository.send(dg)

    def start_heartbeat(self, interval: float) -> None:
        self.repository.heartbeatInterval = interval
        self.repository.startHeartbeat()

    def take_leave(self) -> None:
        self.repository.send(datagram(messages.DISCONNECT))
        self.repository.flush()


ShowBase()
run(Player())

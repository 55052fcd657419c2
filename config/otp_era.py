"""A client's side of the OTP era, on Panda3D's own classes, which had it until 1.9.

Your game's client has all of this in it, with names of its own: it is here for whoever has no such client, and to try
the server. docs/protocol/client-otp.md has the tables.
"""

from direct.distributed.ClientRepositoryBase import ClientRepositoryBase
from direct.distributed.PyDatagram import PyDatagram
from direct.distributed.PyDatagramIterator import PyDatagramIterator

# Messages about objects.
GO_GET_LOST, AVATAR_DETAILS, UPDATE_FIELD, DISABLE, DISABLE_OWNER = 4, 15, 24, 25, 26
CREATE, CREATE_OTHER, CREATE_OWNER, DISCONNECT, DONE, HEARTBEAT = 34, 35, 36, 37, 48, 52
SYSTEM_MESSAGE, ADD_INTEREST, REMOVE_INTEREST, LOCATION, FIELDS_SENDABLE = 78, 97, 99, 102, 120

# What Panda3D 1.10 writes for a field update.
UPDATE_FIELD_OF_ASTRON = 120


def datagram(number: int) -> PyDatagram:
    dg = PyDatagram()
    dg.addUint16(number)
    return dg


class EraRepository(ClientRepositoryBase):
    """Panda3D's classes with the numbers and layouts of 2005 to 2013."""

    # The class of the avatar, which message 15 does not say.
    avatar_class = ""

    def __init__(self, root: int, *arguments, **options):
        # Interests directly below this id need no parent object in view.
        self.GameGlobalsId = root
        super().__init__(*arguments, **options)
        # Panda3D's own handler takes message 120 for an update.
        self.setHandleCUpdates(False)
        self.handlers = {
            GO_GET_LOST: self.handleGoGetLost,
            AVATAR_DETAILS: self.handle_avatar_details,
            UPDATE_FIELD: self.handleUpdateField,
            DISABLE: lambda di: self.disableDoId(di.getUint32()),
            DISABLE_OWNER: lambda di: self.disableDoId(di.getUint32(), ownerView=True),
            CREATE: lambda di: self.handle_create(di, has_other=False),
            CREATE_OTHER: lambda di: self.handle_create(di, has_other=True),
            CREATE_OWNER: self.handle_create_owner,
            DONE: self.handleInterestDoneMessage,
            HEARTBEAT: lambda di: None,
            SYSTEM_MESSAGE: lambda di: messenger.send("system-message", [di.getString()]),
            LOCATION: self.handle_location,
            FIELDS_SENDABLE: self.handle_sendable,
        }

    # What it hears.

    def handleDatagram(self, di) -> None:
        number = self.getMsgType()
        self.handlers[number](di)
        # What is for an owner's view alone, Panda3D reads from a copy.
        if number != UPDATE_FIELD:
            left = di.getRemainingSize()
            assert left == 0, f"{left} bytes behind message {number}"

    def read_place(self, di) -> tuple:
        return di.getUint32(), di.getUint32()

    def handle_create(self, di, has_other: bool) -> None:
        place = self.read_place(di)
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

    def make_avatar(self, dclass):
        """The player's own avatar: there is no other view of it."""
        return dclass.getClassDef()(self)

    def handle_avatar_details(self, di) -> None:
        do, code = di.getUint32(), di.getUint8()
        assert code == 0 and do not in self.doId2do
        dclass = self.dclassesByName[self.avatar_class]
        avatar = self.make_avatar(dclass)
        avatar.dclass = dclass
        avatar.doId = do
        self.doId2do[do] = avatar
        avatar.generateInit()
        avatar.generate()
        avatar.updateRequiredFields(dclass, di)

    def handle_location(self, di) -> None:
        do, place = di.getUint32(), (di.getUint32(), di.getUint32())
        if do in self.doId2do:
            self.doId2do[do].setLocation(*place)
        else:
            messenger.send("own-location", [do, place])

    def handle_sendable(self, di) -> None:
        do, fields = di.getUint32(), []
        while di.getRemainingSize():
            fields.append(self.getDcFile().getFieldByIndex(di.getUint16()).getName())
        messenger.send("fields-sendable", [do, fields])

    def handleInterestDoneMessage(self, di) -> None:
        # Panda3D's own has the two the other way round.
        handle, context = di.getUint16(), di.getUint32()
        messenger.send("interest-done", [handle, context])
        done = PyDatagram()
        done.addUint32(context)
        done.addUint16(handle)
        super().handleInterestDoneMessage(PyDatagramIterator(done))

    def handleGoGetLost(self, di) -> None:
        # What is told of the lost connection ends most programs.
        said = PyDatagramIterator(di)
        if said.getRemainingSize():
            messenger.send("put-out", [said.getUint16(), said.getString()])
        super().handleGoGetLost(di)

    # What it says.

    def send(self, dg) -> None:
        if PyDatagramIterator(dg).getUint16() == UPDATE_FIELD_OF_ASTRON:
            update = datagram(UPDATE_FIELD)
            update.appendData(dg.getMessage()[2:])
            dg = update
        super().send(dg)

    def say(self, number: int, layout: str = "", *values) -> None:
        """A message of these values: `s` is a string, `B` a uint8, `I` a uint32."""
        dg = datagram(number)
        for letter, value in zip(layout, values):
            {"s": dg.addString, "B": dg.addUint8, "I": dg.addUint32}[letter](value)
        self.send(dg)

    def sendHeartbeat(self) -> None:
        self.lastHeartbeat = globalClock.getRealTime()
        self.send(datagram(HEARTBEAT))

    def sendSetLocation(self, do: int, parent: int, zone: int) -> None:
        self.say(LOCATION, "III", do, parent, zone)

    def _sendAddInterest(
        self, handle, contextId, parentId, zoneIdList, description, action=None
    ) -> None:
        dg = datagram(ADD_INTEREST)
        dg.addUint16(handle)
        dg.addUint32(contextId)
        dg.addUint32(parentId)
        zones = zoneIdList if isinstance(zoneIdList, list) else [zoneIdList]
        for zone in zones:
            dg.addUint32(zone)
        self.send(dg)

    def _sendRemoveInterest(self, handle, contextId) -> None:
        dg = datagram(REMOVE_INTEREST)
        dg.addUint16(handle)
        if contextId != 0:
            dg.addUint32(contextId)
        self.send(dg)

    def _sendRemoveAIInterest(self, handle) -> None:
        dg = datagram(REMOVE_INTEREST)
        dg.addUint16((1 << 15) + handle)
        self.send(dg)

    def leave(self) -> None:
        self.send(datagram(DISCONNECT))
        self.flush()

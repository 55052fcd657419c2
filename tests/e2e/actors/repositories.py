"""panda3d-astron's repositories with their own defects worked around.

Each override says what is wrong in panda3d-astron 1.1.0. A game needs the same few lines; none
of them is about the daemon.
"""

import socket

from direct.distributed import DoInterestManager as interests
from direct.distributed.PyDatagram import PyDatagram
from direct.distributed.PyDatagramIterator import PyDatagramIterator
from panda3d.direct import DCPacker
from panda3d_astron import msgtypes
from panda3d_astron.repository import (
    AstronClientRepository,
    AstronInternalRepository,
    msgpack_encode,
)


class ClientRepository(AstronClientRepository):
    """The client's side, complete enough to be disconnected, relocated and to lose an object."""

    def __init__(self, root: int, *arguments, **options):
        # Interests directly below this id need no parent object in view.
        self.GameGlobalsId = root
        super().__init__(*arguments, **options)
        # There is no handler, and an unhandled message raises.
        self.message_handlers[msgtypes.CLIENT_OBJECT_LEAVING_OWNER] = (
            self.handle_object_leaving_owner
        )

    def handle_object_leaving(self, di) -> None:
        # The original deletes the object twice and fails on one that it does not know.
        do_id = di.get_uint32()
        if do_id in self.doId2do:
            self.deleteObject(do_id)
        messenger.send("CLIENT_OBJECT_LEAVING", [do_id])

    def handle_object_leaving_owner(self, di) -> None:
        do_id = di.get_uint32()
        self.disableDoId(do_id, ownerView=True)
        messenger.send("CLIENT_OBJECT_LEAVING_OWNER", [do_id])

    def add_internal_interest_handle(self, context, interest_id, parent_id, zone_ids) -> None:
        # The original raises if the parent is not in view.
        self._interests[interest_id] = interests.InterestState(
            None,
            interests.InterestState.StateActive,
            context,
            None,
            parent_id,
            zone_ids,
            self._completeEventCount,
            True,
        )

    def handle_remove_interest(self, di) -> None:
        # The original keeps the interest in its table.
        _, interest_id = _context_and_interest(di)
        self._interests.pop(interest_id, None)
        super().handle_remove_interest(di)

    def handle_interest_done_message(self, di) -> None:
        # The original never sends the event that its documentation promises.
        context, interest_id = _context_and_interest(di)
        super().handle_interest_done_message(di)
        messenger.send("CLIENT_DONE_INTEREST_RESP", [context, interest_id])

    def sendHeartbeat(self) -> None:
        # The original does not note the time, and so answers every datagram with a heartbeat.
        self.lastHeartbeat = globalClock.getRealTime()
        super().sendHeartbeat()

    def sendSetLocation(self, do_id: int, parent_id: int, zone_id: int) -> None:
        # Missing, though DistributedObject.d_setLocation calls it.
        dg = PyDatagram()
        dg.add_uint16(msgtypes.CLIENT_OBJECT_LOCATION)
        dg.add_uint32(do_id)
        dg.add_uint32(parent_id)
        dg.add_uint32(zone_id)
        self.send(dg)

    def disconnect(self) -> None:
        # The original raises while objects exist and does not take its leave.
        dg = PyDatagram()
        dg.add_uint16(msgtypes.CLIENT_DISCONNECT)
        self.send(dg)
        self.flush()
        for do_id in list(self.doId2do):
            self.deleteObject(do_id)
        for do_id in list(self.doId2ownerView):
            self.disableDoId(do_id, ownerView=True)
        super().disconnect()


def _context_and_interest(di) -> tuple[int, int]:
    """Read context and interest id without moving the iterator that others go on to read."""
    copy = PyDatagramIterator(di.getDatagram(), di.getCurrentIndex())
    return copy.get_uint32(), copy.get_uint16()


class InternalRepository(AstronInternalRepository):
    """The side of AI and UberDOG servers."""

    def __init__(self, root: int, *arguments, **options):
        self.GameGlobalsId = root
        self._event_address = None
        super().__init__(*arguments, **options)

    def handleDatagram(self, di) -> None:
        if self.getMsgType() == msgtypes.CLIENTAGENT_DONE_INTEREST_RESP:
            # The original has the handler and does not call it.
            self.handle_client_agent_interest_done_resp(di)
        else:
            super().handleDatagram(di)

    def getAvatarIdFromSender(self) -> int:
        # Missing, though classes of Panda3D's own such as TimeManagerAI call it.
        return self.getMsgSender() & 0xFFFF_FFFF

    def clientAddPostRemove(self, client: int, dg: PyDatagram) -> None:
        # Missing.
        wrapped = PyDatagram()
        wrapped.addServerHeader(client, self.ourChannel, msgtypes.CLIENTAGENT_ADD_POST_REMOVE)
        wrapped.addBlob(dg.getMessage())
        self.send(wrapped)

    def setEventLogHost(self, host: str, port: int = 7197) -> None:
        # The original's socket refuses the datagram's bytes.
        self._event_address = (host, port)

    def writeServerEvent(self, kind: str, **fields) -> None:
        # The original's condition is the wrong way round.
        dg = PyDatagram()
        msgpack_encode(dg, {"type": kind, "sender": self.eventLogId, **fields})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(dg.getMessage(), self._event_address)


class OwnerView:
    """Mixed into owner views whose class has `required ownrecv` fields.

    Panda3D's DistributedObjectOV skips these and misreads what follows them. What the daemon
    sends to an owner is every required field that is broadcast, clrecv or ownrecv.
    """

    def updateRequiredFields(self, dclass, di) -> None:
        self._read_required(dclass, di)
        self.announceGenerate()
        self.postGenerateMessage()

    def updateRequiredOtherFields(self, dclass, di) -> None:
        self._read_required(dclass, di)
        self.announceGenerate()
        self.postGenerateMessage()
        dclass.receiveUpdateOther(self, di)

    def _read_required(self, dclass, di) -> None:
        unpacker = DCPacker()
        unpacker.setUnpackData(di.getRemainingBytes())
        for index in range(dclass.getNumInheritedFields()):
            field = dclass.getInheritedField(index)
            sent = field.isBroadcast() or field.isClrecv() or field.isOwnrecv()
            if field.asMolecularField() is None and field.isRequired() and sent:
                unpacker.beginUnpack(field)
                field.receiveUpdate(unpacker, self)
                assert unpacker.endUnpack()
        di.skipBytes(unpacker.getNumUnpackedBytes())

"""An AI server: makes the town and its avatars, and whatever else a test asks for."""

from stage import connect_method, report, run, settings

from direct.distributed.PyDatagram import PyDatagram
from direct.showbase.ShowBase import ShowBase
from panda3d_astron.msgtypes import (
    CLIENTAGENT_OPEN_CHANNEL,
    CLIENTAGENT_SEND_DATAGRAM,
    CLIENTAGENT_SET_CLIENT_ID,
    STATESERVER_OBJECT_DELETE_RAM,
)
from repositories import InternalRepository

TOWN_ZONE = 2
SQUARE = 1  # the zone in the town where avatars appear


class Server(InternalRepository):
    """The test calls this class's methods."""

    def handleConnected(self) -> None:
        self.setEventLogHost("127.0.0.1", settings["event_port"])
        if settings.get("makes_town"):
            town = self.create(
                "Town", settings["root"], TOWN_ZONE, {"setMotto": ["Well met"]}, settings["town"]
            )
            manager = self.generateGlobalObject(settings["login_manager"], "LoginManager")
            manager.sendUpdate("setTown", [town])
        report("connected")

    def lostConnection(self) -> None:
        report("connection lost")

    def make_avatar(self, town: int, client: int, name: str) -> None:
        fields = {"setName": [name], "setPosition": [0.0, 0.0], "setPurse": [100]}
        avatar = self.create("Avatar", town, SQUARE, fields)
        self.clientAddSessionObject(client, avatar)
        self.setOwner(avatar, client)
        report("avatar", do=avatar, name=name, client=client)

    def create(self, name: str, parent: int, zone: int, fields: dict, do: int | None = None) -> int:
        """Create an object for which this server answers; fields that are not required go too."""
        dclass = self.dclass(name)
        created = dclass.getClassDef()(self)
        created.fields = {field: tuple(values) for field, values in fields.items()}
        optional = [field for field in fields if not dclass.getFieldByName(field).isRequired()]
        do = do or self.allocateChannel()
        created.generateWithRequiredAndId(do, parent, zone, optional)
        created.setAI(self.ourChannel)
        return do

    def change(self, do: int, field: str, values: list) -> None:
        self.doId2do[do].change(field, *values)

    def move(self, do: int, parent: int, zone: int) -> None:
        self.doId2do[do].b_setLocation(parent, zone)

    def delete(self, do: int) -> None:
        self.doId2do[do].requestDelete()

    def delete_when_i_am_gone(self, do: int) -> None:
        """Leave this, and nothing else, to be sent when the connection is lost."""
        self.clearPostRemove()
        self.addPostRemove(self.deletion(do))

    def delete_when_client_is_gone(self, client: int, do: int) -> None:
        self.clientAddPostRemove(client, self.deletion(do))

    def deletion(self, do: int) -> PyDatagram:
        dg = PyDatagram()
        dg.addServerHeader(do, self.ourChannel, STATESERVER_OBJECT_DELETE_RAM)
        dg.addUint32(do)
        return dg

    def set_owner(self, do: int, client: int) -> None:
        self.setOwner(do, client)

    def play_as(self, account: int, avatar: int) -> int:
        """Whoever is logged in as this account speaks as its avatar from now on. Its channel, at which it can be
        spoken to when that has been reported."""
        at, channel = (1003 << 32) + account, (account << 32) + avatar
        self.tell_agent(at, CLIENTAGENT_OPEN_CHANNEL, (1001 << 32) + avatar)
        self.tell_agent(at, CLIENTAGENT_SET_CLIENT_ID, channel)
        self.getNetworkAddress(channel, lambda *ends: report("playing", client=channel))
        return channel

    def tell_agent(self, client: int, number: int, channel: int) -> None:
        dg = PyDatagram()
        dg.addServerHeader(client, self.ourChannel, number)
        dg.addUint64(channel)
        self.send(dg)

    def say_to_all(self, client: int, number: int, text: str) -> None:
        """Have the agent send a client a message of a game's own."""
        message = PyDatagram()
        message.addUint16(number)
        message.addString(text)
        dg = PyDatagram()
        dg.addServerHeader(client, self.ourChannel, CLIENTAGENT_SEND_DATAGRAM)
        dg.addBlob(message.getMessage())
        self.send(dg)

    def allow_send(self, client: int, do: int, fields: list[str]) -> None:
        self.setAllowClientSend(self.doId2do[do], client, fields)

    def open_interest(self, client: int, interest: int, parent: int, zones: list[int]) -> None:
        def done(client: int, interest: int) -> None:
            report("interest done", client=client, interest=interest)

        if len(zones) == 1:
            self.clientAddInterest(client, interest, parent, zones[0], done)
        else:
            self.client_add_interest_multiple(client, interest, parent, zones, done)

    def close_interest(self, client: int, interest: int) -> None:
        def done(client: int, interest: int) -> None:
            report("interest removed", client=client, interest=interest)

        self.client_remove_interest(client, interest, done)

    def ask_location(self, do: int) -> None:
        self.getLocation(
            do, lambda do, parent, zone: report("answer", do=do, location=[parent, zone])
        )

    def ask_object(self, do: int) -> None:
        def answer(do: int, parent: int, zone: int, dclass, fields: dict) -> None:
            report(
                "object",
                do=do,
                location=[parent, zone],
                **{"class": dclass.getName()},
                fields=fields,
            )

        self.getObject(do, answer)

    def ask_address(self, client: int) -> None:
        self.getNetworkAddress(
            client,
            lambda *ends: report("address", client=client, remote=ends[:2], local=ends[2:]),
        )

    # The database, by way of the repository's dbInterface. Each answer is a report, whose `tag`
    # the test chose.

    def store(self, tag: str, database: int, name: str, fields: dict) -> None:
        self.dbInterface.createObject(
            database, self.dclass(name), fields, lambda do: report("stored", tag=tag, do=do)
        )

    def query(self, tag: str, database: int, do: int, name: str, fields: list[str]) -> None:
        def answer(dclass, fields: dict | None) -> None:
            found = None if dclass is None else dclass.getName()
            report("found", tag=tag, fields=fields, **{"class": found})

        self.dbInterface.queryObject(database, do, answer, self.dclass(name), fields)

    def update(
        self, tag: str, database: int, do: int, name: str, new: dict, old: dict | None = None
    ) -> None:
        """With `old`, only if these are the values that the database has."""
        self.dbInterface.updateObject(
            database,
            do,
            self.dclass(name),
            new,
            old,
            lambda current: report("updated", tag=tag, refused=current),
        )

    def count_up(self, tag: str, database: int, do: int, times: int) -> None:
        """Add 1 to a pet's food so many times, without ever losing another server's addition."""

        def add(current: dict | None) -> None:
            nonlocal times
            if current is None:  # accepted
                times -= 1
                if times == 0:
                    report("counted", tag=tag)
                    return
                self.dbInterface.queryObject(
                    database, do, lambda _, fields: add(fields), self.dclass("Pet"), ["setFood"]
                )
                return
            (food,) = current["setFood"]
            old, new = {"setFood": [food]}, {"setFood": [food + 1]}
            self.dbInterface.updateObject(database, do, self.dclass("Pet"), new, old, add)

        add({"setFood": [0]})

    def activate(self, do: int, parent: int, zone: int, name: str, fields: dict) -> None:
        """Bring a stored object into the world; this server answers for it from then on."""
        self.sendActivate(do, parent, zone, self.dclass(name), fields)
        self.setAI(do, self.ourChannel)

    def ask_activated(self, tag: str, do: int) -> None:
        self.getActivated(
            do, lambda do, active: report("activated", tag=tag, do=do, active=bool(active))
        )

    def send_field(self, do: int, name: str, field: str, values: list) -> None:
        """Send an update to an object that this server need not have."""
        field = self.dclass(name).getFieldByName(field)
        self.send(field.aiFormatUpdate(do, do, self.ourChannel, values))

    def dclass(self, name: str):
        return self.getDcFile().getClassByName(name)

    def log_event(self, kind: str, fields: dict) -> None:
        self.writeServerEvent(kind, **fields)


ShowBase()
server = Server(
    settings["root"],
    settings["channel"],
    serverId=settings["state_server"],
    dcFileNames=settings["dc_files"],
    connectMethod=connect_method(InternalRepository),
)
server.connect("127.0.0.1", settings["port"])
run(server)

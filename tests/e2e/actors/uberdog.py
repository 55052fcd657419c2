"""The UberDOG server: owns the root of the world and lets players in."""

from stage import connect_method, report, run, settings

from direct.showbase.ShowBase import ShowBase
from repositories import InternalRepository

# Where the town hangs below the root, and the interest that shows it to a client. The client
# numbers its own interests from 1.
TOWN_ZONE = 2
TOWN_INTEREST = 1000
ESTABLISHED = 2


class Server(InternalRepository):
    def handleConnected(self) -> None:
        from objects import RootAI

        self.login_manager = self.generateGlobalObject(settings["login_manager"], "LoginManager")
        self.chat_filter = self.generateGlobalObject(settings["chat_filter"], "ChatFilter")
        root = RootAI(self)
        root.generateWithRequiredAndId(settings["root"], 0, 0)
        root.setAI(self.ourChannel)
        report("connected")

    def admit(self, client: int, name: str, town: int) -> None:
        """Open the world to a client and ask the town for an avatar."""
        self.setClientState(client, ESTABLISHED)
        self.clientAddInterest(
            client,
            TOWN_INTEREST,
            settings["root"],
            TOWN_ZONE,
            callback=lambda client, interest: report("interest done", client=client),
        )
        enter = self.getDcFile().getClassByName("Town").getFieldByName("enter")
        self.send(enter.aiFormatUpdate(town, town, self.ourChannel, [client, name]))

    def lostConnection(self) -> None:
        report("connection lost")


ShowBase()
server = Server(
    settings["root"],
    settings["channel"],
    serverId=settings["state_server"],
    dcFileNames=settings["dc_files"],
    dcSuffix="UD",
    connectMethod=connect_method(InternalRepository),
)
server.connect("127.0.0.1", settings["port"])
run(server)

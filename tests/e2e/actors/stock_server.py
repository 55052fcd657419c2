"""Panda3D's own ServerRepository, to see that the tests ask for what it does."""

from stage import report, run, settings

from panda3d.core import loadPrcFileData

loadPrcFileData("", settings.get("prc", ""))

from direct.distributed.ServerRepository import ServerRepository
from direct.showbase.ShowBase import ShowBase

ShowBase()
server = ServerRepository(settings["port"], "127.0.0.1", dcFileNames=settings["dc_files"])
report("listening")
run(server)

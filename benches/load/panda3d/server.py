"""Panda3D's own server as the engine's samples run it; the arguments are its port and its DC file."""

import sys

from direct.distributed.ServerRepository import ServerRepository
from direct.showbase.ShowBase import ShowBase

base = ShowBase(windowType="none")
repository = ServerRepository(int(sys.argv[1]), dcFileNames=[sys.argv[2]], threadedNet=True)
base.run()

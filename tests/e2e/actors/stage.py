"""The frame around an actor: Panda3D without window or sound, commands in, reports out.

`base`, `messenger`, `taskMgr` and `globalClock` are builtins that Panda3D's ShowBase adds.
"""

import json
import os
import queue
import sys
import threading

from panda3d.core import loadPrcFileData

# The protocol keeps the real standard output to itself; whatever Panda3D prints goes to the log.
_reports = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

settings = json.loads(sys.argv[1])
# Where the Python classes are that the DC files import, beside those of this folder.
sys.path += settings.get("modules", [])

loadPrcFileData(
    "",
    """
    window-type none
    audio-library-name null
    want-message-bundling #f
    notify-timestamp #t
    """,
)


def report(kind: str, **fields) -> None:
    """Tell the test that something happened."""
    _send({"report": kind, **fields})


def _send(message: dict) -> None:
    _reports.write(json.dumps(message) + "\n")
    _reports.flush()


def connect_method(repository_class: type) -> int:
    return {
        "http": repository_class.CM_HTTP,
        "net": repository_class.CM_NET,
        "native": repository_class.CM_NATIVE,
    }[settings.get("method", "net")]


def run(commands: object) -> None:
    """Run Panda3D's tasks, and the methods of `commands` that the test calls, until told to end."""
    inbox = queue.SimpleQueue()
    threading.Thread(target=_read_commands, args=(inbox,), daemon=True).start()
    while True:
        taskMgr.step()
        try:
            # The pause between two frames, which a command cuts short.
            request = inbox.get(timeout=0.01)
        except queue.Empty:
            continue
        if request is None:
            return
        try:
            value = getattr(commands, request["command"])(*request["arguments"])
            _send({"reply": request["number"], "value": value})
        except Exception as error:
            _send({"reply": request["number"], "error": repr(error)})
            raise


def _read_commands(inbox: queue.SimpleQueue) -> None:
    for line in sys.stdin:
        inbox.put(json.loads(line))
    inbox.put(None)  # the test has ended

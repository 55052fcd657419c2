"""Imported before all that is not Python's own: says in one line what is missing, where a traceback would come."""

import importlib.util
import sys

for package in ("panda3d", "panda3d_astron"):
    if importlib.util.find_spec(package) is None:
        sys.exit(
            f"{package} is not installed for {sys.executable}: run `pip install -r requirements.txt` "
            "as README.md says, and this with the same Python"
        )

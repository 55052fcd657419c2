"""What all Python classes behind a DC file do in these tests: they report what they are told."""

from stage import report


class Recorded:
    """Keeps the last value of each field, and reports the fields that come after the entrance."""

    view = "object"

    def receive(self, name: str, values: tuple) -> None:
        self.__dict__.setdefault("fields", {})[name] = values
        if self.__dict__.get("entered"):
            self.report("field", name=name, values=values)

    def report(self, kind: str, **fields) -> None:
        report(kind, do=self.doId, view=self.view, **fields)

    def report_entrance(self) -> None:
        self.entered = True
        self.report(
            "enter",
            **{"class": self.dclass.getName()},
            location=[self.parentId, self.zoneId],
            fields=self.__dict__.get("fields", {}),
        )

    def report_end(self) -> None:
        if self.__dict__.pop("entered", False):
            self.report("leave")


def records(*names: str):
    """Give a class a setter for each of these fields, and the getter `getX` for each `setX`."""

    def add(cls: type) -> type:
        for name in names:
            setattr(cls, name, lambda self, *values, name=name: self.receive(name, values))
            if name.startswith("set"):
                setattr(cls, "get" + name[3:], lambda self, name=name: _single(self.fields[name]))
        return cls

    return add


def _single(values: tuple):
    """Panda3D wants the bare value from the getter of a field with one parameter."""
    return values[0] if len(values) == 1 else values

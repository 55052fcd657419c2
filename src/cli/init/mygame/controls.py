"""How a player moves an avatar and says something."""

from direct.gui.DirectGui import DirectEntry
from direct.showbase.DirectObject import DirectObject

import settings

KEYS = {
    "arrow_up": "forward", "w": "forward",
    "arrow_down": "back", "s": "back",
    "arrow_left": "left", "a": "left",
    "arrow_right": "right", "d": "right",
}  # fmt: skip


class Controls(DirectObject):
    """Which keys are held."""

    def __init__(self):
        super().__init__()
        self.held = set()
        self.chat_line = None
        for key in KEYS:
            self.accept(key, self.press, [key])
            self.accept(f"{key}-up", self.held.discard, [key])

    def is_typing(self):
        return self.chat_line is not None and self.chat_line.is_open

    def press(self, key):
        # A letter that is typed is not a step.
        if not self.is_typing():
            self.held.add(key)

    def wanted(self):
        """Forward or back, and left or right, as numbers from -1 to 1."""
        held = {KEYS[key] for key in self.held}
        return ("forward" in held) - 0.5 * ("back" in held), ("left" in held) - ("right" in held)


class ChatLine(DirectObject):
    """Enter opens it, Enter says what is in it."""

    def __init__(self, controls, say):
        super().__init__()
        self.controls, self.say = controls, say
        self.is_open = False
        self.entry = DirectEntry(
            parent=base.a2dBottomLeft, pos=(0.06, 0, 0.08), scale=0.055, width=36,
            initialText="", command=self.entered, frameColor=(0, 0, 0, 0.6), text_fg=(1, 1, 1, 1),
        )
        self.entry.hide()
        controls.chat_line = self
        self.accept("enter", self.open)

    def open(self):
        if not self.is_open:
            self.is_open = True
            self.controls.held.clear()
            self.entry.enterText("")
            self.entry.show()
            self.entry["focus"] = True

    def entered(self, words):
        self.entry["focus"] = False
        self.entry.hide()
        # The key that ends this line would open the next.
        taskMgr.doMethodLater(0.1, self.close, "close-chat-line", extraArgs=[])
        words = words.strip()[: settings.WORDS_LENGTH]
        if words:
            self.say(words)

    def close(self):
        self.is_open = False

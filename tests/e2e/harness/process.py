"""A child process that the tests started: its output in a file, its end noticed."""

import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable

# Every wait in these tests is for a condition and ends here at the latest. Long enough for a
# loaded machine; nothing waits this long when all is well.
LIMIT = 60.0


class ProcessEnded(AssertionError):
    """A process ended that should still be running."""


class Process:
    """A child process; `log` holds what it printed."""

    def __init__(self, name: str, command: list, directory: pathlib.Path, **options):
        self.name = name
        self.log = directory / f"{name}.log"
        self.end_expected = False
        # The control socket of a daemon that is killed stays.
        environment = {**(options.pop("env", None) or os.environ), "XDG_RUNTIME_DIR": str(directory)}
        with self.log.open("wb") as log:
            options.setdefault("stdout", log)
            self.popen = subprocess.Popen(
                [str(word) for word in command],
                stderr=log,
                cwd=directory,
                env=environment,
                **options,
            )

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def check_running(self) -> None:
        if not self.running:
            raise ProcessEnded(f"{self.name} ended with code {self.popen.returncode}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal that ends the process, so that its end is no failure of the test."""
        self.end_expected = True
        self.popen.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a crash or a pulled plug would: no clean-up of its own."""
        self.signal(signal.SIGKILL)
        self.wait_for_end()

    def wait_for_end(self) -> int:
        return self.popen.wait(LIMIT)

    def clean_up(self) -> None:
        if self.running:
            self.popen.kill()
        self.popen.wait()

    def tail(self, lines: int = 200) -> str:
        text = self.log.read_text(errors="replace").splitlines()
        cut = [f"… {len(text) - lines} lines before …"] if len(text) > lines else []
        return "\n".join(cut + text[-lines:])


class TalkingProcess(Process):
    """A process that prints lines, to which the test reacts, and may be told lines."""

    def __init__(self, name: str, command: list, directory: pathlib.Path, **options):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        super().__init__(name, command, directory, **pipes, **options)
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name=name, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.popen.stdout:
            with self._changed:
                self.handle_line(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def handle_line(self, line: str) -> None:
        """Take in what the process said; called with the lock held."""
        raise NotImplementedError

    def describe(self) -> str:
        """What it has said so far, for the message of a failure."""
        raise NotImplementedError

    def tell(self, line: str) -> None:
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def until(self, condition: Callable, wanted: str):
        """Wait until `condition()` holds, and return what it returned."""
        deadline = time.monotonic() + LIMIT
        with self._changed:
            while not (result := condition()):
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive() or not self._changed.wait(left):
                    raise AssertionError(
                        f"{self.name} did not {wanted}; it said:\n{self.describe()}"
                    )
            return result

    def clean_up(self) -> None:
        super().clean_up()
        self._reader.join()
        self.popen.stdin.close()
        self.popen.stdout.close()


class Program(TalkingProcess):
    """A program as a reader of the docs would write it; `lines` are what it has printed."""

    def __init__(self, *arguments, **options):
        self.lines: list[str] = []
        super().__init__(*arguments, **options)

    def handle_line(self, line: str) -> None:
        self.lines.append(line)

    def describe(self) -> str:
        return "\n".join(f"  {line}" for line in self.lines)

    def wait_for_line(self, line: str) -> None:
        self.until(lambda: line in self.lines, f"print “{line}”")

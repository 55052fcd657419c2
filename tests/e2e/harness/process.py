"""A child process that the tests started: its output in a file, its end noticed."""

import pathlib
import signal
import subprocess

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
        with self.log.open("wb") as log:
            options.setdefault("stdout", log)
            self.popen = subprocess.Popen(
                [str(word) for word in command], stderr=log, cwd=directory, **options
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

"""What a person sees of a run: the parts' own lines, and at the end what went wrong."""

from collections import defaultdict, deque

from honcho.manager import SYSTEM_PRINTER_NAME
from honcho.printer import Message, Printer

LAST_LINES = 15


class Screen(Printer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(time_format="%H:%M:%S")
        self._last: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=LAST_LINES))
        self._ended: str | None = None

    def write(self, message: Message) -> None:
        if message.name == SYSTEM_PRINTER_NAME:
            self._note(message.data)
            return
        self._last[message.name].append(message.data.decode("utf-8", "replace").rstrip())
        super().write(message)

    def report(self) -> None:
        """Say again what the part that ended first said last: the others' farewells hid it."""
        if self._ended is None:
            return
        name = self._ended.split()[0]
        print(f"\n{self._ended.strip()}, so everything was stopped. Its last lines:")
        print("\n".join(f"  {line}" for line in self._last[name]), flush=True)

    def _note(self, line: str) -> None:
        if self._ended is None and " stopped " in line:
            self._ended = line

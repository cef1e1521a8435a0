"""How carefully a recording is heard. docs/performance.md has what each mode costs and gets right."""

from typing import Literal

Mode = Literal["accurate", "balanced", "fast"]
MODES: tuple[Mode, ...] = ("accurate", "balanced", "fast")

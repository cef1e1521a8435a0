"""The data folder of one machine: what lies where in it, and how the parts of a run find it."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.locks import StillLocked, hold
from local.process import die_with_parent
from local.secrets import write_private
from local.servers import Servers

ROOT = Path(__file__).parents[1]
FOLDER = "AUDIOTEXT_DATA"
PORTS = "AUDIOTEXT_PORTS"
WATCHER = "AUDIOTEXT_WATCHER"


@dataclass(frozen=True)
class Place:
    folder: Path

    @classmethod
    def of_this_part(cls) -> Self:
        """For the process of a part, which ends when the one that watches over it does."""
        die_with_parent(parent=int(os.environ[WATCHER]))
        return cls(Path(os.environ[FOLDER]))

    def servers(self) -> Servers:
        return Servers(self.folder, [int(port) for port in os.environ[PORTS].split(",")])

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def released(self) -> Path:
        """Stands while the database is migrated and the bucket is there."""
        return self.folder / "run" / "released"

    def lock_of(self, part: str) -> Path:
        return self.folder / "run" / f"{part}.lock"

    @property
    def in_use(self) -> bool:
        try:
            os.close(hold(self.lock_of("machine")))
        except StillLocked:
            return True
        return False

    @property
    def _environment(self) -> Path:
        return self.folder / "env"

    def write_environment(self, values: dict[str, str]) -> None:
        """As a shell reads it, for a person who wants to look into the servers."""
        lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
        write_private(self._environment, lines.encode())

    def read_environment(self) -> dict[str, str]:
        words = shlex.split(self._environment.read_text())
        return dict(word.split("=", 1) for word in words if word != "export")

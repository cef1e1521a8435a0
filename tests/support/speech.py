"""The recordings in tests/data and what is said in them."""

import json
from pathlib import Path


class Speech:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.references: dict[str, str] = json.loads((folder / "references.json").read_text())

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

"""Passwords and keys of one data folder, made once and kept in it."""

import os
import secrets
from pathlib import Path

import msgspec


class Secrets(msgspec.Struct, frozen=True):
    postgres: str = msgspec.field(default_factory=secrets.token_hex)
    valkey: str = msgspec.field(default_factory=secrets.token_hex)
    s3_key: str = msgspec.field(default_factory=lambda: secrets.token_hex(10))
    s3_secret: str = msgspec.field(default_factory=secrets.token_hex)
    s3_internal: str = msgspec.field(default_factory=secrets.token_hex)


def load_or_make(path: Path) -> Secrets:
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    made = Secrets()
    write_private(path, msgspec.json.encode(made))
    return made


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` at once, readable by its owner alone from the first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)

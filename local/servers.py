"""PostgreSQL, Valkey and S3 together: one start-up for `make run` and for the tests."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from local.ports import free_ports
from local.postgres import Postgres
from local.process import Server
from local.s3 import BUCKET, PORTS, REGION, S3
from local.secrets import load_or_make
from local.valkey import Valkey


class Servers:
    """Servers that keep their data and their secrets in `folder` and listen on the loopback only.

    Each can be stopped, killed and started again by itself, on the same port.
    """

    def __init__(self, folder: Path, ports: Iterable[int] | None = None, *, durable: bool = True) -> None:
        folder = folder.resolve()
        secrets = load_or_make(folder / "secrets.json")
        first, second, *others = ports or free_ports(2 + PORTS)
        self.postgres = Postgres(folder, first, secrets.postgres, durable=durable)
        self.valkey = Valkey(folder, second, secrets.valkey, durable=durable)
        self.s3 = S3(folder, others, secrets.s3_key, secrets.s3_secret, secrets.s3_internal)

    @property
    def all(self) -> tuple[Server, ...]:
        return (self.postgres, self.valkey, self.s3)

    @property
    def environ(self) -> dict[str, str]:
        """What the application reads to find these servers."""
        return {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "S3_ENDPOINT_URL": self.s3.url,
            "S3_ACCESS_KEY_ID": self.s3.key,
            "S3_SECRET_ACCESS_KEY": self.s3.secret,
            "S3_BUCKET": BUCKET,
            "S3_REGION": REGION,
            "S3_ADDRESSING_STYLE": "path",
        }

    def __enter__(self) -> Self:
        with ExitStack() as started:
            for server in self.all:
                started.callback(server.stop)
                server.start()
            self._started = started.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._started.close()

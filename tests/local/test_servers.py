"""The servers themselves: found, private, and gone when they should be."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import boto3
import httpx
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from local.locks import StillLocked, hold
from local.ports import LOOPBACK
from local.process import Server
from local.servers import Servers
from tests.support.slate import wipe
from webapp.core.database import Database
from webapp.core.tables import Job

ROOT = Path(__file__).parents[2]
LISTENING = "0A"


def test_what_one_test_puts_into_valkey_the_next_does_not_find(servers: Servers) -> None:
    with Redis.from_url(servers.valkey.url) as client:
        client.set("a", "b")
        wipe(servers)
        assert client.get("a") is None


async def test_the_database_has_the_tables_of_the_release(database: Database) -> None:
    assert await Job.count() == 0


def test_each_listens_on_the_loopback_only(servers: Servers) -> None:
    for server in servers.all:
        addresses = _listening(server)
        assert addresses
        assert {address.rpartition(":")[0] for address in addresses} == {"0100007F"}


def test_valkey_asks_for_its_password(servers: Servers) -> None:
    with (
        Redis(host=LOOPBACK, port=servers.valkey.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.ping()


def test_s3_refuses_strangers_at_every_door(servers: Servers) -> None:
    client = _client(servers)
    client.put_object(Bucket="audiotext", Key="private", Body=b"mine")
    doors = [servers.s3.url, f"http://{LOOPBACK}:{servers.s3.filer_port}/buckets"]
    for door in doors:
        answer = httpx.get(f"{door}/audiotext/private")
        assert answer.status_code in (401, 403)
        assert "mine" not in answer.text


def test_s3_enforces_what_a_post_policy_says(servers: Servers) -> None:
    form = _client(servers).generate_presigned_post(
        "audiotext", "posted", Conditions=[["content-length-range", 1, 10]], ExpiresIn=60
    )
    fitting = httpx.post(form["url"], data=form["fields"], files={"file": b"12345"})
    too_long = httpx.post(form["url"], data=form["fields"], files={"file": b"12345678901"})
    elsewhere = httpx.post(form["url"], data={**form["fields"], "key": "other"}, files={"file": b"12345"})
    assert fitting.status_code == 204
    assert (too_long.status_code, elsewhere.status_code) == (400, 403)


@pytest.mark.parametrize("name", ["postgres", "valkey", "s3"])
def test_each_comes_back_on_its_port_after_it_was_killed(servers: Servers, name: str) -> None:
    server: Server = getattr(servers, name)
    port, first = server.port, server.pid
    server.kill()
    assert not server.running
    assert not server.answers()
    server.start()
    assert server.answers()
    assert (server.port, server.pid != first) == (port, True)


def test_a_deep_folder_keeps_data_over_a_kill_of_the_process_that_started_them(
    tmp_path: Path,
) -> None:
    deep = tmp_path / ("deep" * 20) / ("deeper" * 15)  # longer than a socket's path may be
    with _start_elsewhere(deep) as starter:
        assert starter.stdout
        pids = json.loads(starter.stdout.readline())
        starter.kill()
    _wait_until_gone(pids)

    with Servers(deep) as servers:
        with Redis.from_url(servers.valkey.url) as client:
            assert client.get("kept") == b"yes"
        kept = _client(servers).get_object(Bucket="kept", Key="kept")["Body"].read()
        assert kept == b"yes"


def test_a_pid_file_that_names_a_living_stranger_does_not_stop_postgres(tmp_path: Path) -> None:
    servers = Servers(tmp_path, durable=False)
    postgres = servers.postgres
    postgres.start()
    postgres.stop()
    stranger = subprocess.Popen(["sleep", "60"], user=_owner(postgres))
    try:
        (postgres.folder / "postmaster.pid").write_text(f"{stranger.pid}\n{postgres.folder}\n")
        postgres.start()
        assert postgres.answers()
    finally:
        postgres.stop()
        stranger.kill()
        stranger.wait()


def test_secrets_are_random_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    one, other = Servers(tmp_path / "one"), Servers(tmp_path / "other")
    again = Servers(tmp_path / "one")
    assert one.valkey.password == again.valkey.password != other.valkey.password
    mode = (tmp_path / "one" / "secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_lock_lives_as_long_as_a_child_that_inherited_it(tmp_path: Path) -> None:
    lock = hold(tmp_path / "lock")
    child = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    os.close(lock)
    with pytest.raises(StillLocked):
        hold(tmp_path / "lock")
    child.kill()
    child.wait()
    os.close(hold(tmp_path / "lock"))


def _client(servers: Servers):  # type: ignore[no-untyped-def]  # boto3 makes its classes at run time
    return boto3.client(
        "s3",
        endpoint_url=servers.s3.url,
        aws_access_key_id=servers.s3.key,
        aws_secret_access_key=servers.s3.secret,
        region_name="us-east-1",
    )


def _listening(server: Server) -> set[str]:
    sockets = set()
    for path in Path(f"/proc/{server.pid}/fd").iterdir():
        sockets.add(path.readlink().name.removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text().splitlines()[1:]:
            columns = row.split()
            if columns[3] == LISTENING and columns[9] in sockets:
                found.add(columns[1])
    return found


def _start_elsewhere(folder: Path) -> subprocess.Popen[bytes]:
    program = f"""
import boto3, json, time
from pathlib import Path
from redis import Redis
from local.servers import Servers
with Servers(Path({str(folder)!r})) as servers:
    Redis.from_url(servers.valkey.url).set("kept", "yes")
    client = boto3.client("s3", endpoint_url=servers.s3.url, aws_access_key_id=servers.s3.key,
        aws_secret_access_key=servers.s3.secret, region_name="us-east-1")
    client.create_bucket(Bucket="kept")
    client.put_object(Bucket="kept", Key="kept", Body=b"yes")
    time.sleep(1.5)  # the append-only file is synced once a second
    print(json.dumps([server.pid for server in servers.all]), flush=True)
    time.sleep(60)
"""
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)


def _wait_until_gone(pids: list[int]) -> None:
    assert len(pids) == 3
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _owner(server: Server) -> int:
    return server.folder.stat().st_uid

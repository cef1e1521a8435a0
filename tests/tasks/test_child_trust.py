"""What a child may do and know, and how far the worker believes it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace

import msgspec
import psutil
import pytest

from tasks.answers import ChildCrashed
from tasks.child import Child, EngineChild
from tasks.environment import ROOT
from tasks.protocol import (
    HEADER_SIZE,
    ChildConfig,
    Cut,
    CutDone,
    Failed,
    Hear,
    Heard,
    Load,
    Loaded,
    Opened,
    Ready,
    Request,
    frame,
)
from tests.support.children import KINDS, everything

change = msgspec.structs.replace


# Stands in for a child that a crafted file has taken over.
LIAR = """#!{python}
import os, sys
end = int(sys.argv[-1])
os.write(end, {ready!r})
os.read(end, 100_000)
os.write(end, {answer!r})
while os.read(end, 100_000):
    pass
"""


Lie = Callable[[bytes], None]


@pytest.fixture
def lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lie:
    """Whoever is started from now on says this, whatever it is asked."""

    def says(answer: bytes) -> None:
        (script := tmp_path / "liar").write_text(
            LIAR.format(python=sys.executable, ready=frame(Ready()), answer=answer)
        )
        script.chmod(0o700)
        monkeypatch.setattr("tasks.child.sys", SimpleNamespace(executable=str(script), stderr=sys.stderr))

    return says


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("decoder", frame(Heard(done=True), 1)),
        ("decoder", frame(Loaded("base", "cpu", "int8"), 1)),
        ("engine", frame(CutDone(duration=1.0, damaged_packets=0, missing=0.0), 1)),
        ("engine", frame(Opened(1.0), 1)),
        ("engine", frame(Load("base"), 1)),
        ("engine", b"\xff" * HEADER_SIZE),
        ("engine", b"\0\0\0\1\0\0\0\1\xc1"),
    ],
)
async def test_a_process_that_answers_something_else_counts_as_crashed(
    kind: str, answer: bytes, config: ChildConfig, hear: Hear, tmp_path: Path, lie: Lie
) -> None:
    lie(answer)
    request: Request = hear if kind == "engine" else Cut(path=hear.path, folder=tmp_path)
    async with KINDS[kind](config) as liar:
        async with aclosing(liar.ask(request)) as replies:
            with pytest.raises(ChildCrashed):
                await anext(replies)
        assert liar.pid is None


async def test_what_answers_nobody_is_not_listened_to(config: ChildConfig, hear: Hear, lie: Lie) -> None:
    lie(frame(Opened(1.0), 99) + frame(Heard(done=False), 0) + frame(Heard(done=True), 1))
    async with EngineChild(config) as liar:
        assert await everything(liar.hear(hear)) == [Heard(done=True)]


async def test_memory_has_a_limit_and_the_next_recording_works(config: ChildConfig, hear: Hear) -> None:
    large = change(hear, options=change(hear.options, model="base"))
    async with EngineChild(change(config, memory_mb=300)) as small:
        for _ in range(2):
            (*_, failed) = await everything(small.hear(large))
            assert isinstance(failed, Failed)
            assert (failed.code, failed.permanent) == ("out_of_memory", False)


async def test_what_it_holds_in_memory_is_known(child: Child) -> None:
    await child.start()
    assert child.pid
    assert child.memory_mb == pytest.approx(psutil.Process(child.pid).memory_info().rss / 2**20, abs=20)
    await child.kill()
    assert child.memory_mb == 0


async def test_the_process_knows_none_of_the_workers_secrets(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody:secret@host/db")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_HUB_CACHE", "/models")
    await child.kill()
    await child.start()
    assert child.pid
    environment = psutil.Process(child.pid).environ()
    assert environment["HF_HUB_CACHE"] == "/models"
    assert not environment.keys() & {"DATABASE_URL", "HF_TOKEN"}
    assert not [name for name in environment if name.startswith(("S3_", "REDIS_"))]


async def test_ctrl_c_in_the_terminal_does_not_reach_it(child: Child, work: Request) -> None:
    await everything(child.ask(work))
    assert child.pid
    assert os.getpgid(child.pid) != os.getpgid(0)
    os.kill(child.pid, signal.SIGINT)
    before = child.pid
    await everything(child.ask(work))
    assert child.pid == before


WORKER = """
import asyncio, sys
from pathlib import Path
from tasks.child import Decoder, EngineChild
from tasks.protocol import ChildConfig

async def main():
    config = ChildConfig(models=("tiny.en",), models_dir=Path(sys.argv[1]))
    decoder, engine = Decoder(config), EngineChild(config)
    await decoder.start()
    await engine.load("tiny.en")
    print(decoder.pid, engine.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_they_die_with_their_worker(config: ChildConfig) -> None:
    command = [sys.executable, "-c", WORKER, str(config.models_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        processes = [psutil.Process(int(pid)) for pid in worker.stdout.readline().split()]
        worker.kill()
    assert len(processes) == 2
    _, alive = psutil.wait_procs(processes, timeout=2)
    assert not alive

"""How soon the web process is ready, and how much memory it takes. Needs the servers of the settings.

Run: python -m benchmarks.startup [--times 5]
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from local.ports import LOOPBACK, free_ports

PATIENCE_S = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    measured = [_measure() for _ in range(parser.parse_args().times)]
    seconds, megabytes = (statistics.median(each) for each in zip(*measured, strict=True))
    print(f"ready after {seconds:.2f} s, {megabytes:.0f} MB resident (medians of {len(measured)})")


def _measure() -> tuple[float, float]:
    (port,) = free_ports(1)
    began = time.monotonic()
    with _started(port) as process:
        while not _answers(f"http://{LOOPBACK}:{port}/health/live"):
            if process.poll() is not None or time.monotonic() - began > PATIENCE_S:
                sys.exit("The web process does not start. Are its servers there?")
            time.sleep(0.01)
        ready = time.monotonic() - began
        for _ in range(100):
            _answers(f"http://{LOOPBACK}:{port}/")
        return ready, psutil.Process(process.pid).memory_info().rss / 1e6


@contextmanager
def _started(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "uvicorn", "webapp.app:app", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except URLError:
        return False


if __name__ == "__main__":
    main()

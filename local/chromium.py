"""A Chromium for the browser tests: the machine's own, else Debian's, unpacked without root."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local.locks import hold

ROOT = Path(__file__).parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-liberation")
HELP = "Install Chromium, or name one with CHROMIUM=/path/to/chromium, and try again."

START = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
for folder in "$here"/lib/*-linux-gnu "$here"/usr/lib/*-linux-gnu "$here"/usr/lib/*-linux-gnu/*/; do
    LD_LIBRARY_PATH="$folder:$LD_LIBRARY_PATH"
done
export LD_LIBRARY_PATH FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/usr/lib/chromium/chromium" "$@"
"""
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


class ChromiumUnavailable(Exception):
    pass


def find(folder: Path = ROOT / ".data" / "chromium") -> Path | None:
    """The one that CHROMIUM names, one on the PATH, or the one that `ensure` unpacked."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named)
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    own = folder / "chromium"
    return own if own.exists() else None


def ensure(folder: Path = ROOT / ".data" / "chromium") -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = hold(folder.with_name(".chromium.lock"), wait=600)
    try:
        return find(folder) or _unpack(folder)
    finally:
        os.close(lock)


def _unpack(folder: Path) -> Path:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise ChromiumUnavailable(f"This machine has no Chromium and no apt-get. {HELP}")
    print("Getting Chromium (once) …", flush=True)
    with tempfile.TemporaryDirectory(prefix=".chromium-", dir=folder.parent) as made:
        new = Path(made) / "chromium"
        new.mkdir()
        for package in _download(Path(made) / "apt"):
            _run(["dpkg-deb", "--extract", str(package), str(new)], "A package cannot be unpacked")
        (new / "fonts.conf").write_text(FONTS.format(folder=folder))
        start = new / "chromium"
        start.write_text(START)
        start.chmod(0o755)
        _run([str(start), "--version"], "Chromium does not start")
        new.rename(folder)
    return folder / "chromium"


def _download(folder: Path) -> list[Path]:
    """Chromium and what it needs that is not installed, by apt with lists and cache of our own."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    settings = (
        f"Dir::State={folder}",
        f"Dir::State::lists={folder}/lists",
        "Dir::State::status=/var/lib/dpkg/status",
        f"Dir::Cache={folder}/cache",
        "Debug::NoLocking=1",  # the lock of the system's own database is root's, and not needed
        "APT::Sandbox::User=",
    )
    apt = ["apt-get", "-qq", *(word for setting in settings for word in ("-o", setting))]
    _run([*apt, "update"], "The lists of packages cannot be had")
    install = ["install", "--yes", "--no-install-recommends", "--download-only", *PACKAGES]
    _run([*apt, *install], "Chromium cannot be downloaded")
    return sorted((folder / "cache" / "archives").glob("*.deb"))


def _run(command: list[str], failure: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ChromiumUnavailable(f"{failure}: {done.stderr.strip()}\n{HELP}")


def main() -> None:
    try:
        print(f"Chromium: {ensure()}")
    except ChromiumUnavailable as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()

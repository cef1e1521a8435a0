"""Runs a command with the settings of the instance that runs here: `python -m local.inside ...`."""

import os
import sys

from local.place import ROOT, Place


def main() -> None:
    place = Place(ROOT / ".data")
    if not place.in_use:
        sys.exit("Audiotext does not run here. Start it with `make run`, then try again.")
    os.environ.update(place.read_environment())
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the very point, without a shell


if __name__ == "__main__":
    main()

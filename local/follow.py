"""A part that waits for the release: `python -m local.follow web uvicorn ...` becomes that command."""

import os
import sys
import time

from local.locks import hold
from local.place import Place


def main() -> None:
    name, *command = sys.argv[1:]
    place = Place.of_this_part()
    # Kept by the command, so that the servers know when they are no longer needed.
    os.set_inheritable(hold(place.lock_of(name), wait=30), True)  # noqa: FBT003
    while not place.released.exists():
        time.sleep(0.05)
    os.execvp(command[0], command)  # noqa: S606 - the very point, without a shell


if __name__ == "__main__":
    main()

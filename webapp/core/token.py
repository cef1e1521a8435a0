"""Makes an API token from the command line: `python -m webapp.core.token "my script"`."""

import asyncio
import sys

from webapp.core import accounts
from webapp.core.database import open_database
from webapp.core.errors import DomainError
from webapp.core.settings import settings_or_exit


async def make(name: str) -> str:
    """The token of a new private space."""
    settings = settings_or_exit()
    async with open_database():
        owner, _ = await accounts.open_space(settings.session_days)
        _, token = await accounts.issue_token(owner, name)
    return token


def main() -> None:
    name = " ".join(sys.argv[1:]) or "command line"
    try:
        print(asyncio.run(make(name)))
    except DomainError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()

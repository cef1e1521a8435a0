"""The web process, as its callers meet it."""

from tests.support.visitors import owner, space  # noqa: F401
from tests.support.web import (  # noqa: F401
    app,
    client,
    house,
    others_client,
    site,
    token,
    visitor,
)

"""Pages as browsers meet them."""

from tests.support.visitors import mine, owner, space, theirs  # noqa: F401
from tests.support.web import app, house, site, visitor  # noqa: F401

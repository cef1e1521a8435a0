"""Requests as strangers send them: what cannot be read is the sender's fault, not an error of ours."""

from typing import Any

from litestar import Request, Response
from litestar.exceptions import SerializationException
from litestar.file_system import BaseLocalFileSystem
from litestar.types import FileInfo
from litestar.types.composite_types import PathType

from webapp import assets


class TolerantRequest(Request[Any, Any, Any]):
    async def json(self) -> Any:
        """The decoder has errors of other kinds for text that is not UTF-8, and for deep nesting."""
        try:
            return await super().json()
        except (UnicodeDecodeError, RecursionError) as problem:
            raise SerializationException("The body is no JSON in UTF-8, or nested too deeply.") from problem


async def unless_known(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Litestar sends the tag of a file and does not look at the one that comes back."""
    tag = assets.tag(request.scope["path"])
    known = tag is not None and tag in request.headers.get("if-none-match", "")
    return Response(None, status_code=304) if known else None


class StaticFolder(BaseLocalFileSystem):
    async def info(self, path: PathType, **kwargs: Any) -> FileInfo:
        """A name that no file can have (too long, or with a zero byte) is a file that does not exist."""
        try:
            return await super().info(path, **kwargs)
        except (OSError, ValueError) as problem:
            raise FileNotFoundError from problem

"""Which answers are sent compressed: pages, JSON and static files. Not streams, each of which would need a
compressor of its own for as long as it is open. Exports do it themselves, in a thread.

What is compressed tells its length. Who can make a browser ask for a page again and again, with words of
their own choice in it, could guess a secret beside those words (BREACH). Here is nothing to guess. Of its
address a page repeats only figures and ids; it has no CSRF token (`webapp.origins` asks the browser instead)
and not the cookie's secret; an API token is shown once, in the answer to a form that only our own pages may
send. Of other sites' requests only navigation brings the cookie along (SameSite=Lax).
"""

import gzip

from litestar.config.compression import CompressionConfig

# Put into `opt` of handlers whose answers stay as they are.
AS_IT_IS = "as_it_is"
_SMALLEST = 1_000
# Of 9 the last four take twice the time for a hundredth of the size.
_LEVEL = 5


def compression() -> CompressionConfig:
    return CompressionConfig(
        backend="gzip", minimum_size=_SMALLEST, gzip_compress_level=_LEVEL, exclude_opt_key=AS_IT_IS
    )


def compressed(content: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """For who accepts it, with the headers that say so. Takes a while: not for the event loop."""
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" not in accepted or len(content) < _SMALLEST:
        return content, headers
    return gzip.compress(content, _LEVEL), {**headers, "Content-Encoding": "gzip"}

"""One chunk's way through the engine: read, settle the language, hear, tell. Runs in the engine's process."""

from collections.abc import Callable

from tasks import flac
from tasks.engine import Engine
from tasks.protocol import Hear, Heard, LanguageHeard, Position, Reply, SegmentFound
from tasks.samples import RATE
from tasks.speech import Chunk
from webapp.core.language import SURE


class Hearing:
    def __init__(self, request: Hear, engine: Engine, tell: Callable[[Reply], None]) -> None:
        self._request = request
        self._engine = engine
        self._tell = tell

    def run(self) -> None:
        samples = flac.read(self._request.path)
        chunk = Chunk(0, round(self._request.start * RATE), samples, 0.0)
        language = self._request.language or self._detected(chunk)
        if language is None and self._request.only_if_sure:
            self._tell(Heard(done=False))
            return
        for segment in self._engine.hear(chunk, self._request.options, language):
            self._tell(SegmentFound(segment))
        self._tell(Position(chunk.end))
        self._tell(Heard(done=True))

    def _detected(self, chunk: Chunk) -> str | None:
        """None if nobody speaks, or if it is to be sure and is not."""
        votes = self._engine.language_of(chunk, self._request.options.model)
        self._tell(LanguageHeard(votes.weights, votes.windows))
        if votes.best is None:
            return None
        language, probability = votes.best
        return language if probability >= SURE or not self._request.only_if_sure else None

"""One recording's way through the engine: open, cut, hear, tell. Runs in the engine's process."""

from collections.abc import Callable, Iterator

from tasks.engine import Engine, Heard
from tasks.media import Recording, opened
from tasks.protocol import (
    ChunkDone,
    ChunkStarted,
    Done,
    Event,
    LanguageDetected,
    Opened,
    Position,
    SegmentFound,
    Transcribe,
)
from tasks.samples import RATE
from tasks.speech import Chunk, cut_into_chunks

# Below this the next chunk is asked as well: a cough must not decide for three hours.
SURE_OF_LANGUAGE = 0.5


class Transcription:
    def __init__(self, request: Transcribe, engine: Engine, tell: Callable[[Event], None]) -> None:
        self._request = request
        self._options = request.options
        self._language = request.language or request.options.language
        self._guess: LanguageDetected | None = None
        self._engine = engine
        self._tell = tell

    def run(self) -> None:
        with opened(self._request.path, self._engine.config) as recording:
            self._tell(Opened(recording.duration))
            speech = sum(map(self._hear, self._chunks(recording)))
            self._settle_language(at_least=0.0)
            self._tell(
                Done(
                    duration=recording.position,
                    speech=speech,
                    damaged_packets=recording.damaged_packets,
                    missing=recording.missing,
                )
            )

    def _chunks(self, recording: Recording) -> Iterator[Chunk]:
        return cut_into_chunks(
            recording.windows(),
            self._engine.find_speech,
            first_sample=round(self._request.start * RATE),
            first_index=self._request.first_chunk,
        )

    def _hear(self, chunk: Chunk) -> float:
        self._tell(ChunkStarted(chunk.index, chunk.start, chunk.end))
        if chunk.speech or not self._options.vad_filter:
            self._tell_segments(chunk)
        self._tell(Position(chunk.end))
        self._tell(ChunkDone(chunk.index))
        return chunk.speech

    def _tell_segments(self, chunk: Chunk) -> None:
        heard = self._engine.hear(chunk, self._options, self._language)
        if self._language is None:
            self._consider(heard)
        for segment in heard.segments:
            self._tell(SegmentFound(chunk.index, segment))

    def _consider(self, heard: Heard) -> None:
        if self._guess is None or heard.probability > self._guess.probability:
            self._guess = LanguageDetected(heard.language, heard.probability)
        self._settle_language(at_least=SURE_OF_LANGUAGE)

    def _settle_language(self, *, at_least: float) -> None:
        if self._language is None and self._guess and self._guess.probability >= at_least:
            self._language = self._guess.language
            self._tell(self._guess)

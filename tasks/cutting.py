"""A recording on its way to chunks: opened, decoded, cut, stored. Runs in the decoder's process."""

from collections.abc import Callable, Iterator

from tasks import flac
from tasks.media import MediaError, Recording, opened
from tasks.protocol import ChildConfig, ChunkCut, Cut, CutDone, CutOut, Opened, Position, Reply
from tasks.samples import RATE, Samples, Span, joined, length
from tasks.speech import Chunk, cut_into_chunks
from tasks.voice import likelihoods


class Cutter:
    def __init__(self, config: ChildConfig, tell: Callable[[Reply], None]) -> None:
        self._config = config
        self._tell = tell

    def cut(self, request: Cut) -> None:
        with opened(request.path, self._config) as recording:
            self._tell(Opened(recording.duration))
            for chunk in self._chunks(recording, request):
                self._keep(chunk, request)
            self._tell(_done(recording))

    def cut_out(self, request: CutOut) -> None:
        """Decodes from the beginning: containers are too often wrong about what lies where."""
        with opened(request.path, self._config) as recording:
            flac.write(request.target, self._stretch(recording, request))
            self._tell(_done(recording))

    def _chunks(self, recording: Recording, request: Cut) -> Iterator[Chunk]:
        return cut_into_chunks(
            self._windows(recording),
            likelihoods,
            first_sample=round(request.start * RATE),
            first_index=request.first_chunk,
            threshold=self._config.vad_threshold,
            duration=recording.duration,
        )

    def _keep(self, chunk: Chunk, request: Cut) -> None:
        path = request.folder / f"{chunk.index}.flac"
        flac.write(path, chunk.samples)
        self._tell(
            ChunkCut(
                index=chunk.index,
                start=chunk.start,
                end=chunk.end,
                speech=chunk.speech,
                path=path,
                last=chunk.last,
                spans=_in_milliseconds(chunk.spans),
            )
        )

    def _stretch(self, recording: Recording, request: CutOut) -> Samples:
        first, end = round(request.start * RATE), round(request.end * RATE)
        pieces, seen = list[Samples](), 0
        for window in self._windows(recording):
            pieces.append(window[..., max(0, first - seen) : max(0, end - seen)])
            seen += length(window)
            if seen >= end:
                return joined(pieces)
        if seen <= first:
            raise MediaError("nothing_decoded", "This recording has become shorter. Upload it again.")
        return joined(pieces)

    def _windows(self, recording: Recording) -> Iterator[Samples]:
        for window in recording.windows():
            self._tell(Position(recording.position))
            yield window


def _in_milliseconds(spans: list[Span]) -> list[tuple[int, int]]:
    """A recording may end amid one, and amid a millisecond."""
    places = [(span.start * 1000 // RATE, span.end * 1000 // RATE) for span in spans]
    return [(start, end) for start, end in places if start < end]


def _done(recording: Recording) -> CutDone:
    return CutDone(
        duration=recording.position,
        damaged_packets=recording.damaged_packets,
        missing=recording.missing,
    )

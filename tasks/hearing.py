"""Requests on their way through the engine: sound becomes pieces, and what is found in them is told in order.

Runs in the engine's process, which hears several chunks at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from tasks import flac
from tasks.care import care_for
from tasks.echo import without_echoes
from tasks.lockstep import Lockstep
from tasks.models import Models
from tasks.pieces import Piece, pieces, whole
from tasks.problems import failure
from tasks.protocol import ChildConfig, Hear, Heard, LanguageHeard, Position, Reply, SegmentFound
from tasks.samples import RATE, Samples, Span
from tasks.timeline import segments
from tasks.track import Found, Manner, Track
from tasks.voice import speech_finder
from webapp.core.language import SURE, Votes
from webapp.core.transcript import Segment

# How many windows are asked for their language.
_LANGUAGE_WINDOWS = 4
# What a model that knows no other language answers; it cannot be asked.
_ENGLISH = Votes({"en": 1.0}, 1)

Tell = Callable[[int, Reply], None]


@dataclass
class Hearing:
    """One request. Segments of a later piece wait until the pieces before are done."""

    request: Hear
    seconds: float
    tracks: list[Track] = field(default_factory=list)
    waiting: dict[int, list[Segment]] = field(default_factory=dict)

    def take(self, track: Track, found: list[Segment]) -> None:
        self.waiting.setdefault(id(track), []).extend(found)

    def ready(self) -> Iterator[Segment]:
        """Channels run side by side, so nothing of them is in order before all is known."""
        if any(track.piece.channel is not None for track in self.tracks):
            if all(track.done for track in self.tracks):
                told = chain.from_iterable(self.waiting.pop(id(track), []) for track in self.tracks)
                yield from sorted(told, key=lambda segment: segment.start)
            return
        for track in self.tracks:
            yield from self.waiting.pop(id(track), [])
            if not track.done:
                return

    @property
    def done(self) -> bool:
        return all(track.done for track in self.tracks)


class Hearings:
    def __init__(self, config: ChildConfig, models: Models, tell: Tell) -> None:
        self._models = models
        self._tell = tell
        self._pause = config.vad_min_silence_ms / 1000
        self._find_speech = speech_finder(config)
        self._hearings: dict[int, Hearing] = {}
        self._lockstep = Lockstep()

    @property
    def busy(self) -> bool:
        return bool(self._hearings)

    def begin(self, ticket: int, request: Hear) -> None:
        manner = self._manner(request)
        channels = without_echoes(flac.read_channels(request.path))
        hearing = Hearing(request, len(channels[0]) / RATE)
        hearing.tracks = [Track(ticket, piece, manner) for piece in self._pieces(request, channels, manner)]
        if not self._settle_language(ticket, hearing, manner):
            self._tell(ticket, Heard(done=False))
            return
        self._hearings[ticket] = hearing
        self._lockstep.add(hearing.tracks)
        self._progress(ticket)

    def drop(self, ticket: int) -> None:
        self._hearings.pop(ticket, None)
        self._lockstep.drop(ticket)

    def step(self) -> None:
        turn = self._lockstep.turn()
        try:
            for track, found in self._lockstep.step(turn):
                self._note(track, found)
        except Exception as error:  # whose fault it is cannot be told: all that took part hear of it
            for ticket in {track.owner for track in turn}:
                self._fail(ticket, error)
        for track in turn:
            track.rank += 1
        for ticket in list(self._hearings):
            self._progress(ticket)

    def _fail(self, ticket: int, error: Exception) -> None:
        self.drop(ticket)
        self._tell(ticket, failure(error))

    def _note(self, track: Track, found: Found) -> None:
        hearing = self._hearings[track.owner]
        language = found.language if track.mixed else None
        hearing.take(track, list(segments(found, track, hearing.request.start, hearing.seconds, language)))

    def _progress(self, ticket: int) -> None:
        hearing = self._hearings[ticket]
        for segment in hearing.ready():
            self._tell(ticket, SegmentFound(segment))
        if not hearing.done:  # where nothing is to be told yet, the worker must not take us for stalled
            self._tell(ticket, Position(hearing.request.start))
        else:
            self.drop(ticket)
            self._tell(ticket, Position(hearing.request.start + hearing.seconds))
            self._tell(ticket, Heard(done=True))

    def _manner(self, request: Hear) -> Manner:
        options = request.options
        whisper = self._models.get(options.model).whisper
        prompts = whisper.prompts(options)
        return Manner(whisper, care_for(options), prompts, options.task, options.word_timestamps)

    def _pieces(self, request: Hear, channels: list[Samples], manner: Manner) -> Iterator[Piece]:
        for number, samples in enumerate(channels):
            channel = number if len(channels) > 1 else None
            if not request.options.vad_filter:
                yield whole(samples, channel)
                continue
            speech = self._speech(request, channels, number)
            care = manner.care
            pause = min(care.pause, self._pause)
            yield from pieces(
                samples, speech, longest=care.longest_piece, pause=pause, margin=care.margin, channel=channel
            )

    def _speech(self, request: Hear, channels: list[Samples], number: int) -> list[Span]:
        """Where the decoder has heard it; but it tells of all channels together."""
        samples = channels[number]
        if request.spans is None or len(channels) > 1:
            return self._find_speech(samples)
        per_ms = RATE // 1000
        return [Span(start * per_ms, min(end * per_ms, len(samples))) for start, end in request.spans]

    def _settle_language(self, ticket: int, hearing: Hearing, manner: Manner) -> bool:
        """False if it is to be sure and is not."""
        request = hearing.request
        mixed = request.options.mixed_languages and not request.language and manner.whisper.multilingual
        language = request.language or self._detected(ticket, hearing, manner)
        for track in hearing.tracks:
            track.language, track.mixed = language, mixed
        return language is not None or mixed or not request.only_if_sure

    def _detected(self, ticket: int, hearing: Hearing, manner: Manner) -> str | None:
        """None if nobody speaks, or if it is to be sure and is not."""
        votes = _votes(hearing.tracks) if manner.whisper.multilingual else _ENGLISH
        self._tell(ticket, LanguageHeard(votes.weights, votes.windows))
        if votes.best is None:
            return None
        language, probability = votes.best
        return language if probability >= SURE or not hearing.request.only_if_sure else None


def _votes(tracks: list[Track]) -> Votes:
    """Asks half a minute at a time, until it is sure or was asked often enough."""
    votes = Votes()
    for track in tracks[:_LANGUAGE_WINDOWS]:
        votes = votes.plus(track.votes())
        if votes.best and votes.best[1] >= SURE:
            break
    return votes

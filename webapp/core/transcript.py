"""What an engine yields and a transcript is made of. Times are seconds on the recording's timeline."""

import msgspec


class Word(msgspec.Struct, frozen=True):
    start: float
    end: float
    word: str  # with its leading space, so that joining the words gives the segment's text
    probability: float


class Segment(msgspec.Struct, frozen=True):
    """`channel` counts from 0 where the channels of a recording are heard apart, `language` is given where a
    recording may have several, and `doubts` are codes of reasons not to trust the text."""

    start: float
    end: float
    text: str
    words: list[Word] | None = None
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0
    temperature: float = 0.0
    channel: int | None = None
    language: str | None = None
    doubts: list[str] = []


class Gap(msgspec.Struct, frozen=True):
    """A stretch of the recording without its text. `end` is None where nobody knows how long it goes on."""

    start: float
    end: float | None


class Transcript(msgspec.Struct, frozen=True):
    """`partial` marks the text of a job that has not completed: it has gaps, and more may come."""

    segments: list[Segment]
    title: str = ""
    language: str | None = None
    language_probability: float | None = None
    duration: float | None = None
    model: str = ""
    task: str = "transcribe"
    partial: bool = False
    gaps: list[Gap] = []

    @property
    def text(self) -> str:
        return " ".join(segment.text.strip() for segment in self.segments)

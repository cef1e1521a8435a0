"""What an engine yields and a transcript is made of. Times are seconds on the recording's timeline."""

import msgspec


class Word(msgspec.Struct, frozen=True):
    start: float
    end: float
    word: str  # with its leading space, so that joining the words gives the segment's text
    probability: float


class Segment(msgspec.Struct, frozen=True):
    start: float
    end: float
    text: str
    words: list[Word] | None = None
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0
    temperature: float = 0.0


class Transcript(msgspec.Struct, frozen=True):
    """`partial` marks the text of a job that has not completed: what is there is final, more may come."""

    segments: list[Segment]
    title: str = ""
    language: str | None = None
    language_probability: float | None = None
    duration: float | None = None
    model: str = ""
    task: str = "transcribe"
    partial: bool = False

    @property
    def text(self) -> str:
        return " ".join(segment.text.strip() for segment in self.segments)

"""Sound of any rate, with any channels, as 16 kHz mono; or, of two channels, both."""

from collections.abc import Iterator
from fractions import Fraction

import av.error
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.filter import Graph

from tasks.samples import RATE

# Two loudspeakers that stand anywhere else are no pair.
_PAIRS = ("stereo", "2 channels", "downmix")


def is_pair(sound: AudioFrame) -> bool:
    return sound.layout.name in _PAIRS


class Mixer:
    """For frames of one kind: format, channels and rate do not change. None instead of a frame ends it.
    What comes out has a row per channel: one, or two if a pair is to be kept `as_pair`."""

    def __init__(self, *, as_pair: str | None = None) -> None:
        self._resampler = AudioResampler(format="s16p", layout=as_pair or "mono", rate=RATE)
        self._even: Graph | None = None

    def mix(self, sound: AudioFrame | None) -> list[AudioFrame]:
        if self._even is None:
            try:
                return self._resampler.resample(sound)
            except av.error.ArgumentError:  # it has no mixing for speakers that stand like this
                if sound is None:
                    raise
                self._even = _even(sound)
        self._even.push(sound)
        return list(_ready(self._even))


def _even(sound: AudioFrame) -> Graph:
    """Every channel counts alike. Not in numpy: of more than eight planes PyAV reads beyond the last."""
    graph, rate = Graph(), sound.sample_rate
    channels = "+".join(f"c{index}" for index in range(sound.layout.nb_channels))
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=rate,
            format=sound.format.name,
            layout=sound.layout.name,
            time_base=Fraction(1, rate),
        ),
        graph.add("pan", f"mono|c0<{channels}"),
        graph.add("aformat", sample_fmts="s16", sample_rates=str(RATE), channel_layouts="mono"),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _ready(graph: Graph) -> Iterator[AudioFrame]:
    while True:
        try:
            piece = graph.pull()
        except (EOFError, BlockingIOError):
            return
        assert isinstance(piece, AudioFrame)
        yield piece

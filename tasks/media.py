"""Turns an untrusted media file into bounded windows of 16 kHz samples."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import av.error
import av.logging
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from tasks.apart import as_heard
from tasks.formats import CLOCKED, CODECS, OPTIONS
from tasks.mixing import Mixer, is_pair
from tasks.problems import ChildError
from tasks.protocol import ChildConfig
from tasks.samples import RATE, Samples, Tape
from tasks.voice import likelihoods

MAX_READ_ERRORS = 100
# Sound is stored in kilobytes. Decoded, a piece larger than this could take all the memory there is.
LARGEST_PACKET = 16 * 1024 * 1024
# In seconds: less is jitter of the container's clock, more is a broken clock, not a pause.
GAP_LEAST, GAP_MOST = 0.25, 600.0


class MediaError(ChildError):
    """The file cannot be transcribed, and no second attempt will change that."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message, permanent=True)


@contextmanager
def opened(path: Path, config: ChildConfig) -> Iterator["Recording"]:
    av.logging.set_level(av.logging.PANIC)
    if path.stat().st_size == 0:
        raise MediaError(
            "empty_file",
            "This file is empty. Choose the recording again and upload it once more.",
        )
    duration = claimed_duration(path, config)
    with _container(path) as container:
        yield Recording(container, config, duration)


def claimed_duration(path: Path, config: ChildConfig) -> float | None:
    with _container(path) as container:
        claimed = container.duration
        duration = claimed / av.time_base if claimed and claimed > 0 else None
        guessed = container.format.name == "aac"  # from the first frames' bit rate
        # Browsers record without a duration and headers lie; the packets' times cost no decoding.
        if duration is None or guessed or duration > config.max_duration_s:
            duration = _last_packet_time(container)
    _check_length(duration or 0, config)
    return duration


def _last_packet_time(container: InputContainer) -> float | None:
    latest = 0.0
    for packet in _Packets(container, _sound_track(container)):
        if packet.pts is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            latest = max(latest, end - _origin(container))
    return latest or None


def _container(path: Path) -> InputContainer:
    try:
        # Tags in an old encoding are no reason to refuse a recording.
        return av.open(str(path), mode="r", options=dict(OPTIONS), metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as problem:
        raise MediaError(
            "unknown_format",
            "This file is not a recording we can read, or its beginning or end is missing. "
            "Save it as MP3, M4A, WAV, FLAC, OGG or WebM and upload it again.",
        ) from problem


def _origin(container: InputContainer) -> float:
    """Where 0 lies on the container's clock: sound may begin later than the picture."""
    return (container.start_time or 0) / av.time_base


def _sound_track(container: InputContainer) -> AudioStream:
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream):
        raise MediaError(
            "no_sound_track",
            "This file has no sound track. Choose a recording with sound.",
        )
    if stream.codec_context is None or stream.codec_context.name not in CODECS.split(","):
        raise MediaError(
            "unknown_codec",
            "The sound in this file is stored in a way we cannot read. "
            "Save it as MP3, M4A, WAV, FLAC, OGG or WebM and upload it again.",
        )
    return stream


def _check_sound(rate: int, channels: int, config: ChildConfig) -> None:
    if not config.min_sample_rate <= rate <= config.max_sample_rate:
        raise MediaError(
            "sample_rate",
            f"This recording has {rate} samples a second; we take "
            f"{config.min_sample_rate} to {config.max_sample_rate}. "
            "Save it with a usual rate such as 44100 and upload it again.",
        )
    if not 1 <= channels <= config.max_channels:
        raise MediaError(
            "channels",
            f"This recording has {channels} channels; we take up to {config.max_channels}. "
            "Mix it down to stereo or mono and upload it again.",
        )


def _check_length(seconds: float, config: ChildConfig) -> None:
    if seconds > config.max_duration_s:
        raise MediaError(
            "too_long",
            f"This recording is longer than the {config.max_duration_s / 3600:g} hours we take. "
            "Cut it into parts and upload them one by one.",
        )


class _Packets:
    """The packets of one stream. A place that cannot be read is counted and stepped over."""

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self._container = container
        self._stream = stream
        self.unreadable = 0

    def __iter__(self) -> Iterator["Packet[AudioStream]"]:
        while self.unreadable < MAX_READ_ERRORS:
            try:
                yield from self._container.demux(self._stream)
                return
            except av.error.FFmpegError:
                self.unreadable += 1
            except IndexError:  # PyAV does not know a track that began on the way; ours has ended by then
                return


class Recording:
    """One sound track: `duration` is a claim, `windows()` the truth."""

    def __init__(self, container: InputContainer, config: ChildConfig, duration: float | None) -> None:
        self.duration = duration
        self._config = config
        self._origin = _origin(container)
        self._clocked = container.format.name.split(",")[0] in CLOCKED
        self._packets = _Packets(container, _sound_track(container))
        self._mixer: Mixer | None = None
        self._setup: tuple[str, str, int] | None = None
        self._tape = Tape()
        self._undecodable = 0

    @property
    def position(self) -> float:
        return self._tape.length / RATE

    @property
    def damaged_packets(self) -> int:
        return self._packets.unreadable + self._undecodable

    @property
    def missing(self) -> float:
        """Only a file that stops early lacks something: a claim that is a little off is no loss."""
        lost = (self.duration or 0) - self.position
        return lost if lost > max(1.0, 0.02 * self.position) else 0.0

    def windows(self, seconds: float = 30) -> Iterator[Samples]:
        """Of one channel; of two where these are two microphones."""
        return as_heard(self._windows(round(seconds * RATE)), likelihoods)

    def _windows(self, size: int) -> Iterator[Samples]:
        for packet in self._packets:
            for sound in self._decode(packet):
                if self._setup is None:  # as it begins, so it is taken: later only that is mixed down
                    self._tape = Tape(2 if is_pair(sound) else 1)
                self._keep_time(sound)
                self._record(sound)
            yield from self._tape.take(size)
        self._finish_mixing()
        yield from self._tape.take(size, rest=True)
        if not self._tape.length:
            raise MediaError(
                "nothing_decoded",
                "No sound could be read from this file: it is damaged, protected or holds none. "
                "Check that it plays, save it once more and upload it again.",
            )

    def _decode(self, packet: "Packet[AudioStream]") -> list[AudioFrame]:
        self._undecodable += packet.is_corrupt
        with suppress(av.error.FFmpegError):  # garbage raises many kinds, PermissionError among them
            if packet.size <= LARGEST_PACKET:
                return packet.decode()
        self._undecodable += not packet.is_corrupt
        return []

    def _keep_time(self, sound: AudioFrame) -> None:
        """Pauses become silence, so that times stay right; a clock that jumps is set anew."""
        if not self._clocked or sound.time is None:
            return
        gap = sound.time - self._origin - self.position
        if GAP_LEAST < gap <= GAP_MOST:
            self._finish_mixing()
            self._tape.append_silence(round(gap * RATE))
        elif abs(gap) > GAP_LEAST:
            self._origin += gap

    def _record(self, sound: AudioFrame) -> None:
        _check_sound(sound.sample_rate, sound.layout.nb_channels, self._config)
        setup = (sound.format.name, sound.layout.name, sound.sample_rate)
        if setup != self._setup:  # a recording may change its sample rate or channels on the way
            self._finish_mixing()
        if self._mixer is None:
            kept = self._tape.channels == 2 and is_pair(sound)
            self._setup, self._mixer = setup, Mixer(as_pair=sound.layout.name if kept else None)
        sound.pts = None
        self._mix(self._mixer, sound)
        _check_length(self.position, self._config)

    def _finish_mixing(self) -> None:
        if self._mixer is not None:
            self._mix(self._mixer, None)
            self._mixer = None

    def _mix(self, mixer: Mixer, sound: AudioFrame | None) -> None:
        for piece in mixer.mix(sound):
            self._tape.append(np.asarray(piece.to_ndarray(), np.int16))

"""Every setting, read once from the environment: `NAME`, or `NAME_FILE` naming a file with the value."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from webapp.core import readers
from webapp.core.modes import MODES, Mode
from webapp.core.readers import flag, number, one_of, text, url, whole


class SettingsError(Exception):
    """Names every bad setting at once, so that a deployment is mended in one go."""


def setting(
    about: str,
    read: Callable[[str], Any],
    default: str | None = None,
    *,
    optional: bool = False,
    secret: bool = False,
) -> Any:
    """`default` is written as in the environment. Without one the setting must be given, or is optional."""
    metadata = {"about": about, "read": read, "default": default, "optional": optional}
    return field(metadata=metadata, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    # Where things are
    database_url: str = setting(
        "PostgreSQL, as a URL; `?sslmode=require` is understood",
        url("postgres", "postgresql", example="postgres://user:password@host:5432/audiotext"),
        secret=True,
    )
    database_pool_size: int = setting("Most connections a process keeps to PostgreSQL", whole(1, 200), "8")
    redis_url: str = setting(
        "Redis or Valkey: `redis://`, or `rediss://` for TLS",
        url("redis", "rediss", example="redis://host:6379/0"),
        secret=True,
    )
    redis_tls_verify: bool = setting(
        "Check the certificate of a `rediss://` server; platforms with self-signed ones need false",
        flag,
        "true",
    )
    queue_name: str = setting(
        "Name of the queue, and prefix of the event channel, in Redis", text, "audiotext"
    )
    port: int = setting("Port the web process listens on", whole(1, 65535), "8000")
    public_url: str | None = setting(
        "Address people reach the pages at; `https://` makes cookies Secure",
        url("http", "https", example="https://audiotext.example.org"),
        optional=True,
    )
    allowed_origins: tuple[str, ...] = setting(
        "Other origins whose pages may open a WebSocket and upload to the bucket, comma-separated",
        readers.maybe_names,
        "",
    )
    session_days: int = setting(
        "Days without a visit after which a browser's private space can no longer be opened",
        whole(1, 3650),
        "365",
    )

    # Storage
    s3_endpoint_url: str | None = setting(
        "S3 as this machine reaches it; empty for AWS",
        url("http", "https", example="http://127.0.0.1:8333"),
        optional=True,
    )
    s3_public_endpoint_url: str | None = setting(
        "S3 as browsers reach it, where that differs",
        url("http", "https", example="https://s3.example.org"),
        optional=True,
    )
    s3_region: str = setting("Region of the bucket", text, "us-east-1")
    s3_addressing_style: str = setting(
        "Bucket in the path or in the host name", one_of("path", "virtual"), "virtual"
    )
    s3_bucket: str = setting("Bucket for recordings", text)
    s3_access_key_id: str | None = setting(
        "Key of the bucket; empty for the machine's own role", text, optional=True
    )
    s3_secret_access_key: str | None = setting("Secret of that key", text, optional=True, secret=True)
    s3_upload_method: str = setting(
        "`post` where the store enforces POST policies, `put` where it has none (R2, B2)",
        one_of("post", "put"),
        "post",
    )

    # Uploads
    max_upload_mb: int = setting("Largest recording, in MB of 1,000,000 bytes", whole(1, 5000), "2000")
    allowed_formats: tuple[str, ...] = setting(
        "File extensions accepted, comma-separated",
        readers.extensions,
        "mp3,wav,m4a,flac,ogg,oga,opus,aac,webm,mp4,m4b,mov,mkv,mka,wma,amr,aiff,aif,3gp,mpga,mpeg,avi",
    )
    upload_expires_s: int = setting("Seconds within which an upload must begin", whole(60, 86400), "900")
    abandoned_upload_days: int = setting(
        "Days after which the bucket drops an upload that never became a job", whole(1, 365), "2"
    )

    # Transcription
    models: tuple[str, ...] = setting(
        "Whisper models offered, comma-separated; the first is the default",
        readers.names,
        "base",
    )
    models_dir: Path = setting(
        "Folder with a sub-folder of CTranslate2 weights per model", readers.folder, ".data/models"
    )
    device: str = setting("Where the engine runs", one_of("auto", "cpu", "cuda"), "auto")
    compute_type: str = setting(
        "Arithmetic of the engine; one the device lacks is replaced by its nearest",
        one_of(
            "auto",
            "int8",
            "int8_float16",
            "int8_float32",
            "int8_bfloat16",
            "float16",
            "bfloat16",
            "float32",
        ),
        "auto",
    )
    cpu_threads: int = setting(
        "Threads of each engine; 0 shares out the cores among them", whole(0, 256), "0"
    )
    default_mode: Mode = setting("How carefully a job is heard that does not say", one_of(*MODES), "balanced")
    beam_size: int = setting("Beam width where a job names none; 0 leaves it to the mode", whole(0, 10), "0")
    word_timestamps: bool = setting("Word times where a job does not say", flag, "true")
    vad_filter: bool = setting("Skip silence where a job does not say", flag, "true")
    vad_min_silence_ms: int = setting(
        "Shortest silence that is skipped, in milliseconds", whole(50, 10000), "2000"
    )
    vad_threshold: float = setting("Probability from which sound counts as speech", number(0.05, 0.95), "0.5")

    # Limits
    max_duration_h: float = setting("Longest recording, in hours", number(0.01, 48), "12")
    max_channels: int = setting("Most channels of a recording", whole(1, 64), "16")
    min_sample_rate: int = setting("Lowest sample rate, in Hz", whole(1000, 48000), "4000")
    max_sample_rate: int = setting("Highest sample rate, in Hz", whole(8000, 1000000), "384000")
    engine_memory_mb: int = setting(
        "Memory the engine's process may allocate, in MB: 1500 or more for base; 0 for no limit",
        whole(0, 1000000),
        "0",
    )
    engine_stall_s: int = setting(
        "Seconds without a sign of progress after which an attempt is given up",
        whole(10, 86400),
        "900",
    )
    decoder_memory_mb: int = setting(
        "Memory the process that opens recordings may allocate, in MB; 0 for no limit",
        whole(0, 1000000),
        "1000",
    )
    time_limit_factor: float = setting(
        "A piece of work may take a minute and this many times the length of its sound",
        number(1, 10000),
        "30",
    )
    job_attempts: int = setting(
        "Attempts at opening a recording, and at each chunk of it, before the job fails", whole(1, 100), "3"
    )
    retry_delay_s: int = setting(
        "Pause before the second attempt, in seconds; it doubles each time", whole(0, 3600), "30"
    )
    retry_max_delay_s: int = setting("Longest pause between attempts, in seconds", whole(0, 86400), "300")

    # Processes
    lease_s: int = setting(
        "Seconds a worker may stay silent before its job is given to another", whole(5, 3600), "60"
    )
    job_parallelism: int = setting("Chunks of one job that wait in the queue at once", whole(1, 1000), "4")
    worker_concurrency: int = setting(
        "Engines of one worker, each a process; 0 for one per core as far as memory goes, one on a GPU",
        whole(0, 64),
        "0",
    )
    engine_batch: int = setting("Chunks that an engine hears together", whole(1, 64), "4")
    worker_max_jobs: int = setting(
        "Pieces of work after which a worker starts afresh; 0 for never", whole(0, 1000000), "1000"
    )
    worker_memory_mb: int = setting(
        "Memory of a worker and its processes above which it starts afresh between two pieces of work, in MB;"
        " 0 for never",
        whole(0, 1000000),
        "0",
    )
    shutdown_grace: int = setting("Seconds a worker takes at most to stop", whole(1, 300), "25")
    log_level: str = setting("Least severe log line", one_of("debug", "info", "warning", "error"), "info")
    log_format: str = setting("Log lines for people or for machines", one_of("text", "json"), "text")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        values: dict[str, Any] = {}
        problems: list[str] = []
        for each in fields(cls):
            try:
                values[each.name] = _read(each, environ)
            except ValueError as problem:
                problems.append(f"{each.name.upper()}: {problem}")
        if not problems:
            return cls(**values)
        raise SettingsError("These settings need attention:\n  " + "\n  ".join(problems))

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 1_000_000

    @property
    def default_model(self) -> str:
        return self.models[0]


@cache
def get_settings() -> Settings:
    return Settings.from_env()


def settings_or_exit() -> Settings:
    """For a process that starts: says what is wrong in as many lines as there are problems, and no more."""
    try:
        return get_settings()
    except SettingsError as problem:
        sys.exit(str(problem))


def _read(each: "Field[Any]", environ: Mapping[str, str]) -> Any:
    raw = _raw(each.name.upper(), environ)
    if raw is None:
        raw = each.metadata["default"]
    if raw is None and each.metadata["optional"]:
        return None
    if raw is None:
        raise ValueError("is missing; expected " + each.metadata["about"])
    try:
        return each.metadata["read"](raw)
    except ValueError as expected:
        # The value itself is not repeated: it may hold a password.
        raise ValueError(f"expected {expected}") from None


def _raw(name: str, environ: Mapping[str, str]) -> str | None:
    """An empty variable counts as not given: that is how many platforms unset one."""
    value, path = environ.get(name, "").strip(), environ.get(f"{name}_FILE", "").strip()
    if value and path:
        raise ValueError(f"is given twice, as {name} and as {name}_FILE; expected one of them")
    if path:
        return _from_file(path)
    return value or None


def _from_file(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as problem:
        raise ValueError(f"the file {path} cannot be read ({problem.__class__.__name__})") from None

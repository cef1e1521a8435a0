"""The tables. Keys are UUIDv7 made by us and moments are timestamptz.

What may stand in a column is checked by the database: `piccolo_migrations/` holds the constraints."""

from enum import StrEnum

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigInt,
    Boolean,
    Bytea,
    DoublePrecision,
    ForeignKey,
    Integer,
    SmallInt,
    Text,
    Timestamptz,
)
from piccolo.table import Table

from webapp.core.ids import new_id


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = frozenset({Status.PENDING, Status.PROCESSING})
TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


class User(Table, tablename="users"):
    """The owner of a private space. A guest is a user without a way to sign in again."""

    id = UUID(primary_key=True, default=new_id)
    created_at = Timestamptz()


class LoginSession(Table, tablename="login_sessions"):
    id = UUID(primary_key=True, default=new_id)
    owner = ForeignKey(User, null=False)
    token_hash = Text()
    created_at = Timestamptz()
    last_seen_at = Timestamptz()
    expires_at = Timestamptz()


class ApiToken(Table, tablename="api_tokens"):
    id = UUID(primary_key=True, default=new_id)
    owner = ForeignKey(User, null=False)
    name = Text()
    token_hash = Text()
    hint = Text()  # the token's last characters, to tell one from another
    created_at = Timestamptz()
    last_used_at = Timestamptz(null=True, default=None)


class Upload(Table, tablename="uploads"):
    """What was promised when a form was signed: the object under `key` is held against it at submission."""

    id = UUID(primary_key=True, default=new_id)
    owner = ForeignKey(User, null=False)
    key = Text()
    filename = Text()
    content_type = Text()
    size = BigInt(null=True, default=None)  # unknown when a plain form uploads without JavaScript
    options = JSONB()  # WantedOptions, for the plain form, whose way back carries none
    created_at = Timestamptz()
    expires_at = Timestamptz()


class Job(Table, tablename="jobs"):
    id = UUID(primary_key=True, default=new_id)
    owner = ForeignKey(User, null=False)
    upload = ForeignKey(Upload, null=False)
    filename = Text()
    object_key = Text()
    object_size = BigInt()
    object_etag = Text()

    model = Text()
    language = Text(null=True, default=None)
    task = Text()
    mode = Text()
    mixed_languages = Boolean()
    initial_prompt = Text(null=True, default=None)
    hotwords = Text(null=True, default=None)
    vad_filter = Boolean()
    word_timestamps = Boolean()
    beam_size = SmallInt(null=True, default=None)  # without one the mode decides

    status = Text()
    created_at = Timestamptz()
    updated_at = Timestamptz()
    started_at = Timestamptz(null=True, default=None)
    finished_at = Timestamptz(null=True, default=None)

    # The first step, planning: it cuts the recording into chunks.
    attempt = Integer()  # only ever grows: asking for a retry raises the limit
    attempt_limit = Integer()
    next_attempt_at = Timestamptz()
    lease_token = UUID(null=True, default=None)
    lease_until = Timestamptz(null=True, default=None)
    planned_at = Timestamptz(null=True, default=None)  # set once all chunks are known

    served_at = Timestamptz()  # when its last turn was: whose is longest ago is next
    working_since = Timestamptz(null=True, default=None)  # set while anybody works on any part of it
    working_from = DoublePrecision()  # where the work stood then

    duration = DoublePrecision(null=True, default=None)  # seconds of audio
    position = DoublePrecision()  # seconds of audio done
    processing_seconds = DoublePrecision()  # time worked, over all attempts
    detected_language = Text(null=True, default=None)
    language_probability = DoublePrecision(null=True, default=None)
    language_votes = JSONB(null=True, default=None)  # core.language.Votes, while no language is settled
    damaged_packets = Integer()
    missing_seconds = DoublePrecision()  # of the length that the file claims to have
    error_code = Text(null=True, default=None)
    error_message = Text(null=True, default=None)


class Chunk(Table, tablename="chunks"):
    id = UUID(primary_key=True, default=new_id)
    job = ForeignKey(Job, null=False)
    index = Integer()
    start = DoublePrecision()
    end = DoublePrecision()
    speech = DoublePrecision()  # seconds
    spans = JSONB(null=True, default=None)  # where somebody speaks: pairs of milliseconds from `start`
    position = DoublePrecision()  # seconds on the recording's timeline: heard up to here
    audio_key = Text(null=True, default=None)  # without one the sound is cut out of the recording again
    status = Text()
    queued_at = Timestamptz(null=True, default=None)  # a few of a job's chunks at a time wait for a worker
    attempt = Integer()
    attempt_limit = Integer()
    next_attempt_at = Timestamptz()
    lease_token = UUID(null=True, default=None)
    lease_until = Timestamptz(null=True, default=None)
    created_at = Timestamptz()
    finished_at = Timestamptz(null=True, default=None)


class SegmentRow(Table, tablename="segments"):
    id = UUID(primary_key=True, default=new_id)
    job = ForeignKey(Job, null=False)
    chunk = Integer()  # the chunk's index
    index = Integer()  # within the chunk
    start = DoublePrecision()
    end = DoublePrecision()
    text = Text()
    words = JSONB(null=True, default=None)
    avg_logprob = DoublePrecision()
    compression_ratio = DoublePrecision()
    no_speech_prob = DoublePrecision()
    temperature = DoublePrecision()
    channel = SmallInt(null=True, default=None)
    language = Text(null=True, default=None)
    doubts = Array(base_column=Text())


class Removal(Table, tablename="removals"):
    """Objects that nobody needs any more. Noted with the deletion of their rows, so that a storage that is
    away, or a worker that dies in between, leaves nothing behind for good."""

    id = UUID(primary_key=True, default=new_id)
    prefix = Text()  # of keys, or a whole key
    created_at = Timestamptz()
    due_at = Timestamptz()


class IdempotencyKey(Table, tablename="idempotency_keys"):
    """A key that came with a request, and the answer to it once there is one."""

    id = UUID(primary_key=True, default=new_id)  # a new one with each holder
    owner = ForeignKey(User, null=False)
    key = Text()
    fingerprint = Text()  # of the request: the same key with another one is refused
    held_until = Timestamptz()
    expires_at = Timestamptz()
    status = SmallInt(null=True, default=None)
    body = Bytea(null=True, default=None)
    location = Text(null=True, default=None)
    upload = ForeignKey(Upload, null=True, default=None)

"""Owners, what they upload, the jobs made of it, and the text."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T15:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "users, sessions, tokens, uploads, jobs, chunks, segments"

FORWARDS = """
CREATE TABLE users (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE login_sessions (
    id uuid PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    token_hash text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX login_sessions_owner ON login_sessions (owner);
CREATE INDEX login_sessions_expires_at ON login_sessions (expires_at);

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    token_hash text NOT NULL UNIQUE,
    hint text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz
);
CREATE INDEX api_tokens_owner ON api_tokens (owner, id);

CREATE TABLE uploads (
    id uuid PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    key text NOT NULL UNIQUE,
    filename text NOT NULL CHECK (char_length(filename) BETWEEN 1 AND 255),
    content_type text NOT NULL,
    size bigint CHECK (size > 0),
    options jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX uploads_owner ON uploads (owner);
CREATE INDEX uploads_created_at ON uploads (created_at);

CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    upload uuid NOT NULL UNIQUE REFERENCES uploads ON DELETE CASCADE,
    filename text NOT NULL CHECK (char_length(filename) BETWEEN 1 AND 255),
    object_key text NOT NULL,
    object_size bigint NOT NULL CHECK (object_size > 0),
    object_etag text NOT NULL,
    model text NOT NULL,
    language text,
    task text NOT NULL CHECK (task IN ('transcribe', 'translate')),
    initial_prompt text,
    hotwords text,
    vad_filter boolean NOT NULL,
    word_timestamps boolean NOT NULL,
    beam_size smallint NOT NULL CHECK (beam_size BETWEEN 1 AND 10),
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,
    attempt_limit integer NOT NULL,
    attempt_started_at timestamptz,
    attempt_position double precision NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid,
    lease_until timestamptz,
    duration double precision CHECK (duration >= 0),
    position double precision NOT NULL DEFAULT 0 CHECK (position >= 0),
    processing_seconds double precision NOT NULL DEFAULT 0,
    detected_language text,
    language_probability double precision,
    damaged_packets integer NOT NULL DEFAULT 0,
    missing_seconds double precision NOT NULL DEFAULT 0,
    error_code text,
    error_message text,
    CONSTRAINT jobs_lease_while_processing CHECK (
        (status = 'processing') = (lease_token IS NOT NULL AND lease_until IS NOT NULL)
    ),
    CONSTRAINT jobs_finished_when_terminal CHECK (
        (status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)
    ),
    CONSTRAINT jobs_error_when_failed CHECK (status <> 'failed' OR error_code IS NOT NULL)
);
CREATE INDEX jobs_owner ON jobs (owner, id DESC);
CREATE INDEX jobs_owner_status ON jobs (owner, status, id DESC);
CREATE INDEX jobs_pending ON jobs (id) WHERE status = 'pending';
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE status = 'processing';

CREATE TABLE chunks (
    id uuid PRIMARY KEY,
    job uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    index integer NOT NULL CHECK (index >= 0),
    start double precision NOT NULL,
    "end" double precision NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    attempt smallint NOT NULL DEFAULT 0,
    lease_token uuid,
    lease_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    UNIQUE (job, index),
    CHECK ("end" >= start)
);
CREATE INDEX chunks_leases ON chunks (lease_until) WHERE status = 'processing';

CREATE TABLE segments (
    id uuid PRIMARY KEY,
    job uuid NOT NULL,
    chunk integer NOT NULL,
    index integer NOT NULL CHECK (index >= 0),
    start double precision NOT NULL,
    "end" double precision NOT NULL,
    text text NOT NULL,
    words jsonb,
    avg_logprob double precision NOT NULL,
    compression_ratio double precision NOT NULL,
    no_speech_prob double precision NOT NULL,
    temperature double precision NOT NULL,
    UNIQUE (job, chunk, index),
    -- A segment belongs to a chunk that is there: a chunk that is begun again takes its old text with it.
    FOREIGN KEY (job, chunk) REFERENCES chunks (job, index) ON DELETE CASCADE
);
"""

BACKWARDS = "DROP TABLE segments, chunks, jobs, uploads, api_tokens, login_sessions, users;"


class _Raw(Table):
    """Piccolo runs raw SQL through a table; this one stands for none."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="audiotext", description=DESCRIPTION)

    async def run() -> None:
        for statement in filter(str.strip, FORWARDS.split(";\n")):
            await _Raw.raw(statement)

    async def undo() -> None:
        await _Raw.raw(BACKWARDS)

    manager.add_raw(run)
    manager.add_raw_backwards(undo)
    return manager

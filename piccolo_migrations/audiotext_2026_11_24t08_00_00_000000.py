"""Chunks that any worker takes: leases, attempts and turns of their own, and what is still to be removed."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-24T08:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "chunks with leases and audio of their own, turns, removals"

FORWARDS = """
ALTER TABLE jobs DROP CONSTRAINT jobs_lease_while_processing;
-- A job is worked on under its own lease (planning) and under those of its chunks, so it may be
-- processing without a lease of its own.
ALTER TABLE jobs ADD CONSTRAINT jobs_lease_whole CHECK (
    (lease_token IS NULL) = (lease_until IS NULL) AND (lease_token IS NULL OR status = 'processing')
);
-- attempt_started_at and attempt_position stay until no process of the release before this one is left.
ALTER TABLE jobs ADD COLUMN working_since timestamptz;
ALTER TABLE jobs ADD COLUMN working_from double precision NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN planned_at timestamptz;
ALTER TABLE jobs ADD COLUMN served_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE jobs ADD COLUMN language_votes jsonb;

ALTER TABLE chunks ADD COLUMN speech double precision NOT NULL DEFAULT 0;
ALTER TABLE chunks ADD COLUMN position double precision NOT NULL DEFAULT 0;
ALTER TABLE chunks ADD COLUMN audio_key text;
ALTER TABLE chunks ADD COLUMN queued_at timestamptz;
ALTER TABLE chunks ADD COLUMN attempt_limit integer NOT NULL DEFAULT 3;
ALTER TABLE chunks ADD COLUMN next_attempt_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE chunks ALTER COLUMN attempt TYPE integer;

-- What the release before had begun is planned anew from its last finished chunk; where it had given up,
-- the text so far stays.
DELETE FROM chunks USING jobs WHERE jobs.id = chunks.job AND chunks.status <> 'completed'
    AND jobs.status IN ('pending', 'processing');
UPDATE chunks SET status = 'cancelled', lease_token = NULL, lease_until = NULL WHERE status <> 'completed';
UPDATE chunks SET position = CASE WHEN status = 'completed' THEN "end" ELSE start END;
UPDATE jobs SET planned_at = finished_at WHERE status = 'completed';

ALTER TABLE chunks ADD CONSTRAINT chunks_lease_while_processing CHECK (
    (status = 'processing') = (lease_token IS NOT NULL AND lease_until IS NOT NULL)
);

DROP INDEX jobs_pending;
CREATE INDEX jobs_pending ON jobs (id) WHERE status = 'pending';
CREATE INDEX jobs_to_plan ON jobs (served_at)
    WHERE planned_at IS NULL AND status IN ('pending', 'processing');
DROP INDEX jobs_leases;
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE lease_token IS NOT NULL;
CREATE INDEX chunks_queued ON chunks (job) WHERE status = 'pending' AND queued_at IS NOT NULL;
CREATE INDEX chunks_open ON chunks (job) WHERE status IN ('pending', 'processing');
CREATE INDEX chunks_audio_key ON chunks (audio_key) WHERE audio_key IS NOT NULL;

CREATE TABLE removals (
    id uuid PRIMARY KEY,
    prefix text NOT NULL CHECK (char_length(prefix) > 40),
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX removals_due_at ON removals (due_at);
"""

BACKWARDS = """
DROP TABLE removals;
DROP INDEX jobs_to_plan;
DROP INDEX chunks_queued;
DROP INDEX chunks_open;
DROP INDEX chunks_audio_key;
-- The release before knows chunks only in a row without gaps.
DELETE FROM chunks WHERE status <> 'completed';
DELETE FROM chunks USING (
    SELECT id, row_number() OVER (PARTITION BY job ORDER BY index) - 1 AS place FROM chunks
) AS counted WHERE counted.id = chunks.id AND counted.place <> chunks.index;
UPDATE jobs SET status = 'pending', lease_token = NULL, lease_until = NULL WHERE status = 'processing';
ALTER TABLE chunks DROP CONSTRAINT chunks_lease_while_processing;
ALTER TABLE chunks DROP COLUMN speech, DROP COLUMN position, DROP COLUMN audio_key, DROP COLUMN queued_at,
    DROP COLUMN attempt_limit, DROP COLUMN next_attempt_at;
ALTER TABLE jobs DROP CONSTRAINT jobs_lease_whole;
ALTER TABLE jobs DROP COLUMN planned_at, DROP COLUMN served_at, DROP COLUMN language_votes,
    DROP COLUMN working_since, DROP COLUMN working_from;
ALTER TABLE jobs ADD CONSTRAINT jobs_lease_while_processing CHECK (
    (status = 'processing') = (lease_token IS NOT NULL AND lease_until IS NOT NULL)
)
"""


class _Raw(Table):
    """Piccolo runs raw SQL through a table; this one stands for none."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="audiotext", description=DESCRIPTION)

    async def run() -> None:
        await _carry_out(FORWARDS)

    async def undo() -> None:
        await _carry_out(BACKWARDS)

    manager.add_raw(run)
    manager.add_raw_backwards(undo)
    return manager


async def _carry_out(script: str) -> None:
    for statement in filter(str.strip, script.split(";\n")):
        await _Raw.raw(statement)

"""Answers that are given again to who repeats a request with its key."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-24T09:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "idempotency keys"

FORWARDS = """
CREATE TABLE idempotency_keys (
    id uuid PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    key text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    fingerprint text NOT NULL,
    held_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    status smallint CHECK (status BETWEEN 200 AND 299),
    -- Answers are a few kilobytes; nothing that could fill the table may ever get here.
    body bytea CHECK (octet_length(body) <= 65536),
    location text CHECK (char_length(location) <= 2000),
    -- With a recording goes what was said of it: its name, and the options it was given.
    upload uuid REFERENCES uploads ON DELETE CASCADE,
    UNIQUE (owner, key),
    CONSTRAINT idempotency_keys_whole_answer CHECK (
        (status IS NULL) = (body IS NULL) AND (status IS NULL) = (upload IS NULL)
    )
);
CREATE INDEX idempotency_keys_upload ON idempotency_keys (upload);
CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);
"""

BACKWARDS = "DROP TABLE idempotency_keys;"


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

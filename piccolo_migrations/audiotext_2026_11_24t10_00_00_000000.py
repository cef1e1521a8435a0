"""How carefully a job is heard, and what is known of each segment beyond its words."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-24T10:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "modes, mixed languages, channels, doubts, where somebody speaks"

# All with defaults: processes of the release before this one go on inserting rows meanwhile.
FORWARDS = """
ALTER TABLE jobs ADD COLUMN mode text NOT NULL DEFAULT 'balanced'
    CHECK (mode IN ('accurate', 'balanced', 'fast'));
ALTER TABLE jobs ADD COLUMN mixed_languages boolean NOT NULL DEFAULT false;
-- Without one the mode decides.
ALTER TABLE jobs ALTER COLUMN beam_size DROP NOT NULL;
-- Nothing has written to these since chunks have leases of their own.
ALTER TABLE jobs DROP COLUMN attempt_started_at, DROP COLUMN attempt_position;

-- Where somebody speaks: pairs of milliseconds from the chunk's start. Null: nobody has listened for it.
ALTER TABLE chunks ADD COLUMN spans jsonb;

ALTER TABLE segments ADD COLUMN channel smallint CHECK (channel BETWEEN 0 AND 63);
ALTER TABLE segments ADD COLUMN language text CHECK (char_length(language) <= 10);
-- Codes of reasons not to trust it.
ALTER TABLE segments ADD COLUMN doubts text[] NOT NULL DEFAULT ARRAY[]::text[];
"""

BACKWARDS = """
ALTER TABLE segments DROP COLUMN channel, DROP COLUMN language, DROP COLUMN doubts;
ALTER TABLE chunks DROP COLUMN spans;
ALTER TABLE jobs ADD COLUMN attempt_started_at timestamptz,
    ADD COLUMN attempt_position double precision NOT NULL DEFAULT 0;
UPDATE jobs SET beam_size = 5 WHERE beam_size IS NULL;
ALTER TABLE jobs ALTER COLUMN beam_size SET NOT NULL;
ALTER TABLE jobs DROP COLUMN mode, DROP COLUMN mixed_languages;
"""


class _Raw(Table):
    """Piccolo runs raw SQL through a table; this one stands for none."""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="audiotext", description=DESCRIPTION)

    async def run() -> None:
        for statement in filter(str.strip, FORWARDS.split(";\n")):
            await _Raw.raw(statement)

    async def undo() -> None:
        for statement in filter(str.strip, BACKWARDS.split(";\n")):
            await _Raw.raw(statement)

    manager.add_raw(run)
    manager.add_raw_backwards(undo)
    return manager

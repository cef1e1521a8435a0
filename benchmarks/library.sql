TRUNCATE users CASCADE;
-- Nothing of this is wrong, and a million checks of it take minutes. Indexes are made once, at the end.
SET session_replication_role = replica;
ALTER TABLE segments DROP CONSTRAINT segments_pkey, DROP CONSTRAINT segments_job_chunk_index_key;

INSERT INTO users (id) SELECT uuidv7() FROM generate_series(1, {owners});
CREATE TEMP TABLE numbered AS SELECT id, row_number() OVER (ORDER BY id) AS number FROM users;
-- Every fifth job is of the first owner; the second has the first twentieth, and has made none since.
CREATE TEMP TABLE wanted AS SELECT uuidv7() AS id, uuidv7() AS upload, number, random() AS chance,
    CASE WHEN number % 5 = 0 THEN 1 WHEN number <= {jobs} / 20 THEN 2 ELSE 1 + (random() * ({owners} - 1))::int END AS owner
    FROM generate_series(1, {jobs}) AS number;

INSERT INTO uploads (id, owner, key, filename, content_type, options, expires_at)
    SELECT upload, users.id, upload::text, 'talk.flac', 'audio/flac', jsonb_build_object(), now()
    FROM wanted JOIN numbered AS users ON users.number = owner ORDER BY wanted.upload;
INSERT INTO jobs (id, owner, upload, filename, object_key, object_size, object_etag, model, task, vad_filter,
        word_timestamps, attempt_limit, duration, position, detected_language, status, planned_at, finished_at,
        error_code)
    SELECT wanted.id, users.id, upload, 'talk-' || wanted.number || '.flac', upload::text, 1000000, 'x', 'base',
        'transcribe', true, true, 3, 600, 600, 'en', drawn.status,
        CASE WHEN drawn.status <> 'pending' THEN now() END, CASE WHEN drawn.status <> 'pending' THEN now() END,
        CASE WHEN drawn.status = 'failed' THEN 'no_sound' END
    FROM wanted JOIN numbered AS users ON users.number = owner, LATERAL (SELECT CASE
        WHEN chance < 0.001 THEN 'pending' WHEN chance < 0.011 THEN 'failed'
        WHEN chance < 0.021 THEN 'cancelled' ELSE 'completed' END AS status) AS drawn
    ORDER BY wanted.id;
INSERT INTO chunks (id, job, index, start, "end", status, finished_at)
    SELECT uuidv7(), id, 0, 0, 600, 'completed', now() FROM wanted ORDER BY id;
INSERT INTO segments (id, job, chunk, index, start, "end", text, avg_logprob, compression_ratio,
        no_speech_prob, temperature)
    SELECT uuidv7(), wanted.id, 0, place, place * 5, place * 5 + 5,
        ' And so on, for ' || place || ' more words.', -0.2, 1.2, 0.01, 0
    FROM wanted, generate_series(0, {segments} - 1) AS place;

SET maintenance_work_mem = '1GB';
ALTER TABLE segments ADD PRIMARY KEY (id),
    ADD CONSTRAINT segments_job_chunk_index_key UNIQUE (job, chunk, index);
DROP TABLE numbered, wanted;
SET session_replication_role = origin;
VACUUM ANALYZE;

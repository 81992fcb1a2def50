-- measure.sql - what a backend says of its own memory
SET search_path = tviews_profiling, public;

CREATE TABLE sample (
    at        bigint GENERATED ALWAYS AS IDENTITY,
    backend   integer NOT NULL DEFAULT pg_backend_pid(),
    step      text NOT NULL,
    anonymous bigint NOT NULL,   -- memory of its own that is not a file's: what verdicts are made of
    private   bigint NOT NULL,   -- pages nobody else has mapped; shared buffers that only it has touched yet are among them
    contexts  bigint NOT NULL,   -- the server's own account
    used      bigint NOT NULL,   -- what its contexts have handed out of that
    extension bigint NOT NULL,   -- tviews_memory()
    count     bigint             -- how often the backend had done what the step says
);

-- a peak that was seen from outside, or that tviews_memory() tells where nobody can look
CREATE TABLE peak (
    backend integer NOT NULL DEFAULT pg_backend_pid(),
    step    text NOT NULL,
    bytes   bigint NOT NULL,     -- above what the backend had before
    contexts bigint NOT NULL     -- tviews_memory(): the drain's own account
);

CREATE FUNCTION smaps(pattern text) RETURNS bigint LANGUAGE sql AS $$
    SELECT coalesce(sum(m[1]::bigint), 0)::bigint * 1024
      FROM regexp_matches(pg_read_file('/proc/self/smaps_rollup', 0, 100000), pattern || ': +(\d+) kB', 'g') AS m $$;

-- the extension's part: 0 before it is loaded, for asking would load it
CREATE FUNCTION mark(step text, loaded boolean = true, count bigint = NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sample (step, anonymous, private, contexts, used, extension, count)
    SELECT step, smaps('Anonymous'), smaps('Private_(?:Clean|Dirty)'), sum(total_bytes), sum(used_bytes),
           CASE WHEN loaded THEN (SELECT sum(bytes) FROM tviews_memory() WHERE context IS NULL) ELSE 0 END, count
      FROM pg_backend_memory_contexts;
END $$;

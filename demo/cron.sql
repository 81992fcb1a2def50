-- cron.sql - nobody calls anything: pg_cron drains

\ir format.sql

\echo '=== 4. pg_cron keeps them fresh ==='
\echo

-- wait until a package's document has the version of its row; how long that took
CREATE FUNCTION demo.seconds_until_fresh(package integer) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := clock_timestamp();
BEGIN
    LOOP
        IF (SELECT t.document->>'version' = p.version
              FROM tb_package p JOIN tv_package t USING (pk_package) WHERE pk_package = package) THEN
            RETURN round(extract(epoch FROM clock_timestamp() - started)::numeric, 1);
        ELSIF clock_timestamp() > started + interval '100 seconds' THEN
            RAISE EXCEPTION 'pg_cron did not drain within 100 seconds; see cron.job_run_details and the server log';
        END IF;
        PERFORM pg_sleep(0.02);
    END LOOP;
END
$$;

\echo '    SELECT tviews_schedule(''1 second'');'
SELECT tviews_schedule('1 second') AS job \gset
\echo

SELECT command, schedule FROM cron.job WHERE jobid = :job;

\echo 'A package gets a new version, and nobody drains.'
SELECT schedule !~ 'second' AS by_minute FROM cron.job WHERE jobid = :job \gset
\if :by_minute
    \echo '    (pg_cron starts this job when the next minute begins: waiting)'
\endif
UPDATE tb_package SET version = version || '+new1' WHERE pk_package = 1;
SELECT demo.seconds_until_fresh(1) AS seconds \gset
\echo '    its document followed after' :seconds 's'
UPDATE tb_package SET version = version || '+new2' WHERE pk_package = 1;
SELECT demo.seconds_until_fresh(1) AS seconds \gset
\echo '    the next change followed after' :seconds 's'
\echo

-- the following steps measure one drain each, so nobody else may drain
SELECT tviews_unschedule() \g /dev/null
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
 WHERE application_name = 'pg_cron' AND datname = current_database() \g /dev/null

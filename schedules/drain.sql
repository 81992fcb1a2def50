-- drain.sql - pg_cron: drain once a minute
--
-- Run it in the database that has the TVIEWs and pg_cron, as the role that is to drain (it needs EXECUTE on
-- tviews_drain and USAGE on schema cron).  Running it again changes the job instead of adding one.
-- It does what SELECT tviews_schedule('1 minute') does; SELECT tviews_unschedule() removes the job.
--
-- To adapt: the schedule ('*/5 * * * *': every five minutes; '5 seconds': pg_cron 1.5 and newer only), and
-- "public" if the extension was created in another schema.  Writers never wait for a drain, so draining often
-- costs little: a drain that finds nothing to do writes nothing.

SELECT cron.schedule(tviews_batch.cron_job_name(), '* * * * *', 'SELECT public.tviews_drain()');

-- pg_cron in another database than the TVIEWs: run this there instead, with their database's name twice.
--
-- SELECT cron.schedule_in_database('pg_tviews_batch drain mydb', '* * * * *', 'SELECT public.tviews_drain()', 'mydb');

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
\set SHOW_CONTEXT never

-- how times between drains become cron jobs; sql/t/010_cron.pl runs them
SELECT every, seconds, j.schedule, j.command
  FROM unnest(ARRAY['1 minute', '5 seconds', '0.5 seconds', '00:00:30', '10 min', '1 hour', '6:00', '1 day',
                    ' */5  * * * * ', '0 4 * * Mon-Fri']) WITH ORDINALITY e (every, n),
       unnest('{t,f}'::boolean[]) seconds,
       tviews_batch.cron_job(every, seconds) j
 ORDER BY n, seconds;

-- refused
SELECT tviews_batch.cron_job(NULL);
SELECT tviews_batch.cron_job('');
SELECT tviews_batch.cron_job('often');
SELECT tviews_batch.cron_job('1 2 3');
SELECT tviews_batch.cron_job('7 minutes');
SELECT tviews_batch.cron_job('90 seconds');
SELECT tviews_batch.cron_job('5 hours');
SELECT tviews_batch.cron_job('2 days');
SELECT tviews_batch.cron_job('1 month');
SELECT tviews_batch.cron_job('-1 minute');
SELECT tviews_batch.cron_job('0');

SELECT tviews_batch.cron_job_name();

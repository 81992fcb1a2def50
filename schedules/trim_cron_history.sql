-- trim_cron_history.sql - pg_cron: forget old runs
--
-- pg_cron writes a row into cron.job_run_details for every run and never removes one: a job that runs each minute
-- adds half a million rows a year.  This job keeps a week.  Run it in the database that has pg_cron; a role other
-- than a superuser removes only the runs of its own jobs.
--
-- To adapt: the time of day and how long runs are kept.  (cron.log_run = off records none at all.)

SELECT cron.schedule('pg_tviews_batch trim cron history', '41 3 * * *',
                     $$DELETE FROM cron.job_run_details WHERE end_time < now() - interval '7 days'$$);

-- To remove it:
-- SELECT cron.unschedule('pg_tviews_batch trim cron history');

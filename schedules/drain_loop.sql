-- drain_loop.sql - pg_cron: drain every second, with any version of pg_cron
--
-- A job that starts each minute and drains once per second until the minute is over.  It has the name of the job
-- in drain.sql and replaces it: one of the two is enough.  Run it as described there.
-- It does what SELECT tviews_schedule('1 second') does before pg_cron 1.5.
--
-- To adapt: pause, and "public" if the extension was created in another schema.  run_for is the time between two
-- starts; the loop ends a little earlier.
-- (pg_cron counts the minutes that a job overran, and starts it that often in a row afterwards.)
-- The CALL must stay the only statement of the job, because it commits after each drain.
-- With cron.use_background_workers = on the loop occupies one of the workers all the time.

SELECT cron.schedule(tviews_batch.cron_job_name(), '* * * * *',
                     $$CALL public.tviews_drain_loop(run_for => '1 minute', pause => '1 second')$$);

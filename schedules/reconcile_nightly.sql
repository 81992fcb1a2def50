-- reconcile_nightly.sql - pg_cron: compare whole TVIEWs with their views, every night
--
-- Drains keep TVIEWs equal to their views without this.  The job finishes what they leave: TVIEWs that are stale
-- (after a crash, a restore, a repair by hand) are compared with their views and corrected, one transaction each.
-- It finds nothing to do on an ordinary night.  Run it as described in drain.sql.
--
-- To adapt: the time, which pg_cron reads as GMT unless cron.timezone says otherwise (1.5 and newer), and
-- "public" if the extension was created in another schema.  The CALL must stay the only statement of the job.

SELECT cron.schedule('pg_tviews_batch reconcile ' || current_database(), '17 3 * * *',
                     'CALL public.tviews_reconcile()');

-- To remove it:
-- SELECT cron.unschedule('pg_tviews_batch reconcile ' || current_database());

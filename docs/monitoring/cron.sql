-- How the last runs of the drain job ended, where pg_cron keeps its tables.
-- pg_cron shows a role only its own jobs: run this as the role that called tviews_schedule().
SELECT d.start_time, d.end_time - d.start_time AS took, d.status, d.return_message
  FROM cron.job_run_details d
  JOIN cron.job j USING (jobid)
 WHERE j.command LIKE '%tviews_drain%'
 ORDER BY d.runid DESC
 LIMIT 20;

-- What drains did in each of the last 60 minutes in which one did something.
SELECT date_trunc('minute', started) AS minute, count(*) AS drains,
       sum(changes) AS changes, sum(keys) AS keys,
       sum(inserted + updated + deleted) AS rows_written, sum(failed) AS failed,
       round(max(elapsed_ms)) AS slowest_ms, max(remaining) AS remaining,
       sum(compared) AS compared_whole, pg_size_pretty(max(memory_peak)) AS memory_peak
  FROM tviews_drains
 WHERE started > now() - interval '1 hour'
 GROUP BY 1
 ORDER BY 1 DESC;

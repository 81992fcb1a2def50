-- How much waits for a drain, per changed table and in total (the row without a source).
-- exact = false: the queue is long, the numbers are estimates.
SELECT source, pending_changes, oldest_age, exact
  FROM tviews_queue_depth
 ORDER BY source IS NULL, pending_changes DESC;

-- Keys whose refresh failed: their rows are as they were before.  Grouped by what went wrong.
SELECT tview, sqlstate, left(message, 80) AS message, count(*) AS keys,
       min(key::text) AS for_example, max(attempts) AS attempts, min(next_try) AS next_try
  FROM tviews_failures
 GROUP BY tview, sqlstate, left(message, 80)
 ORDER BY keys DESC;

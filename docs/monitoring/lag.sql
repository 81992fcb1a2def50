-- How far each TVIEW is behind its view: changes that concern it and wait, and the age of the oldest.
-- NULL lag: nothing waits.  A TVIEW that is not ok may differ for other reasons; see status.sql.
SELECT tview, level, state, pending_changes, lag, last_refresh
  FROM tviews_status
 ORDER BY lag DESC NULLS LAST, level, tview::text;

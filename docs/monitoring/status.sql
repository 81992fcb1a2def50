-- TVIEWs that may differ from their views, and why.  No rows is the good answer.
SELECT tview, state, reason, last_error, last_refresh
  FROM tviews_status
 WHERE state <> 'ok'
 ORDER BY state, tview::text;

-- Capture in prepared transactions; needs max_prepared_transactions > 0.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA prepared_test;
SET search_path = prepared_test;
DELETE FROM tviews_batch.queue WHERE source <> 0;

CREATE TABLE item (id int, label text);
INSERT INTO tviews_batch.source VALUES ('item', 1, '{id}', '{label}');
INSERT INTO tviews_batch.shape VALUES ('item', 1, '{id}', '{int}');
INSERT INTO tviews_batch.captured VALUES ('item', 'item');
CREATE TRIGGER capture_insert AFTER INSERT ON item REFERENCING NEW TABLE AS n
    FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture();

BEGIN;
INSERT INTO item VALUES (1, 'prepared');
PREPARE TRANSACTION 'regress_capture_1';
BEGIN;
INSERT INTO item VALUES (2, 'prepared, then not');
PREPARE TRANSACTION 'regress_capture_2';
SELECT count(*) FROM tviews_batch.queue WHERE source <> 0;
SELECT * FROM tviews_batch.queue_depth();
COMMIT PREPARED 'regress_capture_1';
ROLLBACK PREPARED 'regress_capture_2';
SELECT source::regclass, count(*) FROM tviews_batch.queue WHERE source <> 0 GROUP BY source;
SELECT * FROM item;

DELETE FROM tviews_batch.queue WHERE source <> 0;
DELETE FROM tviews_batch.captured;
DELETE FROM tviews_batch.source;
DELETE FROM tviews_batch.shape;
DROP SCHEMA prepared_test CASCADE;

-- baseline.sql - one backend: plain, loaded, creating TVIEWs, first capture, first drain, dropping them
SET search_path = tviews_profiling, public;
SELECT mark('warm up', false) FROM generate_series(1, 3);
SELECT mark('plain', false);

-- who is no superuser loads it by calling something
SELECT current_setting('is_superuser') AS super \gset
\if :super
LOAD 'pg_tviews_batch';
\else
SELECT FROM tviews_memory() LIMIT 1;
\endif
SELECT mark('loaded', false);
SELECT mark('warm up') FROM generate_series(1, 3);

-- the first creation brings the server's caches along
CREATE TABLE tb_own (pk_own int PRIMARY KEY, value int NOT NULL);
CREATE VIEW v_own0 AS SELECT pk_own, value FROM tb_own;
SELECT mark('before the first creation');
SELECT FROM tviews_create('v_own0', 'tv_own0', '{pk_own}');
SELECT mark('first creation');

SELECT format('CREATE VIEW v_own%s AS SELECT pk_own, value + %s AS value FROM tb_own', i, i) FROM generate_series(1, 20) i \gexec
SELECT FROM tviews_create('v_own1', 'tv_own1', '{pk_own}');
SELECT FROM tviews_create('v_own2', 'tv_own2', '{pk_own}');
SELECT mark('before further creations');
SELECT format('SELECT FROM tviews_create(%L, %L, ''{pk_own}'')', 'v_own' || i, 'tv_own' || i) FROM generate_series(3, 20) i \gexec
SELECT mark('further creations');

INSERT INTO tb_own SELECT i, i FROM generate_series(1, 10) i;
SELECT mark('first capture');
UPDATE tb_own SET value = value + 1;
SELECT mark('second capture');
SELECT FROM tviews_drain();
SELECT mark('first drain');

SELECT tviews_drop(tview) FROM tviews_status WHERE tview::regclass::text ~ 'tv_own' ORDER BY level DESC;
SELECT mark('dropped');
DROP TABLE tb_own CASCADE;

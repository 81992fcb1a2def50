-- leak.sql - every function, every kind of route, aborted and cancelled drains, failing keys, DDL; several rounds in one backend
-- What must fail is in a block of its own (fails); ON_ERROR_STOP may be on.
SET client_min_messages = error;
CREATE SCHEMA IF NOT EXISTS tviews_profiling;
SET search_path = tviews_profiling, public;

-- run a statement that must fail with this SQLSTATE
CREATE FUNCTION fails(statement text, code text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN OTHERS OR query_canceled THEN
        IF SQLSTATE = code THEN
            RETURN;
        END IF;
        RAISE EXCEPTION '%: % instead of %', statement, SQLERRM, code;
    END;
    RAISE EXCEPTION '% did not fail', statement;
END $$;

CREATE TABLE tb_category (pk_category int PRIMARY KEY, name text NOT NULL);
CREATE TABLE tb_product (pk_product int PRIMARY KEY, fk_category int NOT NULL REFERENCES tb_category, name text NOT NULL, divisor int NOT NULL DEFAULT 1);
CREATE TABLE tb_review (pk_review int PRIMARY KEY, fk_product int NOT NULL, stars int, long text);
CREATE INDEX ON tb_product (fk_category);
CREATE INDEX ON tb_review (fk_product);
CREATE TABLE tb_part (pk_part int, region text, value int, PRIMARY KEY (pk_part, region)) PARTITION BY LIST (region);
CREATE TABLE tb_part_a PARTITION OF tb_part FOR VALUES IN ('a');
INSERT INTO tb_category SELECT i, 'category ' || i FROM generate_series(1, 20) i;
INSERT INTO tb_product SELECT i, i % 20 + 1, 'product ' || i FROM generate_series(1, 300) i;
INSERT INTO tb_review SELECT i, i % 300 + 1, i % 5, repeat('r', i % 100) FROM generate_series(1, 900) i;
INSERT INTO tb_part SELECT i, 'a', i FROM generate_series(1, 50) i;

CREATE FUNCTION slow(v int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF v = 17 AND current_setting('tviews_profiling.sleep', true) = 'on' THEN
        PERFORM pg_sleep(10);
    END IF;
    RETURN v;
END $$;

-- direct, lookup and full; groups, windows, sublinks, outer and full joins, set operations, several carriers
CREATE VIEW v_product AS
SELECT p.pk_product, p.fk_category, jsonb_build_object('name', p.name, 'category', c.name, 'slow', slow(p.pk_product)) AS document,
       100 / p.divisor AS share, (SELECT avg(stars) FROM tb_review r WHERE r.fk_product = p.pk_product) AS stars
  FROM tb_product p JOIN tb_category c ON c.pk_category = p.fk_category;
CREATE VIEW v_pair AS SELECT c.name AS cname, r.stars, count(*) AS n
  FROM tb_category c JOIN tb_product p ON p.fk_category = c.pk_category JOIN tb_review r ON r.fk_product = p.pk_product GROUP BY c.name, r.stars;
CREATE VIEW v_rank AS SELECT pk_review, fk_product, rank() OVER (PARTITION BY fk_product ORDER BY stars, pk_review) AS place FROM tb_review;
CREATE VIEW v_outer AS SELECT p.pk_product AS pk_outer, count(r.pk_review) AS n FROM tb_product p LEFT JOIN tb_review r ON r.fk_product = p.pk_product AND r.stars > 1 GROUP BY p.pk_product;
CREATE VIEW v_union AS SELECT pk_category AS pk_union, 'c' AS kind, name FROM tb_category UNION ALL SELECT pk_product, 'p', name FROM tb_product;
CREATE VIEW v_full AS SELECT coalesce(a.pk_category, b.fk_category) AS pk_full, a.name, b.n
  FROM tb_category a FULL JOIN (SELECT fk_category, count(*) AS n FROM tb_product GROUP BY 1) b ON a.pk_category = b.fk_category;
CREATE VIEW v_total AS SELECT 1 AS pk_total, count(*) AS n, max(stars) AS best FROM tb_review;
CREATE VIEW v_in AS SELECT pk_product AS pk_in, name FROM tb_product WHERE pk_product IN (SELECT fk_product FROM tb_review WHERE stars = 4);
CREATE VIEW v_part AS SELECT pk_part, region, value FROM tb_part;
CREATE VIEW v_clock AS SELECT pk_category AS pk_clock, now() AS at FROM tb_category;

SELECT tviews_create('v_product');
SELECT tviews_create('v_pair', key => '{cname,stars}');
SELECT tviews_create('v_rank', key => '{pk_review}');
SELECT tviews_create('v_outer', key => '{pk_outer}');
SELECT tviews_create('v_union', key => '{pk_union,kind}');
SELECT tviews_create('v_full', key => '{pk_full}', populate => false);
SELECT tviews_create('v_total');
SELECT tviews_create('v_in', key => '{pk_in}');
SELECT tviews_create('v_part', key => '{pk_part,region}');
SELECT tviews_create('v_clock', refresh_every => '1 second');
CREATE VIEW v_category AS SELECT fk_category AS pk_category, count(*) AS n, sum(share) AS share FROM tv_product GROUP BY fk_category;
SELECT tviews_create('v_category');
SELECT tviews_create_as('tv_busy', 'SELECT pk_category AS pk_busy, n FROM tviews_profiling.tv_category WHERE n > 5');

-- one round: every kind of statement, and what a drain may meet
CREATE PROCEDURE round(i int) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tb_category SET name = 'category ' || pk_category || '/' || i;
    INSERT INTO tb_review SELECT 1000 * i + j, j % 300 + 1, j % 6, repeat(md5(j::text), 100) FROM generate_series(1, 200) j;
    UPDATE tb_product SET fk_category = (fk_category + i) % 20 + 1 WHERE pk_product % 3 = 0;
    DELETE FROM tb_review WHERE pk_review % 7 = i % 7;
    INSERT INTO tb_part VALUES (1000 + i, 'a', i) ON CONFLICT DO NOTHING;
    MERGE INTO tb_part t USING (SELECT 5 AS k, 'a' AS r) s ON t.pk_part = s.k AND t.region = s.r WHEN MATCHED THEN UPDATE SET value = value + 1;
    COMMIT;
    -- in pieces, by time, with little memory
    PERFORM tviews_drain(10);
    COMMIT;
    PERFORM tviews_drain(max_ms => 1);
    COMMIT;
    SET LOCAL tviews_batch.work_mem = '64kB';
    SET LOCAL tviews_batch.batch_keys = 20;
    SET LOCAL tviews_batch.full_threshold = 1;
    PERFORM tviews_drain();
    COMMIT;

    -- keys that fail, and come back
    UPDATE tb_product SET divisor = 0 WHERE pk_product IN (3, 5, 8);
    PERFORM tviews_drain();
    COMMIT;
    PERFORM count(*) FROM tviews_failures;
    PERFORM tviews_retry();
    PERFORM tviews_drain();
    COMMIT;
    UPDATE tb_product SET divisor = 1;
    PERFORM tviews_retry('tv_product');
    PERFORM tviews_drain();
    COMMIT;

    -- an aborted drain
    UPDATE tb_product SET name = name || '!' WHERE pk_product < 50;
    COMMIT;
    BEGIN
        PERFORM tviews_drain();
        RAISE EXCEPTION 'aborted';
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    COMMIT;

    PERFORM tviews_verify('tv_product');
    PERFORM tviews_refresh('tv_pair');
    COMMIT;
    PERFORM tviews_pause('tv_rank');
    UPDATE tb_review SET stars = 1 WHERE pk_review < 100;
    PERFORM tviews_drain();
    COMMIT;
    PERFORM tviews_resume('tv_rank');
    PERFORM tviews_drain();
    COMMIT;

    -- DDL: caches are dropped, routes derived again
    CREATE OR REPLACE VIEW v_in AS SELECT pk_product AS pk_in, name FROM tb_product WHERE pk_product IN (SELECT fk_product FROM tb_review WHERE stars = 3);
    EXECUTE format('ALTER TABLE tb_review RENAME COLUMN long TO long%s', i);
    EXECUTE format('ALTER TABLE tb_review RENAME COLUMN long%s TO long', i);
    EXECUTE format('CREATE TABLE tb_part_%s PARTITION OF tb_part FOR VALUES IN (%L)', i, i);
    COMMIT;
    EXECUTE format('INSERT INTO tb_part_%s VALUES (1, %L, 1)', i, i);
    PERFORM tviews_drain();
    COMMIT;
    EXECUTE format('DROP TABLE tb_part_%s', i);
    TRUNCATE tb_part_a;
    PERFORM tviews_drain();
    COMMIT;
    CREATE VIEW v_churn AS SELECT pk_category AS pk_churn, name FROM tb_category;
    PERFORM tviews_create('v_churn');
    DROP VIEW v_churn;
    DROP TABLE tv_churn;
    COMMIT;
    PERFORM count(*) FROM tviews_status;
    PERFORM count(*) FROM tviews_queue_depth;
    PERFORM count(*) FROM tviews_drains;
    PERFORM count(*) FROM tviews_memory();
    PERFORM count(*) FROM tviews_explain('tv_product');
    PERFORM tviews_graph(), tviews_refresh_sql('tv_product');
END $$;
CALL round(1);
CALL round(2);
CALL round(3);

-- a drain is cancelled, and one runs out of time
SET tviews_profiling.sleep = 'on';
UPDATE tb_product SET name = name || '?' WHERE pk_product = 17;
SET statement_timeout = '300ms';
SELECT fails('SELECT tviews_drain()', '57014');
RESET statement_timeout;
RESET tviews_profiling.sleep;
SELECT FROM tviews_drain();

-- procedures
CALL tviews_reconcile();
CALL tviews_reconcile('tv_product');
CALL tviews_drain_loop('200 milliseconds', '50 milliseconds');
SELECT relpersistence = 'p' AS queue_logged FROM pg_class WHERE oid = 'tviews_batch.queue'::regclass \gset
SELECT tviews_set_queue(true);
UPDATE tb_category SET name = name || '.';
SELECT FROM tviews_drain();
SELECT tviews_set_queue(false);

-- the queue is lost; a transaction was prepared before
BEGIN;
UPDATE tb_category SET name = name || 'p' WHERE pk_category = 2;
PREPARE TRANSACTION 'tviews_profiling';
COMMIT PREPARED 'tviews_profiling';
SELECT FROM tviews_drain();

-- the queue is emptied by something that is no drain
DO $$
DECLARE
    member regclass;
BEGIN
    FOR member IN SELECT oid FROM pg_class WHERE relnamespace = 'tviews_batch'::regnamespace AND relkind IN ('r', 'p') AND relpersistence = 'u' AND relname LIKE 'queue%' LOOP
        EXECUTE format('TRUNCATE %s', member);
    END LOOP;
END $$;
SET tviews_batch.log_min_duration = 0;
SELECT FROM tviews_drain() , generate_series(1, 1);
CALL tviews_reconcile();
RESET tviews_batch.log_min_duration;

-- what a drain runs starts a drain
CREATE FUNCTION nested(v int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF v = 3 THEN
        PERFORM FROM public.tviews_drain();
    END IF;
    RETURN v;
END $$;
CREATE TABLE tb_nested (pk_nested int PRIMARY KEY);
CREATE VIEW v_nested AS SELECT pk_nested, tviews_profiling.nested(pk_nested) AS n FROM tb_nested;
SELECT tviews_create('v_nested');
INSERT INTO tb_nested SELECT generate_series(1, 5);
SELECT failed FROM tviews_drain();
SELECT tviews_drop('tv_nested');

-- what must fail
SELECT fails('SELECT tviews_set_queue(NULL)', '22004');
SELECT fails('SELECT tviews_verify(NULL)', '22004');
SELECT fails('SELECT tviews_refresh(NULL)', '22004');
SELECT fails('SELECT tviews_pause(NULL)', '22004');
SELECT fails('SELECT tviews_batch.follow_ddl()', '39P03');
SELECT fails('CREATE VIEW v_now AS SELECT pk_product AS pk_now, now() AS at FROM tb_product; SELECT tviews_create(''v_now'')', '42P17');
SELECT fails('SELECT tviews_create(''v_absent'')', '42P01');
SELECT fails('SELECT tviews_create(''tb_product'')', '42809');
SELECT fails('SELECT tviews_drop(''tb_product'')', '42809');
SELECT fails('SELECT tviews_drain(0)', '22023');
SELECT fails('SELECT tviews_refresh(''tb_product'')', '42809');
SELECT fails('INSERT INTO tv_union VALUES (1, ''x'', ''y'')', '55000');
SELECT fails('CALL tviews_drain_loop()', '2D000');
SELECT fails('SELECT tviews_create(''v_product'', ''tv_twice'', ''{nothing}'')', '42703');
SELECT fails('CREATE VIEW v_random AS SELECT pk_product AS pk_random, random() FROM tb_product; SELECT tviews_create(''v_random'')', '0A000');

SELECT tviews_set_queue(:'queue_logged');
SELECT tviews_drop('tv_busy');
SELECT tviews_drop('tv_total', keep_table => true);
SELECT tviews_drop('tv_union');
DROP SCHEMA tviews_profiling CASCADE;
CREATE SCHEMA tviews_profiling;

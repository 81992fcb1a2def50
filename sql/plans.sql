--
-- Kept plans: one that was made while a table was known to be empty is made anew when the table has grown, though
-- nobody has analyzed it since.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tviews_batch;
CREATE SCHEMA plans;
SET search_path = plans, public;
SET jit = off;
CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL) WITH (autovacuum_enabled = off);
CREATE TABLE review (id int PRIMARY KEY, product int NOT NULL, stars int NOT NULL) WITH (autovacuum_enabled = off);
CREATE INDEX ON review (product);
INSERT INTO product SELECT i, 'p' || i FROM generate_series(1, 100) i;
ANALYZE product, review;
CREATE VIEW v_product AS SELECT p.id, p.name, r.stars FROM product p
    LEFT JOIN (SELECT product, sum(stars) AS stars FROM review GROUP BY product) r ON r.product = p.id;
SELECT tviews_create('v_product', key => '{id}');

-- one key is refreshed: how many rows of review are read?
CREATE FUNCTION one(pk int, OUT updated bigint, OUT few_reviews_read boolean) LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    UPDATE product SET name = name || 'x' WHERE id = pk;
    SELECT seq_tup_read + idx_tup_fetch INTO before FROM pg_stat_xact_user_tables WHERE relid = 'review'::regclass;
    SELECT d.updated INTO updated FROM tviews_drain() d;
    SELECT seq_tup_read + idx_tup_fetch - before < 1000 INTO few_reviews_read FROM pg_stat_xact_user_tables WHERE relid = 'review'::regclass;
END $$;
SELECT * FROM one(1);
SELECT * FROM one(2);
INSERT INTO review SELECT i, i % 100 + 1, i % 5 FROM generate_series(1, 20000) i;
SELECT changes, updated FROM tviews_drain();
SELECT * FROM one(3);
SELECT * FROM one(4);
-- ... and when it has become small again
TRUNCATE review;
SELECT changes, updated FROM tviews_drain();
SELECT * FROM one(5);
SELECT count(*) FROM (TABLE v_product EXCEPT ALL TABLE tv_product) x;

DROP SCHEMA plans CASCADE;

-- schema.sql - what the long run changes: three levels of TVIEWs, and one that comes and goes
SET search_path = tviews_profiling, public;

CREATE TABLE tb_category (pk_category int PRIMARY KEY, name text NOT NULL);
CREATE TABLE tb_product (pk_product int PRIMARY KEY, fk_category int NOT NULL REFERENCES tb_category, name text NOT NULL, price numeric NOT NULL);
CREATE TABLE tb_review (pk_review bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, fk_product int NOT NULL REFERENCES tb_product, stars int NOT NULL);
CREATE INDEX ON tb_product (fk_category);
CREATE INDEX ON tb_review (fk_product);
INSERT INTO tb_category SELECT i, 'category ' || md5(i::text) FROM generate_series(1, 200) i;
INSERT INTO tb_product SELECT i, i % 200 + 1, 'product ' || i, i % 100 FROM generate_series(1, 4000) i;
INSERT INTO tb_review (fk_product, stars) SELECT i % 4000 + 1, i % 5 FROM generate_series(1, 20000) i;

CREATE VIEW v_product AS
SELECT p.pk_product, p.fk_category, jsonb_build_object('name', p.name, 'price', p.price, 'category', c.name) AS document,
       (SELECT count(*) FROM tb_review r WHERE r.fk_product = p.pk_product) AS reviews
  FROM tb_product p JOIN tb_category c ON c.pk_category = p.fk_category;
SELECT tviews_create('v_product');
CREATE VIEW v_category AS
SELECT fk_category AS pk_category, count(*) AS products, sum(reviews) AS reviews FROM tv_product GROUP BY fk_category;
SELECT tviews_create('v_category');
CREATE VIEW v_busy AS SELECT pk_category AS pk_busy, reviews FROM tv_category WHERE reviews > 100;
SELECT tviews_create('v_busy');

CREATE TABLE tb_churn (pk_churn int PRIMARY KEY, value int NOT NULL);
INSERT INTO tb_churn SELECT i, i FROM generate_series(1, 100) i;
CREATE VIEW v_churn AS SELECT pk_churn, value FROM tb_churn;
CREATE TABLE tb_young (pk_young int PRIMARY KEY, value int NOT NULL);
INSERT INTO tb_young SELECT i, i FROM generate_series(1, 100) i;
CREATE VIEW v_young AS SELECT pk_young, value FROM tb_young;
ANALYZE tb_category, tb_product, tb_review, tb_churn, tb_young, tv_product, tv_category, tv_busy;

-- what a backend of the long run says of itself, and of the queue
CREATE TABLE long_sample (
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    role      text NOT NULL,
    count     bigint NOT NULL,     -- what it has done so far: drains, calls of the loop, writes
    anonymous bigint NOT NULL,
    contexts  bigint NOT NULL,     -- handed out by the server's contexts
    blocks    bigint NOT NULL,     -- what these have from malloc, with what is free in it
    extension bigint NOT NULL,
    queue     bigint,
    lag_ms    double precision
);
CREATE FUNCTION look(role text, count bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO long_sample (role, count, anonymous, contexts, blocks, extension, queue, lag_ms)
    SELECT $1, $2, smaps('Anonymous'), c.used, c.total,
           (SELECT sum(bytes) FROM tviews_memory() m WHERE m.context IS NULL),
           d.pending_changes, extract(epoch FROM coalesce(d.oldest_age, '0')) * 1000
      FROM (SELECT sum(used_bytes) AS used, sum(total_bytes) AS total FROM pg_backend_memory_contexts) c
      LEFT JOIN tviews_queue_depth d ON d.source IS NULL $$;

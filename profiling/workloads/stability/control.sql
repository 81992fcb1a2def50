-- control.sql - a database without the extension, in which a backend does with plain SQL what ddl.pgbench does with TVIEWs:
-- how much the server's own caches and its heap grow by such work
CREATE SCHEMA tviews_profiling;
SET search_path = tviews_profiling, public;

CREATE TABLE tb_product (pk_product int PRIMARY KEY, name text NOT NULL, price numeric NOT NULL);
INSERT INTO tb_product SELECT i, 'product ' || i, i % 100 FROM generate_series(1, 4000) i;
CREATE VIEW v_product AS SELECT pk_product, jsonb_build_object('name', name, 'price', price) AS document FROM tb_product;
CREATE TABLE stored AS TABLE v_product;
CREATE TABLE tb_churn (pk_churn int PRIMARY KEY, value int NOT NULL);
INSERT INTO tb_churn SELECT i, i FROM generate_series(1, 100) i;
CREATE VIEW v_churn AS SELECT pk_churn, value FROM tb_churn;
ANALYZE;

CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;

CREATE TABLE long_sample (
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    role      text NOT NULL,
    count     bigint NOT NULL,
    anonymous bigint NOT NULL,
    contexts  bigint NOT NULL,
    blocks    bigint NOT NULL
);
CREATE FUNCTION look(role text, count bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO long_sample (role, count, anonymous, contexts, blocks)
    SELECT $1, $2, (regexp_match(pg_read_file('/proc/self/smaps_rollup', 0, 100000), 'Anonymous: +(\d+) kB'))[1]::bigint * 1024,
           sum(used_bytes), sum(total_bytes) FROM pg_backend_memory_contexts $$;

-- The tables whose writing is measured: equal but for their triggers.  One per variant:
-- none, empty (the bench's own trigger), tviews (three TVIEWs read it), plpgsql (a queue by statement triggers).
CREATE TABLE tb_parent (pk_parent int PRIMARY KEY, name text NOT NULL);
INSERT INTO tb_parent SELECT n, 'parent ' || n FROM generate_series(1, 1000) n;

CREATE FUNCTION make_table(variant text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('
        CREATE TABLE tb_%1$s (
            pk        int PRIMARY KEY,
            fk_parent int NOT NULL REFERENCES tb_parent,
            name      text NOT NULL,
            price     numeric NOT NULL,
            quantity  int NOT NULL,
            remark    text NOT NULL);
        INSERT INTO tb_%1$s SELECT * FROM make_rows(1, 100000);
        CREATE INDEX ON tb_%1$s (fk_parent)', variant);
END $$;

CREATE FUNCTION make_rows(lo int, hi int) RETURNS TABLE (pk int, fk_parent int, name text, price numeric, quantity int, remark text)
LANGUAGE sql STABLE AS $$
    SELECT n, n % 1000 * 919 % 1000 + 1, 'item number ' || n, n % 10000 / 100.0, n % 100, 'nobody reads this, ' || n
      FROM generate_series(lo, hi) n
$$;

SELECT make_table(v) FROM unnest('{none,empty,tviews,plpgsql}'::text[]) v;

-- read by three TVIEWs
CREATE VIEW v_item AS
SELECT t.pk AS pk_item, t.name, t.price, t.quantity, p.name AS parent FROM tb_tviews t JOIN tb_parent p ON p.pk_parent = t.fk_parent;
CREATE VIEW v_parent AS
SELECT p.pk_parent, p.name, count(t.pk) AS items, sum(t.quantity) AS quantity
  FROM tb_parent p LEFT JOIN tb_tviews t ON t.fk_parent = p.pk_parent GROUP BY p.pk_parent;
CREATE VIEW v_document AS
SELECT t.pk AS pk_document, jsonb_build_object('name', t.name, 'price', t.price) AS document FROM tb_tviews t;
SELECT tviews_create('v_item'), tviews_create('v_parent'), tviews_create('v_document');

-- a queue as one would write it in PL/pgSQL
CREATE UNLOGGED TABLE plpgsql_queue (pk int, fk_parent int);
CREATE FUNCTION plpgsql_capture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO plpgsql_queue SELECT pk, fk_parent FROM new;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO plpgsql_queue SELECT pk, fk_parent FROM old;
    ELSE
        INSERT INTO plpgsql_queue SELECT pk, fk_parent FROM new UNION SELECT pk, fk_parent FROM old;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER i AFTER INSERT ON tb_plpgsql REFERENCING NEW TABLE AS new FOR EACH STATEMENT EXECUTE FUNCTION plpgsql_capture();
CREATE TRIGGER u AFTER UPDATE ON tb_plpgsql REFERENCING OLD TABLE AS old NEW TABLE AS new FOR EACH STATEMENT EXECUTE FUNCTION plpgsql_capture();
CREATE TRIGGER d AFTER DELETE ON tb_plpgsql REFERENCING OLD TABLE AS old FOR EACH STATEMENT EXECUTE FUNCTION plpgsql_capture();

-- pg_ivm, where its files are installed: the same three views, with the keys that it needs for an index
SELECT count(*) > 0 AS pg_ivm FROM pg_available_extensions WHERE name = 'pg_ivm' \gset
\if :pg_ivm
CREATE EXTENSION pg_ivm;
SET search_path = public, pgivm; -- pg_catalog in older versions
SELECT make_table('pg_ivm');
SELECT create_immv('ivm_item',
    'SELECT t.pk AS pk_item, p.pk_parent, t.name, t.price, t.quantity, p.name AS parent FROM tb_pg_ivm t JOIN tb_parent p ON p.pk_parent = t.fk_parent');
SELECT create_immv('ivm_parent',
    'SELECT t.fk_parent, count(t.pk) AS items, sum(t.quantity) AS quantity FROM tb_pg_ivm t GROUP BY t.fk_parent');
SELECT create_immv('ivm_document', 'SELECT t.pk AS pk_document, t.name, t.price FROM tb_pg_ivm t');
RESET search_path;
\endif

-- what bench/capture.sh measures itself
CREATE UNLOGGED TABLE cpu_log (variant text, us float8);
VACUUM ANALYZE;

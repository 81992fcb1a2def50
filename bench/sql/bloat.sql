-- Changes that touch 10,000 keys and change no document, so that only the queue can bloat: rows of kind 0 are logged, since the
-- view reads "kind", but its index leaves them out and no document shows them.
CREATE TABLE tb_place (pk_place int PRIMARY KEY, name text NOT NULL);
CREATE TABLE tb_visit (fk_place int NOT NULL, kind int NOT NULL, visits int NOT NULL);
CREATE INDEX ON tb_visit (fk_place) WHERE kind = 1;
INSERT INTO tb_place SELECT n, 'place ' || n FROM generate_series(1, 50000) n;
INSERT INTO tb_visit SELECT n, 1, n % 10 FROM generate_series(1, 50000) n;
CREATE VIEW v_place AS
SELECT p.pk_place, p.name, (SELECT sum(v.visits) FROM tb_visit v WHERE v.fk_place = p.pk_place AND v.kind = 1) AS visits
  FROM tb_place p;
SELECT tviews_create('v_place');
VACUUM ANALYZE;

-- changes, made by statements of seven rows
CREATE PROCEDURE make_changes(changes int) LANGUAGE plpgsql AS $$
BEGIN
    FOR lo IN 1 .. changes BY 7 LOOP
        INSERT INTO tb_visit SELECT n, 0, 1 FROM generate_series(lo, least(lo + 6, changes)) n;
    END LOOP;
END $$;

-- what the queue's tables take on disk
CREATE FUNCTION queue_bytes() RETURNS bigint LANGUAGE sql AS $$
    SELECT sum(pg_table_size(oid))::bigint FROM pg_class
     WHERE relnamespace = 'tviews_batch'::regnamespace AND relkind = 'r' AND relname LIKE 'queue%'
$$;

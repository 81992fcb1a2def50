--
-- Key pushdown, the proof: for every view of the corpus and random keys, the
-- keyed query gives the view's rows with these keys, in both directions and in
-- number.  lineage_play has left random rows in the tables.
--
-- \set rounds N for a longer run, \set seed for another one.
--
\if :{?rounds} \else \set rounds 6 \endif
\if :{?seed} \else \set seed 0.24 \endif
SET client_min_messages = warning;
SET search_path = corpus, public;
SET jit = off;

TRUNCATE corpus_finding;
CREATE TABLE pushed (name text PRIMARY KEY, checks int DEFAULT 0, nonempty int DEFAULT 0, null_patterns int DEFAULT 0);

-- Some values of a column of a view and some others, as an array literal.
CREATE FUNCTION some_values(v regclass, col name) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE a text;
BEGIN
    EXECUTE format('SELECT array_agg(%1$I)::text FROM (SELECT %1$I FROM %2$s WHERE %1$I IS NOT NULL AND random() < .3 GROUP BY 1 ORDER BY random() LIMIT 4) x',
                   col, v) INTO a;
    RETURN coalesce(a, '{}');
END $$;

-- The keyed query of one NULL pattern against the view, with the same condition on both.
CREATE PROCEDURE check_keyed(p_name text, pattern int, keyed text, key name[]) LANGUAGE plpgsql AS $$
DECLARE v regclass := ('v_' || p_name)::regclass; sql text := keyed; filter text[] := '{}'; cols text; param int := 0; missing bigint; unexpected bigint; total bigint;
        type text; literal text; texts text[] := '{}';
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO cols FROM pg_attribute WHERE attrelid = v AND attnum > 0;
    FOR i IN 1..cardinality(key) LOOP
        IF pattern >> (i - 1) & 1 = 1 THEN
            filter := filter || format('%I IS NULL', key[i]);
            CONTINUE;
        END IF;
        SELECT format_type(atttypid, NULL) INTO type FROM pg_attribute WHERE attrelid = v AND attname = key[i];
        literal := format('%L::%s[]', some_values(v, key[i]), type);
        texts := texts || literal;
        filter := filter || format('%I = ANY (%s)', key[i], literal);
    END LOOP;
    FOR i IN REVERSE cardinality(texts)..1 LOOP
        sql := replace(sql, '$' || i, texts[i]);
    END LOOP;
    sql := format('SELECT s::text FROM (%s) s (%s) WHERE %s', sql, cols, array_to_string(filter, ' AND '));
    cols := format('SELECT s::text FROM (SELECT * FROM %s) s (%s) WHERE %s', v, cols, array_to_string(filter, ' AND '));
    EXECUTE format('SELECT (SELECT count(*) FROM (%1$s EXCEPT ALL %2$s) x), (SELECT count(*) FROM (%2$s EXCEPT ALL %1$s) x), (SELECT count(*) FROM (%2$s) x)', sql, cols)
       INTO unexpected, missing, total;
    IF missing > 0 OR unexpected > 0 THEN
        CALL note(p_name, 'differs', format('%s missing, %s unexpected of %s where %s', missing, unexpected, total, filter));
    END IF;
    UPDATE pushed SET checks = checks + 1, nonempty = nonempty + (total > 0)::int, null_patterns = null_patterns + (pattern > 0)::int WHERE name = p_name;
EXCEPTION WHEN OTHERS THEN
    CALL note(p_name, 'check', SQLSTATE || ' ' || SQLERRM);
END $$;

CREATE PROCEDURE push_run(rounds int, which text DEFAULT '%') LANGUAGE plpgsql AS $$
DECLARE c corpus%ROWTYPE; t tviews_batch.tview%ROWTYPE; tables text[];
BEGIN
    FOR c IN SELECT * FROM corpus WHERE name LIKE which ORDER BY name COLLATE "C" LOOP
        EXECUTE format('CREATE VIEW %I AS %s', 'v_' || c.name, c.view_sql);
        PERFORM tviews_create(('v_' || c.name)::regclass, key => c.key, populate => false);
        SELECT * INTO t FROM tviews_batch.tview WHERE tview = ('tv_' || c.name)::regclass;
        PERFORM tviews_drop(t.tview);
        IF t.keyed <> '{}' THEN
            INSERT INTO pushed VALUES (c.name);
            tables := tables_of(('v_' || c.name)::regclass);
            FOR round IN 1..rounds LOOP
                CALL play(c.name, tables, 6);
                FOR pattern IN 0..cardinality(t.keyed) - 1 LOOP
                    IF t.keyed[pattern + 1] <> '' THEN
                        CALL check_keyed(c.name, pattern, t.keyed[pattern + 1], t.refresh_key);
                    END IF;
                END LOOP;
            END LOOP;
        END IF;
        EXECUTE format('DROP VIEW %I', 'v_' || c.name);
        COMMIT;
    END LOOP;
END $$;

\o /dev/null
SELECT setseed(:seed);
\o
\if :{?only} \else \set only % \endif
CALL push_run(:rounds, :'only');

-- what is wrong; nothing should be here
SELECT name, what, min(detail) AS first, count(*) AS times FROM corpus_finding GROUP BY name, what ORDER BY name COLLATE "C", what COLLATE "C";
-- the views that keys are carried into, and how many patterns of NULLs were tried
SELECT name, null_patterns / :rounds AS patterns_with_nulls FROM pushed ORDER BY name COLLATE "C";
SELECT count(*) FILTER (WHERE nonempty = 0) <= 8 AS had_rows FROM pushed;

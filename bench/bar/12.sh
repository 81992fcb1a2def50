# bar 12
# many TVIEWs: a change in one of 200 tables with 200 TVIEWs, beside a database with 1

many=$(full 200 200)

# sources COUNT: tables and views, without TVIEWs
sources() {
	cat <<-END
		CREATE EXTENSION pg_tviews_batch;
		DO \$\$ BEGIN
		    FOR n IN 1 .. $1 LOOP
		        EXECUTE format('CREATE TABLE tb_t%1\$s (pk_t%1\$s int PRIMARY KEY, fk_group int NOT NULL, name text NOT NULL);
		            INSERT INTO tb_t%1\$s SELECT i, i %% 10, ''row '' || i FROM generate_series(1, 1000) i;
		            CREATE VIEW v_t%1\$s AS SELECT pk_t%1\$s, jsonb_build_object(''name'', name, ''group'', fk_group) AS document FROM tb_t%1\$s', n);
		    END LOOP;
		END \$\$;
	END
}

new_cluster
sql -c "CREATE DATABASE one" -c "CREATE DATABASE many"
sources 2 | sql one
sources "$many" | sql many
sql one -c "SELECT tviews_create('v_t1')"
for n in $(seq 1 $((many - 1))); do echo "SELECT tviews_create('v_t$n');"; done | sql many
sql one -c "VACUUM ANALYZE"
sql many -c "VACUUM ANALYZE"

# create DATABASE NUMBER CASE ROUND: make and drop a TVIEW, twice, in a new session; the first of them loads the catalogs
create() {
	echo "SELECT tviews_create('v_t$2'); SELECT tviews_drop('tv_t$2');"
	timed "$3" tviews "$4" "SELECT tviews_create('v_t$2')"
	echo "SELECT tviews_drop('tv_t$2');"
}
for round in $(seq 0 "$(full 9 5)"); do
	create one 2 "create the 2nd" "$round" | play one
	create many "$many" "create the last" "$round" | play many
done
sql one -c "SELECT tviews_drop('tv_t1')"
for round in $(seq 0 "$(full 9 5)"); do create one 1 "create the 1st" "$round" | play one; done
sql one -c "SELECT tviews_create('v_t1')"
sql many -c "SELECT tviews_create('v_t$many')"

# drains CASE ROUND: in a new session; warm, then ten drains of one change
drains() {
	local n
	for n in 1 2 3 4 5; do echo "UPDATE tb_t1 SET name = 'warm $2 $n' WHERE pk_t1 = $n; SELECT tviews_drain();"; done
	for n in $(seq 10); do
		echo "UPDATE tb_t1 SET name = 'round $2 $n' WHERE pk_t1 = $n;"
		drained "$1" tviews "$(($2 == 0 ? 0 : $2 * 10 + n))"
	done
}
for round in $(seq 0 "$(full 9 5)"); do
	for database in $(rotate "$round" one many); do drains "drain $database" "$round" | play $database; done
done
expect "drain many" tviews rows 1

figure 12.drain "$many TVIEWs" "$(calc "$(median "drain many" tviews) / $(median "drain one" tviews)")"
figure 12.create "the ${many}th" "$(calc "$(median "create the last" tviews) / $(median "create the 1st" tviews)")"
also "the ${many}th" "time / time of the 2nd" "$(calc "$(median "create the last" tviews) / $(median "create the 2nd" tviews)")"

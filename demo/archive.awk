# archive.awk - turn "apt-cache dumpavail" into three COPY files: packages, dependencies, provided names
# usage: mawk -v dir=DIR -f archive.awk; writes DIR/package.copy, DIR/dependency.copy, DIR/provided.copy

BEGIN {
	FS = ": "
	package_file = dir "/package.copy"
	dependency_file = dir "/dependency.copy"
	provided_file = dir "/provided.copy"
	# make the files even if nothing is read
	printf "" > package_file
	printf "" > dependency_file
	printf "" > provided_file
}

function escape(text)
{
	gsub(/\\/, "\\\\", text)
	gsub(/\t/, " ", text)
	return text
}

# One row per alternative of each dependency: "a (>= 1) | b, c" is three rows in two groups.
function dependencies(kind, text,    group, n, m, i, j, groups, parts, target, version)
{
	n = split(text, groups, /, */)
	for (i = 1; i <= n; i++) {
		group_number++
		m = split(groups[i], parts, / *\| */)
		for (j = 1; j <= m; j++) {
			target = parts[j]
			version = "\\N"
			if (match(target, / *\([^)]*\)/)) {
				version = substr(target, RSTART, RLENGTH)
				gsub(/^ *\(|\)$/, "", version)
				target = substr(target, 1, RSTART - 1)
			}
			sub(/:.*/, "", target)
			if (target != "")
				print number, kind, group_number, j, target, version > dependency_file
		}
	}
}

function provided(text,    n, i, parts)
{
	n = split(text, parts, /, */)
	for (i = 1; i <= n; i++) {
		sub(/ .*/, "", parts[i])
		print number, parts[i] > provided_file
	}
}

function finish(    kind)
{
	if (!("Package" in field))
		return
	number++
	group_number = 0
	OFS = "\t"
	print number, field["Package"], field["Version"], field["Architecture"], field["Section"], field["Priority"], \
		field["Installed-Size"] + 0, escape(field["Maintainer"]), escape(field["Description"]) > package_file
	if ("Pre-Depends" in field)
		dependencies("pre-depends", field["Pre-Depends"])
	if ("Depends" in field)
		dependencies("depends", field["Depends"])
	if ("Recommends" in field)
		dependencies("recommends", field["Recommends"])
	if ("Suggests" in field)
		dependencies("suggests", field["Suggests"])
	if ("Provides" in field)
		provided(field["Provides"])
	split("", field)
}

/^$/ {
	finish()
	next
}

/^(Package|Version|Architecture|Section|Priority|Installed-Size|Maintainer|Description|Pre-Depends|Depends|Recommends|Suggests|Provides): / {
	field[$1] = substr($0, length($1) + 3)
}

END { finish() }

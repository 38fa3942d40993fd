#!/usr/bin/env bash
# The tests that the documents name exist, the contract names every code, and the
# page of the faults is that of their table: docs.sh BIN_DIR SOURCE_DIR
#
# A reference is `layer.suite: name of the test` in backticks, on one line. Of
# the layer `program` it names a line that a script prints after "ok - ".
set -euo pipefail
cd "$2"

failed=0
fail() {
  echo "not ok - $1"
  failed=1
}

declare -A suites tests

# add LAYER.SUITE NAME: there is such a test.
add() {
  suites[$1]=1
  tests["$1: $2"]=1
}

for file in tests/*/*.cpp; do
  layer=${file#tests/}
  layer=${layer%%/*}
  suite=
  while IFS= read -r line; do
    case $line in
      '#define CAF_SUITE '*) suite=$layer.${line#'#define CAF_SUITE '} ;;
      *)
        name=${line#*CAF_TEST(}
        add "$suite" "${name%%)*}"
        ;;
    esac
  done < <(grep -E '^(#define CAF_SUITE |CAF_TEST\()' "$file")
done
for file in tests/program/*.sh; do
  suite=program.$(basename "$file" .sh)
  while IFS= read -r name; do
    add "$suite" "$name"
  done < <(sed -n -E 's/^ *(echo )?(ok "|"ok - )([^"]*)"$/\3/p' "$file")
done
((${#tests[@]} > 500)) || fail "finds only ${#tests[@]} tests in tests/"

# Prints FILE:LINE and reference, with a tab between. What stands in backticks is
# every other field; a last one that should be is not closed.
references() {
  awk -F '`' '
    /^ *```/ { fenced = !fenced; next }
    fenced { next }
    {
      for (i = 2; i <= NF; i += 2)
        if ($i ~ /^[a-z]+\.[a-z0-9_]+: /)
          print FILENAME ":" FNR "\t" $i (i == NF ? "`" : "")
    }' "$@"
}

declare -A counts
for file in docs/*.md SECURITY.md; do
  counts[$file]=0
  while IFS=$'\t' read -r place reference; do
    counts[$file]=$((counts[$file] + 1))
    suite=${reference%%: *}
    if [[ $reference == *'`' ]]; then
      fail "$place: '${reference%'`'}' does not end on its line"
    elif [[ ! -v suites[$suite] ]]; then
      fail "$place: '$reference': there is no suite $suite"
    elif [[ ! -v tests[$reference] ]]; then
      fail "$place: '$reference': $suite has no test of that name"
    fi
  done < <(references "$file")
done

((${counts[SECURITY.md]:-0} >= 20)) \
  || fail "SECURITY.md names only ${counts[SECURITY.md]:-0} tests, at least 20 are expected"

page=docs/guarantees.md
((${counts[$page]:-0} >= 40)) \
  || fail "$page names only ${counts[$page]:-0} tests, at least 40 are expected"

# Each code that a failure may have is on the page, with what brings it about.
codes=$(sed -n '/^enum class errc/,/^};/s/^  \([a-z_]*\)\( = 0\)\?,$/\1/p' \
  messages/error.hpp)
(($(wc -w <<<"$codes") > 20)) || fail "finds only '$codes' in messages/error.hpp"
for code in $codes; do
  grep -q "^| \`$code\` | ." $page || fail "$page says of $code nothing"
done

# The page of the faults is made from their table. What the last run said of them
# may differ.
if ! made=$(scripts/faults.sh page); then
  fail "scripts/faults.sh reads tests/faults.txt"
elif ! diff <(scripts/faults.sh strip <(echo "$made")) \
  <(scripts/faults.sh strip docs/faults.md); then
  fail "docs/faults.md is that of tests/faults.txt: run ./run faults"
fi
rows=$(grep -c '^fault ' tests/faults.txt)
((rows >= 48)) || fail "tests/faults.txt has only $rows faults"
untested=$(awk '/^fault /{ if (name != "" && !n) print name; name = $0; n = 0 }
  /^(test|open): /{ ++n } END { if (!n) print name }' tests/faults.txt)
[[ -z $untested ]] || fail "no test and not open: $untested"

((failed == 0)) || exit 1
echo "ok - every code of a failure is in $page"
echo "ok - docs/faults.md is that of tests/faults.txt ($rows faults)"
echo "ok - every test that docs/ and SECURITY.md name exists (${counts[$page]} in $page)"

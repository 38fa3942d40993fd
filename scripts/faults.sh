#!/usr/bin/env bash
#
# The faults that redoubt survives, as tests/faults.txt lists them:
#
#   faults.sh list                    the tests, one `layer.suite: name` per line
#   faults.sh run BIN_DIR RESULTS     runs them, writes `test<TAB>result` lines
#   faults.sh page [RESULTS]          prints docs/faults.md
#   faults.sh strip PAGE              a page without what results put into it
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
table=tests/faults.txt

list() { sed -n 's/^test: //p' "$table" | awk '!seen[$0]++'; }

# Each file of results has one line per test: the test, a tab, `passed` or
# `failed`.
page() {
  awk -F '\t' -v results="${1:-}" '
    function say_cell() {
      if (open != "") return "open"
      if (results == "") return "not run"
      failed = 0
      missing = 0
      for (i = 1; i <= tests; ++i) {
        if (!(names[i] in result)) ++missing
        else if (result[names[i]] != "passed") ++failed
      }
      if (failed) return failed " of " tests " failed"
      if (missing) return missing " of " tests " not run"
      return "passed"
    }
    function flush_row() {
      if (number == "") return
      rows = rows "| " number " | " fault " | " how " | " promise " | " \
        say_cell() " |\n"
      if (open != "")
        list = list "* **" number "** is open: " open ".\n"
      for (i = 1; i <= tests; ++i)
        list = list (i == 1 ? "* **" number "** " : "  ") "`" names[i] "`" \
          (i < tests ? ",\n" : "\n")
      number = ""
    }
    function flush_section() {
      flush_row()
      if (section == "") return
      body = body "\n## " section "\n\n" \
        "| | fault | how it is made | promise | last result |\n" \
        "|---|---|---|---|---|\n" rows "\n" list
      rows = ""
      list = ""
    }
    function value() { return substr($0, index($0, ": ") + 2) }
    BEGIN {
      if (results != "")
        while ((getline line < results) > 0) {
          split(line, part, "\t")
          result[part[1]] = part[2]
          ++ran
          if (part[2] == "passed") ++passed
        }
    }
    /^#/ || /^$/ { next }
    /^= / { flush_section(); section = substr($0, 3); next }
    /^fault / {
      flush_row()
      number = substr($0, 7, index($0, ":") - 7)
      fault = value()
      how = promise = open = ""
      tests = 0
      next
    }
    /^how: / { how = value(); next }
    /^promise: / { promise = value(); next }
    /^open: / { open = value(); next }
    /^test: / { names[++tests] = value(); listed[value()] = 1; next }
    {
      print FILENAME ":" FNR ": what is this?" >"/dev/stderr"
      exit 1
    }
    END {
      flush_section()
      for (name in listed) ++all
      print "# Faults that redoubt survives"
      print ""
      print "Made from `tests/faults.txt` by `./run faults`, which runs the tests; do not edit."
      print "What the words mean stands in [guarantees.md](guarantees.md). The gate is a proxy"
      print "that stands before a real server and breaks connections on demand"
      print "(`app/lab/fault_gate.hpp`). `./run test chaos` plays 30 kinds of them at random,"
      print "one on top of the other, and judges every answer (`tests/chaos/checker.hpp`)."
      print ""
      if (results == "") print "Last run: none."
      else print "Last run: " passed + 0 " passed of " all " listed."
      printf "%s", body
    }' "$table"
}

# What depends on results only.
strip() { sed -e '/^Last run: /d' -e 's/^\(| [0-9].*|\)[^|]*|$/\1 |/' "$1"; }

# As a regular expression that matches it alone.
literally() { sed 's/[][\\.*^$+?(){}|]/\\&/g' <<<"$1"; }

run_one() {
  local bin=$1 layer=$2 suite=$3 name=$4
  if [[ $layer == program ]]; then
    bash "tests/program/$suite.sh" "$bin" "$PWD" | tee -a /dev/stderr \
      | grep -xF "ok - $name"
    return
  fi
  # CAF's runner is content with running none.
  "$bin/test_$layer" -v 3 -r 0 -s "^$suite\$" -t "^$(literally "$name")\$" \
    2>&1 | tee -a /dev/stderr | grep -E '^ *tests: +1$'
}

run() {
  local bin=$1 out=$2 log=$2.log reference place layer suite name result
  local passed=0 listed=0
  : >"$out"
  : >"$log"
  while IFS= read -r reference; do
    place=${reference%%: *}
    name=${reference#*: }
    layer=${place%%.*}
    suite=${place#*.}
    result=passed
    (set -o pipefail && run_one "$bin" "$layer" "$suite" "$name") \
      </dev/null >/dev/null 2>>"$log" || result=failed
    printf '%s\t%s\n' "$reference" "$result" >>"$out"
    listed=$((listed + 1))
    if [[ $result == passed ]]; then
      passed=$((passed + 1))
    else
      printf 'failed: %s\n' "$reference"
    fi
  done < <(list)
  printf '%d passed of %d listed\n' "$passed" "$listed"
  ((listed > 0 && passed == listed))
}

verb=${1:-}
(($# == 0)) || shift
case $verb in
  list | run | page | strip) "$verb" "$@" ;;
  *)
    sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac

#!/usr/bin/env bash
# Breaks the project, one patch of tests/mutants/ after the other, and sees that the
# tests notice: mutants.sh [--by JUDGE] [name…]
#
# A patch begins with `# what it breaks` and `# caught by: sim`, or with the name of
# a suite (`actor.client_fence`) instead of `sim`. The simulation has 1,000 seeds.
# `--by chaos` has all of them judged by three seeds of the chaos runs instead, which
# see by chance what the simulation sees for certain.
#
# Nothing is built twice: what a patch touches, sources only and no headers, is
# compiled as in build/release, and the test program is linked anew with these
# objects before the library, which then gives the rest.
#
# Fails if a mutant survives or cannot be made; and, when all of them run, if they
# are fewer than 25, or the simulation is to catch fewer than 15.
set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."

release=$PWD/build/release
work=$PWD/build/mutants
least=25
least_by_sim=15

fail() {
  echo "mutants: $*" >&2
  exit 1
}

said() { sed -n "s/^# $2//p" "tests/mutants/$1.patch" | head -n 1; }

# judge <caught by> <folder of the test program>: 0 if all is well. Who never comes
# to an end noticed as well.
judge() {
  case $1 in
    sim) timeout 30 "$2/test_sim" --seeds 1000 --jobs 1 ;;
    chaos)
      for seed in 1 2 3; do
        timeout 300 "$2/test_chaos" --seed "$seed" || return
      done
      ;;
    *) timeout 30 "$2/test_${1%%.*}" -r 0 -v 3 -s "^${1#*.}\$" ;;
  esac
}

# command_of <target>: what Ninja does to make it, with nothing before and behind.
command_of() {
  local line
  line=$(ninja -C "$release" -t commands "$1" | tail -n 1)
  line=${line#': && '}
  printf '%s\n' "${line%' && :'}"
}

# make_mutant <name> <layer>: build/mutants/<name>/test_<layer>
make_mutant() {
  local name=$1 program=test_$2 dir=$work/$1 file object compile link
  local objects=() files=()
  mapfile -t files < <(sed -n 's,^+++ b/,,p' "tests/mutants/$name.patch")
  for file in "${files[@]}"; do
    [[ $file == *.cpp ]] || { echo "patches $file, which is no source" && return 1; }
    mkdir -p "$dir/${file%/*}"
    cp "$file" "$dir/$file"
  done
  patch -d "$dir" -p1 -s -F0 <"tests/mutants/$name.patch" \
    || { echo "does not apply any more" && return 1; }
  for file in "${files[@]}"; do
    object=CMakeFiles/redoubt.dir/$file.o
    compile=$(command_of "$object")
    compile=${compile//"$object"/"$dir/$file.o"}
    compile=${compile%" -c "*}" -c $dir/$file"
    (cd "$release" && eval "$compile") || { echo "does not compile" && return 1; }
    objects+=("$dir/$file.o")
  done
  link=$(command_of "bin/$program")
  link=${link/" -o bin/$program"/" ${objects[*]} -o $dir/$program"}
  (cd "$release" && eval "$link") || { echo "does not link" && return 1; }
}

# try_mutant <name> [judge]: prints a line. Called in a process of its own.
try_mutant() {
  local name=$1 by=${2:-$(said "$1" 'caught by: ')} dir=$work/$1 result=survived
  rm -rf "$dir"
  mkdir -p "$dir"
  if ! make_mutant "$name" "${by%%.*}" >"$dir/build.log" 2>&1; then
    printf 'broken    %-32s %s\n' "$name" "$(tail -n 1 "$dir/build.log")"
    return
  fi
  judge "$by" "$dir" >"$dir/run.log" 2>&1 || result=caught
  printf '%-9s %-32s %s [%s]\n' "$result" "$name" "$(said "$name" '')" "$by"
  # What was linked is large.
  [[ $result == survived ]] || rm -f "$dir/test_${by%%.*}"
}

if [[ ${1:-} == --one ]]; then
  try_mutant "$2" "${3:-}"
  exit
fi

judged_by=
if [[ ${1:-} == --by ]]; then
  judged_by=${2:?"--by wants a judge"}
  shift 2
fi
names=("$@")
all=$((${#names[@]} == 0))
if ((all)); then
  for patch in tests/mutants/*.patch; do
    name=${patch##*/}
    names+=("${name%.patch}")
  done
fi

declare -A judges
by_sim=0
for name in "${names[@]}"; do
  [[ -f tests/mutants/$name.patch ]] || fail "no mutant '$name'"
  by=${judged_by:-$(said "$name" 'caught by: ')}
  [[ -n $by ]] || fail "$name does not say who catches it"
  judges[$by]=${by%%.*}
  [[ $by != sim ]] || by_sim=$((by_sim + 1))
done
if ((all)) && [[ -z $judged_by ]]; then
  ((${#names[@]} >= least)) \
    || fail "there are ${#names[@]} mutants, at least $least are expected"
  ((by_sim >= least_by_sim)) \
    || fail "the simulation judges $by_sim of them, at least $least_by_sim are expected"
fi

mkdir -p "$work"
mapfile -t targets < <(printf 'test_%s\n' "${judges[@]}" | sort -u)
cmake --build "$release" --target "${targets[@]}" --parallel "${JOBS:-$(nproc)}" \
  >"$work/build.log" 2>&1 || fail "does not build, see build/mutants/build.log"
# Who judges must be content with the project as it is.
for by in "${!judges[@]}"; do
  judge "$by" "$release/bin" >"$work/sound.log" 2>&1 \
    || fail "$by fails without a mutant, see build/mutants/sound.log"
done

workers=${JOBS:-$(nproc)}
# The chaos runs measure times: nothing else runs beside them.
[[ $judged_by != chaos ]] || workers=1
printf '%s\0' "${names[@]}" \
  | xargs -0 -P "$workers" -I {} "$BASH" scripts/mutants.sh --one {} "$judged_by" \
  | tee "$work/results"

caught=$(grep -c '^caught ' "$work/results" || true)
caught_by_sim=$(grep -c '^caught .* \[sim\]$' "$work/results" || true)
printf '%d of %d mutants caught, %d by the simulation alone\n' \
  "$caught" "${#names[@]}" "$caught_by_sim"
((caught == ${#names[@]})) \
  || fail "not caught: $(awk '!/^caught /{ print $2 }' "$work/results" | xargs)"

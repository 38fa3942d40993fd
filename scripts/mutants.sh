#!/usr/bin/env bash
# Breaks a copy of the project, one patch of tests/mutants/ after the other, and sees
# that the tests notice: mutants.sh [--by JUDGE] [name…]
#
# A patch begins with `# what it breaks` and `# caught by: sim`, or with the name of
# a suite (`actor.client_fence`) instead of `sim`. The simulation has 1,000 seeds.
# `--by chaos` has all of them judged by three seeds of the chaos runs instead, which
# see by chance what the simulation sees for certain.
# Fails if a mutant survives, or cannot be made.
set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."

copy=build/mutants/source
tree=build/mutants/build
jobs=$(nproc)

fail() {
  echo "mutants: $*" >&2
  exit 1
}

sources() {
  (cd "$1" && find . \( -path ./build -o -path ./.git \) -prune -o -type f -print)
}

# The sources of now. Only what differs is touched, so that little is built anew and
# nothing is left of a mutant.
refresh() {
  local file
  mkdir -p "$copy"
  while IFS= read -r file; do
    cmp -s "$file" "$copy/$file" && continue
    mkdir -p "$copy/${file%/*}"
    cp "$file" "$copy/$file"
  done < <(sources .)
  while IFS= read -r file; do
    [[ -f $file ]] || rm "$copy/$file"
  done < <(sources "$copy")
}

build() {
  cmake --build "$tree" --target "$1" --parallel "$jobs" >build/mutants/build.log 2>&1
}

# judge <caught by>: runs it; 0 if all is well.
judge() {
  case $1 in
    sim) "$tree/bin/test_sim" --seeds 1000 ;;
    chaos)
      for seed in 1 2 3; do
        timeout 300 "$tree/bin/test_chaos" --seed "$seed" || return
      done
      ;;
    *) "$tree/bin/test_${1%%.*}" -r 0 -s "^${1#*.}\$" ;;
  esac >build/mutants/run.log 2>&1
}

judged_by=
if [[ ${1:-} == --by ]]; then
  judged_by=${2:?"--by wants a judge"}
  shift 2
fi
names=("$@")
if ((${#names[@]} == 0)); then
  for patch in tests/mutants/*.patch; do
    name=${patch##*/}
    names+=("${name%.patch}")
  done
fi

refresh
cmake -S "$copy" -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DREDOUBT_BENCH=OFF -DREDOUBT_EXAMPLES=OFF >build/mutants/configure.log 2>&1 \
  || fail "does not configure, see build/mutants/configure.log"

caught=0 survived=()
declare -A sound
for name in "${names[@]}"; do
  patch=tests/mutants/$name.patch
  [[ -f $patch ]] || fail "no mutant '$name'"
  by=${judged_by:-$(sed -n 's/^# caught by: //p' "$patch")}
  target=test_${by%%.*}
  # What judges must be content with the project as it is.
  if [[ -z ${sound[$by]:-} ]]; then
    build "$target" || fail "$target does not build, see build/mutants/build.log"
    judge "$by" || fail "$by fails without a mutant, see build/mutants/run.log"
    sound[$by]=1
  fi
  patch -d "$copy" -p1 -s <"$patch" || fail "$name does not apply any more"
  result=survived
  if build "$target"; then
    judge "$by" || result=caught
  else
    patch -d "$copy" -p1 -s -R <"$patch"
    fail "$name does not compile, see build/mutants/build.log"
  fi
  patch -d "$copy" -p1 -s -R <"$patch"
  printf '%-9s %-30s %s\n' "$result" "$name" \
    "$(sed -n '1s/^# //p' "$patch") [$by]"
  if [[ $result == caught ]]; then
    caught=$((caught + 1))
  else
    survived+=("$name")
  fi
done
printf '%d of %d mutants caught\n' "$caught" "${#names[@]}"
((${#survived[@]} == 0)) || fail "survived: ${survived[*]}"

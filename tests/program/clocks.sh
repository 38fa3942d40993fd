#!/usr/bin/env bash
# The wall clock may jump, since nobody asks it: clocks.sh BIN_DIR SOURCE_DIR
set -euo pipefail
cd "$2"

wall='(system|high_resolution|utc|tai|gps|file)_clock|CLOCK_REALTIME|\<(gettimeofday|timespec_get|ftime|localtime|gmtime|mktime)|\<time *\( *(NULL|nullptr|0|&)'

# The pattern can find what it is for.
for text in 'auto x = std::chrono::system_clock::now();' 'std::time(nullptr)' \
  'clock_gettime(CLOCK_REALTIME, &x)' 'gettimeofday(&x, nullptr)'; do
  if ! grep -qE "$wall" <<<"$text"; then
    echo "not ok - finds '$text'"
    exit 1
  fi
done
if ! grep -rqE 'steady_clock|actor_clock' messages actors; then
  echo "not ok - finds the clock that is asked"
  exit 1
fi
if found=$(grep -rnE "$wall" messages actors); then
  printf '%s\n' "$found"
  echo "not ok - somebody asks the wall clock"
  exit 1
fi
echo "ok - nobody asks the wall clock"

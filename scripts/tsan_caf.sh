#!/usr/bin/env bash
#
# tsan_caf.sh FOLDER [JOBS]
#
# Builds CAF's core library with ThreadSanitizer, from the distribution's source
# package and in the version that is installed. FOLDER then has include/ and
# lib/, and src/ for whoever reads a report; while it is up to date nothing is
# done. Needs no root, and changes nothing of the machine's apt.
set -euo pipefail

root=$(mkdir -p -- "$1" && cd -- "$1" && pwd)
jobs=${2:-$(nproc)}
log=$root/log
package='' version='' tarball=''

say() { printf 'tsan_caf: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

# Runs a command silently; if it fails, its last lines are shown.
logged() {
  "$@" >"$log" 2>&1 </dev/null && return
  tail -n 20 -- "$log" >&2
  return 1
}

# -- which source -------------------------------------------------------------

# The source package and its version that the installed headers were built from.
find_version() {
  read -r package version < <(dpkg-query -W \
    -f '${source:Package} ${source:Version}\n' libcaf-dev 2>/dev/null) \
    || fail "libcaf-dev is not installed by dpkg, so its sources are unknown"
  local upstream=${version#*:}
  tarball=$root/${package}_${upstream%-*}.orig.tar.gz
}

# What the library depends on: if it changes, the library is built anew.
stamp() {
  printf '%s %s, c++ %s, %s\n' "$package" "$version" \
    "$("${CXX:-c++}" -dumpfullversion -dumpversion)" \
    "$(cksum <"${BASH_SOURCE[0]}")"
}

# -- fetching -----------------------------------------------------------------

# Few machines have deb-src lines, so all deb lines are read as such: same
# mirrors, same keys. Writes them to a folder.
copy_sources() {
  local file to=$1
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [[ ! -r $file ]] || sed -nE \
      '/cdrom:/d; s/^[[:space:]]*deb[[:space:]]/deb-src /p' \
      "$file" >"$to/${file##*/}"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [[ ! -r $file ]] || sed -E 's/^types:.*/Types: deb-src/I' \
      "$file" >"$to/${file##*/}"
  done
}

# Writes a configuration of apt that keeps everything below a folder. What
# others hook to an update is theirs, and often needs root. The folder may be
# closed to the user that apt downloads as when it is root.
configure_apt() {
  local dir=$1
  mkdir -p "$dir/sources.d" "$dir/lists/partial" "$dir/cache/archives/partial"
  copy_sources "$dir/sources.d"
  cat >"$dir/apt.conf" <<CONF
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$dir/sources.d";
Dir::State::lists "$dir/lists";
Dir::Cache "$dir/cache";
APT::Sandbox::User "root";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
}

download() {
  local dir=$1
  # A source that is broken or has no source packages must not be in the way of
  # the others, so it is the download that says whether there is one.
  apt-get -qq -c "$dir/apt.conf" update || true
  (cd -- "$dir" && apt-get -qq -c apt.conf source --download-only --tar-only \
    "$package=$version")
}

# apt checks signatures and hashes.
fetch() {
  local dir=$root/apt
  [[ ! -f $tarball ]] || return 0
  say "fetching the sources of $package $version"
  rm -rf "$dir"
  configure_apt "$dir"
  if ! logged download "$dir" || [[ ! -f $dir/${tarball##*/} ]]; then
    fail "cannot get ${tarball##*/} of $package $version, the version that is" \
      "installed. Is there a network, and has the mirror source packages?" \
      "Else put the file into $root by hand."
  fi
  mv -- "$dir/${tarball##*/}" "$tarball"
  rm -rf "$dir"
}

# -- building -----------------------------------------------------------------

caf_version() { sed -n 's/^#define CAF_VERSION //p' "$1/caf/config.hpp"; }

# Says so if what is judged is not what is installed.
compare_headers() {
  local installed other
  installed=$(dpkg -L libcaf-dev | sed -n 's|/caf/config\.hpp$||p')
  [[ $(caf_version "$installed") == "$(caf_version "$root/include")" ]] \
    || fail "${tarball##*/} is CAF $(caf_version "$root/include"), installed" \
      "is $(caf_version "$installed")"
  other=$(diff -rq "$root/include/caf" "$installed/caf" | grep -v '^Only in' \
    || true)
  [[ -z $other ]] || say "the distribution changed headers of CAF, so it may" \
    "behave otherwise than what is judged here:" "$other"
}

compile() {
  local flags='-O1 -g1 -fsanitize=thread -fno-omit-frame-pointer' options=()
  local part build=$root/build
  for part in IO OPENSSL OPENCL PYTHON EXAMPLES TOOLS UNIT_TESTS SUMMARY; do
    options+=("-DCAF_NO_$part=yes")
  done
  if command -v ccache >/dev/null; then
    options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  # CAF 0.17 asks for a policy that CMake 4 has no more.
  cmake -S "$root/src" -B "$build" -G Ninja --no-warn-unused-cli \
    -DCMAKE_POLICY_VERSION_MINIMUM=3.5 \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="$flags" \
    -DCMAKE_INSTALL_PREFIX="$root" -DCMAKE_INSTALL_LIBDIR=lib "${options[@]}" \
    && cmake --build "$build" --parallel "$jobs" --target libcaf_core_shared \
    && cmake --install "$build"
}

build() {
  local start=$SECONDS
  say "building CAF of $package $version with ThreadSanitizer"
  rm -rf "${root:?}"/{.stamp,build,include,lib,src}
  mkdir "$root/src"
  tar -xf "$tarball" -C "$root/src" --strip-components=1
  logged compile || fail "CAF does not build"
  rm -rf "$root/build"
  compare_headers
  say "built in $((SECONDS - start)) s"
}

find_version
[[ ! -f $root/.stamp || $(<"$root/.stamp") != "$(stamp)" ]] || exit 0
fetch
build
stamp >"$root/.stamp"

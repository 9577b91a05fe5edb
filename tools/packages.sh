# Debian packages that kvplan builds with; sourced by quickstart and test.
# Installs what is missing, as root or by sudo, and says nothing when all is there.

KVPLAN_PACKAGES=(
  g++ cmake ninja-build pkg-config git
  libboost-dev libboost-context-dev libboost-iostreams-dev libboost-program-options-dev
  nlohmann-json3-dev libeigen3-dev libsimdjson-dev libfmt-dev robin-map-dev libmimalloc-dev
  libssl-dev zlib1g-dev libzstd-dev libxxhash-dev libarchive-dev coinor-libclp-dev libvalijson-dev
)
KVPLAN_TEST_PACKAGES=(clang chromium catch2 librapidcheck-dev libbenchmark-dev libsimgrid-dev prometheus python3)

install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! command -v apt-get >/dev/null; then
    echo "error: these packages are missing, and there is no apt-get to install them: ${missing[*]}" >&2
    return 1
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "error: run as root, or install sudo: ${missing[*]} are missing" >&2; return 1; }
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}" >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null
}

# Builds a preset; its output is shown only when it fails.
build_preset() {
  local preset=$1 log
  shift
  log=$(mktemp)
  echo "building $preset (a few minutes the first time)" >&2
  if ! { cmake --preset "$preset" && cmake --build --preset "$preset" "$@"; } >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    echo "error: the $preset build failed; the whole log is $log" >&2
    return 1
  fi
  rm -f "$log"
}

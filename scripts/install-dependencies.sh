#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: scripts/install-dependencies.sh GROUP...
# Installs what is missing of the groups: `build` for the program, `test` for ./check besides, `bench` for the programs of bench/ besides.
# docs/DEPENDENCIES.md says what for.
set -euo pipefail

build=(
  cmake ninja-build g++ pkg-config
  libfmt-dev nlohmann-json3-dev libtomlplusplus-dev libcli11-dev nettle-dev
  libprotobuf-dev protobuf-compiler libonnx-dev
  libdnnl-dev
  libjpeg62-turbo-dev libpng-dev libwebp-dev libcairo2-dev zlib1g-dev
)
test=(libgtest-dev python3-venv git)
bench=(libbenchmark-dev python3-venv)

installed() { dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing=()
for group in "${@:?name the groups: build test bench}"; do
  case $group in
    build | test | bench) declare -n packages=$group ;;
    *) echo "there is no group '$group', only build, test and bench" >&2; exit 2 ;;
  esac
  for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
  done
done
((${#missing[@]})) || exit 0

echo "installing ${missing[*]}"
as_root=()
if [[ $(id -u) != 0 ]]; then
  command -v sudo >/dev/null || { echo "needs sudo, or root, to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)
"${apt[@]}" update
"${apt[@]}" install --yes --no-install-recommends "${missing[@]}"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: scripts/install-dependencies.sh GROUP...
# Installs what is missing of the groups: `build` for the program, `test` for ./check besides, `bench` for the programs of bench/ besides,
# `arm` to build and emulate the kernels for 64-bit Arm, which adds its packages to those that dpkg takes, `board` to build C bundles for
# microcontrollers and 64-bit Arm and to run them under QEMU. docs/DEPENDENCIES.md says what for.
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
arm=(g++-aarch64-linux-gnu qemu-user-static libfmt-dev:arm64 libgtest-dev:arm64 nettle-dev:arm64)
board=(gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)

installed() { dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing=()
for group in "${@:?name the groups: build test bench arm board}"; do
  case $group in
    build | test | bench | arm | board) declare -n packages=$group ;;
    *) echo "there is no group '$group', only build, test, bench, arm and board" >&2; exit 2 ;;
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
if [[ ${missing[*]} == *:arm64* ]]; then "${as_root[@]}" dpkg --add-architecture arm64; fi
"${apt[@]}" update
"${apt[@]}" install --yes --no-install-recommends "${missing[@]}"

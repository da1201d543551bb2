# SPDX-License-Identifier: Apache-2.0
# Builds for 64-bit Arm on another Debian machine; scripts/install-dependencies.sh arm installs what this needs. Programs are run
# by an emulator, of the processor that the variable QEMU_CPU of the environment names.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)

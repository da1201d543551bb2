# SPDX-License-Identifier: Apache-2.0
include(${CMAKE_CURRENT_LIST_DIR}/HalftoneDependencies.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/halftoneTargets.cmake)

// SPDX-License-Identifier: Apache-2.0
// Measures a network on an emulated Cortex-M board: how many instructions each of its steps executes, and how much stack it needs.
#ifndef HALFTONE_BOARD_H
#define HALFTONE_BOARD_H

// What follows, up to the next call or the end of the run, belongs to step `number` of the network, below BOARD_MAX_STEPS.
void ht_board_step(int number);

enum { BOARD_MAX_STEPS = 2048 };

#endif

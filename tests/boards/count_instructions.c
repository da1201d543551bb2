// SPDX-License-Identifier: Apache-2.0
// A plugin for QEMU that prints how many instructions were executed when a program comes to the instruction at the address `at=N` and when
// it writes to the memory at `written=N`.
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What this needs of qemu-plugin.h, which distributions do not package.
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t qemu_plugin_id_t;
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern bool qemu_plugin_mem_is_store(uint32_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, void (*)(unsigned, uint32_t, uint64_t, void *), int, int, void *);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = 1;
EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int count, char **arguments);

enum { NO_REGISTERS = 0, READS_AND_WRITES = 3 };

static uint64_t executed, at, written;

static void execute(unsigned cpu, void *data) {
  (void)cpu;
  (void)data;
  ++executed;
}

static void print(void) { fprintf(stderr, "executed %" PRIu64 "\n", executed); }

static void come(unsigned cpu, void *data) {
  (void)cpu;
  (void)data;
  print();
}

static void use_memory(unsigned cpu, uint32_t info, uint64_t address, void *data) {
  (void)cpu;
  (void)data;
  if (address == written && qemu_plugin_mem_is_store(info)) print();
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); ++i) {
    struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
    qemu_plugin_register_vcpu_insn_exec_cb(instruction, execute, NO_REGISTERS, NULL);
    qemu_plugin_register_vcpu_mem_cb(instruction, use_memory, NO_REGISTERS, READS_AND_WRITES, NULL);
    if (qemu_plugin_insn_vaddr(instruction) == at) qemu_plugin_register_vcpu_insn_exec_cb(instruction, come, NO_REGISTERS, NULL);
  }
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int count, char **arguments) {
  (void)info;
  for (int i = 0; i < count; ++i) {
    if (strncmp(arguments[i], "at=", 3) == 0) at = strtoull(arguments[i] + 3, NULL, 16);
    if (strncmp(arguments[i], "written=", 8) == 0) written = strtoull(arguments[i] + 8, NULL, 16);
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  return 0;
}

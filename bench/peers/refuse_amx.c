// SPDX-License-Identifier: Apache-2.0
// refuse_amx COMMAND...: runs a command whose requests for AMX's registers Linux refuses, as on a machine without them.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kRequestPermission = 0x1023 };  // ARCH_REQ_XCOMP_PERM

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)

int main(int argc, char** argv) {
  if (argc < 2) {
    fputs("usage: refuse_amx COMMAND...\n", stderr);
    return 2;
  }
  // The first word of an argument is its lower half: little endian.
  struct sock_filter filter[] = {
      LOAD(arch),
      UNLESS(AUDIT_ARCH_X86_64, 5),
      LOAD(nr),
      UNLESS(SYS_arch_prctl, 3),
      LOAD(args[0]),
      UNLESS(kRequestPermission, 1),
      RETURN(SECCOMP_RET_ERRNO | EPERM),
      RETURN(SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
    perror("seccomp");
    return 1;
  }
  execvp(argv[1], argv + 1);
  perror(argv[1]);
  return 127;
}

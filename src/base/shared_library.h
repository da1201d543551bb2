// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace ht {

// A shared library that is loaded when it is first needed, so that a program which does without it never has it in memory, nor
// needs it on the machine. It stays until the program ends.
class SharedLibrary {
 public:
  // From where the system keeps its libraries. `remedy` says in an error what to install: "oneDNN, which computes floats".
  static Result<SharedLibrary> load(const char* file, const char* remedy);

  template <class Function>
  Status bind(Function*& function, const char* name) const {
    HT_ASSIGN(void* address, find(name));
    function = reinterpret_cast<Function*>(address);
    return {};
  }

 private:
  SharedLibrary(void* handle, const char* file, const char* remedy) : handle_(handle), file_(file), remedy_(remedy) {}
  Result<void*> find(const char* name) const;

  void* handle_;
  const char* file_;
  const char* remedy_;
};

}  // namespace ht

// SPDX-License-Identifier: Apache-2.0
#include "base/shared_library.h"

#include <dlfcn.h>

namespace ht {
namespace {

std::string reason() {
  const char* text = ::dlerror();
  return text ? text : "no reason is known";
}

}  // namespace

Result<SharedLibrary> SharedLibrary::load(const char* file, const char* remedy) {
  void* handle = ::dlopen(file, RTLD_LAZY | RTLD_LOCAL);
  if (!handle) return input_error("cannot load {}; install {} ({})", file, remedy, reason());
  return SharedLibrary(handle, file, remedy);
}

Result<void*> SharedLibrary::find(const char* name) const {
  if (void* address = ::dlsym(handle_, name)) return address;
  return input_error("{} is of another version and lacks {}; install {}", file_, name, remedy_);
}

}  // namespace ht

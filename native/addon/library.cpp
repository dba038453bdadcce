#include "library.h"

#include <utility>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace ik {
namespace {
#ifdef _WIN32
void* open_handle(const std::string& path) { return LoadLibraryA(path.c_str()); }
void* symbol(void* handle, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle), name));
}
std::string last_error() { return "LoadLibrary failed with code " + std::to_string(GetLastError()); }
void close_handle(void* handle) { FreeLibrary(static_cast<HMODULE>(handle)); }
#else
void* open_handle(const std::string& path) { return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); }
void* symbol(void* handle, const char* name) { return dlsym(handle, name); }
std::string last_error() {
  const char* text = dlerror();
  return text ? text : "unknown error";
}
void close_handle(void* handle) { dlclose(handle); }
#endif
}  // namespace

Library& Library::operator=(Library&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, nullptr);
    score_ = other.score_;
    table_ = std::exchange(other.table_, nullptr);
    error_ = std::move(other.error_);
  }
  return *this;
}

void Library::close() {
  if (handle_) close_handle(handle_);
  handle_ = nullptr;
}

Library Library::open(const std::string& path) {
  Library library;
  library.handle_ = open_handle(path);
  if (!library.handle_) {
    library.error_ = last_error();
    return library;
  }
  const auto score = reinterpret_cast<ik_score_fn>(symbol(library.handle_, "ik_score"));
  const auto table = reinterpret_cast<ik_table_fn>(symbol(library.handle_, "ik_table"));
  if (!score || !table) {
    library.error_ = "it does not export ik_score and ik_table";
    library.close();
    return library;
  }
  library.score_ = score();
  if (library.score_ > 0) {
    library.table_ = table();
    if (library.table_->abi != IK_ABI) {
      library.error_ = "it was built for ABI " + std::to_string(library.table_->abi) + ", this addon speaks " +
                       std::to_string(IK_ABI);
      library.table_ = nullptr;
      library.score_ = 0;
    }
  }
  return library;
}

}  // namespace ik

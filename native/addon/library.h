// Opening a kernel library at run time, on every platform.
#pragma once
#include <string>

#include "inkstone/backend.h"

namespace ik {

class Library {
 public:
  // On failure `handle` stays null and `error` says why.
  static Library open(const std::string& path);

  Library() = default;
  Library(Library&& other) noexcept { *this = static_cast<Library&&>(other); }
  Library& operator=(Library&& other) noexcept;
  ~Library() { close(); }

  bool is_open() const { return handle_ != nullptr; }
  int32_t score() const { return score_; }
  const ik_backend* table() const { return table_; }
  const std::string& error() const { return error_; }

 private:
  void close();
  void* handle_ = nullptr;
  int32_t score_ = 0;
  const ik_backend* table_ = nullptr;
  std::string error_;
};

}  // namespace ik

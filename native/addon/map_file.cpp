#include "map_file.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#endif

namespace ik {
namespace {

struct Mapping {
  void* data = nullptr;
  size_t bytes = 0;
  std::string error;
};

#ifdef _WIN32
Mapping map(const std::string& path) {
  Mapping m;
  HANDLE file = CreateFileA(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
  if (file == INVALID_HANDLE_VALUE) {
    m.error = "it could not be opened (code " + std::to_string(GetLastError()) + ")";
    return m;
  }
  LARGE_INTEGER size;
  GetFileSizeEx(file, &size);
  m.bytes = static_cast<size_t>(size.QuadPart);
  if (m.bytes > 0) {
    HANDLE mapping = CreateFileMappingA(file, nullptr, PAGE_WRITECOPY, 0, 0, nullptr);
    if (mapping) {
      m.data = MapViewOfFile(mapping, FILE_MAP_COPY, 0, 0, 0);
      CloseHandle(mapping);
    }
    if (!m.data) m.error = "it could not be mapped (code " + std::to_string(GetLastError()) + ")";
  }
  CloseHandle(file);
  return m;
}
void unmap(void* data, size_t) { UnmapViewOfFile(data); }
#else
Mapping map(const std::string& path) {
  Mapping m;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    m.error = std::strerror(errno);
    return m;
  }
  struct stat info;
  if (fstat(file, &info) != 0) {
    m.error = std::strerror(errno);
  } else if (!S_ISREG(info.st_mode)) {
    m.error = "it is not a regular file";
  } else if (info.st_size > 0) {
    m.bytes = static_cast<size_t>(info.st_size);
    // Private and writable: a stray write from JavaScript changes the process's copy of the page, never the file.
    m.data = mmap(nullptr, m.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
    if (m.data == MAP_FAILED) {
      m.data = nullptr;
      m.error = std::strerror(errno);
    }
  }
  close(file);
  return m;
}
void unmap(void* data, size_t bytes) { munmap(data, bytes); }
#endif

}  // namespace

Napi::Value MapFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsString()) throw Napi::TypeError::New(env, "mapFile: a path was expected");
  const std::string path = info[0].As<Napi::String>();
  const Mapping m = map(path);
  if (!m.error.empty()) throw Napi::Error::New(env, "mapFile: " + path + ": " + m.error);
  if (m.bytes == 0) return Napi::ArrayBuffer::New(env, 0);
  return Napi::ArrayBuffer::New(
      env, m.data, m.bytes, [](Napi::Env, void* data, size_t* bytes) {
        unmap(data, *bytes);
        delete bytes;
      },
      new size_t(m.bytes));
}

}  // namespace ik

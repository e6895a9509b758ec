// The name is taken by a rename that replaces nothing.
#include "base/new_folder.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <ringfeed/error.hpp>

#include "base/folder.hpp"
#include "base/system_error.hpp"

namespace ringfeed {
namespace {

std::string without_last_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string last_name_of(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

NewFolder::NewFolder(const std::string& path)
    : wanted_(without_last_slashes(path)), parent_(parent_of(wanted_)) {
  if (wanted_.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the path of the folder to make is empty; name a folder");
  }
  struct stat status{};
  if (::lstat(wanted_.c_str(), &status) == 0) refuse();
  if (errno != ENOENT) throw_system_error(errno, wanted_);
  if (!std::filesystem::is_directory(parent_)) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: there is no folder {}; make it, or choose another one", wanted_, parent_));
  }
  name_ = last_name_of(wanted_) + ".tmp." + random_name();
  if (::mkdir(this->path().c_str(), 0777) != 0) throw_system_error(errno, wanted_);
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!published_) std::filesystem::remove_all(path(), ignored);
}

void NewFolder::publish() {
  sync_folder(path());
  if (!Folder(parent_).rename_if_absent(name_, last_name_of(wanted_))) refuse();
  published_ = true;
  sync_folder(parent_);
}

void NewFolder::refuse() const {
  throw Error(ErrorCode::kConflict,
              fmt::format("{}: it is there; choose another name, or remove it first", wanted_));
}

}  // namespace ringfeed

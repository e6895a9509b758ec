// Which store an address means, and which data sets are there.
#include <fmt/format.h>
#include <sys/stat.h>

#include <ringfeed/error.hpp>
#include <ringfeed/store.hpp>

#include "store/local_store.hpp"

namespace ringfeed {

std::unique_ptr<Store> open_store(const Url& url) {
  if (url.scheme != "file") {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}': this build has no store for {}://; name a local folder",
                            url.text(), url.scheme));
  }
  return std::make_unique<LocalStore>(url.path);
}

std::vector<std::string> list_datasets(const Url& url) {
  if (url.scheme != "file") open_store(url);
  struct stat status{};
  if (::stat(url.path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no such folder; check the path", url.path));
  }
  if (!LocalLayout(url.path).versions().empty()) return {Url{"file", url.path, {}, {}}.text()};
  std::vector<std::string> found;
  for (const auto& name : names_in(url.path)) {
    const std::string path = url.path == "/" ? "/" + name : url.path + "/" + name;
    if (::stat((path + "/versions").c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
    if (!LocalLayout(path).versions().empty()) found.push_back(Url{"file", path, {}, {}}.text());
  }
  return found;
}

}  // namespace ringfeed

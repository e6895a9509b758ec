// A folder that appears whole or not at all.
#pragma once

#include <string>

namespace ringfeed {

/// It is filled beside PATH, as PATH.tmp. and a random name, until it takes that name. Not
/// thread-safe.
class NewFolder {
 public:
  /// Throws Error{kConflict} when something has the name PATH, kNotFound when there is no folder
  /// to make it in.
  explicit NewFolder(const std::string& path);
  /// Removes what has not taken its name.
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  /// Where it is until it is published.
  std::string path() const { return parent_ + "/" + name_; }
  /// Makes it durable under the name PATH; its files are the caller's to sync. Throws
  /// Error{kConflict} when something took that name meanwhile.
  void publish();

 private:
  [[noreturn]] void refuse() const;

  std::string wanted_;
  std::string parent_;
  std::string name_;  ///< in the parent, until then
  bool published_ = false;
};

}  // namespace ringfeed

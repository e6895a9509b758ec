// The folder of a run's results: one run at a time fills it.
#pragma once

#include <optional>
#include <string>

#include "base/folder.hpp"
#include "base/lock_file.hpp"

namespace ringfeed::cli {

class OutputFolder {
 public:
  /// Makes the folder when it is missing. Throws Error{kConflict} that names the process whose
  /// results go there now.
  explicit OutputFolder(const std::string& path);
  /// Lets go of it, and removes a folder that it made and that got nothing.
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

 private:
  void remove_if_empty() const;

  Folder folder_;
  bool made_;
  std::optional<LockFile> lock_;
};

}  // namespace ringfeed::cli

// Which files of a folder are its Parquet files.
#include "source/parquet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <ringfeed/error.hpp>

#include "base/system_error.hpp"
#include "source/bad_records.hpp"
#include "source/file_sequence.hpp"
#include "source/input.hpp"
#include "source/parquet_file.hpp"

namespace ringfeed {

std::vector<std::string> parquet_files_in(const std::string& folder) {
  std::vector<std::string> files;
  std::vector<std::string> others;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) throw_system_error(error.value(), folder);
  for (const auto& entry : entries) {
    const auto name = entry.path().filename().string();
    if (name.starts_with('.') || name.starts_with('_')) continue;
    const bool is_parquet = lower_case(name).ends_with(".parquet") && !entry.is_directory(error);
    (is_parquet ? files : others).push_back(is_parquet ? entry.path().string() : name);
  }
  std::ranges::sort(files);
  std::ranges::sort(others);
  if (!files.empty() && others.empty()) return files;
  if (files.empty()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no .parquet file right in this folder, and no picture in "
                            "it or in folders of it (.jpg, .jpeg, .png, .webp); name the folder "
                            "that holds them, or the files",
                            folder));
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: beside .parquet files the folder holds {}, which would be left out; "
                          "move that away, or name the files",
                          folder, listed(others)));
}

std::unique_ptr<Source> open_parquet(const std::vector<std::string>& files,
                                     const SourceOptions& options) {
  const auto open = [](const std::string& path) { return std::make_unique<ParquetFile>(path); };
  return make_file_sequence("parquet", files, open, options);
}

}  // namespace ringfeed

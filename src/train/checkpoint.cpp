// checkpoint-000012/ has weights.safetensors, optimizer.pt and checkpoint.json, which has the
// checksums of the other two. Written under another name, synced, then renamed.
#include "train/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <vector>

#include "base/hash.hpp"
#include "base/system_error.hpp"

namespace ringfeed {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr const char* kDocumentFile = "checkpoint.json";
constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kUnfinished = ".unfinished-";
constexpr std::string_view kRemoved = ".removed-";
constexpr std::uint64_t kDocumentBytesMax = std::uint64_t{64} << 20;

nlohmann::json checksum_of(const MappedFile& file) {
  return {{"bytes", file.size()}, {"xxh3", fmt::format("{:016x}", hash_bytes(file.bytes()))}};
}

/// Ascending.
std::vector<std::uint64_t> numbers_in(const std::string& folder) {
  std::vector<std::uint64_t> numbers;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    std::uint64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, number);
    if (stop == end && error == std::errc()) numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

void rename_folder(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw_system_error(errno, to);
}

std::shared_ptr<const MappedFile> checked_file(const std::string& path, const nlohmann::json& sum) {
  auto file = MappedFile::map(path);
  if (checksum_of(*file) != sum) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: not as it was written; remove this checkpoint, and resume from "
                            "the one before it",
                            path));
  }
  return file;
}

}  // namespace

Checkpoint Checkpoint::read(const std::string& path) {
  const std::string document_path = path + "/" + kDocumentFile;
  if (!fs::exists(document_path)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no checkpoint here (a folder with a {})", path,
                            kDocumentFile));
  }
  Checkpoint checkpoint;
  checkpoint.path = path;
  try {
    const auto json = nlohmann::json::parse(read_file(document_path, kDocumentBytesMax));
    if (json.at("ringfeed_checkpoint") != kFormat) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: a checkpoint of format {}; this version knows format {}",
                              document_path, json.at("ringfeed_checkpoint").dump(), kFormat));
    }
    const auto& files = json.at("files");
    checkpoint.document = json.at("run");
    checkpoint.weights = checked_file(path + "/" + kWeightsFile, files.at(kWeightsFile));
    checkpoint.optimizer = checked_file(path + "/" + kOptimizerFile, files.at(kOptimizerFile));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: damaged ({}); remove this checkpoint, and resume from the one "
                            "before it",
                            document_path, error.what()));
  }
  return checkpoint;
}

CheckpointFolder::CheckpointFolder(std::string path, std::uint64_t keep)
    : path_(std::move(path)), keep_(keep) {
  make_folders(path_);
  for (const auto& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kUnfinished) || name.starts_with(kRemoved)) fs::remove_all(entry.path());
  }
  const auto numbers = numbers_in(path_);
  if (!numbers.empty()) next_ = numbers.back() + 1;
}

std::string CheckpointFolder::path_of(std::uint64_t number) const {
  return fmt::format("{}/{}{:06}", path_, kPrefix, number);
}

std::optional<std::string> CheckpointFolder::newest() const {
  const auto numbers = numbers_in(path_);
  return numbers.empty() ? std::nullopt : std::optional(path_of(numbers.back()));
}

void CheckpointFolder::publish(const nlohmann::json& document,
                               const std::function<void(const std::string& folder)>& write) {
  const std::string unfinished = fmt::format("{}/{}{:06}", path_, kUnfinished, next_);
  fs::remove_all(unfinished);
  make_folders(unfinished);
  try {
    write(unfinished);
    nlohmann::json files;
    for (const char* name : {kWeightsFile, kOptimizerFile})
      files[name] = checksum_of(*MappedFile::map(unfinished + "/" + name));
    const nlohmann::ordered_json json = {
        {"ringfeed_checkpoint", kFormat}, {"files", files}, {"run", document}};
    replace_file(unfinished + "/" + kDocumentFile,
                 [&](File& file) { file.write(json.dump(2) + "\n"); });
    rename_folder(unfinished, path_of(next_));
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    throw;
  }
  sync_folder(path_);
  ++next_;
  remove_old();
}

void CheckpointFolder::remove_old() const {
  const auto numbers = numbers_in(path_);
  for (std::size_t i = 0; i + keep_ < numbers.size(); ++i) {
    const std::string removed = fmt::format("{}/{}{:06}", path_, kRemoved, numbers[i]);
    rename_folder(path_of(numbers[i]), removed);  // whole, until it is not in sight
    fs::remove_all(removed);
  }
}

}  // namespace ringfeed

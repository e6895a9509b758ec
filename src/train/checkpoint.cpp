// checkpoint-000012/ has weights.safetensors, optimizer.pt, maybe average.safetensors, and
// checkpoint.json, a line under a checksum of its own, which has those of the others. Written under
// another name, synced, then renamed.
#include "train/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <vector>

#include "base/file.hpp"
#include "base/folder.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/sealed.hpp"
#include "base/system_error.hpp"

namespace ringfeed {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 2;
constexpr std::string_view kSealedAs = "checkpoint";
constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kUnfinished = ".unfinished-";
constexpr std::string_view kLock = ".lock";
constexpr std::uint64_t kDocumentBytesMax = std::uint64_t{64} << 20;

nlohmann::json checksum_of(std::string_view bytes) {
  return {{"bytes", bytes.size()}, {"xxh3", fmt::format("{:016x}", hash_bytes(bytes))}};
}

std::string name_of(std::string_view prefix, std::uint64_t number) {
  return fmt::format("{}{:06}", prefix, number);
}

/// 12 of "checkpoint-000012", written as name_of() does.
std::optional<std::uint64_t> number_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, number);
  if (stop != end || error != std::errc() || name_of(prefix, number) != name) return std::nullopt;
  return number;
}

/// Ascending.
std::vector<std::uint64_t> numbers_in(const std::string& folder) {
  std::vector<std::uint64_t> numbers;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (const auto number = number_of(it->path().filename().string(), kPrefix))
      numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

void rename_folder(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw_system_error(errno, to);
}

bool is_there(const std::string& path) {
  return fs::exists(fs::symlink_status(path + "/" + kDocumentFile));
}

[[noreturn]] void refuse_checkpoint(const std::string& path, std::string_view file,
                                    std::string_view what) {
  throw Error(ErrorCode::kBadData,
              fmt::format("{}/{}: {}; {}", path, file, what, remedy_without(path)));
}

std::string read_checked(const std::string& path, const char* name, const nlohmann::json& sum) {
  const auto bytes_max = whole_number(sum.at("bytes"), "a file's size");
  std::string bytes;
  try {
    File file = Folder(path).open_to_read(name);
    if (file.size() == bytes_max) bytes = file.read_whole(bytes_max);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    refuse_checkpoint(path, name, "the file is missing");
  }
  if (checksum_of(bytes) != sum) refuse_checkpoint(path, name, "not as it was written");
  return bytes;
}

/// The document of this format, its checksum right.
nlohmann::json read_document(const std::string& path) {
  const std::string text = Folder(path).read_file(kDocumentFile, kDocumentBytesMax);
  const auto body = unseal(kSealedAs, text);
  if (!body) {
    // The first format had no checksum, and was written over several lines.
    const bool older = text.starts_with("{\n  \"ringfeed_checkpoint\": 1,");
    refuse_checkpoint(
        path, kDocumentFile,
        older ? "written by an older ringfeed, whose checkpoints have no checksum of their own; "
                "finish that run with it, or start anew"
              : "damaged: its bytes do not match their checksum");
  }
  try {
    auto json = parse_json(*body);
    const auto format = whole_number(json.at("format"), "the format");
    if (format == kFormat) return json;
    refuse_checkpoint(
        path, kDocumentFile,
        fmt::format("a checkpoint of format {}; this version knows format {}", format, kFormat));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    refuse_checkpoint(path, kDocumentFile, fmt::format("damaged ({})", json_fault(error)));
  }
}

}  // namespace

std::string remedy_without(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  const auto number = number_of(fs::path(path).filename().string(), kPrefix);
  const auto numbers = numbers_in(folder.empty() ? "." : folder.string());
  for (auto it = numbers.rbegin(); number && it != numbers.rend(); ++it) {
    const std::string before = (folder / name_of(kPrefix, *it)).string();
    if (*it < *number && is_there(before))
      return fmt::format("remove this checkpoint, and resume from the one before it, {}", before);
  }
  return "remove this checkpoint; there is none before it here";
}

Checkpoint Checkpoint::read(const std::string& path) {
  if (!is_there(path)) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: there is no checkpoint here (a folder with a {})", path, kDocumentFile));
  }
  Checkpoint checkpoint;
  checkpoint.path = path;
  const auto json = read_document(path);
  try {
    const auto& files = json.at("files");
    checkpoint.document = json.at("run");
    checkpoint.weights = read_checked(path, kWeightsFile, files.at(kWeightsFile));
    checkpoint.optimizer = read_checked(path, kOptimizerFile, files.at(kOptimizerFile));
    if (files.contains(kAverageFile))
      checkpoint.average = read_checked(path, kAverageFile, files.at(kAverageFile));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    refuse_checkpoint(path, kDocumentFile, fmt::format("damaged ({})", json_fault(error)));
  }
  return checkpoint;
}

CheckpointFolder::CheckpointFolder(std::string path, std::uint64_t keep)
    : path_(std::move(path)),
      lock_(std::make_unique<LockFile>(
          Folder(path_), std::string(kLock),
          "trains with these checkpoints now; wait until it has ended, or choose another folder")),
      keep_(keep) {
  std::vector<std::string> leftovers;
  for (const auto& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename();
    if (number_of(name, kUnfinished)) leftovers.push_back(name);
  }
  for (const auto& name : leftovers) remove(name);
  const auto numbers = numbers_in(path_);
  if (!numbers.empty()) next_ = numbers.back() + 1;
}

CheckpointFolder::~CheckpointFolder() {
  if (lock_ == nullptr) return;  // moved from
  try {
    lock_->remove();
  } catch (const Error&) {
    // The file stays, which nobody holds.
  }
}

std::string CheckpointFolder::path_of(std::uint64_t number) const {
  return fmt::format("{}/{}", path_, name_of(kPrefix, number));
}

std::optional<std::string> CheckpointFolder::newest() const {
  const auto numbers = numbers_in(path_);
  if (numbers.empty()) return std::nullopt;
  const std::string newest = path_of(numbers.back());
  if (!is_there(newest))
    refuse_checkpoint(newest, kDocumentFile, "missing, as in a copy that was cut off");
  return newest;
}

void CheckpointFolder::publish(const nlohmann::json& document,
                               const std::function<void(const std::string& folder)>& write,
                               const std::string& best) {
  const Folder folder(path_);
  const std::string name = name_of(kUnfinished, next_);
  const std::string unfinished = folder.path_of(name);
  remove(name);
  folder.make_folder(name);
  try {
    write(unfinished);
    nlohmann::json files;
    {
      const LostPages lost;
      for (const char* file : {kWeightsFile, kOptimizerFile, kAverageFile})
        if (fs::exists(unfinished + "/" + file))
          files[file] = checksum_of(MappedFile::map(unfinished + "/" + file)->bytes());
      lost.check();
    }
    const nlohmann::ordered_json json = {{"format", kFormat}, {"files", files}, {"run", document}};
    replace_file(unfinished + "/" + kDocumentFile,
                 [&](File& file) { file.write(seal(kSealedAs, json.dump())); });
    rename_folder(unfinished, path_of(next_));
  } catch (...) {
    try {
      remove(name);
    } catch (const Error&) {
      // Then the next start removes it; what went wrong first is said.
    }
    throw;
  }
  sync_folder(path_);
  ++next_;
  remove_old(best);
}

void CheckpointFolder::remove_old(const std::string& best) const {
  const auto numbers = numbers_in(path_);
  for (std::size_t i = 0; i + keep_ < numbers.size(); ++i) {
    if (path_of(numbers[i]) != best) remove(name_of(kPrefix, numbers[i]));
  }
}

/// Of a folder of a checkpoint our own files, and the folder when nothing else is in it. It is no
/// checkpoint any more with the first of them, the document.
void CheckpointFolder::remove(std::string_view name) const {
  const Folder folder(path_);
  if (!folder.has_folder(name)) return;
  folder.remove(fmt::format("{}/{}", name, kDocumentFile));
  for (const auto& entry : fs::directory_iterator(folder.path_of(name))) {
    const std::string file = entry.path().filename();
    const bool ours = std::ranges::any_of(
        std::array{std::string_view(kWeightsFile), std::string_view(kOptimizerFile),
                   std::string_view(kAverageFile), std::string_view(kDocumentFile)},
        [&](std::string_view own) {
          return file == own || file.starts_with(fmt::format("{}.tmp.", own));
        });
    if (ours) folder.remove(fmt::format("{}/{}", name, file));
  }
  folder.remove_folder(name);
}

}  // namespace ringfeed

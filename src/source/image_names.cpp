// Names of files by class, or by a CSV file.
#include "source/image_names.hpp"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <unordered_set>
#include <utility>

#include "base/folder.hpp"
#include "base/option.hpp"
#include "dataset/arrow_status.hpp"
#include "source/csv.hpp"
#include "source/image_folder.hpp"

namespace ringfeed {
namespace {

namespace fs = std::filesystem;

/// Folders in one another.
constexpr int kFoldersDepthMax = 32;
/// What the column of names is called in a CSV file.
constexpr std::array<std::string_view, 2> kFileColumns = {"file", "file_name"};

[[noreturn]] void refuse(ErrorCode code, const std::string& what) { throw Error(code, what); }

struct Entries {
  std::vector<std::string> folders;
  std::vector<std::string> pictures;
};

/// By their names' bytes. Links are refused: what they lead to may be outside, or change.
Entries entries_of(const std::string& folder) {
  Entries entries;
  try {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_symlink()) {
        refuse(ErrorCode::kInvalidArgument,
               fmt::format("{}: a link, which a folder of pictures cannot have; copy what it leads "
                           "to",
                           entry.path().string()));
      }
      if (entry.is_directory())
        entries.folders.push_back(name);
      else if (is_picture_name(name))
        entries.pictures.push_back(name);
    }
  } catch (const fs::filesystem_error& error) {
    refuse(ErrorCode::kPermission, fmt::format("{}: {}", folder, error.code().message()));
  }
  std::ranges::sort(entries.folders);
  std::ranges::sort(entries.pictures);
  return entries;
}

/// The pictures of a folder and those in it, by folder, then by name.
void add_pictures(const std::string& root, const std::string& below, int depth,
                  std::vector<std::pair<std::string, std::string>>& found) {
  const std::string path = root + "/" + below;
  if (depth > kFoldersDepthMax) {
    refuse(ErrorCode::kInvalidArgument,
           fmt::format("{}: more than {} folders in one another", path, kFoldersDepthMax));
  }
  const Entries entries = entries_of(path);
  for (const auto& name : entries.pictures) found.emplace_back(below, name);
  for (const auto& name : entries.folders) add_pictures(root, below + "/" + name, depth + 1, found);
}

std::string joined(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

/// The column that names the files.
std::size_t file_column_of(const Schema& schema, const std::string& labels) {
  for (const auto name : kFileColumns) {
    const ColumnSpec* column = schema.find(name);
    if (column != nullptr && column->kind == ColumnKind::kString) return schema.index_of(name);
  }
  refuse(ErrorCode::kInvalidArgument,
         fmt::format("{}: no column of text is called file or file_name, which names the pictures; "
                     "add it",
                     labels));
}

}  // namespace

ImageNames names_by_class(const std::string& folder) {
  const Entries top = entries_of(folder);
  ImageNames names;
  if (top.folders.empty()) {
    names.files = top.pictures;
    return names;
  }
  if (!top.pictures.empty()) {
    refuse(ErrorCode::kInvalidArgument,
           fmt::format("{}/{}: a picture beside the folders of classes; move it into one, or name "
                       "all pictures in a CSV file with {}",
                       folder, top.pictures.front(), option_name("labels")));
  }
  arrow::Int64Builder numbers;
  for (std::size_t number = 0; number < top.folders.size(); ++number) {
    std::vector<std::pair<std::string, std::string>> found;
    add_pictures(folder, top.folders[number], 1, found);
    if (found.empty()) {
      refuse(ErrorCode::kBadData,
             fmt::format("{}/{}: a class without a picture (.jpg, .jpeg, .png, .webp); remove the "
                         "folder",
                         folder, top.folders[number]));
    }
    std::ranges::sort(found);
    for (const auto& [below, name] : found) {
      names.files.push_back(joined(below, name));
      check(numbers.Append(static_cast<std::int64_t>(number)), folder);
    }
  }
  names.columns.push_back(
      {ColumnSpec{"label", ColumnKind::kTensor, DType::kInt64, {}, top.folders}, ""});
  names.values.push_back(value_of(numbers.Finish(), folder));
  return names;
}

ImageNames names_by_labels(const std::string& folder, const SourceOptions& options,
                           BadRecords& bad) {
  SourceOptions plain;
  plain.header = options.header;
  plain.delimiter = options.delimiter;
  plain.allow_nan = options.allow_nan;
  plain.stop = options.stop;
  const auto source = open_csv({options.labels}, plain);
  const Schema& schema = source->schema();
  const std::size_t file_column = file_column_of(schema, options.labels);
  ImageNames names;
  std::vector<arrow::ArrayVector> parts(schema.columns.size());
  std::unordered_set<std::string> seen;
  std::uint64_t row = 0;
  while (const auto batch = source->next()) {
    const auto& files =
        static_cast<const arrow::StringArray&>(*batch->column(static_cast<int>(file_column)));
    RowFaults faults;
    for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
      const std::string name = files.GetString(i);
      std::string what;
      if (!is_name_below(name))
        what = fmt::format("{} is no name below the folder", in_quotes(name));
      else if (!fs::is_regular_file(fs::symlink_status(folder + "/" + name)))
        what = fmt::format("{}/{} is not there, or no plain file", folder, name);
      else if (!seen.insert(name).second)
        what = fmt::format("{} stands twice", in_quotes(name));
      ++row;
      if (what.empty()) {
        names.files.push_back(name);
      } else {
        bad.add(fmt::format("{}: record {}", options.labels, row), what);
        faults.try_emplace(i, RowFault{file_column, std::move(what)});
      }
    }
    for (const auto& run : good_runs(batch, faults)) {
      for (std::size_t c = 0; c < parts.size(); ++c)
        parts[c].push_back(run->column(static_cast<int>(c)));
    }
  }
  for (std::size_t c = 0; c < parts.size() && !names.files.empty(); ++c) {
    if (c == file_column) continue;
    names.columns.push_back({schema.columns[c], ""});
    names.values.push_back(value_of(arrow::Concatenate(parts[c]), options.labels));
  }
  return names;
}

}  // namespace ringfeed

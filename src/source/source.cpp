// Which format a name means.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/source.hpp>

#include "base/option.hpp"
#include "source/arrow_file.hpp"
#include "source/classes.hpp"
#include "source/column_file.hpp"
#include "source/column_source.hpp"
#include "source/csv.hpp"
#include "source/image_folder.hpp"
#include "source/input.hpp"
#include "source/json_lines.hpp"
#include "source/mds.hpp"
#include "source/parquet.hpp"
#include "source/tensor_spec.hpp"
#include "source/webdataset.hpp"

namespace ringfeed {
namespace {

constexpr std::int64_t kBatchRowsMax = 1048576;

enum class Format : std::uint8_t {
  kCsv,
  kJsonLines,
  kParquet,
  kArrow,
  kMds,
  kWebDataset,
  kNpy,
  kIdx,
  kImages
};

bool is_folder(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// By the name's end; nothing: none goes with it.
std::optional<Format> format_by(std::string name) {
  if (name.ends_with(".parquet")) return Format::kParquet;
  if (name.ends_with(".arrow")) return Format::kArrow;
  if (name.ends_with(".npy")) return Format::kNpy;
  if (name.ends_with(".tgz")) return Format::kWebDataset;
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".csv") || name.ends_with(".tsv") || name.ends_with(".tab"))
    return Format::kCsv;
  if (name.ends_with(".jsonl") || name.ends_with(".ndjson")) return Format::kJsonLines;
  if (name.ends_with(".tar")) return Format::kWebDataset;
  if (name.ends_with("-ubyte") || name.ends_with(".idx")) return Format::kIdx;
  return std::nullopt;
}

Format format_of(const std::string& path) {
  const std::string name = lower_case(path);
  if (const auto format = format_by(name)) return *format;
  std::string_view remedy = "rename the file, or convert it to one of these";
  if (name.ends_with(".gz")) remedy = "unpack it first";
  if (name.ends_with(".npz")) remedy = "unpack it (it is a zip file of .npy files) and name these";
  for (const std::string_view image : {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tiff"}) {
    if (name.ends_with(image))
      remedy = "of pictures name the folder that they are in (docs/images.md)";
  }
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format(
          "{}: no format goes with this name: there are .csv, .tsv, .tab, .jsonl, .ndjson, IDX "
          "(*-ubyte, *.idx), .tar, these also with .gz, .parquet, .arrow, and .npy; {}",
          path, remedy));
}

/// No source is replaced by the rejects file, nor anything in a folder that is one: what makes a
/// data set of it may read all of its files.
void check_rejects(const std::vector<std::string>& paths, const SourceOptions& options) {
  namespace fs = std::filesystem;
  if (options.rejects_path.empty()) return;
  std::error_code ignored;
  const fs::path rejects = fs::weakly_canonical(options.rejects_path, ignored);
  for (const auto& path : paths) {
    const fs::path source = fs::canonical(path, ignored);
    const auto inside = rejects.lexically_relative(source);
    if (source.empty() || inside.empty() || *inside.begin() == "..") continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the rejects file would replace a source, or stand in the folder "
                            "of one; choose another name",
                            options.rejects_path));
  }
}

bool is_column(Format format) { return format == Format::kNpy || format == Format::kIdx; }

void check_options(const std::vector<std::string>& paths, const SourceOptions& options) {
  if (paths.empty())
    throw Error(ErrorCode::kInvalidArgument, "there is no source; name at least one file");
  if (options.batch_rows < 1 || options.batch_rows > kBatchRowsMax) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("batch_rows is {}; it goes from 1 to {}",
                                                         options.batch_rows, kBatchRowsMax));
  }
  check_tensors(options.tensors);
}

/// Appends what of the folder is read: its files, or itself where an index names them.
Format settle_folder(const std::string& folder, const SourceOptions& options,
                     std::vector<std::string>& files) {
  if (is_mds_folder(folder)) {
    files.push_back(folder);
    return Format::kMds;
  }
  if (!options.labels.empty() || is_image_folder(folder)) {
    files.push_back(folder);
    return Format::kImages;
  }
  auto inside = saved_files_in(folder);
  const auto format = inside.empty() ? Format::kParquet : Format::kArrow;
  if (inside.empty()) inside = parquet_files_in(folder);
  files.insert(files.end(), inside.begin(), inside.end());
  return format;
}

/// Folders become the files in them; all are one format. npy and IDX may stand side by side.
Format settle_format(const std::vector<std::string>& paths, const SourceOptions& options,
                     std::vector<std::string>& files) {
  std::vector<Format> formats;
  for (const auto& path : paths) {
    if (is_folder(path)) {
      formats.push_back(settle_folder(path, options, files));
    } else {
      struct stat status{};
      if (::stat(path.c_str(), &status) != 0) check_source_file(path);
      formats.push_back(format_of(path));
      files.push_back(path);
    }
    if (formats.back() != formats[0] && !(is_column(formats.back()) && is_column(formats[0]))) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} and {} are of two formats; ingest one, then the other with {}",
                              paths[0], path, option_name("append")));
    }
  }
  return formats[0];
}

std::unique_ptr<ColumnFile> open_column(const std::string& path) {
  return format_of(path) == Format::kNpy ? open_npy(path) : open_idx(path);
}

std::unique_ptr<Source> open_images(const std::vector<std::string>& folders,
                                    const SourceOptions& options) {
  if (folders.size() == 1) return open_image_folder(folders[0], options);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} and {}: one folder of pictures at a time; ingest the second with {}",
                          folders[0], folders[1], option_name("append")));
}

std::unique_ptr<Source> open_files(const std::vector<std::string>& files, Format format,
                                   const SourceOptions& options) {
  switch (format) {
    case Format::kCsv:
      return open_csv(files, options);
    case Format::kJsonLines:
      return open_json_lines(files, options);
    case Format::kParquet:
      return open_parquet(files, options);
    case Format::kArrow:
      return open_arrow_files(files, options);
    case Format::kMds:
      return open_mds(files, options);
    case Format::kWebDataset:
      return open_webdataset(files, options);
    case Format::kImages:
      return open_images(files, options);
    case Format::kNpy:
    case Format::kIdx:
      break;
  }
  std::vector<std::unique_ptr<ColumnFile>> columns;
  for (const auto& file : files) columns.push_back(open_column(file));
  return make_column_source(std::move(columns), options);
}

/// Those of files that may be meant for samples, beside those of our formats.
constexpr std::string_view kOtherEndings[] = {".arrow", ".feather", ".npz", ".json", ".txt"};

}  // namespace

void check_new_name(const Url& url) {
  if (url.split || url.version) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: ?split= and ?version= choose what is read of a data set, and here "
                            "one is made; leave them out",
                            url.text()));
  }
  if (url.scheme != "file" || is_folder(url.path)) return;
  const std::string name = lower_case(url.path);
  const bool is_file = std::ranges::any_of(
      kOtherEndings, [&](std::string_view ending) { return name.ends_with(ending); });
  if (!is_file && !format_by(name)) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: it has the name of a file of samples, and is where the data set is "
                          "to be made: a folder; name all files as sources, and the data set "
                          "otherwise, e.g. {}.ring",
                          url.path, url.path.substr(0, url.path.rfind('.'))));
}

std::unique_ptr<Source> open_source(const std::vector<std::string>& paths,
                                    const SourceOptions& options) {
  check_options(paths, options);
  check_rejects(paths, options);
  std::vector<std::string> files;
  const auto format = settle_format(paths, options, files);
  if (format != Format::kImages && !options.labels.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} goes with a folder of pictures; leave it out", paths[0],
                            option_name("labels")));
  }
  const bool is_for_csv = options.header != Header::kAuto || options.delimiter != '\0';
  if (format != Format::kCsv && options.labels.empty() && is_for_csv) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: only CSV files have a header and a delimiter; leave these options "
                            "out",
                            paths[0]));
  }
  const auto open = [&](const SourceOptions& with) { return open_files(files, format, with); };
  return open(with_class_names(options, open));
}

}  // namespace ringfeed

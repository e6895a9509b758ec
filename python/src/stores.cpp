// What changes stores: writing, attaching, copying, deleting; and verifying, auditing, comparing,
// exporting and listing them.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <ringfeed/audit.hpp>
#include <ringfeed/compare.hpp>
#include <ringfeed/copy.hpp>
#include <ringfeed/export.hpp>
#include <ringfeed/ingest.hpp>
#include <ringfeed/maintenance.hpp>
#include <ringfeed/row_table.hpp>
#include <ringfeed/source.hpp>
#include <ringfeed/store.hpp>
#include <utility>

#include "arrays.hpp"
#include "arrow_stream.hpp"
#include "bindings.hpp"
#include "connection.hpp"
#include "dataset.hpp"
#include "keywords.hpp"
#include "waiting.hpp"

namespace ringfeed::python {
namespace {

/// Calls of `progress(stage, done, total)` at most this often.
constexpr std::chrono::milliseconds kProgressPause{100};

/// Reports from the working thread, not more often than a person reads.
class Progress {
 public:
  Progress(Waiter& waiter, const nb::object& report) : waiter_(waiter), report_(report) {}

  void operator()(std::string_view stage, std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (is_none_ || (now < next_ && stage == stage_)) return;
    next_ = now + kProgressPause;
    stage_ = stage;
    waiter_.call([&] { report_(stage, done, total); });
  }

 private:
  Waiter& waiter_;
  const nb::object& report_;
  const bool is_none_ = report_.is_none();
  std::chrono::steady_clock::time_point next_{};
  std::string stage_;
};

std::vector<TensorSpec> tensors_of(const std::vector<std::string>& texts) {
  std::vector<TensorSpec> tensors;
  for (const auto& text : texts) tensors.push_back(TensorSpec::parse(text));
  return tensors;
}

struct WriteOptions {
  IngestOptions ingest;
  SourceOptions source;
  bool rows = false;
  std::optional<std::string> replication;  ///< of the keyspace to make
};

WriteOptions write_options_of(const nb::dict& values) {
  Keywords keywords(values);
  WriteOptions options;
  std::vector<std::pair<std::string, double>> splits;
  keywords.take("splits", splits);
  if (!splits.empty()) options.ingest.splits.clear();
  for (auto& [name, share] : splits) options.ingest.splits.push_back({name, share});
  keywords.take("stratify", options.ingest.stratify);
  keywords.take("seed", options.ingest.seed);
  keywords.take("column_groups", options.ingest.column_groups);
  keywords.take("chunk_bytes", options.ingest.chunk_bytes);
  keywords.take("spill_bytes", options.ingest.spill_bytes);
  keywords.take("append", options.ingest.append);
  keywords.take("overwrite", options.ingest.overwrite);
  keywords.take("permute", options.ingest.permute);
  keywords.take("allow_nan", options.source.allow_nan);
  keywords.take("columns", options.source.columns);
  keywords.take("drop", options.source.drop);
  std::vector<std::string> types;
  keywords.take("types", types);
  for (const auto& type : types) options.source.types.push_back(parse_type(type));
  keywords.take("row_number", options.source.row_number);
  keywords.take("rejects", options.source.rejects_path);
  bool skip = false;
  keywords.take("skip", skip);
  if (skip) options.source.on_bad = OnBad::kSkip;
  std::vector<std::pair<std::string, std::vector<std::string>>> classes;
  keywords.take("classes", classes);
  for (auto& [column, names] : classes)
    options.source.classes.push_back({std::move(column), std::move(names)});
  keywords.take("max_bytes_per_second", options.ingest.bytes_per_second_max);
  std::vector<std::string> tensors;
  keywords.take("tensors", tensors);
  options.source.tensors = tensors_of(tensors);
  std::string layout = "packed";
  keywords.take("layout", layout);
  if (layout != "packed" && layout != "rows") {
    throw Error(ErrorCode::kInvalidArgument,
                "layout is '" + layout + "'; it is 'packed' or 'rows'");
  }
  options.rows = layout == "rows";
  keywords.take("create_keyspace", options.replication);
  keywords.finish();
  return options;
}

/// What is written: a capsule of an Arrow stream, or a function without arguments that gives (size,
/// columns) as batch_of() takes them and the bad samples among them (row, what), and None at the
/// end. Made with the GIL.
struct Given {
  explicit Given(const nb::object& object) : data(object) {
    if (nb::capsule capsule; nb::try_cast(data, capsule)) stream = stream_of(capsule);
  }
  const nb::object& data;
  ArrowArrayStream* stream = nullptr;  ///< null: data is a function
};

/// Without the GIL.
std::unique_ptr<Source> source_of(const Given& given, Extent extent, const SourceOptions& options,
                                  Waiter& waiter) {
  if (given.stream != nullptr) return open_arrow(given.stream, extent, "data", options);
  const auto bad = std::make_shared<std::vector<BadSample>>();
  const NextBatch next = [&waiter, &data = given.data, bad]() -> std::optional<Batch> {
    std::optional<Batch> batch;
    waiter.call([&] {
      const nb::object parts = data();
      if (parts.is_none()) return;
      batch = batch_of(nb::cast<std::int64_t>(parts[0]), nb::cast<nb::list>(parts[1]));
      for (auto& [row, what] :
           nb::cast<std::vector<std::pair<std::int64_t, std::string>>>(parts[2])) {
        bad->push_back({row, std::move(what)});
      }
    });
    return batch;
  };
  return open_batches(next, extent, "data", options, [bad] { return std::exchange(*bad, {}); });
}

/// (version, unchanged, splits, rejected).
nb::tuple write(const std::string& url_text, const nb::object& data, bool in_memory,
                const nb::dict& values, const nb::object& report, const nb::dict& connection) {
  const Url url = Url::parse(url_text);
  check_new_name(url);
  WriteOptions options = write_options_of(values);
  ConnectionOptions to = connection_of(connection);
  const Given given(data);
  IngestResult result;
  wait_for([&](Waiter& waiter) {
    to.stop = waiter.stop();
    Progress progress(waiter, report);
    options.ingest.stop = options.source.stop = waiter.stop();
    options.ingest.progress = [&](const IngestProgress& at) {
      progress(at.stage, at.done, at.total);
    };
    const auto open = [&] { return options.rows ? open_row_store(url, to) : open_store(url, to); };
    if (options.ingest.append) take_classes(options.source, *open());
    const auto source =
        source_of(given, in_memory ? Extent::kWhole : Extent::kStream, options.source, waiter);
    if (options.replication) create_keyspace(url, *options.replication, to);
    const auto store = open();
    result = ingest(*source, *store, options.ingest);
  });
  return nb::make_tuple(result.manifest.version, result.unchanged, splits_of(result.manifest),
                        result.rejected);
}

/// (version, splits, path of the index).
nb::tuple attach_table(const std::string& url, const nb::dict& values, const nb::object& report,
                       const nb::dict& connection) {
  Keywords keywords(values);
  AttachOptions options;
  std::vector<std::string> tensors;
  keywords.take("columns", options.columns);
  keywords.take("drop", options.drop);
  keywords.take("tensors", tensors);
  keywords.take("split_column", options.split_column);
  keywords.take("digest_values", options.digest_values);
  keywords.take("allow_nan", options.allow_nan);
  keywords.take("block_bytes", options.block_bytes);
  keywords.finish();
  options.tensors = tensors_of(tensors);
  ConnectionOptions to = connection_of(connection);
  AttachResult result;
  wait_for([&](Waiter& waiter) {
    to.stop = waiter.stop();
    Progress progress(waiter, report);
    options.stop = waiter.stop();
    options.progress = [&](const AttachProgress& at) {
      const double total = at.share > 0 ? static_cast<double>(at.rows) / at.share : 0;
      progress("attaching", at.rows, static_cast<std::uint64_t>(total));
    };
    result = attach(Url::parse(url), options, to);
  });
  return nb::make_tuple(result.manifest.version, splits_of(result.manifest), result.path);
}

/// (version, unchanged).
nb::tuple copy_dataset(const std::string& from, const std::string& to, const nb::object& report,
                       const nb::dict& from_connection, const nb::dict& to_connection) {
  ConnectionOptions source = connection_of(from_connection);
  ConnectionOptions target = connection_of(to_connection);
  CopyResult result;
  wait_for([&](Waiter& waiter) {
    source.stop = target.stop = waiter.stop();
    Progress progress(waiter, report);
    CopyOptions options;
    options.stop = waiter.stop();
    options.progress = [&](std::string_view stage, std::uint64_t done, std::uint64_t total) {
      progress(stage, done, total);
    };
    result = copy(from, to, options, source, target);
  });
  return nb::make_tuple(result.manifest.version, result.unchanged);
}

/// (versions, bytes, not_finite).
nb::tuple verify_dataset(const std::string& url, bool repair, const nb::object& report,
                         const nb::dict& connection) {
  ConnectionOptions to = connection_of(connection);
  VerifyResult result;
  wait_for([&](Waiter& waiter) {
    to.stop = waiter.stop();
    Progress progress(waiter, report);
    VerifyOptions options;
    options.repair = repair;
    options.stop = waiter.stop();
    options.progress = [&](std::uint64_t, std::uint64_t done, std::uint64_t total) {
      progress("verifying", done, total);
    };
    result = verify(url, options, to);
  });
  return nb::make_tuple(nb::cast(result.versions), result.bytes, nb::cast(result.not_finite));
}

/// (epochs, samples, left_out, lost, repeated, wrong, offences, offenders, notes).
nb::tuple audit_ledger(const std::string& folder, const std::string& url, const nb::object& report,
                       const nb::dict& connection) {
  ConnectionOptions to = connection_of(connection);
  AuditResult result;
  wait_for([&](Waiter& waiter) {
    to.stop = waiter.stop();
    Progress progress(waiter, report);
    AuditOptions options;
    options.stop = waiter.stop();
    options.progress = [&](std::string_view stage, std::uint64_t done, std::uint64_t total) {
      progress(stage, done, total);
    };
    result = audit(folder, url, options, to);
  });
  return nb::make_tuple(result.epochs, result.samples, result.left_out, result.lost,
                        result.repeated, result.wrong, result.offences, nb::cast(result.offenders),
                        nb::cast(result.notes));
}

CompareOptions compare_options(const std::vector<std::string>& columns, std::uint64_t memory_bytes,
                               Waiter& waiter, Progress& progress) {
  CompareOptions options;
  options.columns = columns;
  options.memory_bytes = memory_bytes;
  options.stop = waiter.stop();
  options.progress = [&progress](std::string_view stage, std::uint64_t done, std::uint64_t total) {
    progress(stage, done, total);
  };
  return options;
}

/// (URL, split, number).
nb::tuple name_of(const SampleName& sample) {
  return nb::make_tuple(sample.split.url, sample.split.split, sample.number);
}

nb::list names_of(const std::vector<SampleName>& samples) {
  nb::list names;
  for (const auto& sample : samples) names.append(name_of(sample));
  return names;
}

/// (samples, distinct, groups, repeated, overlaps, shown).
nb::tuple check_datasets(const std::vector<std::string>& urls, bool across_splits,
                         const std::vector<std::string>& columns, std::uint64_t memory_bytes,
                         const nb::object& report, const nb::dict& connection) {
  ConnectionOptions to = connection_of(connection);
  Duplicates found;
  wait_for([&](Waiter& waiter) {
    to.stop = waiter.stop();
    Progress progress(waiter, report);
    found = find_duplicates(urls, across_splits ? Across::kSplits : Across::kAnything,
                            compare_options(columns, memory_bytes, waiter, progress), to);
  });
  nb::list overlaps;
  for (const auto& each : found.overlaps) {
    overlaps.append(nb::make_tuple(nb::make_tuple(each.a.url, each.a.split),
                                   nb::make_tuple(each.b.url, each.b.split), each.samples));
  }
  nb::list shown;
  for (const auto& group : found.shown) shown.append(names_of(group.samples));
  return nb::make_tuple(found.samples, found.distinct, found.groups, found.repeated, overlaps,
                        shown);
}

/// (columns, compared, samples_a, samples_b, removed, added, changed, moved, first_removed,
/// first_added, first_changed).
nb::tuple diff_datasets(const std::string& a, const std::string& b, const std::string& key,
                        const std::vector<std::string>& columns, std::uint64_t memory_bytes,
                        const nb::object& report, const nb::dict& a_connection,
                        const nb::dict& b_connection) {
  ConnectionOptions to_a = connection_of(a_connection);
  ConnectionOptions to_b = connection_of(b_connection);
  Differences found;
  wait_for([&](Waiter& waiter) {
    to_a.stop = to_b.stop = waiter.stop();
    Progress progress(waiter, report);
    found = diff(a, b, key, compare_options(columns, memory_bytes, waiter, progress), to_a, to_b);
  });
  nb::list differing;
  for (const auto& column : found.columns)
    differing.append(nb::make_tuple(column.name, column.a, column.b));
  nb::list changed;
  for (const auto& [before, after] : found.first_changed)
    changed.append(nb::make_tuple(name_of(before), name_of(after)));
  return nb::make_tuple(differing, nb::cast(found.compared), found.samples_a, found.samples_b,
                        found.removed, found.added, found.changed, found.moved,
                        names_of(found.first_removed), names_of(found.first_added), changed);
}

/// (version, splits, bytes).
nb::tuple export_to(const std::string& url, const std::string& folder, const std::string& format,
                    const std::vector<std::string>& columns, const nb::object& report,
                    const nb::dict& connection) {
  ConnectionOptions to = connection_of(connection);
  ExportResult result;
  wait_for([&](Waiter& waiter) {
    to.stop = waiter.stop();
    Progress progress(waiter, report);
    ExportOptions options;
    options.format = export_format_from_name(format);
    options.columns = columns;
    options.stop = waiter.stop();
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      progress("exporting", done, total);
    };
    result = export_dataset(url, folder, options, to);
  });
  nb::dict splits;
  for (const auto& split : result.splits) splits[split.split.c_str()] = split.samples;
  return nb::make_tuple(result.version, splits, result.bytes);
}

std::vector<std::uint64_t> delete_dataset(const std::string& url, const nb::dict& connection) {
  ConnectionOptions to = connection_of(connection);
  std::vector<std::uint64_t> versions;
  wait_for([&](Waiter& waiter) {
    to.stop = waiter.stop();
    versions = removable_versions(url, to);
    remove(url, versions, to, waiter.stop());
  });
  return versions;
}

std::vector<std::string> list_urls(const std::string& url, const nb::dict& connection) {
  ConnectionOptions to = connection_of(connection);
  std::vector<std::string> urls;
  wait_for([&](Waiter& waiter) {
    to.stop = waiter.stop();
    urls = list_datasets(Url::parse(url), to);
  });
  return urls;
}

}  // namespace

void bind_stores(nb::module_& module) {
  using namespace nb::literals;
  module.def("write", &write, "url"_a, "data"_a, "in_memory"_a, "options"_a, "report"_a.none(),
             "connection"_a);
  module.def("attach", &attach_table, "url"_a, "options"_a, "report"_a.none(), "connection"_a);
  module.def("copy", &copy_dataset, "source"_a, "target"_a, "report"_a.none(),
             "source_connection"_a, "target_connection"_a);
  module.def("verify", &verify_dataset, "url"_a, "repair"_a, "report"_a.none(), "connection"_a);
  module.def("audit", &audit_ledger, "folder"_a, "url"_a, "report"_a.none(), "connection"_a);
  module.def("check", &check_datasets, "urls"_a, "across_splits"_a, "columns"_a, "memory_bytes"_a,
             "report"_a.none(), "connection"_a);
  module.def("diff", &diff_datasets, "a"_a, "b"_a, "key"_a, "columns"_a, "memory_bytes"_a,
             "report"_a.none(), "a_connection"_a, "b_connection"_a);
  module.def("export", &export_to, "url"_a, "folder"_a, "format"_a, "columns"_a, "report"_a.none(),
             "connection"_a);
  module.def("delete", &delete_dataset, "url"_a, "connection"_a);
  module.def("list", &list_urls, "url"_a, "connection"_a);
}

}  // namespace ringfeed::python

// Opening data sets, and what is known of them without reading a sample.
#include "dataset.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <ringfeed/connection.hpp>

#include "bindings.hpp"

namespace ringfeed::python {
namespace {

template <typename T>
void take(const nb::dict& from, const char* name, std::optional<T>& to) {
  if (from.contains(name)) to = nb::cast<T>(from[name]);
}

void take_consistency(const nb::dict& from, const char* name, std::optional<Consistency>& to) {
  if (from.contains(name)) to = consistency_from_name(nb::cast<std::string>(from[name]));
}

/// The keywords of ringfeed.open() (dataset.py has checked their names).
ConnectionOptions connection_of(const nb::dict& settings) {
  ConnectionOptions options;
  take(settings, "local_dc", options.local_datacenter);
  take(settings, "username", options.user);
  if (settings.contains("password"))
    options.password.emplace(nb::cast<std::string_view>(settings["password"]));
  take(settings, "tls", options.tls);
  take(settings, "tls_ca", options.tls_ca);
  take(settings, "tls_cert", options.tls_cert);
  take(settings, "tls_key", options.tls_key);
  if (settings.contains("tls_server_names"))
    options.tls_server_names = nb::cast<std::vector<std::string>>(settings["tls_server_names"]);
  take(settings, "tls_insecure", options.tls_insecure);
  take_consistency(settings, "read_consistency", options.read_consistency);
  take_consistency(settings, "write_consistency", options.write_consistency);
  take(settings, "connect_timeout_ms", options.connect_timeout_ms);
  take(settings, "request_timeout_ms", options.request_timeout_ms);
  take(settings, "connections_per_host", options.connections_per_host);
  take(settings, "lz4", options.lz4);
  take(settings, "contact_points_only", options.contact_points_only);
  take(settings, "index", options.index_dir);
  // From threads of the library: a warning waits for the GIL like any other thread.
  options.warn = [](const std::string& line) {
    const nb::gil_scoped_acquire gil;
    try {
      nb::module_::import_("warnings").attr("warn")("ringfeed: " + line);
    } catch (nb::python_error& error) {
      error.discard_as_unraisable("ringfeed: a warning");  // under -W error
    }
  };
  return options;
}

std::string kind_name(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kTensor:
      return "tensor";
    case ColumnKind::kList:
      return "list";
    case ColumnKind::kBinary:
      return "binary";
    case ColumnKind::kString:
      return "string";
  }
  return "";
}

LocalDataset open(std::string_view url, const nb::dict& settings) {
  const ConnectionOptions options = connection_of(settings);
  const nb::gil_scoped_release release;
  return LocalDataset(Dataset::open(url, options));
}

nb::list columns_of(const LocalDataset& dataset) {
  nb::list columns;
  for (const auto& column : dataset.get()->schema().columns) {
    columns.append(nb::make_tuple(column.name, kind_name(column.kind), name_of(column.dtype),
                                  nb::tuple(nb::cast(column.shape))));
  }
  return columns;
}

nb::dict splits_of(const LocalDataset& dataset) {
  nb::dict splits;
  for (const auto& split : dataset.get()->manifest().split_infos())
    splits[nb::cast(split.name)] = split.samples;
  return splits;
}

}  // namespace

void bind_dataset(nb::module_& module) {
  nb::class_<LocalDataset>(module, "Dataset")
      .def_static("open", &open)
      .def("with_split",
           [](const LocalDataset& dataset, std::string_view split) {
             return LocalDataset(dataset.get()->with_split(split));
           })
      .def_prop_ro("url", [](const LocalDataset& dataset) { return dataset.get()->url(); })
      .def_prop_ro("split", [](const LocalDataset& dataset) { return dataset.get()->split(); })
      .def_prop_ro("version", [](const LocalDataset& dataset) { return dataset.get()->version(); })
      .def_prop_ro("size", [](const LocalDataset& dataset) { return dataset.get()->size(); })
      .def_prop_ro("columns", &columns_of)
      .def_prop_ro("splits", &splits_of);
}

}  // namespace ringfeed::python

// Opening data sets, what is known of them without reading a sample, and samples by number.
#include "dataset.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <ringfeed/samples.hpp>

#include "arrays.hpp"
#include "arrow_stream.hpp"
#include "bindings.hpp"
#include "connection.hpp"
#include "waiting.hpp"

namespace ringfeed::python {
namespace {

using LocalSamples = Local<Samples>;

LocalDataset open(const std::string& url, const nb::dict& connection) {
  ConnectionOptions options = connection_of(connection);
  std::shared_ptr<const Dataset> dataset;
  wait_for([&](Waiter& waiter) {
    options.stop = waiter.stop();
    dataset = Dataset::open(url, options);
  });
  return LocalDataset(std::move(dataset));
}

nb::list columns_of(const LocalDataset& dataset) {
  nb::list columns;
  for (const auto& column : dataset.get()->schema().columns) {
    columns.append(nb::make_tuple(column.name, name_of(column.kind), name_of(column.dtype),
                                  nb::tuple(nb::cast(column.shape)),
                                  nb::tuple(nb::cast(column.classes))));
  }
  return columns;
}

LocalSamples samples_of(const LocalDataset& dataset, std::vector<std::string> columns,
                        std::uint64_t cache_bytes) {
  const auto data = dataset.get();
  std::shared_ptr<Samples> samples;
  wait_for(
      [&](Waiter&) { samples = std::make_shared<Samples>(data, std::move(columns), cache_bytes); });
  return LocalSamples(std::move(samples));
}

nb::dict read(const LocalSamples& samples, const std::vector<std::uint64_t>& numbers) {
  const auto kept = samples.get();
  Batch batch;
  wait_for([&](Waiter&) { batch = kept->read(numbers); });
  return arrays_of(batch);
}

nb::capsule export_stream(const LocalDataset& dataset, const std::vector<std::string>& columns,
                          std::uint64_t part, std::uint64_t parts) {
  const auto data = dataset.get();
  return make_stream_capsule([&](ArrowArrayStream* stream) {
    wait_for([&](Waiter&) { export_arrow(data, columns, stream, {part, parts}); });
  });
}

}  // namespace

nb::dict splits_of(const Manifest& manifest) {
  nb::dict splits;
  for (const auto& split : manifest.split_infos()) splits[nb::cast(split.name)] = split.samples;
  return splits;
}

void bind_dataset(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<LocalDataset>(module, "Dataset")
      .def_static("open", &open, "url"_a, "connection"_a)
      .def(
          "with_split",
          [](const LocalDataset& dataset, std::string_view split) {
            return LocalDataset(dataset.get()->with_split(split));
          },
          "split"_a)
      .def_prop_ro("url", [](const LocalDataset& dataset) { return dataset.get()->url(); })
      .def_prop_ro("split", [](const LocalDataset& dataset) { return dataset.get()->split(); })
      .def_prop_ro("version", [](const LocalDataset& dataset) { return dataset.get()->version(); })
      .def_prop_ro("size", [](const LocalDataset& dataset) { return dataset.get()->size(); })
      .def_prop_ro("columns", &columns_of)
      .def_prop_ro("splits",
                   [](const LocalDataset& dataset) { return splits_of(dataset.get()->manifest()); })
      .def("samples", &samples_of, "columns"_a, "cache_bytes"_a)
      .def("export_stream", &export_stream, "columns"_a, "part"_a = 0, "parts"_a = 1);
  nb::class_<LocalSamples>(module, "Samples").def("read", &read, "numbers"_a);
}

}  // namespace ringfeed::python

// Pictures: decoded, probed, and put through steps one by one, as the feed does it.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <ringfeed/batch.hpp>
#include <ringfeed/image.hpp>
#include <tuple>
#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"

namespace ringfeed::python {
namespace {

std::span<const std::byte> bytes_of(const nb::bytes& file) {
  return {reinterpret_cast<const std::byte*>(file.c_str()), file.size()};
}

using Probed = std::tuple<std::string, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;

Probed probe(const nb::bytes& file) {
  const ImageInfo info = probe_image(bytes_of(file));
  return {std::string(name_of(info.format)), info.width, info.height, info.channels,
          info.orientation};
}

/// One array over memory that it keeps.
nb::object array_over(std::vector<std::int64_t> shape, DType dtype, void* data,
                      std::shared_ptr<void> owner) {
  Batch batch;
  Column& column = batch.columns.emplace_back();
  column.name = "image";
  column.shape = std::move(shape);
  column.dtype = dtype;
  column.data = data;
  column.owner = std::move(owner);
  return arrays_of(batch)["image"];
}

nb::object decode(const nb::bytes& file) {
  auto picture = std::make_shared<Picture>();
  {
    const auto bytes = bytes_of(file);
    const nb::gil_scoped_release release;
    *picture = decode_image(bytes);
  }
  return array_over({picture->height, picture->width, 3}, DType::kUInt8, picture->rgb.data(),
                    picture);
}

nb::object run(const ImageSteps& steps, const nb::bytes& file, std::uint64_t seed,
               std::uint64_t epoch, std::uint64_t sample) {
  auto shape = steps.shape();
  std::size_t size = size_of(steps.dtype());
  for (const auto side : shape) size *= static_cast<std::size_t>(side);
  auto bytes = std::make_shared<std::vector<std::byte>>(size);
  {
    const auto from = bytes_of(file);
    const nb::gil_scoped_release release;
    steps.run(from, ImageSteps::key(seed, epoch, sample), bytes->data());
  }
  return array_over(std::move(shape), steps.dtype(), bytes->data(), bytes);
}

}  // namespace

void bind_image(nb::module_& module) {
  using namespace nb::literals;
  module.def("probe_image", &probe, "file"_a);
  module.def("decode_image", &decode, "file"_a);
  nb::class_<ImageSteps>(module, "ImageSteps")
      .def_static("parse", &ImageSteps::parse, "text"_a)
      .def_prop_ro("text", &ImageSteps::text)
      .def_prop_ro("dtype", [](const ImageSteps& of) { return std::string(name_of(of.dtype())); })
      .def_prop_ro("shape", &ImageSteps::shape)
      .def("for_validation", &ImageSteps::for_validation)
      .def("run", &run, "file"_a, "seed"_a, "epoch"_a, "sample"_a);
}

}  // namespace ringfeed::python

// One picture through its steps, from its bytes into its place in a batch.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>
#include <ringfeed/order.hpp>
#include <type_traits>

#include "base/random.hpp"
#include "image/canvas.hpp"
#include "image/color.hpp"
#include "image/draws.hpp"
#include "image/step.hpp"

namespace ringfeed {
namespace {

/// The value of each byte, by channel.
template <typename T>
using Table = std::array<std::array<T, 256>, kChannels>;

/// Computed as torchvision does it for a tensor.
Table<float> table_of(const std::vector<ImageStep>& steps) {
  Table<float> table{};
  for (const auto& step : steps) {
    const auto* normalize = std::get_if<Normalize>(&step);
    for (std::size_t c = 0; c < kChannels; ++c) {
      for (std::size_t i = 0; i < table[c].size(); ++i) {
        const float value = static_cast<float>(i) * static_cast<float>(1.0 / 255);
        table[c][i] = normalize == nullptr ? value
                                           : (value - static_cast<float>(normalize->mean[c])) /
                                                 static_cast<float>(normalize->deviation[c]);
      }
    }
    if (normalize != nullptr) break;
  }
  return table;
}

constexpr Table<std::uint8_t> kBytesAsTheyAre = [] {
  Table<std::uint8_t> table{};
  for (auto& channel : table) {
    for (std::size_t i = 0; i < channel.size(); ++i) channel[i] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

/// A size of which the shorter side is asked for.
Side resized(Side picture, Side asked) {
  if (asked.width != 0) return asked;
  const auto longer = [&](std::uint32_t large, std::uint32_t small) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(asked.height) * large / small);
  };
  if (picture.width <= picture.height) return {longer(picture.height, picture.width), asked.height};
  return {asked.height, longer(picture.width, picture.height)};
}

void check_fits(std::string_view step, Side picture, Side crop) {
  if (crop.width <= picture.width && crop.height <= picture.height) return;
  throw DoesNotFit(ErrorCode::kBadData,
                   fmt::format("a picture of {} x {} pixels is smaller than {}:{}x{}; put a resize "
                               "before it",
                               picture.width, picture.height, step, crop.height, crop.width));
}

/// One picture on its way.
class Run {
 public:
  Run(std::span<const std::byte> file, std::uint64_t key, CanvasScratch& scratch)
      : canvas_(file, scratch), random_(key) {}

  void operator()(const Resize& step) { canvas_.resize(resized(canvas_.size(), step.size)); }

  void operator()(const CenterCrop& step) {
    const Side picture = canvas_.size();
    check_fits("center_crop", picture, step.size);
    const auto middle = [](std::uint32_t large, std::uint32_t small) {
      return static_cast<std::int64_t>(std::nearbyint((large - small) / 2.0));
    };
    canvas_.crop(middle(picture.width, step.size.width), middle(picture.height, step.size.height),
                 step.size);
  }

  void operator()(const RandomResizedCrop& step) {
    const Box box = draw_resized_crop(random_, canvas_.size(), step);
    canvas_.crop(box.left, box.top, {box.height, box.width});
    canvas_.resize(step.size);
  }

  void operator()(const RandomCrop& step) {
    const Side picture = canvas_.size();
    const Side padded{picture.height + 2 * step.padding, picture.width + 2 * step.padding};
    check_fits("random_crop", padded, step.size);
    const std::int64_t padding = step.padding;
    const auto draw = [&](std::uint32_t large, std::uint32_t small) {
      return static_cast<std::int64_t>(random_.below(large - small + 1)) - padding;
    };
    const std::int64_t top = draw(padded.height, step.size.height);
    const std::int64_t left = draw(padded.width, step.size.width);
    canvas_.crop(left, top, step.size);
  }

  void operator()(const Flip& step) {
    if (happens(random_, step.probability)) canvas_.mirror(step.vertical);
  }

  void operator()(const ColorJitter& step) { jitter_colors(canvas_.pixels(), step, random_); }

  void operator()(const Grayscale& step) {
    if (happens(random_, step.probability)) make_gray(canvas_.pixels());
  }

  /// Of float32 the zeros are put into the tensor, in the end.
  void operator()(const RandomErasing& step) {
    if (!happens(random_, step.probability)) return;
    const auto box = draw_erased(random_, canvas_.size(), step);
    if (!box) return;
    if (is_float_)
      erased_.push_back(*box);
    else
      erase(canvas_.settled(), *box);
  }

  void operator()(const Normalize&) { is_float_ = true; }
  void operator()(const ToFloat&) { is_float_ = true; }

  /// Plane by plane, by a table of the value of each byte for each channel.
  template <typename T>
  void write(T* to, const Table<T>& table) {
    const Pixels& pixels = canvas_.pixels();
    const std::uint32_t width = pixels.width;
    const std::size_t plane = std::size_t{width} * pixels.height;
    const std::ptrdiff_t onward = canvas_.is_mirrored() ? -3 : 3;
    for (std::uint32_t y = 0; y < pixels.height; ++y) {
      const std::uint8_t* from = pixels.row(canvas_.is_upside_down() ? pixels.height - 1 - y : y);
      if (onward < 0) from += kChannels * (width - 1);
      T* const red = to + std::size_t{y} * width;
      T* const green = red + plane;
      T* const blue = green + plane;
      for (std::uint32_t x = 0; x < width; ++x, from += onward) {
        red[x] = table[0][from[0]];
        green[x] = table[1][from[1]];
        blue[x] = table[2][from[2]];
      }
    }
    for (const auto& box : erased_) {
      for (std::size_t c = 0; c < kChannels; ++c) {
        for (std::uint32_t y = box.top; y < box.top + box.height; ++y)
          std::fill_n(to + c * plane + std::size_t{y} * pixels.width + box.left, box.width, T{0});
      }
    }
  }

 private:
  Canvas canvas_;
  Random random_;
  bool is_float_ = false;
  std::vector<Box> erased_;
};

}  // namespace

struct ImageSteps::Program {
  explicit Program(std::vector<ImageStep> all)
      : steps(std::move(all)), is_float(makes_float(steps)), table(table_of(steps)) {}

  std::vector<ImageStep> steps;
  bool is_float;
  Table<float> table;
};

ImageSteps ImageSteps::parse(std::string_view text) {
  return ImageSteps(std::make_shared<const Program>(parse_steps(text)));
}

std::string ImageSteps::text() const { return text_of(program_->steps); }

DType ImageSteps::dtype() const noexcept {
  return program_->is_float ? DType::kFloat32 : DType::kUInt8;
}

std::vector<std::int64_t> ImageSteps::shape() const {
  const Side size = size_of(program_->steps);
  return {kChannels, size.height, size.width};
}

ImageSteps ImageSteps::for_validation() const {
  return ImageSteps(std::make_shared<const Program>(steps_for_validation(program_->steps)));
}

void ImageSteps::run(std::span<const std::byte> file, std::uint64_t key, void* to) const {
  // Kept from picture to picture: taking this memory anew costs as much as the resize.
  thread_local CanvasScratch scratch;
  Run run(file, key, scratch);
  for (const auto& step : program_->steps) std::visit(run, step);
  if (program_->is_float)
    run.write(static_cast<float*>(to), program_->table);
  else
    run.write(static_cast<std::uint8_t*>(to), kBytesAsTheyAre);
}

std::uint64_t ImageSteps::key(std::uint64_t seed, std::uint64_t epoch,
                              std::uint64_t sample) noexcept {
  return random_key(kOrderVersion, seed, epoch, Purpose::kImage, sample);
}

}  // namespace ringfeed

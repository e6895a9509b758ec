// The steps from a picture to a tensor as values: what the text of a user says.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ringfeed {

struct Side {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
};
struct Range {
  double low = 0;
  double high = 0;
};

/// To a size; without a width so that the shorter side has the height.
struct Resize {
  Side size;
};
struct CenterCrop {
  Side size;
};
struct RandomResizedCrop {
  Side size;
  Range scale = {0.08, 1.0};
  Range ratio = {3.0 / 4.0, 4.0 / 3.0};
};
struct RandomCrop {
  Side size;
  std::uint32_t padding = 0;
};
struct Flip {
  bool vertical = false;
  double probability = 0.5;
};
struct ColorJitter {
  double brightness = 0;
  double contrast = 0;
  double saturation = 0;
  double hue = 0;
};
struct Grayscale {
  double probability = 1;
};
struct RandomErasing {
  double probability = 0.5;
  Range scale = {0.02, 0.33};
  Range ratio = {0.3, 3.3};
};
struct Normalize {
  std::array<double, 3> mean = {};
  std::array<double, 3> deviation = {1, 1, 1};
};
/// To float32 from 0 to 1.
struct ToFloat {};

using ImageStep = std::variant<Resize, CenterCrop, RandomResizedCrop, RandomCrop, Flip, ColorJitter,
                               Grayscale, RandomErasing, Normalize, ToFloat>;

/// Throws Error{kInvalidArgument} that names the step.
std::vector<ImageStep> parse_steps(std::string_view text);
/// parse_steps() takes it; with all values.
std::string text_of(const std::vector<ImageStep>& steps);
/// Size of the tensor: of the last step that makes one, which is there in what parse_steps() gave.
Side size_of(const std::vector<ImageStep>& steps);
/// Whether the tensor is float32.
bool makes_float(const std::vector<ImageStep>& steps);
std::vector<ImageStep> steps_for_validation(const std::vector<ImageStep>& steps);

}  // namespace ringfeed

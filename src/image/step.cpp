// The text of steps: NAME[:VALUE|:KEY=VALUE]..., separated by commas.
#include "image/step.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>
#include <type_traits>

#include "base/printable.hpp"

namespace ringfeed {
namespace {

constexpr double kFactorMax = 100;

[[noreturn]] void refuse(std::string_view step, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, printable(fmt::format("step '{}': {}", step, what)));
}

std::vector<std::string_view> parts_of(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(by);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

template <typename T>
std::optional<T> number_in(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

/// The values of one step, taken one by one; what is left in the end is an error.
class Arguments {
 public:
  explicit Arguments(std::string_view step) : step_(step) {
    const auto parts = parts_of(step, ':');
    name_ = parts[0];
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const auto equals = parts[i].find('=');
      const bool named = equals != std::string_view::npos;
      const auto key = named ? parts[i].substr(0, equals) : std::string_view();
      if (!values_.try_emplace(key, named ? parts[i].substr(equals + 1) : parts[i]).second)
        refuse(step_, fmt::format("'{}' is a value too many", parts[i]));
    }
  }

  std::string_view name() const { return name_; }
  std::string_view step() const { return step_; }

  std::optional<std::string_view> take(std::string_view key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    const auto value = found->second;
    values_.erase(found);
    return value;
  }

  /// "224" or "HEIGHTxWIDTH".
  Side side(bool width_may_be_missing) {
    const auto text = take("");
    if (!text) refuse(step_, fmt::format("it needs a size, e.g. {}:224", name_));
    const auto parts = parts_of(*text, 'x');
    Side side;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto number = number_in<std::uint32_t>(parts[i]);
      if (!number || *number < 1 || *number > kStepSideMax || parts.size() > 2)
        refuse(step_, fmt::format("a size is 1 to {} pixels, or HEIGHTxWIDTH", kStepSideMax));
      (i == 0 ? side.height : side.width) = *number;
    }
    if (parts.size() == 1 && !width_may_be_missing) side.width = side.height;
    return side;
  }

  void number(std::string_view key, double low, double high, double& value) {
    const auto text = take(key);
    if (!text) return;
    const auto number = number_in<double>(*text);
    if (!number || !(*number >= low && *number <= high))
      refuse(step_, fmt::format("{} is a number from {} to {}", key, low, high));
    value = *number;
  }

  void range(std::string_view key, double high_max, Range& value) {
    const auto text = take(key);
    if (!text) return;
    const auto parts = parts_of(*text, '-');
    const auto low = number_in<double>(parts[0]);
    const auto high = number_in<double>(parts.back());
    if (parts.size() != 2 || !low || !high || !(*low > 0 && *low <= *high && *high <= high_max))
      refuse(step_, fmt::format("{} is LOW-HIGH, above 0 to {}", key, high_max));
    value = {*low, *high};
  }

  void three(std::string_view key, double low, std::array<double, 3>& values) {
    const auto text = take(key);
    if (!text) return;
    const auto parts = parts_of(*text, '/');
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto number = number_in<double>(parts[i]);
      if (parts.size() != values.size() || !number || !std::isfinite(*number) || !(*number > low))
        refuse(step_, fmt::format("{} is three numbers, e.g. {}=0.5/0.5/0.5", key, key));
      values[i] = *number;
    }
  }

  void check_all_taken() const {
    if (values_.empty()) return;
    const auto& [key, value] = *values_.begin();
    refuse(step_, fmt::format("{} has no '{}'", name_, key.empty() ? value : key));
  }

 private:
  std::string_view step_;
  std::string_view name_;
  std::map<std::string_view, std::string_view> values_;
};

ImageStep make_flip(Arguments& of) {
  Flip flip;
  if (const auto way = of.take("")) {
    if (*way != "horizontal" && *way != "vertical")
      refuse(of.step(), "a flip is horizontal or vertical");
    flip.vertical = *way == "vertical";
  }
  of.number("p", 0, 1, flip.probability);
  return flip;
}

ImageStep make_random_resized_crop(Arguments& of) {
  RandomResizedCrop crop{of.side(false)};
  of.range("scale", 1, crop.scale);
  of.range("ratio", kFactorMax, crop.ratio);
  return crop;
}

ImageStep make_random_crop(Arguments& of) {
  RandomCrop crop{of.side(false)};
  double padding = 0;
  of.number("padding", 0, kStepSideMax, padding);
  crop.padding = static_cast<std::uint32_t>(padding);
  if (crop.padding != padding) refuse(of.step(), "padding is a whole number of pixels");
  return crop;
}

ImageStep make_color_jitter(Arguments& of) {
  ColorJitter jitter;
  of.number("brightness", 0, kFactorMax, jitter.brightness);
  of.number("contrast", 0, kFactorMax, jitter.contrast);
  of.number("saturation", 0, kFactorMax, jitter.saturation);
  of.number("hue", 0, 0.5, jitter.hue);
  return jitter;
}

ImageStep make_grayscale(Arguments& of) {
  Grayscale gray;
  of.number("p", 0, 1, gray.probability);
  return gray;
}

ImageStep make_random_erasing(Arguments& of) {
  RandomErasing erasing;
  of.number("p", 0, 1, erasing.probability);
  of.range("scale", 1, erasing.scale);
  of.range("ratio", kFactorMax, erasing.ratio);
  return erasing;
}

ImageStep make_normalize(Arguments& of) {
  constexpr Normalize kImageNet = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
  const auto known = of.take("");
  if (known && *known != "imagenet")
    refuse(of.step(), "normalize:imagenet, or normalize:mean=R/G/B:std=R/G/B");
  Normalize normalize = known ? kImageNet : Normalize{};
  of.three("mean", -kFactorMax, normalize.mean);
  of.three("std", 0, normalize.deviation);
  return normalize;
}

using MakeStep = std::function<ImageStep(Arguments&)>;

const std::map<std::string_view, MakeStep>& makers() {
  static const std::map<std::string_view, MakeStep> all = {
      {"resize", [](Arguments& of) -> ImageStep { return Resize{of.side(true)}; }},
      {"center_crop", [](Arguments& of) -> ImageStep { return CenterCrop{of.side(false)}; }},
      {"random_resized_crop", make_random_resized_crop},
      {"random_crop", make_random_crop},
      {"flip", make_flip},
      {"color_jitter", make_color_jitter},
      {"grayscale", make_grayscale},
      {"random_erasing", make_random_erasing},
      {"normalize", make_normalize},
      {"float", [](Arguments&) -> ImageStep { return ToFloat{}; }},
  };
  return all;
}

ImageStep parse_step(std::string_view text) {
  Arguments arguments(text);
  const auto found = makers().find(arguments.name());
  if (found == makers().end()) {
    std::string names;
    for (const auto& [name, make] : makers()) {
      if (!names.empty()) names += ", ";
      names += name;
    }
    refuse(text, "there is none of this name; there are " + names);
  }
  ImageStep step = found->second(arguments);
  arguments.check_all_taken();
  return step;
}

template <typename... Kinds>
bool is_any(const ImageStep& step) {
  return (std::holds_alternative<Kinds>(step) || ...);
}

std::string text_of(const Side& side) {
  return side.width == 0 ? fmt::format("{}", side.height)
                         : fmt::format("{}x{}", side.height, side.width);
}

std::string text_of(const Range& range) { return fmt::format("{}-{}", range.low, range.high); }

std::string text_of(const std::array<double, 3>& values) {
  return fmt::format("{}/{}/{}", values[0], values[1], values[2]);
}

std::string text_of(const ImageStep& step) {
  return std::visit(
      [](const auto& of) -> std::string {
        using Kind = std::decay_t<decltype(of)>;
        if constexpr (std::is_same_v<Kind, Resize>) {
          return "resize:" + text_of(of.size);
        } else if constexpr (std::is_same_v<Kind, CenterCrop>) {
          return "center_crop:" + text_of(of.size);
        } else if constexpr (std::is_same_v<Kind, RandomResizedCrop>) {
          return fmt::format("random_resized_crop:{}:scale={}:ratio={}", text_of(of.size),
                             text_of(of.scale), text_of(of.ratio));
        } else if constexpr (std::is_same_v<Kind, RandomCrop>) {
          return fmt::format("random_crop:{}:padding={}", text_of(of.size), of.padding);
        } else if constexpr (std::is_same_v<Kind, Flip>) {
          return fmt::format("flip:{}:p={}", of.vertical ? "vertical" : "horizontal",
                             of.probability);
        } else if constexpr (std::is_same_v<Kind, ColorJitter>) {
          return fmt::format("color_jitter:brightness={}:contrast={}:saturation={}:hue={}",
                             of.brightness, of.contrast, of.saturation, of.hue);
        } else if constexpr (std::is_same_v<Kind, Grayscale>) {
          return fmt::format("grayscale:p={}", of.probability);
        } else if constexpr (std::is_same_v<Kind, RandomErasing>) {
          return fmt::format("random_erasing:p={}:scale={}:ratio={}", of.probability,
                             text_of(of.scale), text_of(of.ratio));
        } else if constexpr (std::is_same_v<Kind, Normalize>) {
          return fmt::format("normalize:mean={}:std={}", text_of(of.mean), text_of(of.deviation));
        } else {
          return "float";
        }
      },
      step);
}

/// The place of each step: pixels are bytes until they become numbers, once.
void check_places(const std::vector<ImageStep>& steps) {
  bool is_number = false;
  for (const auto& step : steps) {
    const bool converts = is_any<Normalize, ToFloat>(step);
    if (is_number && converts)
      refuse(text_of(step), "the pixels are float32 already; leave one of the two out");
    if (is_number && !is_any<RandomErasing>(step))
      refuse(text_of(step), "it takes pixels of bytes: put it before normalize or float");
    is_number = is_number || converts;
  }
}

/// Of the last step that says how large; without a width it leaves that open.
Side last_size(const std::vector<ImageStep>& steps) {
  Side side;
  for (const auto& step : steps) {
    std::visit(
        [&](const auto& of) {
          if constexpr (requires { of.size; }) side = of.size;
        },
        step);
  }
  return side;
}

}  // namespace

std::vector<ImageStep> parse_steps(std::string_view text) {
  std::vector<ImageStep> steps;
  for (const auto part : parts_of(text, ',')) {
    steps.push_back(parse_step(part));
    if (steps.size() > kImageStepsMax)
      refuse(part, fmt::format("more than {} steps", kImageStepsMax));
  }
  check_places(steps);
  if (last_size(steps).width == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("steps '{}': they leave the size open, and a batch needs one; end with "
                            "center_crop:224, random_resized_crop:224 or resize:224x224",
                            printable(text)));
  }
  return steps;
}

std::string text_of(const std::vector<ImageStep>& steps) {
  std::string text;
  for (const auto& step : steps) {
    if (!text.empty()) text += ',';
    text += text_of(step);
  }
  return text;
}

Side size_of(const std::vector<ImageStep>& steps) { return last_size(steps); }

bool makes_float(const std::vector<ImageStep>& steps) {
  for (const auto& step : steps) {
    if (is_any<Normalize, ToFloat>(step)) return true;
  }
  return false;
}

std::vector<ImageStep> steps_for_validation(const std::vector<ImageStep>& steps) {
  std::vector<ImageStep> plain;
  for (const auto& step : steps) {
    if (const auto* resized = std::get_if<RandomResizedCrop>(&step)) {
      // As is usual: 256 for 224. A size that is not square is made by a resize alone.
      const Side size = resized->size;
      if (size.height == size.width) {
        plain.push_back(Resize{{(size.height * 8 + 3) / 7, 0}});
        plain.push_back(CenterCrop{size});
      } else {
        plain.push_back(Resize{size});
      }
    } else if (const auto* crop = std::get_if<RandomCrop>(&step)) {
      plain.push_back(CenterCrop{crop->size});
    } else if (const auto* gray = std::get_if<Grayscale>(&step)) {
      if (gray->probability == 1) plain.push_back(step);
    } else if (!is_any<Flip, ColorJitter, RandomErasing>(step)) {
      plain.push_back(step);
    }
  }
  return plain;
}

}  // namespace ringfeed

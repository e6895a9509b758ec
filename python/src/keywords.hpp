// Keyword arguments that Python passes on as a dict: each is taken once, and what nobody takes is
// refused.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <ringfeed/error.hpp>
#include <string>
#include <vector>

namespace ringfeed::python {

namespace nb = nanobind;

class Keywords {
 public:
  explicit Keywords(nb::dict values) : values_(std::move(values)) {}

  /// Leaves `to` as it is, and is false, when the keyword is not there, or None. Throws
  /// Error{kInvalidArgument} when its value is of another type.
  template <typename T>
  bool take(const char* name, T& to) {
    const nb::object value = find(name);
    if (value.is_none()) return false;
    if (!nb::try_cast(value, to)) refuse(name, value);
    return true;
  }
  template <typename T>
  void take(const char* name, std::optional<T>& to) {
    T value{};
    if (take(name, value)) to = std::move(value);
  }

  /// Throws Error{kInvalidArgument} that names a keyword that was not taken, and those there are.
  void finish() const;

 private:
  nb::object find(const char* name);
  [[noreturn]] static void refuse(const char* name, const nb::object& value);

  nb::dict values_;
  std::vector<std::string> known_;
};

}  // namespace ringfeed::python

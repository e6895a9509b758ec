// The names of options by face.
#include "base/option.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <ringfeed/error.hpp>

#include "base/printable.hpp"

namespace ringfeed {
namespace {

std::atomic<Face> face_of_process = Face::kCpp;

/// Where a side does not have the option, the program does.
Face face_of(const OptionNames& names) {
  const Face face = face_of_process.load(std::memory_order_relaxed);
  const bool is_missing =
      (face == Face::kPython && names.python.empty()) || (face == Face::kCpp && names.cpp.empty());
  return is_missing ? Face::kProgram : face;
}

}  // namespace

void set_face(Face face) noexcept { face_of_process = face; }

std::string option_name(Option option) {
  const auto& names = option.names();
  switch (face_of(names)) {
    case Face::kPython:
      return names.turned_on.empty() ? std::string(names.python)
                                     : fmt::format("{}={}", names.python, names.turned_on);
    case Face::kCpp:
      return std::string(names.cpp);
    case Face::kProgram:
      break;
  }
  return fmt::format("--{}", names.name);
}

std::string option_name(Option option, std::string_view value) {
  const auto& names = option.names();
  switch (face_of(names)) {
    case Face::kPython:
      return fmt::format("{}='{}'", names.python, value);
    case Face::kCpp:
      return fmt::format("{} = {}", names.cpp, value);
    case Face::kProgram:
      break;
  }
  return fmt::format("--{} {}", names.name, value);
}

std::string option_call(Option option) {
  const auto& names = option.names();
  const std::string name = option_name(option);
  switch (face_of(names)) {
    case Face::kPython:
      return fmt::format("{}({}{})", names.function, name, names.turned_on.empty() ? "=" : "");
    case Face::kCpp:
      return name;
    case Face::kProgram:
      break;
  }
  return fmt::format("'ringfeed {} {}'", names.command, name);
}

std::string command_name(std::string_view command) {
  const Face face = face_of_process.load(std::memory_order_relaxed);
  if (face == Face::kProgram) return fmt::format("'ringfeed {}'", command);
  return face == Face::kPython && command == "ingest" ? "write()" : fmt::format("{}()", command);
}

void check_each_once(Option option, const std::vector<std::string>& names) {
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (std::find(names.begin(), name, *name) == name) continue;
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: '{}' stands twice; leave one out",
                                                         option_name(option), printable(*name)));
  }
}

void refuse_value(Option option, std::string_view value) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} {} is out of its bounds, {}", option_name(option), value,
                          option.names().bounds));
}

std::string ways_to_give_password() {
  return fmt::format(
      "set RINGFEED_PASSWORD, give {}, write it into ~/.cassandra/credentials, or run in a "
      "terminal, where it is asked for",
      option_name("password-file"));
}

}  // namespace ringfeed

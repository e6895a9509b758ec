// A column of pictures is a tensor to all behind it.
#include "feed/decoded_columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <thread>
#include <utility>

#include "base/option.hpp"

namespace ringfeed {

DecodedColumns::DecodedColumns(std::vector<ColumnSpec> stored)
    : handed_(std::move(stored)), steps_(handed_.size()) {}

DecodedColumns::DecodedColumns(std::vector<ColumnSpec> stored,
                               const std::map<std::string, std::string>& decode)
    : DecodedColumns(std::move(stored)) {
  for (const auto& [name, text] : decode) {
    const auto found = std::ranges::find(handed_, name, &ColumnSpec::name);
    if (found == handed_.end()) {
      std::vector<std::string> names;
      for (const auto& column : handed_) names.push_back(column.name);
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: column '{}' is not among those that are read, {}",
                              option_name("decode"), name, fmt::join(names, ", ")));
    }
    const auto place = static_cast<std::size_t>(found - handed_.begin());
    ColumnSpec& column = *found;
    if (column.kind != ColumnKind::kBinary) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: column '{}' is {}; what is decoded is binary, the bytes of a "
                              "picture's file",
                              option_name("decode"), name, column.type_name()));
    }
    steps_[place] = ImageSteps::parse(text);
    column.kind = ColumnKind::kTensor;
    column.dtype = steps_[place]->dtype();
    column.shape = steps_[place]->shape();
    any_ = true;
  }
}

void DecodedColumns::decode(std::size_t column, std::span<const std::byte> file, const Draws& draws,
                            std::uint64_t sample, std::byte* to) const {
  const auto name_sample = [&](const Error& error) {
    return fmt::format("sample {}, column '{}': {}", sample, handed_[column].name, error.what());
  };
  try {
    steps_[column]->run(file, ImageSteps::key(draws.seed, draws.epoch, sample), to);
  } catch (const DoesNotFit& error) {
    throw Error(error.code(), name_sample(error));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} (make the data set anew with {} and {}, or "
                                          "leave it out)",
                                          name_sample(error), option_name("verify-images", "full"),
                                          option_name("on-bad", "skip")));
  }
}

std::map<std::string, std::string> full_texts(const std::map<std::string, std::string>& decode) {
  std::map<std::string, std::string> full;
  for (const auto& [column, steps] : decode) full[column] = ImageSteps::parse(steps).text();
  return full;
}

FeedOptions with_decode_threads(FeedOptions options) {
  check_bounds("assemble-threads", options.assemble_threads);
  if (options.decode.empty()) return options;
  int threads = options.decode_threads;
  if (threads == 0)
    threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1,
                         most_of<int>("decode-threads"));
  check_bounds("decode-threads", threads);
  options.assemble_threads = std::max(options.assemble_threads, threads);
  return options;
}

}  // namespace ringfeed

// The options of an order, of the commands that have a run in mind.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace ringfeed::cli {

/// What they fill, where it has its defaults.
struct OrderFields {
  std::uint64_t& global_batch;
  std::string& shuffle;
  std::uint32_t& lanes;
  std::uint32_t& window;
};

/// The fields must outlive the parsing.
void add_order_options(CLI::App& app, const OrderFields& fields);

}  // namespace ringfeed::cli

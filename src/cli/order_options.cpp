// Names and texts; bounds are those of options.toml.
#include "cli/order_options.hpp"

namespace ringfeed::cli {

void add_order_options(CLI::App& app, const OrderFields& fields) {
  app.add_option("--batch-size", fields.global_batch, "samples per step over all ranks");
  app.add_option("--shuffle", fields.shuffle, "how the order is mixed (docs/ordering.md)")
      ->check(CLI::IsMember({"block", "full", "none"}));
  app.add_option("--lanes", fields.lanes, "lanes of the order; at least the ranks");
  app.add_option("--window", fields.window, "blocks of a lane that are mixed together");
}

}  // namespace ringfeed::cli

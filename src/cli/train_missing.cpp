// ringfeed train and tune, where the program was built without LibTorch: they say where they are.
#include <fmt/format.h>

#include "cli/command.hpp"

namespace ringfeed::cli {
namespace {

void add_missing(CLI::App& program, Command& command, const std::string& name) {
  command.app = program.add_subcommand(name, "Not in this build, which is without LibTorch.");
  command.app->allow_extras();  // whatever it is asked for, the answer is the same
  command.action = [name]() -> int {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: this build is without LibTorch; training from the command line "
                            "needs the program that 'make release' builds (README.md); in Python, "
                            "use ringfeed.Loader",
                            name));
  };
}

}  // namespace

void add_train(CLI::App& program, Command& command) { add_missing(program, command, "train"); }
void add_tune(CLI::App& program, Command& command) { add_missing(program, command, "tune"); }

}  // namespace ringfeed::cli

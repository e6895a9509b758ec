// ringfeed train, where the program was built without LibTorch: it says where the command is.
#include "cli/command.hpp"

namespace ringfeed::cli {

void add_train(CLI::App& program, Command& command) {
  command.app = program.add_subcommand("train", "Not in this build, which is without LibTorch.");
  command.app->allow_extras();  // whatever train is asked for, the answer is the same
  command.action = []() -> int {
    throw Error(ErrorCode::kInvalidArgument,
                "train: this build is without LibTorch; training from the command line needs the "
                "program that 'make release' builds (README.md); in Python, use ringfeed.Loader");
  };
}

}  // namespace ringfeed::cli

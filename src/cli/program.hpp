// The program behind main().
#pragma once

namespace ringfeed::cli {

/// Runs the command line. Returns the exit code; an error has been printed by then.
int run_program(int argc, char** argv);

}  // namespace ringfeed::cli

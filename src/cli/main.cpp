// The program.
#include "cli/program.hpp"

int main(int argc, char** argv) { return ringfeed::cli::run_program(argc, argv); }

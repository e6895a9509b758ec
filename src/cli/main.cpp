// The program.
#include <ringfeed/face.hpp>

#include "cli/program.hpp"

int main(int argc, char** argv) {
  ringfeed::set_face(ringfeed::Face::kProgram);
  return ringfeed::cli::run_program(argc, argv);
}

// The library of the trainer, by dlopen.
#include "cli/train_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <ringfeed/error.hpp>
#include <string_view>

namespace ringfeed::cli {
namespace {

constexpr const char* kLibrary = "libringfeed_train.so";
constexpr const char* kRemedy =
    "build both with 'make release', or install both with 'cmake --install'";

/// Lets threads of OpenMP that wait for one another sleep, unless the user chose otherwise: where
/// the host does other work as well, those that spin keep the one they wait for from its core.
/// OpenMP reads it when torch is loaded.
void let_waiting_threads_sleep() {
  if (std::getenv("GOMP_SPINCOUNT") == nullptr) ::setenv("OMP_WAIT_POLICY", "passive", 0);
}

const TrainPart& open_train_part() {
  let_waiting_threads_sleep();
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("training needs {}, which cannot be loaded: {}; {}", kLibrary,
                            dlerror(), kRemedy));
  }
  const auto part = reinterpret_cast<const TrainPart* (*)()>(dlsym(library, kTrainPartSymbol));
  if (part == nullptr || std::string_view(part()->version) != RINGFEED_VERSION) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is not of ringfeed {}, as this program is; {}", kLibrary,
                            RINGFEED_VERSION, kRemedy));
  }
  return *part();  // stays loaded: LibTorch cannot be unloaded
}

}  // namespace

const TrainPart& load_train_part() {
  static const TrainPart& part = open_train_part();
  return part;
}

}  // namespace ringfeed::cli

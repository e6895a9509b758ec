// What the files of the module share.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>

namespace ringfeed::python {

namespace nb = nanobind;

/// Each makes its part of the module.
void bind_errors(nb::module_& module);
void bind_dataset(nb::module_& module);
void bind_feed(nb::module_& module);
void bind_image(nb::module_& module);
void bind_stores(nb::module_& module);

/// Longest time in which Ctrl-C is not looked for.
inline constexpr std::chrono::milliseconds kSignalPause{100};

/// Lets Ctrl-C through: throws what Python raises for a signal that came while nobody looked. With
/// the GIL held.
inline void check_signals() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

}  // namespace ringfeed::python

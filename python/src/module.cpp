// The module ringfeed._core: the C++ library as Python objects. What users see is made of it in
// Python, in ringfeed/.
#include <ringfeed/face.hpp>

#include "bindings.hpp"

NB_MODULE(_core, module) {
  using namespace ringfeed::python;
  ringfeed::set_face(ringfeed::Face::kPython);
  module.def("version", [] { return RINGFEED_VERSION; });
  bind_errors(module);
  bind_dataset(module);
  bind_feed(module);
  bind_image(module);
  bind_stores(module);
}

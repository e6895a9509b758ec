// Compiled with -mavx2 (src/CMakeLists.txt); empty on other kinds of processors.
#ifdef __AVX2__

#include "image/resize_kernels.hpp"

namespace ringfeed {

const ResizeKernels kResizeKernelsAvx2 = kOwnResizeKernels;

}  // namespace ringfeed

#endif

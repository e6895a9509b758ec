// Compiled with -mavx2 (src/CMakeLists.txt); empty on other kinds of processors.
#ifdef __AVX2__

#include "base/hash_kernels.hpp"

namespace ringfeed {

const HashKernels kHashKernelsAvx2 = kOwnHashKernels;

}  // namespace ringfeed

#endif

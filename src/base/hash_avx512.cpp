// Compiled with -mavx512f (src/CMakeLists.txt); empty on other kinds of processors.
#ifdef __AVX512F__

#include "base/hash_kernels.hpp"

namespace ringfeed {

const HashKernels kHashKernelsAvx512 = kOwnHashKernels;

}  // namespace ringfeed

#endif

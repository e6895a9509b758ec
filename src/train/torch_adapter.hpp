// What differs between the versions of torch that the room compiles with: 2.11 to 2.15. Its other
// files use what all of them have; `make test-torch TORCH=2.11.0` tries another than the pinned
// one.
#pragma once

#include <torch/version.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#if TORCH_VERSION_MAJOR != 2 || TORCH_VERSION_MINOR < 11
#error "ringfeed trains with torch 2.11 or a later 2.x; versions.env names the one that is tested"
#endif

namespace ringfeed {

/// Makes a reducer of dense gradients. 2.15 has two parameters more.
inline std::unique_ptr<c10d::Reducer> make_reducer(
    const std::vector<at::Tensor>& parameters, std::vector<std::vector<std::size_t>> buckets,
    const c10::intrusive_ptr<c10d::ProcessGroup>& group, bool find_unused_parameters,
    bool gradient_as_bucket_view) {
  return std::make_unique<c10d::Reducer>(
      parameters, std::move(buckets), group, std::vector<bool>(parameters.size(), false),
      c10d::kDefaultBucketBytesCap, find_unused_parameters, gradient_as_bucket_view,
      /*param_names=*/std::unordered_map<std::size_t, std::string>(),
      c10d::kDefaultFirstBucketBytes, /*skip_all_reduce_unused_params=*/false,
      /*use_python_reducer=*/false,
#if TORCH_VERSION_MINOR >= 15
      /*bucket_bytes_cap_list=*/std::vector<std::int64_t>(), /*batched_grad_copy=*/false,
      /*lazy_bucket_allocation=*/false);
#else
      /*bucket_bytes_cap_list=*/std::vector<std::int64_t>());
#endif
}

}  // namespace ringfeed

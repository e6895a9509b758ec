// A batch: named columns in contiguous memory, without any tensor library. Torch, NumPy or DLPack
// wrap it without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ringfeed/schema.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ringfeed {

/// One column of a batch. The memory belongs to `owner`: a copy of the shared_ptr keeps it alive,
/// and the feed does not write to it again before the last copy is gone.
struct Column {
  std::string name;
  ColumnKind kind = ColumnKind::kTensor;
  DType dtype = DType::kFloat32;
  /// Shape of the whole column. kTensor: [size, ...shape of a sample], row-major. Other kinds:
  /// [elements of all samples together].
  std::vector<std::int64_t> shape;
  void* data = nullptr;
  std::size_t bytes = 0;
  /// Offsets of the elements in data, size + 1 of them, for kList, kBinary and kString: sample i is
  /// [offsets[i], offsets[i + 1]). Null for kTensor.
  const std::int64_t* offsets = nullptr;
  std::shared_ptr<void> owner;

  /// The elements, as the type that their dtype has in memory: float16 is std::uint16_t (its bits),
  /// bool is bool or std::uint8_t. char and std::byte give the bytes of any dtype, and text. Throws
  /// Error{kInvalidArgument} that names column and dtypes when T is the type of another one.
  template <typename T>
  T* as() const {
    using Element = std::remove_cv_t<T>;
    if constexpr (!std::is_same_v<Element, char> && !std::is_same_v<Element, std::byte>)
      check_dtype(dtype_of<Element>());
    return static_cast<T*>(data);
  }

 private:
  template <typename T>
  static constexpr DType dtype_of() noexcept;
  void check_dtype(DType asked) const;
};

template <typename T>
constexpr DType Column::dtype_of() noexcept {
  if constexpr (std::is_same_v<T, bool>) {
    return DType::kBool;
  } else if constexpr (std::is_same_v<T, std::uint16_t>) {
    return DType::kFloat16;
  } else if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) <= 8, "no column has elements of this type");
    return sizeof(T) == 4 ? DType::kFloat32 : DType::kFloat64;
  } else if constexpr (std::is_same_v<T, std::uint8_t>) {
    return DType::kUInt8;
  } else {
    static_assert(std::is_integral_v<T> && std::is_signed_v<T>,
                  "no column has elements of this type");
    return sizeof(T) == 1   ? DType::kInt8
           : sizeof(T) == 2 ? DType::kInt16
           : sizeof(T) == 4 ? DType::kInt32
                            : DType::kInt64;
  }
}

/// Part of a step that one rank gets.
struct Batch {
  std::int64_t epoch = 0;
  std::int64_t step = 0;  ///< within the epoch, from 0
  std::uint64_t first =
      0;  ///< number, within the epoch, of the first sample of this step over all ranks
  std::int64_t size = 0;         ///< samples in this batch
  std::int64_t global_size = 0;  ///< samples of this step over all ranks
  /// The share of the step: size * world_size / global_size. A mean loss is multiplied by it; then
  /// the mean over the ranks that data parallelism takes is the mean over the whole step, ragged
  /// steps included.
  double weight = 1.0;
  std::vector<Column> columns;
  /// The number of each sample in storage order, and the hash of its bytes, made from the memory of
  /// this batch (docs/ledger.md). Both are empty unless FeedOptions::track_samples.
  std::vector<std::uint64_t> samples;
  std::vector<std::uint64_t> hashes;

  /// Throws Error{kInvalidArgument} that names the columns there are.
  const Column& column(std::string_view name) const;
};

}  // namespace ringfeed

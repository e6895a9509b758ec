// Column by column.
#include "feed/gather.hpp"

#include "base/hash.hpp"
#include "base/lost_pages.hpp"
#include "feed/copy_samples.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kColumnAlignment = 64;

std::size_t aligned(std::size_t bytes) {
  return (bytes + kColumnAlignment - 1) / kColumnAlignment * kColumnAlignment;
}

}  // namespace

Gather::Gather(std::vector<ColumnSpec> columns, std::shared_ptr<BufferPool> pool, bool hashes)
    : columns_(std::move(columns)),
      pool_(std::move(pool)),
      with_hashes_(hashes),
      fixed_data_(columns_.size()),
      varying_(columns_.size()) {}

std::size_t Gather::fixed_bytes(std::span<const ColumnSpec> columns,
                                std::uint64_t samples) noexcept {
  std::size_t bytes = 0;
  for (const auto& column : columns) {
    if (column.kind == ColumnKind::kTensor) bytes += aligned(column.sample_bytes() * samples);
  }
  return bytes;
}

void Gather::begin(std::uint64_t samples) {
  samples_ = samples;
  filled_ = 0;
  fixed_ = pool_->take(fixed_bytes(columns_, samples));
  if (with_hashes_) hashes_.assign(samples, 0);
  std::byte* at = fixed_.get();
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].kind == ColumnKind::kTensor) {
      fixed_data_[c] = at;
      at += aligned(columns_[c].sample_bytes() * samples);
    } else {
      varying_[c] = std::make_shared<Varying>();
      varying_[c]->offsets.reserve(samples + 1);
      varying_[c]->offsets.push_back(0);
    }
  }
}

void Gather::append(std::span<const SampleSource> sources) {
  const LostPages lost;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].kind != ColumnKind::kTensor) {
      append_varying(c, sources);
    } else if (columns_[c].dtype == DType::kBool) {
      append_bits(c, sources);
    } else {
      append_fixed(c, sources);
    }
  }
  lost.check();
  filled_ += sources.size();
}

void Gather::append_fixed(std::size_t column, std::span<const SampleSource> sources) {
  from_.resize(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    from_[i] = sources[i].block->views[column].sample(sources[i].row);
  }
  const std::size_t size = columns_[column].sample_bytes();
  // The blocks of a reader are all alike.
  const bool swapped = !sources.empty() && sources.front().block->views[column].swapped;
  copy_samples(from_, fixed_data_[column] + filled_ * size, size, swapped,
               hashes_of(sources.size()));
}

void Gather::append_bits(std::size_t column, std::span<const SampleSource> sources) {
  const std::size_t elements = columns_[column].sample_bytes();
  std::byte* const first = fixed_data_[column] + filled_ * elements;
  std::byte* to = first;
  for (const auto& source : sources) {
    const ColumnView& view = source.block->views[column];
    std::size_t bit = static_cast<std::size_t>(view.bit_offset) + source.row * elements;
    for (std::size_t i = 0; i < elements; ++i, ++bit, ++to) {
      *to = (view.data[bit / 8] >> (bit % 8)) & std::byte{1};
    }
  }
  if (with_hashes_) hash_each(first, elements, hashes_of(sources.size()));
}

void Gather::append_varying(std::size_t column, std::span<const SampleSource> sources) {
  Varying& out = *varying_[column];
  const std::size_t element = size_of(columns_[column].dtype);
  const auto hashes = hashes_of(sources.size());
  std::size_t sample = 0;
  for (const auto& source : sources) {
    const ColumnView& view = source.block->views[column];
    const std::size_t bytes_before = out.data.size();
    const std::int64_t begin = view.offsets[source.row];
    const std::int64_t end = view.offsets[source.row + 1];
    if (view.bit_packed) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto bit = static_cast<std::size_t>(view.bit_offset + i);
        out.data.push_back((view.data[bit / 8] >> (bit % 8)) & std::byte{1});
      }
    } else {
      const std::byte* data = view.data + static_cast<std::size_t>(begin) * element;
      out.data.insert(out.data.end(), data, data + static_cast<std::size_t>(end - begin) * element);
    }
    out.offsets.push_back(out.offsets.back() + end - begin);
    if (with_hashes_) {
      hash_each(out.data.data() + bytes_before, out.data.size() - bytes_before,
                hashes.subspan(sample++, 1));
    }
  }
}

std::vector<Column> Gather::finish() {
  std::vector<Column> columns;
  columns.reserve(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const ColumnSpec& spec = columns_[c];
    Column column;
    column.name = spec.name;
    column.kind = spec.kind;
    column.dtype = spec.dtype;
    if (spec.kind == ColumnKind::kTensor) {
      column.shape = {static_cast<std::int64_t>(samples_)};
      column.shape.insert(column.shape.end(), spec.shape.begin(), spec.shape.end());
      column.data = fixed_data_[c];
      column.bytes = samples_ * spec.sample_bytes();
      column.owner = fixed_;
    } else {
      auto varying = std::move(varying_[c]);
      column.shape = {varying->offsets.back()};
      column.data = varying->data.data();
      column.bytes = varying->data.size();
      column.offsets = varying->offsets.data();
      column.owner = std::move(varying);
    }
    columns.push_back(std::move(column));
  }
  fixed_.reset();
  return columns;
}

}  // namespace ringfeed

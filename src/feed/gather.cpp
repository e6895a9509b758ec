// Column by column.
#include "feed/gather.hpp"

#include <ringfeed/error.hpp>

#include "base/hash.hpp"
#include "feed/copy_samples.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kColumnAlignment = 64;

std::size_t aligned(std::size_t bytes) {
  return (bytes + kColumnAlignment - 1) / kColumnAlignment * kColumnAlignment;
}

}  // namespace

Gather::Gather(DecodedColumns columns, std::shared_ptr<BufferPool> pool, bool hashes)
    : decoded_(std::move(columns)),
      pool_(std::move(pool)),
      with_hashes_(hashes),
      fixed_data_(decoded_.columns().size()),
      varying_(decoded_.columns().size()) {}

std::size_t Gather::fixed_bytes(std::span<const ColumnSpec> columns,
                                std::uint64_t samples) noexcept {
  std::size_t bytes = 0;
  for (const auto& column : columns) {
    if (column.kind == ColumnKind::kTensor) bytes += aligned(column.sample_bytes() * samples);
  }
  return bytes;
}

void Gather::begin(std::uint64_t samples, const Draws& draws) {
  samples_ = samples;
  draws_ = draws;
  filled_ = 0;
  fixed_ = pool_->take(fixed_bytes(columns(), samples));
  if (with_hashes_) hashes_.assign(samples, 0);
  std::byte* at = fixed_.get();
  for (std::size_t c = 0; c < columns().size(); ++c) {
    if (columns()[c].kind == ColumnKind::kTensor) {
      fixed_data_[c] = at;
      at += aligned(columns()[c].sample_bytes() * samples);
    } else {
      varying_[c] = std::make_shared<Varying>();
      varying_[c]->offsets.reserve(samples + 1);
      varying_[c]->offsets.push_back(0);
    }
  }
}

void Gather::append(std::span<const SampleSource> sources) {
  const LostPages lost;
  for (std::size_t c = 0; c < columns().size(); ++c) {
    if (decoded_.decodes(c)) {
      append_decoded(c, sources, lost);
    } else if (columns()[c].kind != ColumnKind::kTensor) {
      append_varying(c, sources);
    } else if (columns()[c].dtype == DType::kBool) {
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
  const std::size_t size = columns()[column].sample_bytes();
  // The blocks of a reader are all alike.
  const bool swapped = !sources.empty() && sources.front().block->views[column].swapped;
  copy_samples(from_, fixed_data_[column] + filled_ * size, size, swapped,
               hashes_of(sources.size()));
}

/// The hash is that of the stored bytes: what the ledger is held against.
void Gather::append_decoded(std::size_t column, std::span<const SampleSource> sources,
                            const LostPages& lost) {
  const std::size_t size = columns()[column].sample_bytes();
  const auto hashes = hashes_of(sources.size());
  std::byte* to = fixed_data_[column] + filled_ * size;
  for (std::size_t i = 0; i < sources.size(); ++i, to += size) {
    const ColumnView& view = sources[i].block->views[column];
    const std::int64_t begin = view.offsets[sources[i].row];
    const std::int64_t end = view.offsets[sources[i].row + 1];
    const std::span file(view.data + begin, static_cast<std::size_t>(end - begin));
    if (with_hashes_) hash_each(file.data(), file.size(), hashes.subspan(i, 1));
    try {
      decoded_.decode(column, file, draws_, sources[i].number, to);
    } catch (const Error&) {
      lost.check();  // the file of the block, and not the picture, may be what is damaged
      throw;
    }
  }
}

void Gather::append_bits(std::size_t column, std::span<const SampleSource> sources) {
  const std::size_t elements = columns()[column].sample_bytes();
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
  const std::size_t element = size_of(columns()[column].dtype);
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
  std::vector<Column> made;
  made.reserve(columns().size());
  for (std::size_t c = 0; c < columns().size(); ++c) {
    const ColumnSpec& spec = columns()[c];
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
    made.push_back(std::move(column));
  }
  fixed_.reset();
  return made;
}

}  // namespace ringfeed

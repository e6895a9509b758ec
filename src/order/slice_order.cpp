// shuffle=none and shuffle=full: the samples of a step are a run of one sequence, and the ranks
// take consecutive slices of it. none: the sequence is the storage order. full: it is one
// permutation of all samples, held in memory.
#include "order/modes.hpp"

namespace ringfeed {
namespace {

/// Rank r's part of each step.
struct Slices {
  const Epoch& epoch;
  int rank;
  int world_size;

  std::uint64_t begin(std::uint64_t step) const {
    return epoch.slice_begin(step, rank, world_size);
  }
  std::uint64_t end(std::uint64_t step) const {
    return epoch.slice_begin(step, rank + 1, world_size);
  }
  std::uint64_t count(std::uint64_t from, std::uint64_t to) const {
    std::uint64_t samples = 0;
    for (std::uint64_t step = epoch.steps().step_at(from); epoch.steps().begin(step) < to; ++step) {
      samples += end(step) - begin(step);
    }
    return samples;
  }
};

/// Draws slice after slice; the mode says what sample number p of the sequence is and when it can
/// be drawn.
class SliceOrder : public RankOrder {
 public:
  SliceOrder(std::shared_ptr<const Epoch> epoch, int rank, int world_size, std::uint64_t start)
      : epoch_(std::move(epoch)),
        slices_{*epoch_, rank, world_size},
        step_(epoch_->steps().step_at(start)),
        sample_(slices_.begin(step_)) {}

  std::uint64_t count(std::uint64_t begin, std::uint64_t end) const override {
    return slices_.count(begin, end);
  }

  bool draw(std::uint64_t limit, std::vector<SampleRef>& refs) override {
    while (step_ < epoch_->steps().count() && epoch_->steps().begin(step_) < limit) {
      for (; sample_ < slices_.end(step_); ++sample_) {
        if (!is_open(sample_)) return false;
        refs.push_back(at(sample_));
      }
      sample_ = slices_.begin(++step_);
    }
    return true;
  }

  std::span<const std::uint32_t> needed() const override { return needed_; }

  void finished(std::vector<std::uint32_t>& blocks) override {
    blocks.insert(blocks.end(), finished_.begin(), finished_.end());
    finished_.clear();
  }

 protected:
  /// Fills needed_ when the sample's block is not open.
  virtual bool is_open(std::uint64_t sample) = 0;
  virtual SampleRef at(std::uint64_t sample) const = 0;

  std::shared_ptr<const Epoch> epoch_;
  Slices slices_;
  std::uint64_t step_;
  std::uint64_t sample_;
  std::vector<std::uint32_t> needed_;
  std::vector<std::uint32_t> finished_;
};

class StorageOrder final : public SliceOrder {
 public:
  using SliceOrder::SliceOrder;

  void open() override { place_open_ = epoch_->place_of(sample_); }

 private:
  bool is_open(std::uint64_t sample) override {
    if (place_open_ != kNowhere) {
      if (sample < epoch_->start(place_open_ + 1)) return true;
      finished_.push_back(epoch_->block(place_open_));
      place_open_ = kNowhere;
    }
    needed_.assign(1, epoch_->block(epoch_->place_of(sample)));
    return false;
  }

  SampleRef at(std::uint64_t sample) const override {
    return {epoch_->block(place_open_),
            static_cast<std::uint32_t>(sample - epoch_->start(place_open_))};
  }

  static constexpr std::size_t kNowhere = SIZE_MAX;
  std::size_t place_open_ = kNowhere;
};

class FullOrder final : public SliceOrder {
 public:
  using SliceOrder::SliceOrder;

  void open() override {
    sequence_.reserve(epoch_->steps().samples());
    for (std::size_t place = 0; place < epoch_->places(); ++place) {
      const std::uint32_t block = epoch_->block(place);
      for (std::uint32_t row = 0; row < epoch_->block_samples(block); ++row)
        sequence_.push_back({block, row});
    }
    shuffle(std::span(sequence_), epoch_->random(Purpose::kFull, 0));
  }

 private:
  bool is_open(std::uint64_t) override {
    if (!sequence_.empty()) return true;
    for (std::size_t place = 0; place < epoch_->places(); ++place)
      needed_.push_back(epoch_->block(place));
    return false;
  }

  SampleRef at(std::uint64_t sample) const override { return sequence_[sample]; }

  std::vector<SampleRef> sequence_;
};

class SlicePlan final : public ReadPlan {
 public:
  SlicePlan(std::shared_ptr<const Epoch> epoch, int rank, int world_size, std::uint64_t start)
      : epoch_(std::move(epoch)),
        slices_{*epoch_, rank, world_size},
        step_(epoch_->steps().step_at(start)),
        sample_(slices_.begin(step_)) {}

  std::optional<std::uint32_t> next() override {
    while (step_ < epoch_->steps().count()) {
      if (sample_ >= slices_.end(step_)) {
        sample_ = std::max(sample_, slices_.begin(++step_));
        continue;
      }
      const std::size_t place = epoch_->place_of(sample_);
      sample_ = epoch_->start(place + 1);  // the rest of this block needs no second read
      return epoch_->block(place);
    }
    return std::nullopt;
  }

 private:
  std::shared_ptr<const Epoch> epoch_;
  Slices slices_;
  std::uint64_t step_;
  std::uint64_t sample_;
};

class FullPlan final : public ReadPlan {
 public:
  explicit FullPlan(std::shared_ptr<const Epoch> epoch) : epoch_(std::move(epoch)) {}

  std::optional<std::uint32_t> next() override {
    if (place_ == epoch_->places()) return std::nullopt;
    return epoch_->block(place_++);
  }

 private:
  std::shared_ptr<const Epoch> epoch_;
  std::size_t place_ = 0;
};

}  // namespace

std::unique_ptr<RankOrder> make_slice_order(std::shared_ptr<const Epoch> epoch, int rank,
                                            int world_size, std::uint64_t start) {
  return std::make_unique<StorageOrder>(std::move(epoch), rank, world_size, start);
}

std::unique_ptr<ReadPlan> make_slice_plan(std::shared_ptr<const Epoch> epoch, int rank,
                                          int world_size, std::uint64_t start) {
  return std::make_unique<SlicePlan>(std::move(epoch), rank, world_size, start);
}

std::unique_ptr<RankOrder> make_full_order(std::shared_ptr<const Epoch> epoch, int rank,
                                           int world_size, std::uint64_t start) {
  return std::make_unique<FullOrder>(std::move(epoch), rank, world_size, start);
}

std::unique_ptr<ReadPlan> make_full_plan(std::shared_ptr<const Epoch> epoch) {
  return std::make_unique<FullPlan>(std::move(epoch));
}

}  // namespace ringfeed

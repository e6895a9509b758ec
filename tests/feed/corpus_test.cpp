// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/position_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, Position) { testing::replay_corpus("position", 24, 3, fuzz::fuzz_position); }

}  // namespace
}  // namespace ringfeed

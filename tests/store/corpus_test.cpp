// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/index_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, Index) { testing::replay_corpus("index", 7, 2, fuzz::fuzz_index); }

}  // namespace
}  // namespace ringfeed

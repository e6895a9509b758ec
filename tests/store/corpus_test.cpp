// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/cells_fuzz.hpp"
#include "../../fuzz/index_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, Cells) { testing::replay_corpus("cells", 40, 15, fuzz::fuzz_cells); }

TEST(Corpus, Index) { testing::replay_corpus("index", 7, 2, fuzz::fuzz_index); }

}  // namespace
}  // namespace ringfeed

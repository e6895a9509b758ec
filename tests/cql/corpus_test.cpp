// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/cqlshrc_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, Cqlshrc) { testing::replay_corpus("cqlshrc", 7, 3, fuzz::fuzz_cqlshrc); }

}  // namespace
}  // namespace ringfeed

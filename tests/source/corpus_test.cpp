// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/idx_fuzz.hpp"
#include "../../fuzz/npy_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, Npy) { testing::replay_corpus("npy", 12, 4, fuzz::fuzz_npy); }
TEST(Corpus, Idx) { testing::replay_corpus("idx", 12, 4, fuzz::fuzz_idx); }

}  // namespace
}  // namespace ringfeed

// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/ledger_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, Ledger) { testing::replay_corpus("ledger", 20, 3, fuzz::fuzz_ledger); }

}  // namespace
}  // namespace ringfeed

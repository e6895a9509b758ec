// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/chunk_fuzz.hpp"
#include "../../fuzz/manifest_fuzz.hpp"
#include "../../fuzz/url_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, Chunk) { testing::replay_corpus("chunk", 8, 2, fuzz::fuzz_chunk); }
TEST(Corpus, Manifest) { testing::replay_corpus("manifest", 8, 2, fuzz::fuzz_manifest); }
TEST(Corpus, Url) { testing::replay_corpus("url", 12, 5, fuzz::fuzz_url); }

}  // namespace
}  // namespace ringfeed

// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/checkpoint_fuzz.hpp"
#include "../../fuzz/safetensors_fuzz.hpp"
#include "../../fuzz/zip_file_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, Checkpoint) { testing::replay_corpus("checkpoint", 20, 3, fuzz::fuzz_checkpoint); }

TEST(Corpus, ZipFile) { testing::replay_corpus("zip_file", 13, 7, fuzz::fuzz_zip_file); }

TEST(Corpus, Safetensors) { testing::replay_corpus("safetensors", 28, 4, fuzz::fuzz_safetensors); }

}  // namespace
}  // namespace ringfeed

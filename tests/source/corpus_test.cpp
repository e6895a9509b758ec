// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/idx_fuzz.hpp"
#include "../../fuzz/mds_fuzz.hpp"
#include "../../fuzz/npy_fuzz.hpp"
#include "../../fuzz/records_fuzz.hpp"
#include "../../fuzz/tar_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, Npy) { testing::replay_corpus("npy", 12, 4, fuzz::fuzz_npy); }
TEST(Corpus, Idx) { testing::replay_corpus("idx", 12, 4, fuzz::fuzz_idx); }
TEST(Corpus, Csv) { testing::replay_corpus("csv", 10, 4, fuzz::fuzz_csv); }
TEST(Corpus, Mds) { testing::replay_corpus("mds", 20, 3, fuzz::fuzz_mds); }
TEST(Corpus, Tar) { testing::replay_corpus("tar", 20, 5, fuzz::fuzz_tar); }
TEST(Corpus, Arrow) { testing::replay_corpus("arrow", 12, 4, fuzz::fuzz_arrow); }
TEST(Corpus, JsonLines) { testing::replay_corpus("json_lines", 12, 4, fuzz::fuzz_json_lines); }

}  // namespace
}  // namespace ringfeed

// The corpora of this room.
#include "corpus.hpp"

#include "../../fuzz/image_steps_fuzz.hpp"
#include "../../fuzz/picture_head_fuzz.hpp"

namespace ringfeed {
namespace {

TEST(Corpus, PictureHead) {
  testing::replay_corpus("picture_head", 14, 5, fuzz::fuzz_picture_head);
}
TEST(Corpus, ImageSteps) { testing::replay_corpus("image_steps", 14, 5, fuzz::fuzz_image_steps); }

}  // namespace
}  // namespace ringfeed

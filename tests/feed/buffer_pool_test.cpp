// Which buffer a thread is given again.
#include "feed/buffer_pool.hpp"

#include <gtest/gtest.h>

#include <future>

namespace ringfeed {
namespace {

TEST(BufferPool, EachThreadIsGivenBackWhatItWroteLastWhoeverLetItGo) {
  BufferPool pool(3);
  const auto take_elsewhere = [&] {
    return std::async(std::launch::async, [&] { return pool.take(100); }).get();
  };
  auto first = pool.take(100);
  auto second = pool.take(100);
  auto elsewhere = take_elsewhere();
  const std::byte* const first_place = first.get();
  const std::byte* const second_place = second.get();
  const std::byte* const elsewhere_place = elsewhere.get();
  first.reset();
  second.reset();
  elsewhere.reset();
  EXPECT_EQ((second = pool.take(100)).get(), second_place);
  EXPECT_EQ((first = pool.take(100)).get(), first_place);
  EXPECT_EQ((elsewhere = pool.take(100)).get(), elsewhere_place);  // better than none

  first.reset();
  second.reset();
  EXPECT_EQ((elsewhere = take_elsewhere()).get(), first_place);  // free for longer
}

TEST(BufferPool, ABufferThatIsTooSmallIsNotGivenAgain) {
  BufferPool pool(2);
  const std::byte* const small = pool.take(100).get();
  const auto large = pool.take(1000);
  EXPECT_NE(large.get(), small);
  EXPECT_EQ(pool.take(64).get(), small);
}

TEST(BufferPool, BuffersOutliveIt) {
  std::shared_ptr<std::byte> buffer;
  {
    BufferPool pool(1);
    buffer = pool.take(8);
  }
  *buffer = std::byte{1};
  EXPECT_EQ(*buffer, std::byte{1});
}

}  // namespace
}  // namespace ringfeed

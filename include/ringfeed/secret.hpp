// Secret: a password in memory. It has no way into a message, a log or JSON but reveal(), and is
// wiped when it goes.
#pragma once

#include <string.h>

#include <string>
#include <string_view>

namespace ringfeed {

/// Text that is wiped.
class Secret {
 public:
  /// Copies the text; the caller's own copy stays the caller's to wipe.
  explicit Secret(std::string_view text) : text_(text) {}
  Secret(const Secret& other) = default;
  // Copies and wipes: a moved std::string may leave its bytes behind.
  Secret(Secret&& other) : text_(other.text_) { other.wipe(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe();
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) {
    if (this != &other) {
      wipe();
      text_ = other.text_;
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  /// The text, for the one place that sends it.
  const std::string& reveal() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }

 private:
  void wipe() noexcept {
    ::explicit_bzero(text_.data(), text_.size());
    text_.clear();
  }

  std::string text_;
};

}  // namespace ringfeed

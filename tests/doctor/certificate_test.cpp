#include "doctor/certificate.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "temp_folder.hpp"

namespace ringfeed::doctor {
namespace {

using testing::TempFolder;

/// Made by openssl; not after 2036-11-26 08:57:39 UTC, as UTCTime.
constexpr const char* kTo2036 = R"(-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUW/9SengMgLDBcorsWrAuSpXYCvQwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAeFw0yNjExMjkwODU3MzlaFw0zNjExMjYwODU3MzlaMAwx
CjAIBgNVBAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATNKoasfSQqx96G
GzklVVwyD88tzPaiR5SwLemH1oi60K42TrbDpv+Dd2g6Ky+iYVJ/msgCWpVFeEYp
IYjqIYXRo1MwUTAdBgNVHQ4EFgQUComQLDoMCATxAgGKPF6DB6AreVgwHwYDVR0j
BBgwFoAUComQLDoMCATxAgGKPF6DB6AreVgwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNIADBFAiBh4//nzGr8ceHYVhSY6gvdaCmGZyU7YJQ/2WhfqHiRQQIh
AI8ZcgyJCTiE3Emu3hk0ioxcOm99iseMr52J6VMdUPDp
-----END CERTIFICATE-----
)";
/// Not after 2081-09-01 08:57:39 UTC, as GeneralizedTime.
constexpr const char* kTo2081 = R"(-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIUElO9ZNMMnxM/aBmJsTpX6t8RejwwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYjAgFw0yNjExMjkwODU3MzlaGA8yMDgxMDkwMTA4NTczOVow
DDEKMAgGA1UEAwwBYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAFy2wKDHOPx
rwD5Ac+4F4flDeMiYRQVIQVzpNue2RnwAJievsaiVO6LjjQ/uFnTn3tSldCxiLD7
eAufR5VIrnijUzBRMB0GA1UdDgQWBBRqcwhmV2nrHwZBFCSEvqkrheJALzAfBgNV
HSMEGDAWgBRqcwhmV2nrHwZBFCSEvqkrheJALzAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0kAMEYCIQDV7DrXcqprI3IYZO1AyM6WEaQbMWI4NtCkB3QHXgf/
WAIhAJxg+wkMpMZgUEBtCGJxCT49hKguRzZcFIM458JrseWw
-----END CERTIFICATE-----
)";

std::optional<std::time_t> expiry_in(const std::string& text) {
  TempFolder temp;
  std::ofstream(temp / "a.pem") << text;
  const auto expiry = expiry_of_file(temp / "a.pem");
  if (!expiry) return std::nullopt;
  return std::chrono::system_clock::to_time_t(*expiry);
}

TEST(Certificate, TheEarliestEndInAFile) {
  EXPECT_EQ(expiry_in(kTo2036), 2111302659);
  EXPECT_EQ(expiry_in(kTo2081), 3523942659);
  EXPECT_EQ(expiry_in(std::string("a chain\n") + kTo2081 + "and\n" + kTo2036), 2111302659);
}

TEST(Certificate, WhatIsNoneHasNoEnd) {
  EXPECT_FALSE(expiry_of_file("/nowhere/a.pem"));
  EXPECT_FALSE(expiry_in(""));
  const std::string text = kTo2036;
  EXPECT_FALSE(expiry_in(text.substr(0, text.size() / 2)));
  EXPECT_FALSE(expiry_in("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"));
}

TEST(Certificate, NoBytesLeadOutOfThem) {
  std::mt19937 random(20261129);
  for (int i = 0; i < 20'000; ++i) {
    std::string der =
        "\x30\x1A\x30\x18\x02\x01\x01\x30\x01\x30\x30\x01\x31\x30\x0C\x17\x04"
        "0000\x17\x04"
        "0000";
    for (int j = 0; j < 3; ++j) der[random() % der.size()] = static_cast<char>(random());
    der.resize(random() % (der.size() + 1));
    EXPECT_FALSE(expiry_of(der));
  }
}

}  // namespace
}  // namespace ringfeed::doctor

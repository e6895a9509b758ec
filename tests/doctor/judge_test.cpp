#include "doctor/judge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ringfeed::doctor {
namespace {

using std::chrono::hours;
using std::chrono::system_clock;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
const system_clock::time_point kNow = system_clock::from_time_t(1'800'000'000);

/// The finding of a check; one that says so when there is none.
Finding find(const Findings& findings, const std::string& check) {
  const auto found = std::ranges::find(findings, check, &Finding::check);
  return found == findings.end() ? Finding{"", Verdict::kOk, "there is no such check", ""} : *found;
}

void expect(const Findings& findings, const std::string& check, Verdict verdict,
            const std::string& value) {
  const Finding finding = find(findings, check);
  EXPECT_EQ(finding.verdict, verdict) << check << ": " << finding.value;
  EXPECT_NE(finding.value.find(value), std::string::npos) << check << ": " << finding.value;
  EXPECT_EQ(finding.value.find('\n'), std::string::npos) << check;
}

HostFacts good_host() {
  HostFacts host;
  host.descriptors_max = 20'000;
  host.shared_memory = Space{"tmpfs", 8 * kGiB, 8 * kGiB};
  host.memory_bytes_available = 16 * kGiB;
  host.memory_bound_by = "the machine";
  return host;
}

DataSetFacts good_data() {
  DataSetFacts data;
  data.is_there = true;
  data.version = data.versions = 1;
  data.samples = 1000;
  data.chunks = 10;
  data.bytes = 10 * 512 * 1024;
  data.chunk_bytes_max = 512 * 1024;
  data.read_ahead = ReadAhead{kGiB / 4, kGiB / 8};
  return data;
}

ClusterFacts good_cluster(int nodes, int copies) {
  ClusterFacts cluster;
  for (int i = 0; i < nodes; ++i) {
    NodeFacts node;
    node.address = "10.0.0." + std::to_string(i + 1) + ":9042";
    node.datacenter = "dc1";
    node.version = "5.0.9";
    node.connected = true;
    node.round_trip_seconds = 0.001;
    node.clock_seconds = 0.0;
    node.tombstones_max = 1.0;
    cluster.nodes.push_back(node);
  }
  cluster.keyspace = "ml";
  cluster.has_keyspace = true;
  cluster.replication = "{...}";
  cluster.copies = {{"dc1", copies}};
  cluster.compression = "none";
  cluster.connections_per_host = 4;
  cluster.role.is_free = true;
  return cluster;
}

Findings judged(const ClusterFacts& cluster, Purpose purpose = Purpose::kTrain) {
  return judge_cluster(cluster, {.purpose = purpose}, kNow);
}

Findings judged(const HostFacts& host, const Wanted& wanted = {}) {
  return judge_host(host, wanted, good_data(), nullptr);
}

TEST(Judge, NothingIsWrong) {
  const auto cluster = good_cluster(3, 3);
  for (const auto& findings : {judged(cluster), judge_data_set(good_data(), {}),
                               judge_host(good_host(), {}, good_data(), &cluster)}) {
    EXPECT_FALSE(findings.empty());
    for (const auto& finding : findings) {
      if (finding.check == "TLS") continue;
      EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.check << ": " << finding.value;
      EXPECT_EQ(finding.remedy, "") << finding.check;
    }
  }
}

TEST(Judge, ReadAheadOfAllRanksHasToFitIntoMemory) {
  const auto memory = [](std::uint64_t bytes, int ranks) {
    DataSetFacts data = good_data();
    data.read_ahead = ReadAhead{bytes, kGiB / 4};
    return find(judge_host(good_host(), {.ranks = ranks}, data, nullptr), "memory");
  };
  EXPECT_EQ(memory(kGiB, 8).verdict, Verdict::kOk);
  EXPECT_EQ(memory(kGiB, 16).verdict, Verdict::kWarning);
  EXPECT_EQ(memory(kGiB, 17).verdict, Verdict::kStop);
  EXPECT_EQ(memory(17 * kGiB, 1).remedy, "give prefetch_bytes = 8 GiB or less, or fewer ranks");
  EXPECT_EQ(memory(kGiB, 33).remedy, "use fewer ranks, fewer lanes or a smaller window");
  EXPECT_EQ(memory(~std::uint64_t{0}, 1024).verdict, Verdict::kStop);  // without overflow
  HostFacts unknown = good_host();
  unknown.memory_bytes_available.reset();
  expect(judged(unknown), "memory", Verdict::kNote, "not known");
  DataSetFacts closed = good_data();
  closed.read_ahead.reset();
  expect(judge_host(good_host(), {}, closed, nullptr), "memory", Verdict::kNote,
         "would read ahead is not known");
}

TEST(Judge, WhatTheOrderNeedsStopsARunThatHasLess) {
  DataSetFacts data = good_data();
  data.read_ahead = ReadAhead{kGiB, kGiB / 4};
  expect(judge_data_set(data, {}), "reading ahead", Verdict::kOk,
         "1 GiB of a rank, this order needs 256 MiB");
  data.read_ahead.reset();
  data.read_ahead_trouble = "prefetch_bytes 1 KiB: this order needs 256 MiB; raise it";
  expect(judge_data_set(data, {}), "reading ahead", Verdict::kStop, "needs 256 MiB");
}

TEST(Judge, EachNodeTakesDescriptors) {
  HostFacts host = good_host();
  const auto cluster = good_cluster(100, 3);
  host.descriptors_max = 463;
  expect(judge_host(host, {}, good_data(), &cluster), "file limit", Verdict::kStop, "about 464");
  host.descriptors_max = 464;
  expect(judge_host(host, {}, good_data(), &cluster), "file limit", Verdict::kNote, "464");
  host.descriptors_max = 1024;
  expect(judge_host(host, {}, good_data(), &cluster), "file limit", Verdict::kOk, "1024");
  host.descriptors_max = 63;
  expect(judged(host), "file limit", Verdict::kStop, "63 open files");
}

TEST(Judge, SharedMemoryOfAContainer) {
  HostFacts host = good_host();
  host.shared_memory->bytes_free = 64 << 20;
  expect(judged(host), "shared memory", Verdict::kNote, "64 MiB free of 8 GiB");
  host.shared_memory.reset();
  expect(judged(host), "shared memory", Verdict::kNote, "no /dev/shm");
}

TEST(Judge, ThreadsThatSpinAreTold) {
  HostFacts host = good_host();
  const auto told = [&](Purpose purpose) {
    return std::ranges::count(judged(host, {.purpose = purpose}), std::string("compute threads"),
                              &Finding::check);
  };
  EXPECT_EQ(told(Purpose::kTrain), 0);
  host.spinning = "OMP_WAIT_POLICY=active";
  expect(judged(host), "compute threads", Verdict::kNote, "spin while they wait (OMP_WAIT_POLICY=");
  EXPECT_EQ(told(Purpose::kRead), 0);
}

TEST(Judge, TheCacheNeedsRoomForWhatItIsToKeep) {
  HostFacts host = good_host();
  host.cache = FolderFacts{"/cache", false, "", Space{"ext4", kGiB, 5 << 20}};
  expect(judged(host), "cache", Verdict::kOk, "/cache (is not there yet): 5 MiB free, ext4");
  host.cache->space->bytes_free = (5 << 20) - 1;
  expect(judged(host), "cache", Verdict::kWarning, "5 MiB would be kept");
  expect(judged(host, {.cache_bytes = 1 << 20}), "cache", Verdict::kNote, "bound 1 MiB of 5 MiB");
  host.cache->space = Space{"tmpfs", kGiB, kGiB};
  expect(judged(host), "cache", Verdict::kNote, "tmpfs");
  host.cache->refusal = "/cache: Permission denied";
  expect(judged(host), "cache", Verdict::kWarning, "Permission denied");
}

TEST(Judge, TheIndexFolderCountsForRowTables) {
  HostFacts host = good_host();
  host.index = FolderFacts{"/index", false, "/index: Read-only file system", {}};
  const auto cluster = good_cluster(3, 3);
  DataSetFacts data = good_data();
  EXPECT_EQ(find(judge_host(host, {}, data, &cluster), "index folder").check, "");
  data.is_row_table = true;
  expect(judge_host(host, {}, data, &cluster), "index folder", Verdict::kNote, "Read-only");
  data.is_there = false;
  expect(judge_host(host, {}, data, &cluster), "index folder", Verdict::kStop, "Read-only");
}

TEST(Judge, ADataSetThatIsNotThereStopsWhoReads) {
  const DataSetFacts none;
  expect(judge_data_set(none, {}), "data set", Verdict::kStop, "there is none here");
  expect(judge_data_set(none, {.purpose = Purpose::kIngest}), "data set", Verdict::kOk, "none");
  DataSetFacts data;
  data.trouble = "x: the checksum is wrong; restore it";
  expect(judge_data_set(data, {.purpose = Purpose::kIngest}), "data set", Verdict::kStop,
         "checksum");
}

TEST(Judge, ChunksOfBadSizes) {
  DataSetFacts data = good_data();
  data.chunk_bytes_max = (std::uint64_t{16} << 20) + 1;
  expect(judge_data_set(data, {}), "chunks", Verdict::kWarning, "at most 16.0 MiB");
  data = good_data();
  data.chunks = 1001;
  data.bytes = 1001 * 65535;
  expect(judge_data_set(data, {}), "chunks", Verdict::kNote, "1001 chunks");
  data.chunks = 1000;
  expect(judge_data_set(data, {}), "chunks", Verdict::kOk, "1000 chunks");
}

TEST(Judge, WhatWasLeftHalfDone) {
  DataSetFacts data = good_data();
  data.unfinished = {{2, "process 7 on here", false}};
  expect(judge_data_set(data, {}), "last publish", Verdict::kWarning,
         "version 2 was left half-done by process 7 on here");
  data.unfinished = {{2, "", true}};
  expect(judge_data_set(data, {}), "last publish", Verdict::kNote,
         "version 2 is being written by a writer");
  data.unfinished.clear();
  data.half_removed = {1};
  expect(judge_data_set(data, {}), "last removal", Verdict::kWarning, "version 1 was cut off");
}

TEST(Judge, FilesOfAFolder) {
  DataSetFacts data = good_data();
  data.folder = FolderFacts{"/set", true, "", Space{"nfs", kGiB, kGiB}};
  data.parts = 5;
  data.parts_wrong = {"a", "b", "c", "d"};
  expect(judge_data_set(data, {}), "files", Verdict::kStop,
         "4 of 5 are missing or of another size: a, b, c and 1 more");
  expect(judge_data_set(data, {}), "disk", Verdict::kNote, "nfs");
  data.folder->refusal = "/set: Read-only file system";
  expect(judge_data_set(data, {}), "disk", Verdict::kNote, "/set");  // it can be read
  expect(judge_data_set(data, {.purpose = Purpose::kIngest}), "disk", Verdict::kStop, "Read-only");
}

TEST(Judge, VersionsOfTheServer) {
  const auto of = [](const std::string& version) {
    auto cluster = good_cluster(1, 1);
    cluster.nodes[0].version = version;
    return find(judged(cluster), "server version").verdict;
  };
  EXPECT_EQ(of("3.11.17"), Verdict::kStop);
  EXPECT_EQ(of("4.0.0"), Verdict::kOk);
  EXPECT_EQ(of("4.2"), Verdict::kNote);
  EXPECT_EQ(of("6.0-alpha2"), Verdict::kOk);
  EXPECT_EQ(of("10.0.1"), Verdict::kNote);
  EXPECT_EQ(of(""), Verdict::kNote);
  auto mixed = good_cluster(2, 1);
  mixed.nodes[1].version = "4.1.3";
  expect(judged(mixed), "server version", Verdict::kWarning, "4.1.3, 5.0.9");
}

TEST(Judge, FailuresThatStopReadsWritesAndPublishing) {
  auto cluster = good_cluster(3, 3);
  cluster.read = Consistency::kLocalOne;
  expect(judged(cluster), "reads", Verdict::kOk,
         "LOCAL_ONE takes 1 of 3 copies in dc1: 2 nodes may fail");
  expect(judged(cluster), "writes", Verdict::kOk,
         "LOCAL_QUORUM takes 2 of 3 copies in dc1: 1 node may fail");
  expect(judged(cluster), "publishing", Verdict::kOk,
         "SERIAL takes 2 of 3 copies: 1 node may fail");
  cluster.read = Consistency::kAll;
  expect(judged(cluster), "reads", Verdict::kNote, "ALL takes 3 of 3 copies: no node may fail");
  cluster.read = Consistency::kQuorum;
  cluster.nodes[2].connected = false;
  expect(judged(cluster), "nodes", Verdict::kWarning, "not connected: 10.0.0.3:9042");
  expect(judged(cluster), "reads", Verdict::kNote, "besides those that are away no node may fail");
  auto hollow = cluster;
  hollow.nodes[2].connected = true;
  hollow.nodes_unknown = {{"10.0.0.9", "restart it"}};
  const auto findings = judged(hollow);
  EXPECT_TRUE(std::ranges::any_of(findings, [](const Finding& finding) {
    return finding.check == "nodes" && finding.verdict == Verdict::kWarning &&
           finding.value.starts_with("10.0.0.9 is in system.peers without its address") &&
           finding.remedy == "restart it";
  }));
  cluster.nodes[1].connected = false;
  expect(judged(cluster), "reads", Verdict::kStop, "2 nodes cannot be reached");
  expect(judged(cluster), "opening", Verdict::kStop, "2 nodes cannot be reached");
  expect(judged(cluster), "writes", Verdict::kNote, "2 nodes cannot be reached");
  expect(judged(cluster, Purpose::kIngest), "writes", Verdict::kStop, "2 nodes cannot be reached");
  cluster.nodes[1].asked = cluster.nodes[2].asked = false;  // others may reach them
  expect(judged(cluster), "reads", Verdict::kOk, "1 node may fail");
}

TEST(Judge, MoreCopiesThanNodes) {
  auto cluster = good_cluster(1, 3);
  cluster.copies = {{"", 3}};  // SimpleStrategy
  cluster.read = Consistency::kQuorum;
  expect(judged(cluster), "replication", Verdict::kWarning, "3 copies on 1 node");
  expect(judged(cluster), "reads", Verdict::kStop,
         "QUORUM takes 2 of 3 copies, and there is 1 node");
  expect(judged(cluster, Purpose::kIngest), "reads", Verdict::kNote, "they fail");
  expect(judged(cluster, Purpose::kIngest), "publishing", Verdict::kStop, "they fail");
  cluster.is_row_table = true;  // has no transactions
  EXPECT_EQ(find(judged(cluster), "publishing").check, "");
  EXPECT_EQ(find(judged(cluster), "opening").check, "");
  expect(judged(good_cluster(1, 1)), "replication", Verdict::kNote, "");
}

TEST(Judge, DataCentresHaveCopiesOfTheirOwn) {
  auto cluster = good_cluster(4, 3);
  cluster.nodes[3].datacenter = "dc2";
  cluster.copies = {{"dc1", 3}, {"dc2", 1}};
  cluster.read = Consistency::kLocalQuorum;
  cluster.local_datacenter = "dc1";
  expect(judged(cluster), "reads", Verdict::kOk, "2 of 3 copies in dc1: 1 node may fail");
  cluster.local_datacenter = "dc2";
  expect(judged(cluster), "reads", Verdict::kNote, "1 of 1 copy in dc2: no node may fail");
  cluster.local_datacenter.reset();  // the tightest one
  expect(judged(cluster), "reads", Verdict::kNote, "in dc2");
  cluster.local_datacenter = "dc3";
  expect(judged(cluster), "reads", Verdict::kStop, "in dc3");
  cluster.read = Consistency::kQuorum;
  expect(judged(cluster), "reads", Verdict::kOk, "QUORUM takes 3 of 4 copies: 1 node may fail");
  cluster.read = Consistency::kEachQuorum;
  expect(judged(cluster), "reads", Verdict::kNote, "EACH_QUORUM takes 1 of 1 copy in dc2");
}

TEST(Judge, DistanceClocksTombstonesAndCompression) {
  auto cluster = good_cluster(3, 3);
  cluster.nodes[1].round_trip_seconds = 0.1;
  cluster.nodes[2].clock_seconds = -2.0;
  cluster.nodes[0].tombstones_max = 1000.0;
  cluster.compression = "LZ4Compressor";
  const auto findings = judged(cluster);
  expect(findings, "round trip", Verdict::kNote, "100.0 ms to 10.0.0.2:9042");
  expect(findings, "clock", Verdict::kWarning, "10.0.0.3:9042 is -2.000 s");
  expect(findings, "tombstones", Verdict::kWarning, "1000 in one read, on 10.0.0.1:9042");
  expect(findings, "compression", Verdict::kNote, "LZ4Compressor");
  cluster.nodes[2].clock_seconds = 0.54;  // known to half of a round trip
  cluster.nodes[2].round_trip_seconds = 0.1;
  expect(judged(cluster), "clock", Verdict::kOk, "+0.540");
  for (auto& node : cluster.nodes) node.tombstones_max.reset();
  cluster.is_row_table = true;  // its compression is its owner's
  expect(judged(cluster), "tombstones", Verdict::kNote, "not known");
  expect(judged(cluster), "compression", Verdict::kOk, "LZ4Compressor");
}

TEST(Judge, AKeyspaceThatIsNotThereOrNotKnown) {
  auto cluster = good_cluster(1, 1);
  cluster.copies.clear();
  cluster.replication.clear();
  expect(judged(cluster), "replication", Verdict::kNote, "not known");
  cluster.has_keyspace = false;
  expect(judged(cluster), "replication", Verdict::kStop, "there is no keyspace ml");
  EXPECT_NE(find(judged(cluster, Purpose::kIngest), "replication").remedy.find("--create-keyspace"),
            std::string::npos);
}

TEST(Judge, PermissionsOnATableOrAboveIt) {
  auto cluster = good_cluster(1, 1);
  RoleFacts& role = cluster.role;
  role = RoleFacts{};
  role.name = "bob";
  role.keyspace = "ml";
  role.needs = {{"SELECT", "a"}, {"MODIFY", "a"}};
  const auto with = [&](std::vector<Grant> grants) {
    role.grants = std::move(grants);
    return find(judged(cluster), "permissions");
  };
  EXPECT_EQ(with({{"SELECT", "<table ml.a>"}, {"MODIFY", "<all keyspaces>"}}).verdict,
            Verdict::kOk);
  EXPECT_EQ(with({{"SELECT", "<keyspace ml>"}, {"MODIFY", "<all tables in ml>"}}).verdict,
            Verdict::kOk);
  const auto lacking =
      with({{"SELECT", "<table ml.a>"}, {"MODIFY", "<table ml.b>"}, {"MODIFY", "<keyspace m>"}});
  EXPECT_EQ(lacking.verdict, Verdict::kStop);
  EXPECT_EQ(lacking.value, "bob lacks MODIFY ON \"ml\".\"a\"");
  EXPECT_EQ(lacking.remedy, "GRANT MODIFY ON \"ml\".\"a\" TO \"bob\";");
  role.needs = {{"CREATE", ""}};
  EXPECT_EQ(with({{"CREATE", "<table ml.a>"}}).value, "bob lacks CREATE ON KEYSPACE \"ml\"");
  role.unknown = "no answer";
  expect(judged(cluster), "permissions", Verdict::kNote, "not known: no answer");
}

TEST(Judge, CertificatesExpire) {
  auto cluster = good_cluster(1, 1);
  expect(judged(cluster), "TLS", Verdict::kNote, "plain text");
  cluster.tls = true;
  const auto of = [&](std::optional<system_clock::time_point> expires) {
    cluster.certificates = {{"ca.pem", expires}};
    return find(judged(cluster), "certificate").verdict;
  };
  EXPECT_EQ(of(kNow + hours(24 * 14)), Verdict::kOk);
  EXPECT_EQ(of(kNow + hours(24 * 14 - 1)), Verdict::kWarning);
  EXPECT_EQ(of(kNow), Verdict::kStop);
  EXPECT_EQ(of(std::nullopt), Verdict::kWarning);
  expect(judged(cluster), "TLS", Verdict::kOk, "names");
  cluster.tls_insecure = true;
  expect(judged(cluster), "TLS", Verdict::kWarning, "not verified");
  EXPECT_EQ(of(kNow), Verdict::kWarning);
}

TEST(Judge, WithoutAConnectionThatIsAllThereIsToSay) {
  ClusterFacts cluster;
  cluster.trouble = "cassandra at h:9042: Connection refused";
  cluster.is_reached = false;
  const auto findings = judged(cluster);
  expect(findings, "connection", Verdict::kStop, "refused");
  EXPECT_EQ(findings.size(), 1U);
  cluster.tls = true;
  cluster.certificates = {{"ca.pem", kNow + hours(24 * 100)}, {"client.pem", kNow}};
  const auto by_tls = judged(cluster);  // what may be why is told
  EXPECT_EQ(by_tls.size(), 2U);
  expect(by_tls, "certificate", Verdict::kStop, "client.pem");
}

}  // namespace
}  // namespace ringfeed::doctor

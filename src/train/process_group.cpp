// The adapter to c10d's TCPStore and Gloo. Gloo itself is inside libtorch_cpu; the headers come
// from the system and may be older, so no class of theirs is made here: above all no GlooStore,
// whose vtable would have the old layout (a test reads this object's symbols).
#define USE_C10D_GLOO

#include "train/process_group.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <ringfeed/error.hpp>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "train/cuda.hpp"
#include "train/torch_error.hpp"

namespace ringfeed {
namespace {

/// Of this process: it joins once.
std::weak_ptr<ProcessGroup>& joined_group() {
  static std::weak_ptr<ProcessGroup> group;
  return group;
}

c10::intrusive_ptr<c10d::Store> connect_store(const World& world,
                                              std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = world.port;
  options.isServer = world.rank == 0 && !world.agent_serves;
  options.waitWorkers = false;  // Gloo's own rendezvous waits for every rank
  options.timeout = timeout;
  if (options.isServer && world.store_descriptor >= 0)
    options.masterListenFd = world.store_descriptor;
  return c10::make_intrusive<c10d::PrefixStore>(
      fmt::format("ringfeed/{}", world.restart),
      c10::make_intrusive<c10d::TCPStore>(world.address, options));
}

std::shared_ptr<gloo::transport::Device> network_device(const World& world) {
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
      interface != nullptr && *interface != '\0') {
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  }
  // All ranks on this host: loopback, which works where the host's own name does not resolve.
  if (world.local_size == world.size)
    return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
  return c10d::ProcessGroupGloo::createDefaultDevice();
}

c10::intrusive_ptr<c10d::ProcessGroup> connect(const World& world,
                                               const c10::intrusive_ptr<c10d::Store>& store,
                                               const ProcessGroupOptions& options) {
  const auto timeout = options.timeout;
  auto gloo_options = c10d::ProcessGroupGloo::Options::create(timeout);
  gloo_options->devices.push_back(network_device(world));
  const auto gloo =
      c10::make_intrusive<c10d::ProcessGroupGloo>(store, world.rank, world.size, gloo_options);
  auto group = c10::make_intrusive<c10d::ProcessGroup>(store, world.rank, world.size);
  group->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, gloo);
  group->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
  if (options.device.is_cuda()) {
    const auto nccl = load_cuda_part().make_nccl(store, world.rank, world.size, timeout);
    nccl->setBoundDeviceId(options.device);
    group->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::BackendType::NCCL, nccl);
  }
  return group;
}

/// How long ranks that have waited in vain wait for one another's word of it.
constexpr std::chrono::seconds kWordTimeout{3};

std::string word_key(int rank) { return fmt::format("waited-in-vain/{}", rank); }

/// The ranks that did not wait in vain, when those that did have said so.
std::vector<int> find_missing(c10d::Store& store, const World& world) {
  store.set(word_key(world.rank), std::vector<std::uint8_t>{1});
  const auto end = std::chrono::steady_clock::now() + kWordTimeout;
  std::vector<int> missing;
  do {
    missing.clear();
    for (int rank = 0; rank < world.size; ++rank) {
      if (rank != world.rank && !store.check({word_key(rank)})) missing.push_back(rank);
    }
    // With one missing, it is that one; with several, some may only be later.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  } while (missing.size() > 1 && std::chrono::steady_clock::now() < end);
  return missing;
}

}  // namespace

Error ProcessGroup::Impl::failure(std::string_view what, const std::exception& error) const {
  const Error plain = collective_error(world.rank, what, error);
  if (plain.code() != ErrorCode::kTimeout || store == nullptr) return plain;
  // The store may be in the process that is stuck: then its answer never comes.
  auto promise = std::make_shared<std::promise<std::vector<int>>>();
  auto future = promise->get_future();
  std::thread([promise, kept = store, of = world] {
    try {
      promise->set_value(find_missing(*kept, of));
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  }).detach();
  std::vector<int> missing;
  try {
    if (future.wait_for(kWordTimeout + std::chrono::seconds(1)) == std::future_status::ready)
      missing = future.get();
    else if (!world.agent_serves && world.rank != 0)
      missing = {0};
  } catch (const std::exception&) {
    // Nobody is named then.
  }
  if (missing.empty()) return plain;
  return Error(plain.code(), fmt::format("{}; no word of rank {}", plain.what(),
                                         fmt::join(missing, " and rank ")));
}

struct ProcessGroup::Pending::Impl {
  const ProcessGroup::Impl* group;
  c10::intrusive_ptr<c10d::Work> work;
};

ProcessGroup::Pending::Pending(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessGroup::Pending::Pending(Pending&&) noexcept = default;
ProcessGroup::Pending& ProcessGroup::Pending::operator=(Pending&&) noexcept = default;
ProcessGroup::Pending::~Pending() = default;

void ProcessGroup::Pending::wait() {
  if (impl_ == nullptr) return;
  const auto impl = std::move(impl_);
  try {
    impl->work->wait();
  } catch (const std::exception& error) {
    throw impl->group->failure("a collective", error);
  }
}

ProcessGroup::ProcessGroup(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessGroup::~ProcessGroup() = default;

std::shared_ptr<ProcessGroup> ProcessGroup::join(const ProcessGroupOptions& options) {
  using namespace std::chrono_literals;
  if (options.timeout < 1ms || options.timeout > 24h) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the timeout of collectives is 1 ms to 24 h, not {} ms",
                            options.timeout.count()));
  }
  auto impl = std::make_unique<Impl>();
  impl->world = World::from_environment();
  const World& world = impl->world;
  if (world.size > 1) {
    static std::atomic<bool> joined =
        false;  // as are the place where the ranks meet, and the socket of rank 0
    if (joined.exchange(true)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "this process has joined its ranks before; join once and share the group");
    }
    try {
      impl->store = connect_store(world, options.timeout);
      impl->group = connect(world, impl->store, options);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw collective_error(
          world.rank,
          fmt::format("joining {} ranks at {}:{}", world.size, world.address, world.port), error);
    }
  }
  const bool is_several = world.size > 1;
  auto group = std::shared_ptr<ProcessGroup>(new ProcessGroup(std::move(impl)));
  if (is_several) joined_group() = group;
  return group;
}

std::shared_ptr<ProcessGroup> ProcessGroup::current() {
  if (auto group = joined_group().lock()) return group;
  return std::shared_ptr<ProcessGroup>(new ProcessGroup(std::make_unique<Impl>()));
}

int ProcessGroup::rank() const noexcept { return impl_->world.rank; }
int ProcessGroup::size() const noexcept { return impl_->world.size; }

ProcessGroup::Pending ProcessGroup::all_reduce_async(torch::Tensor tensor, Reduce reduce) {
  if (impl_->group == nullptr) return Pending(nullptr);
  c10d::AllreduceOptions options;
  options.reduceOp = reduce == Reduce::kSum ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
  std::vector<at::Tensor> tensors = {std::move(tensor)};
  try {
    return Pending(
        std::make_unique<Pending::Impl>(impl_.get(), impl_->group->allreduce(tensors, options)));
  } catch (const std::exception& error) {
    throw impl_->failure("an all-reduce", error);
  }
}

void ProcessGroup::all_reduce(torch::Tensor tensor, Reduce reduce) {
  all_reduce_async(std::move(tensor), reduce).wait();
}

void ProcessGroup::broadcast(torch::Tensor tensor) {
  if (impl_->group == nullptr) return;
  std::vector<at::Tensor> tensors = {std::move(tensor)};
  try {
    impl_->group->broadcast(tensors)->wait();
  } catch (const std::exception& error) {
    throw impl_->failure("a broadcast", error);
  }
}

}  // namespace ringfeed

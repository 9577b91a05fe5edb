// A session's first turn goes to the replica with the fewest requests, and the others follow it there, however loaded
// it is, for as long as it takes requests. Then the session moves.
#include "sim/routing/router.hpp"

namespace kvplan {
namespace {

class SessionAffinityRouter final : public Router {
 public:
  explicit SessionAffinityRouter(const Workload& workload)
      : workload_(workload), home_(workload.session_count, kNone) {}

  std::uint32_t choose(TurnId turn, const OpenReplicas& replicas, Time at) override {
    std::uint32_t& home = home_[workload_.turns[turn].session];
    if (home == kNone || !replicas.has(home)) home = least_loaded(replicas, at);
    return home;
  }

 private:
  const Workload& workload_;
  std::vector<std::uint32_t> home_;  // by session
};

}  // namespace

std::unique_ptr<Router> make_session_affinity_router(const RouterSetup& s) {
  return std::make_unique<SessionAffinityRouter>(s.workload);
}

}  // namespace kvplan

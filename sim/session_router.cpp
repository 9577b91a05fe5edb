// Session affinity: a session's first turn goes to the replica with the fewest requests, the others follow it,
// however loaded it is.
#include "sim/router.hpp"

namespace kvplan {
namespace {

class SessionRouter final : public Router {
 public:
  explicit SessionRouter(const Workload& workload) : workload_(workload), home_(workload.session_count, kNone) {}

  std::uint32_t choose(TurnId turn, std::vector<std::unique_ptr<Replica>>& replicas, Time at) override {
    std::uint32_t& home = home_[workload_.turns[turn].session];
    if (home == kNone) home = least_loaded(replicas, at);
    return home;
  }

 private:
  const Workload& workload_;
  std::vector<std::uint32_t> home_;  // by session
};

}  // namespace

std::unique_ptr<Router> make_session_router(const RouterConfig&, const Workload& workload, std::int32_t) {
  return std::make_unique<SessionRouter>(workload);
}

}  // namespace kvplan

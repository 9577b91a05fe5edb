#include "cli/interrupt.hpp"

#include <atomic>

namespace kvplan {
namespace {

constexpr int kSignals[2] = {SIGINT, SIGTERM};
std::atomic<bool> signalled{false};  // a handler reaches nothing else
static_assert(std::atomic<bool>::is_always_lock_free);

void note(int) { signalled = true; }

}  // namespace

Interrupt::Interrupt() {
  signalled = false;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  for (int i = 0; i < 2; ++i) {
    ::sigaction(kSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

Interrupt::~Interrupt() {
  for (int i = 0; i < 2; ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
}

bool Interrupt::asked() const { return signalled; }

}  // namespace kvplan

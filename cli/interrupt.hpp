// SIGINT and SIGTERM as a wish to stop, for as long as the object lives. One at
// a time. A signal that was ignored before (nohup, a background job) stays so.
#pragma once

#include <csignal>

namespace kvplan {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool asked() const;

 private:
  struct sigaction before_[2];
};

}  // namespace kvplan

// libnvidia-ml.so.1 for the emulated device: what NVML tells of a healthy GPU, and with KVPLAN_EMULATED_FAULT of one
// that is "busy", "hot" (held back for heat), or "mig". Opened as the real one is, from LD_LIBRARY_PATH.
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

bool fault(std::string_view name) {
  const char* f = std::getenv("KVPLAN_EMULATED_FAULT");
  return f != nullptr && f == name;
}

int answer(unsigned* to, unsigned value) { return *to = value, 0; }

}  // namespace

extern "C" {

int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char*, void** device) {
  static int only;
  return *device = &only, 0;
}
int nvmlDeviceGetClockInfo(void*, int which, unsigned* mhz) { return answer(mhz, which == 1 ? 1980 : 2619); }
int nvmlDeviceGetTemperature(void*, int, unsigned* c) { return answer(c, fault("hot") ? 93 : 41); }
int nvmlDeviceGetPowerUsage(void*, unsigned* mw) { return answer(mw, 320000); }
int nvmlDeviceGetCurrPcieLinkGeneration(void*, unsigned* g) { return answer(g, 5); }
int nvmlDeviceGetCurrPcieLinkWidth(void*, unsigned* lanes) { return answer(lanes, 16); }
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
  return *reasons = fault("hot") ? 0x40 : 0, 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void*, unsigned* count, void*) { return *count = fault("busy") ? 3 : 1, 7; }
int nvmlDeviceGetUtilizationRates(void*, unsigned* gpu_and_memory) {
  return answer(gpu_and_memory, fault("busy") ? 97 : 0);
}
int nvmlDeviceGetMigMode(void*, unsigned* current, unsigned* pending) {
  return *pending = 0, answer(current, fault("mig"));
}
int nvmlSystemGetDriverVersion(char* text, unsigned size) { return std::strncpy(text, "580.00 emulated", size), 0; }

}  // extern "C"

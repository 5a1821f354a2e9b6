// Reads the counts of a client from standard input, and prints each with its key.

#include <iostream>
#include <iterator>
#include <string>

#include <zixflow.hpp>

int main() {
  const std::string json{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  const zixflow::stats stats = zixflow::detail::read_stats(json);
  const auto print = [](const std::string &key, auto count) { std::cout << key << ' ' << count << '\n'; };
  print("calls", stats.calls);
  for (zx_status each = ZX_OK; each <= ZX_INTERNAL; ++each) {
    const auto status = static_cast<zixflow::status>(each);
    print("calls_" + zixflow::detail::lower_name(status), stats.calls_with(status));
  }
  print("attempts", stats.attempts);
  print("retries", stats.retries);
  print("connections_opened", stats.connections_opened);
  print("connections_reused", stats.connections_reused);
  print("connections_failed", stats.connections_failed);
  print("connections_found_closed", stats.connections_found_closed);
  print("tls_handshakes_resumed", stats.tls_handshakes_resumed);
  print("bytes_sent", stats.bytes_sent);
  print("bytes_received", stats.bytes_received);
  for (const zixflow::latency &latency : stats.latencies) {
    print("latency_ms_le_" + std::to_string(latency.at_most.count()), latency.calls);
  }
  print("calls_under_way", stats.calls_under_way);
  print("connections_idle", stats.connections_idle);
}

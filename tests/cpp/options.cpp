// Prints the JSON of every option of a call, and of a client, each on its line.

#include <iostream>

#include <zixflow.hpp>

int main() {
  zixflow::call_options call;
  call.timeout = std::chrono::seconds(1);
  call.connect_timeout = std::chrono::seconds(1);
  call.max_retries = 1;
  call.validation = zixflow::validation::basic;
  call.tries = true;
  call.idempotency_key = "key";
  std::cout << zixflow::detail::to_json(call) << '\n';

  zixflow::client_options client;
  client.base_url = "https://localhost";
  client.allow_plain_http = true;
  client.timeout = std::chrono::seconds(1);
  client.connect_timeout = std::chrono::seconds(1);
  client.max_retries = 1;
  client.validation = zixflow::validation::basic;
  client.max_idle_connections = 1;
  client.idle_timeout = std::chrono::seconds(1);
  client.proxy = "";
  client.tls_roots = zixflow::tls_roots::bundled;
  client.ca_file = "/dev/null";
  client.ledger = "ledger";
  client.ledger_days = 1;
  client.user_agent = "acme/1";
  client.tries = true;
  client.messages_per_second = 0.5;
  std::cout << zixflow::detail::to_json(client) << '\n';
}

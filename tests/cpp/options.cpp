// Prints the JSON of every option of a call, and of a client, each on its line.

#include <iostream>

#include <zixflow.hpp>

int main() {
  zixflow::client_options client;
  client.timeout = std::chrono::seconds(1);
  client.connect_timeout = std::chrono::seconds(1);
  client.max_retries = 1;
  client.validation = zixflow::validation::basic;
  client.tries = true;
  std::cout << zixflow::detail::to_json(static_cast<const zixflow::call_options &>(client)) << '\n';

  client.base_url = "https://localhost";
  client.allow_plain_http = true;
  client.max_idle_connections = 1;
  client.idle_timeout = std::chrono::seconds(1);
  client.proxy = "";
  client.tls_roots = zixflow::tls_roots::bundled;
  client.ca_file = "/dev/null";
  client.user_agent = "acme/1";
  client.messages_per_second = 0.5;
  std::cout << zixflow::detail::to_json(client) << '\n';
}

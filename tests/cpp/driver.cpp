// driver BASE_URL FILE: what driver.c does, through the C++ wrapper.

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include <zixflow.hpp>

int main(int argc, char **argv) {
  if (argc != 3) return EXIT_FAILURE;
  zixflow::client_options options;
  options.base_url = argv[1];
  options.timeout = std::chrono::seconds(5);
  const zixflow::client client("sandbox-key", "sandbox-workspace", options);

  std::ifstream file(argv[2], std::ios::binary);
  for (std::string recipient, name; std::getline(file, recipient, '\0') && std::getline(file, name, '\0');) {
    zixflow::reply_buttons message;
    message.recipient = recipient;
    message.phone_id = "1234567890";
    message.header = zixflow::header{zixflow::header_type::text, name};
    message.body = "Hi " + name;
    message.footer = "Answer\n\twith a tap \xf0\x9f\x91\x8b";
    message.buttons = {{"yes", "Yes \"please\""}, {"no", "No \\ never"}};
    message.post_back_url = "https://192.0.2.1/changes?of=status";
    message.post_back_data = name;
    const zixflow::result<zixflow::reply> sent = client.send(message);
    std::cout << zixflow::status_name(sent ? sent->status : sent.error().status) << '\n';
  }
}

// Sends one message, with the credentials in the environment.

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

#include <zixflow.hpp>

static std::string setting(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : throw std::runtime_error(std::string("set ") + name);
}

int main() try {
  const zixflow::client client(setting("ZIXFLOW_API_KEY"), setting("ZIXFLOW_WORKSPACE_ID"));

  zixflow::reply_buttons message;
  message.recipient = "15550100001";
  message.phone_id = "1234567890";
  message.body = "Hi \"Zoë\", is 6 pm fine?";
  message.buttons = {{"yes", "Yes"}, {"no", "No"}};

  std::cout << "queued as " << client.send(message).value().request_id << '\n';
} catch (const std::exception &error) {
  std::cerr << error.what() << '\n';
  return EXIT_FAILURE;
}

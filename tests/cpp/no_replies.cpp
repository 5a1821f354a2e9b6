// no_replies BASE_URL: with no_replies.c preloaded, each call still tells its status.

#include <cstdlib>
#include <iostream>
#include <string>

#include <zixflow.hpp>

namespace {

void expect(zixflow::status status, const zixflow::reply &reply) {
  const bool has_message = reply.message.find("no memory") != std::string::npos;
  if (reply.status == status && has_message && reply.json.empty()) return;
  std::cerr << "expected " << zixflow::status_name(status) << ", got " << zixflow::status_name(reply.status) << ": "
            << reply.message << '\n';
  std::exit(EXIT_FAILURE);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) return EXIT_FAILURE;
  const std::string message = R"({"recipient":"919876543210","phone_id":"1","interactive":{"type":"button",
    "body":{"text":"x"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}}]}}})";
  zixflow::client_options options;
  options.base_url = argv[1];
  zixflow::result<zixflow::client> client = zixflow::client::make("sandbox-key", "sandbox-workspace", options);
  if (!client) return EXIT_FAILURE;
  expect(zixflow::status::ok, *client->send_json(message));
  expect(zixflow::status::invalid_message, client->send_json("{}").error());
  expect(zixflow::status::ok, zixflow::check(message));
  expect(zixflow::status::invalid_message, zixflow::check("{}"));
  expect(zixflow::status::invalid_message, zixflow::compose({}).error());

  zixflow::reply_buttons sound;
  sound.recipient = "919876543210";
  sound.phone_id = "1";
  sound.body = "x";
  sound.buttons = {{"a", "A"}};
  expect(zixflow::status::internal, zixflow::compose(sound).error());

  options.base_url = "ftp://localhost";
  expect(zixflow::status::internal, zixflow::client::make("key", "workspace", options).error());
  if (!zixflow::schema().empty() || !zixflow::options_schema().empty()) return EXIT_FAILURE;
  std::cout << "each status is told\n";
}

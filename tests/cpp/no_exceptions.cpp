// no_exceptions BASE_URL: sends without exceptions, with what the header has then, and prints what
// came of it.

#include <iostream>
#include <string>
#include <utility>

#include <zixflow.hpp>

namespace {

int told(const zixflow::reply &reply) {
  std::cout << zixflow::status_name(reply.status) << ": " << reply.message << '\n';
  for (const zixflow::problem &problem : reply.problems) std::cout << problem.path << '\n';
  return reply ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  zixflow::client_options options;
  options.base_url = argc > 1 ? argv[1] : "";
  const zixflow::result<zixflow::client> client =
      zixflow::client::make("sandbox-key", "sandbox-workspace", options);
  if (!client) return told(client.error());

  zixflow::reply_buttons message;
  message.recipient = "919876543210";
  message.phone_id = "1234567890";
  message.body = "Shall we?";
  message.buttons = {{"yes", "Yes"}};
  const zixflow::result<std::string> json = zixflow::compose(message);
  if (!json) return told(json.error());
  if (const zixflow::reply report = zixflow::check(*json); !report) return told(report);
  if (const auto sent = client->send_json(*json); !sent) return told(sent.error());
  message.recipient = "+1";
  (void)told(zixflow::compose(message).error());
  message.recipient = "15550100001";
  const zixflow::result<zixflow::reply> sent = (*client).send(message);
  return told(sent ? *sent : sent.error());
}

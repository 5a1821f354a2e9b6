// no_exceptions BASE_URL: sends without exceptions, with what the header has then, and prints what
// came of it.

#include <iostream>
#include <string>
#include <utility>

#include <zixflow.hpp>

namespace {

int told(const zixflow::reply &reply) {
  std::cout << zixflow::status_name(reply.status()) << ": " << reply.message() << '\n';
  for (const zixflow::problem &problem : reply.problems()) std::cout << problem.path << '\n';
  return reply ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  zixflow::client_options options;
  options.base_url = argc > 1 ? argv[1] : "";
  const zixflow::result<zixflow::client> client =
      zixflow::client::try_make("sandbox-key", "sandbox-workspace", options);
  if (!client) return told(client.failure());

  zixflow::reply_buttons message;
  message.recipient = "919876543210";
  message.phone_id = "1234567890";
  message.body = "Shall we?";
  message.buttons = {{"yes", "Yes"}};
  const zixflow::result<std::string> json = zixflow::try_compose(message);
  if (!json) return told(json.failure());
  if (const zixflow::reply report = zixflow::check(*json); !report) return told(report);
  if (const zixflow::reply sent = client->try_send_json(*json); !sent) return told(sent);
  message.recipient = "+1";
  (void)told(zixflow::try_compose(message).failure());
  message.recipient = "15550100001";
  return told((*client).try_send(message));
}

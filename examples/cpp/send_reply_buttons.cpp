// Sends a message that is JSON already, and decides by the reply what to do about a failure.
//
//     send_reply_buttons [FILE | -]
//
// The message is read from FILE, from standard input (-), or is a built-in one. The reply goes to
// standard output. The exit status is 0 only where the message was queued.

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>

#include <zixflow.hpp>

namespace {

constexpr const char *usage = R"(usage: send_reply_buttons [FILE | -]

Sends the WhatsApp reply-buttons message in FILE, from standard input (-), or a built-in one.

environment:
  ZIXFLOW_API_KEY       the API key
  ZIXFLOW_WORKSPACE_ID  the workspace ID
  ZIXFLOW_BASE_URL      where the API is, if not at Zixflow's own address
  ZIXFLOW_CA_FILE       a PEM file of further roots to trust
)";

std::optional<std::string> optional_setting(const char *name) {
  const char *value = std::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::string setting(const char *name) {
  std::optional<std::string> value = optional_setting(name);
  if (!value) throw std::runtime_error(std::string(name) + " is not set; see --help");
  return *std::move(value);
}

std::string read_all(std::istream &input) {
  return {std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
}

std::string built_in_message() {
  zixflow::reply_buttons message;
  message.recipient = "15550100001";
  message.phone_id = "1234567890";
  message.header = zixflow::header{zixflow::header_type::text, "Your table"};
  message.body = "Hi \"Zoë\" \U0001F44B, is 6 pm fine?";
  message.footer = "Answer with a tap";
  message.buttons = {{"yes", "Yes"}, {"no", "No"}, {"call", "Call me"}};
  return zixflow::compose(message).value(); // throws where the message breaks a rule
}

std::string message_from(const std::string &source) {
  if (source == "-") return read_all(std::cin);
  std::ifstream file(source, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + source);
  return read_all(file);
}

// What a program can do about a failure, which the reply alone decides.
std::string advice(const zixflow::reply &reply) {
  if (reply.retryable) {
    const auto delay = reply.retry_after.value_or(std::chrono::minutes(1));
    return "not queued; send it again in " + std::to_string(delay.count()) + " ms";
  }
  switch (reply.status) {
  case zixflow::status::outcome_unknown:
  case zixflow::status::internal: return "it may have been queued; look before sending it again";
  case zixflow::status::invalid_message: return "not sent; correct the message";
  default: return "not queued; sending it again cannot help";
  }
}

} // namespace

int main(int argc, char **argv) try {
  const std::string source = argc > 1 ? argv[1] : "";
  if (argc > 2 || source == "--help") {
    (argc > 2 ? std::cerr : std::cout) << usage;
    return argc > 2 ? EXIT_FAILURE : EXIT_SUCCESS;
  }

  zixflow::client_options options;
  options.base_url = optional_setting("ZIXFLOW_BASE_URL");
  options.ca_file = optional_setting("ZIXFLOW_CA_FILE");
  options.timeout = std::chrono::seconds(20);
  const zixflow::client client(setting("ZIXFLOW_API_KEY"), setting("ZIXFLOW_WORKSPACE_ID"), options);

  const auto sent = client.send_json(source.empty() ? built_in_message() : message_from(source));
  const zixflow::reply &reply = sent ? *sent : sent.error();
  std::cout << reply.json << '\n';
  if (sent) return EXIT_SUCCESS;

  std::cerr << reply.message << '\n' << advice(reply) << '\n';
  for (const zixflow::problem &problem : reply.problems) {
    std::cerr << "  " << problem.path << ": " << problem.message << '\n';
  }
  return EXIT_FAILURE;
} catch (const std::exception &error) { // a zixflow::error among them
  std::cerr << error.what() << '\n';
  return EXIT_FAILURE;
}

// cancel BASE_URL: what zixflow.hpp promises of cancel, std::stop_token, tries and stats, against a
// sandbox. It does without exceptions where they are turned off.

#include <zixflow.hpp>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

using namespace std::chrono_literals;

#define CHECK(promise) ((promise) ? void() : broken(#promise, __LINE__))

namespace {

constexpr const char *silent = "15550100008";
constexpr const char *busy = "15550100006";

void broken(const char *promise, int line) {
  std::cerr << "line " << line << ": " << promise << '\n';
  std::exit(EXIT_FAILURE);
}

static_assert(std::is_nothrow_copy_constructible_v<zixflow::cancel>);
static_assert(std::is_nothrow_copy_assignable_v<zixflow::cancel>);

zixflow::client client_for(const std::string &base_url) {
  zixflow::client_options options;
  options.base_url = base_url;
  zixflow::result<zixflow::client> made = zixflow::client::make("sandbox-key", "sandbox-workspace", options);
  CHECK(made);
  return *std::move(made);
}

zixflow::call_options until(const zixflow::cancel &cancel) {
  zixflow::call_options options;
  options.cancel = cancel;
  return options;
}

zixflow::reply_buttons message_to(const std::string &recipient) {
  zixflow::reply_buttons message;
  message.recipient = recipient;
  message.phone_id = "1234567890";
  message.body = "Shall we?";
  message.buttons = {{"yes", "Yes"}};
  return message;
}

// What a call came to that was ended by `end` while it was under way.
zixflow::reply ended(const std::function<zixflow::result<zixflow::reply>()> &call, const std::function<void()> &end) {
  std::optional<zixflow::result<zixflow::reply>> sent;
  std::chrono::steady_clock::time_point returned;
  std::thread sender([&] {
    sent = call();
    returned = std::chrono::steady_clock::now();
  });
  std::this_thread::sleep_for(300ms);
  const auto asked = std::chrono::steady_clock::now();
  end();
  sender.join();
  CHECK(returned > asked);
  CHECK(returned - asked < 500ms); /* far less than the call would take; the machine may be busy */
  CHECK(sent->error().message.find("cancelled") != std::string::npos);
  CHECK(!sent->error().retryable);
  return sent->error();
}

void a_call_is_cancelled_with_what_is_true(const zixflow::client &client) {
  const zixflow::cancel cancel;
  const zixflow::cancel copy = cancel;
  const auto end = [&] { copy.now(); };
  const auto wait = [&] { return client.send(message_to(silent), until(cancel)); };
  CHECK(ended(wait, end).status == zixflow::status::outcome_unknown);

  const zixflow::reply late = client.send(message_to("919876543210"), until(cancel)).error();
  CHECK(late.status == zixflow::status::not_sent);
  CHECK(late.attempts == 0);

  const zixflow::cancel other;
  zixflow::call_options patient = until(other);
  patient.max_retries = 100;
  const auto pause = [&] { return client.send(message_to(busy), patient); };
  const zixflow::reply between = ended(pause, [&] { other.now(); });
  CHECK(between.status == zixflow::status::not_sent);
  CHECK(between.http_status == 429);

  CHECK(client.send(message_to("919876543210"), until(zixflow::cancel())));
}

#ifdef __cpp_exceptions
void a_cancelled_call_throws(const zixflow::client &client) {
  const zixflow::cancel cancel;
  cancel.now();
  const std::string json = zixflow::compose(message_to("919876543210")).value();
  for (const auto &send :
       {std::function<void()>([&] { client.send(message_to("919876543210"), until(cancel)).value(); }),
        std::function<void()>([&] { client.send_json(json, until(cancel)).value(); })}) {
    try {
      send();
      broken("it throws", __LINE__);
    } catch (const zixflow::error &error) {
      CHECK(error.reply->status == zixflow::status::not_sent);
    }
  }
}
#endif

#ifdef __cpp_lib_jthread
void a_stop_token_cancels(const zixflow::client &client) {
  std::stop_source source;
  const auto wait = [&] { return client.send(message_to(silent), {.cancel = source.get_token()}); };
  CHECK(ended(wait, [&] { source.request_stop(); }).status == zixflow::status::outcome_unknown);

  const std::string json = *zixflow::compose(message_to("919876543210"));
  const auto late = client.send_json(json, {.cancel = source.get_token()});
  CHECK(late.error().status == zixflow::status::not_sent);
  CHECK(client.send_json(json, {.cancel = std::stop_source().get_token()}));
  CHECK(client.send_json(json, {.cancel = std::stop_token()}));

  // It goes with its call, and its source is asked afterwards.
  std::stop_source later;
  CHECK(client.send_json(json, {.cancel = later.get_token()}));
  later.request_stop();
  CHECK(client.send_json(json));

  // A copy ends with the source, too, and can be ended without it.
  std::stop_source again;
  std::optional<zixflow::cancel> first(again.get_token());
  const zixflow::cancel copy = *first;
  first.reset();
  again.request_stop();
  CHECK(!client.send_json(json, until(copy)));
  const zixflow::cancel alone = std::stop_source().get_token();
  alone.now();
  CHECK(!client.send_json(json, until(alone)));

  std::optional<zixflow::result<zixflow::reply>> sent;
  { std::jthread sender([&](std::stop_token stop) { sent = client.send(message_to(silent), {.cancel = stop}); }); }
  const zixflow::status status = sent->error().status;
  CHECK(status == zixflow::status::not_sent || status == zixflow::status::outcome_unknown);
}
#endif

void tries_and_stats_tell_of_the_calls(const std::string &base_url) {
  const zixflow::client client = client_for(base_url);
  CHECK(client.send(message_to("919876543210"))->tries.empty());
  zixflow::call_options options;
  options.tries = true;
  options.max_retries = 1;
  const zixflow::reply reply = client.send(message_to(busy), options).error();
  CHECK(reply.status == zixflow::status::busy);
  CHECK(reply.tries.size() == 2);
  const zixflow::attempt &first = reply.tries[0], &second = reply.tries[1];
  CHECK(first.status == zixflow::status::busy);
  CHECK(first.http_status == 429);
  CHECK(!first.message.empty());
  CHECK(first.is_kept_connection);
  CHECK(base_url.find(first.address) != std::string::npos);
  CHECK(!first.address.empty());
  CHECK(!first.connect);
  CHECK(first.send.has_value());
  CHECK(first.response > 0us);
  CHECK(first.pause >= 1s);
  CHECK(first.at < 1s);
  CHECK(second.at >= first.at + *first.pause);
  CHECK(!second.pause);

  const zixflow::result<zixflow::stats> counted = client.stats();
  CHECK(counted);
  CHECK(counted->count("calls") == 2);
  CHECK(counted->count("calls_ok") == 1);
  CHECK(counted->count("calls_busy") == 1);
  CHECK(counted->count("attempts") == 3);
  CHECK(counted->count("retries") == 1);
  CHECK(counted->count("connections_opened") >= 1);
  CHECK(counted->count("bytes_sent") > 0);
  CHECK(counted->count("calls_under_way") == 0);
  CHECK(counted->count("latency_ms_le_30000") == 2);
  CHECK(!counted->count("call"));
  CHECK(zixflow::json_get(counted->json, "/calls") == "2");

  zixflow::client first_owner = client_for(base_url);
  const zixflow::client second_owner = std::move(first_owner);
  CHECK(second_owner.stats());
  CHECK(first_owner.stats().error().status == zixflow::status::invalid_argument);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) return EXIT_FAILURE;
  const zixflow::client client = client_for(argv[1]);
  a_call_is_cancelled_with_what_is_true(client);
#ifdef __cpp_exceptions
  a_cancelled_call_throws(client);
#endif
#ifdef __cpp_lib_jthread
  a_stop_token_cancels(client);
#endif
  tries_and_stats_tell_of_the_calls(argv[1]);
  std::cout << "every promise was kept\n";
}

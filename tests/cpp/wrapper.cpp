// wrapper BASE_URL: what zixflow.hpp promises, against a sandbox. It stops at the first promise
// that is not kept, and names it.

#include <zixflow.hpp>
#include <zixflow.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <locale>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

#define CHECK(promise) ((promise) ? void() : broken(#promise, __LINE__))

// In another unit, so that the header is linked twice.
zixflow::reply_buttons message_of_the_other_unit();

namespace {

void broken(const char *promise, int line) {
  std::cerr << "line " << line << ": " << promise << '\n';
  std::exit(EXIT_FAILURE);
}

static_assert(std::is_nothrow_move_constructible_v<zixflow::client>);
static_assert(std::is_nothrow_move_assignable_v<zixflow::client>);
static_assert(!std::is_copy_constructible_v<zixflow::client>);
static_assert(!std::is_copy_assignable_v<zixflow::client>);
static_assert(std::is_nothrow_copy_constructible_v<zixflow::error>);
static_assert(!std::is_convertible_v<zixflow::reply, bool>);

template <typename Action> zixflow::error thrown_by(Action action) {
  try {
    action();
  } catch (const zixflow::error &error) {
    return error;
  }
  broken("a zixflow::error is thrown", __LINE__);
  std::abort();
}

zixflow::client_options options_for(const std::string &base_url) {
  zixflow::client_options options;
  options.base_url = base_url;
  return options;
}

zixflow::client client_for(const std::string &base_url) {
  return zixflow::client("sandbox-key", "sandbox-workspace", options_for(base_url));
}

zixflow::reply_buttons message_to(const std::string &recipient) {
  zixflow::reply_buttons message = message_of_the_other_unit();
  message.recipient = recipient;
  return message;
}

void a_message_is_queued(const std::string &base_url) {
  const zixflow::client client = client_for(base_url);
  const zixflow::reply reply = client.send(message_to("919876543210")).value();
  CHECK(reply);
  CHECK(reply.status == zixflow::status::ok);
  CHECK(!reply.request_id.empty());
  CHECK(!reply.message.empty());
  CHECK(reply.http_status == 202);
  CHECK(reply.attempts == 1);
  CHECK(!reply.retryable);
  CHECK(!reply.retry_after);
  CHECK(reply.problems.empty());
  CHECK(reply.response.empty());
  CHECK(reply.json.find(reply.request_id) != std::string::npos);

  const std::string json = zixflow::compose(message_to("919876543210")).value();
  CHECK(client.send_json(json));
  CHECK(zixflow::check(json));
}

void a_failure_comes_back_or_is_thrown(const std::string &base_url) {
  const zixflow::client client = client_for(base_url);
  zixflow::call_options once;
  once.max_retries = 0;
  const zixflow::result<zixflow::reply> turned_away = client.send(message_to("15550100006"), once);
  CHECK(!turned_away);
  const zixflow::reply &busy = turned_away.error();
  CHECK(busy.status == zixflow::status::busy);
  CHECK(busy.http_status == 429);
  CHECK(busy.retryable);
  CHECK(busy.retry_after == 1s);
  CHECK(busy.request_id.empty());

  const zixflow::error error = thrown_by([&] { client.send(message_to("15550100004")).value(); });
  CHECK(error.reply->status == zixflow::status::rejected);
  CHECK(error.what() == "ZX_REJECTED: " + error.reply->message);

  const zixflow::reply page = client.send(message_to("15550100007")).error();
  CHECK(page.status == zixflow::status::outcome_unknown);
  CHECK(page.response.find("<title>502 Bad Gateway</title>") != std::string::npos);
}

void every_problem_is_listed(const std::string &base_url) {
  zixflow::reply_buttons message = message_to("+91");
  message.buttons.push_back(message.buttons.front());
  const zixflow::reply reply = client_for(base_url).send(message).error();
  CHECK(reply.status == zixflow::status::invalid_message);
  CHECK(reply.problems.size() == 3);
  bool recipient_is_listed = false;
  for (const zixflow::problem &problem : zixflow::compose(message).error().problems) {
    CHECK(!problem.message.empty());
    recipient_is_listed |= problem.path == "/recipient";
  }
  CHECK(recipient_is_listed);

  const zixflow::error error = thrown_by([&] { zixflow::compose(message).value(); });
  CHECK(error.reply->problems.size() == 3);
  CHECK(zixflow::check("{}").status == zixflow::status::invalid_message);
}

void what_is_probably_not_intended_is_a_warning() {
  std::string json = zixflow::compose(message_to("919876543210")).value();
  CHECK(zixflow::check(json).warnings.empty());
  json.insert(1, R"("post_back_uri":"x",)");
  const zixflow::reply report = zixflow::check(json);
  CHECK(report);
  CHECK(report.warnings.size() == 1);
  CHECK(report.warnings[0].path == "/post_back_uri");
  CHECK(report.warnings[0].message.find("post_back_url") != std::string::npos);
}

void a_document_has_its_file_name() {
  zixflow::reply_buttons message = message_to("919876543210");
  message.header = {zixflow::header_type::document, "https://example.com/1.pdf", "Rechnung \"März\".pdf"};
  const std::string json = zixflow::compose(message).value();
  CHECK(zixflow::json_get(json, "/interactive/header/document/filename") == message.header->filename);
  CHECK(zixflow::json_get(json, "/interactive/header/document/link") == message.header->content);
  message.header->type = zixflow::header_type::video;
  CHECK(zixflow::compose(message).error().status == zixflow::status::invalid_message);
}

void a_value_of_no_enumeration_is_refused(const std::string &base_url) {
  zixflow::reply_buttons message = message_to("919876543210");
  message.header = zixflow::header{static_cast<zixflow::header_type>(4), "x"};
  CHECK(zixflow::compose(message).error().status == zixflow::status::invalid_message);
  zixflow::call_options options;
  options.validation = static_cast<zixflow::validation>(-1);
  const zixflow::reply reply = client_for(base_url).send(message_to("919876543210"), options).error();
  CHECK(reply.status == zixflow::status::invalid_argument);
  CHECK(reply.message.find("validation") != std::string::npos);
}

void a_result_is_read_in_each_way() {
  const zixflow::result<std::string> made = zixflow::compose(message_to("919876543210"));
  CHECK(made);
  CHECK((*made).size() == made->size());
  CHECK(&made.value() == &*made);
  const zixflow::result<std::string> none = zixflow::compose(message_to("+"));
  CHECK(!none);
  CHECK(none.error().problems.size() == 1);
  CHECK(thrown_by([&] { none.value(); }).reply->status == zixflow::status::invalid_message);

  zixflow::result<std::string> changed = made;
  changed->append(" ");
  *changed += ' ';
  changed.value() += ' ';
  CHECK(changed->size() == made->size() + 3);
  const std::string taken = *std::move(changed);
  CHECK(taken.size() == made->size() + 3);
  const zixflow::reply kept = zixflow::compose(message_to("+")).error();
  CHECK(kept.problems.size() == 1);

  const zixflow::result<zixflow::client> client = zixflow::client::make("key", "workspace");
  client->shutdown();
  (*client).shutdown();
  CHECK(client.value().send({}).error().status == zixflow::status::invalid_message);
}

void a_nul_is_refused_and_never_cuts(const std::string &base_url) {
  const std::string nul("a\0b", 3);
  std::vector<zixflow::reply_buttons> messages(11, message_to("919876543210"));
  messages[0].recipient = nul;
  messages[1].phone_id = nul;
  messages[2].header = zixflow::header{zixflow::header_type::text, nul};
  messages[3].body = nul;
  messages[4].footer = nul;
  messages[5].buttons[0].id = nul;
  messages[6].buttons[0].title = nul;
  messages[7].post_back_url = nul;
  messages[8].post_back_data = nul;
  messages[9].header = zixflow::header{zixflow::header_type::image, nul};
  messages[10].header = zixflow::header{zixflow::header_type::document, "1", nul};
  const zixflow::client client = client_for(base_url);
  for (const zixflow::reply_buttons &message : messages) {
    const zixflow::reply reply = client.send(message).error();
    CHECK(reply.status == zixflow::status::invalid_argument);
    CHECK(reply.message.find("NUL") != std::string::npos);
    CHECK(!reply.retryable);
  }
  CHECK(client.send_json(nul).error().status == zixflow::status::invalid_argument);
  CHECK(zixflow::check(nul).status == zixflow::status::invalid_argument);
  for (const auto &[key, workspace] : {std::pair{nul, std::string("w")}, std::pair{std::string("k"), nul}}) {
    CHECK(zixflow::client::make(key, workspace).error().status == zixflow::status::invalid_argument);
  }
}

void each_option_reaches_the_library(const std::string &base_url) {
  using alteration = void (*)(zixflow::client_options &);
  static constexpr unsigned too_many = std::numeric_limits<unsigned>::max();
  using real = std::numeric_limits<double>;
  const std::pair<const char *, alteration> bad_options[] = {
      {"base_url", [](auto &options) { options.base_url = "ftp://\"\\\n"; }},
      {"allow_plain_http", [](auto &options) { options.base_url = "http://192.0.2.1", options.allow_plain_http = false; }},
      {"idle_timeout_ms", [](auto &options) { options.idle_timeout = -1s; }},
      {"proxy", [](auto &options) { options.proxy = "gopher://localhost"; }},
      {"ca_file", [](auto &options) { options.ca_file = "/no/such/file"; }},
      {"ledger", [](auto &options) { options.ledger = "/no/such/folder/ledger"; }},
      {"ledger_days", [](auto &options) { options.ledger_days = too_many; }},
      {"user_agent", [](auto &options) { options.user_agent = "a\nb"; }},
      {"timeout_ms", [](auto &options) { options.timeout = -1s; }},
      {"connect_timeout_ms", [](auto &options) { options.connect_timeout = -1s; }},
      {"max_retries", [](auto &options) { options.max_retries = too_many; }},
      {"max_idle_connections", [](auto &options) { options.max_idle_connections = too_many; }},
      {"messages_per_second", [](auto &options) { options.messages_per_second = 0; }},
      {"messages_per_second", [](auto &options) { options.messages_per_second = real::quiet_NaN(); }},
      {"messages_per_second", [](auto &options) { options.messages_per_second = -real::infinity(); }},
      {"tls_roots", [](auto &options) { options.tls_roots = static_cast<zixflow::tls_roots>(2); }},
      {"base_url", [](auto &options) { options.base_url = std::string("http://127.0.0.1/\0", 18); }},
      {"proxy", [](auto &options) { options.proxy = std::string("http://127.0.0.1\0", 17); }},
      {"ca_file", [](auto &options) { options.ca_file = std::string("/dev/null\0", 10); }},
      {"user_agent", [](auto &options) { options.user_agent = std::string("a\0", 2); }},
  };
  for (const auto &[name, change] : bad_options) {
    zixflow::client_options options = options_for(base_url);
    change(options);
    zixflow::result<zixflow::client> made = zixflow::client::make("key", "workspace", options);
    CHECK(!made);
    CHECK(made.error().status == zixflow::status::invalid_argument);
    CHECK(made.error().message.find(name) != std::string::npos);
    const zixflow::error error = thrown_by([&] { zixflow::client("key", "workspace", options); });
    CHECK(error.reply->json == made.error().json);
  }

  zixflow::client_options good = options_for("http://192.0.2.1");
  good.allow_plain_http = true;
  good.max_idle_connections = 1;
  good.idle_timeout = 1s;
  good.proxy = "";
  good.tls_roots = zixflow::tls_roots::system;
  good.user_agent = "acme/1";
  good.timeout = 1min;
  good.connect_timeout = 1s;
  good.max_retries = 1;
  good.validation = zixflow::validation::strict;
  good.tries = true;
  good.messages_per_second = 0.1;
  CHECK(zixflow::client::make("key", "workspace", good));

  // The library passes what only strict validation refuses; the sandbox does not.
  std::string json = zixflow::compose(message_to("919876543210")).value();
  json.replace(json.find("Shall we?"), 9, std::string(1025, 'x'));
  zixflow::call_options basic;
  basic.validation = zixflow::validation::basic;
  const zixflow::client client = client_for(base_url);
  CHECK(client.send_json(json, basic).error().http_status == 400);
  CHECK(client.send_json(json).error().status == zixflow::status::invalid_message);
}

// A locale with a decimal comma, which machines with a German one have.
struct decimal_comma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
};

void a_number_is_a_number_in_any_locale() {
  const std::locale before = std::locale::global(std::locale(std::locale(), new decimal_comma));
  zixflow::client_options options;
  options.messages_per_second = 0.5;
  const zixflow::result<zixflow::client> made = zixflow::client::make("key", "workspace", options);
  std::locale::global(before);
  CHECK(made);
}

void a_shut_down_client_ends_its_calls(const std::string &base_url) {
  const zixflow::client client = client_for(base_url);
  std::optional<zixflow::result<zixflow::reply>> ended;
  std::thread sender([&] { ended = client.send(message_to("15550100008")); });
  std::this_thread::sleep_for(300ms);
  client.shutdown();
  sender.join();
  CHECK(ended->error().status == zixflow::status::outcome_unknown);
  CHECK(client.send(message_to("919876543210")).error().status == zixflow::status::not_sent);
}

void a_client_moves(const std::string &base_url) {
  zixflow::client first = client_for(base_url);
  zixflow::client second = std::move(first);
  CHECK(second.send(message_to("919876543210")));
  CHECK(first.send(message_to("919876543210")).error().status == zixflow::status::invalid_argument);
  first = std::move(second);
  CHECK(first.send(message_to("919876543210")));
}

void replies_are_read_whatever_they_hold() {
  const std::string json =
      R"({"success":false, "status" : "invalid_message","new":{"message":"no","list":[1.5e3,{"}":"]"},null]},)"
      R"("message":"\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00é","http_status":429,"attempts":3,)"
      R"("retryable":true,"retry_after_ms":86400000000,"problems":[{"path":"/a~1b","message":"x","new":[]},{}],)"
      R"("response":"<html>"})";
  const zixflow::reply reply(json);
  CHECK(reply.status == zixflow::status::invalid_message);
  CHECK(reply.message == "\"\\/\b\f\n\r\t\u00e9\u20ac\U0001F600é");
  CHECK(reply.http_status == 429);
  CHECK(reply.attempts == 3);
  CHECK(reply.retryable);
  CHECK(reply.retry_after == std::chrono::hours(24000));
  CHECK(reply.problems.size() == 2);
  CHECK(reply.problems[0].path == "/a~1b");
  CHECK(reply.response == "<html>");
  CHECK(reply.json == json);
  CHECK(zixflow::reply(R"({"retry_after_ms":18446744073709551000})").retry_after == std::chrono::milliseconds::max());
  CHECK(zixflow::reply(R"({"status":"of a later version"})").status == zixflow::status::internal);
  CHECK(zixflow::reply(ZX_BUSY, nullptr).status == zixflow::status::busy);
  CHECK(zixflow::reply(ZX_OK + 9, "{}").status == static_cast<zixflow::status>(9));

  // No depth overflows the stack.
  const std::string opened(300'000, '['), closed(300'000, ']');
  for (const std::string &deep : {opened, opened + closed}) {
    CHECK(zixflow::reply(deep).message.empty());
    (void)zixflow::reply(R"({"status":"ok","problems":)" + deep + ",\"message\":\"x\"}").problems;
    CHECK(!zixflow::json_get(deep, "/1"));
  }

  // Cut short or changed anywhere, it is read to some end: the sanitizers watch.
  for (std::size_t at = 0; at < json.size(); ++at) {
    (void)zixflow::reply(json.substr(0, at)).message;
    for (const char other : {'"', '\\', '{', '[', 'u', '\0'}) {
      std::string changed = json;
      changed[at] = other;
      (void)zixflow::reply(changed).message;
    }
  }
}

void the_library_describes_itself() {
  CHECK(zixflow::schema().find("\"recipient\"") != std::string_view::npos);
  CHECK(zixflow::json_get(std::string(zixflow::options_schema()), "/properties/timeout_ms/default") == "30000");
  CHECK(std::string(zixflow::library_version()).substr(0, 4) == "0.3.");
  CHECK(zixflow::status_name(zixflow::status::busy) == std::string("ZX_BUSY"));
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) return EXIT_FAILURE;
  const std::string base_url = argv[1];
  a_message_is_queued(base_url);
  a_failure_comes_back_or_is_thrown(base_url);
  every_problem_is_listed(base_url);
  what_is_probably_not_intended_is_a_warning();
  a_document_has_its_file_name();
  a_value_of_no_enumeration_is_refused(base_url);
  a_result_is_read_in_each_way();
  a_nul_is_refused_and_never_cuts(base_url);
  each_option_reaches_the_library(base_url);
  a_number_is_a_number_in_any_locale();
  a_shut_down_client_ends_its_calls(base_url);
  a_client_moves(base_url);
  replies_are_read_whatever_they_hold();
  the_library_describes_itself();
  std::cout << "every promise was kept\n";
}

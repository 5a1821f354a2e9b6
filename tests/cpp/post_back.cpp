// What zixflow.hpp promises of post-backs.

#include <zixflow.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#define CHECK(promise) ((promise) ? void() : broken(#promise, __LINE__))

namespace {

void broken(const char *promise, int line) {
  std::cerr << "line " << line << ": " << promise << '\n';
  std::exit(EXIT_FAILURE);
}

// The example of the API's own page.
const std::string example = R"({"workspace_id":"69614209f51dfafb2231a6fe","type":"delivery_status",
  "message_id":604132581490819100,"request_id":"65ca1d21-8854-4d39-a0bd-64f1cd7b8db1",
  "channel":"whatsapp","recipient":"919090909090","status":"delivered","remark":"",
  "status_at":"2026-01-28T17:17:59.254174911Z","post_back_data":"somedata"})";

std::string with(const std::string &text, const std::string &in_place) {
  std::string changed = example;
  return changed.replace(changed.find(text), text.size(), in_place);
}

zixflow::post_back read(const std::string &body) {
  zixflow::result<zixflow::post_back> read = zixflow::read_post_back(body);
  CHECK(read);
  return *std::move(read);
}

void the_apis_own_example_is_read() {
  const zixflow::post_back post_back = read(example);
  CHECK(post_back.workspace_id == "69614209f51dfafb2231a6fe");
  CHECK(post_back.type == "delivery_status");
  CHECK(post_back.message_id == "604132581490819100");
  CHECK(post_back.request_id == "65ca1d21-8854-4d39-a0bd-64f1cd7b8db1");
  CHECK(post_back.channel == "whatsapp");
  CHECK(post_back.recipient == "919090909090");
  CHECK(post_back.status == "delivered");
  CHECK(post_back.remark.empty());
  CHECK(post_back.status_at == "2026-01-28T17:17:59.254174911Z");
  CHECK(post_back.time->time_since_epoch() == std::chrono::milliseconds(1769620679254));
  CHECK(post_back.post_back_data == "somedata");
  CHECK(post_back.rank == 2);
  CHECK(!post_back.is_failure);
  CHECK(post_back.key == post_back.request_id + "/delivered/" + post_back.status_at);
  CHECK(zixflow::json_get(post_back.json, "/message_id") == post_back.message_id);
}

void each_status_has_its_rank() {
  const std::pair<const char *, std::optional<int>> ranks[] = {
      {"sent", 1}, {"delivered", 2}, {"read", 3}, {"clicked", 4}, {"failed", std::nullopt}, {"new", std::nullopt}};
  for (const auto &[status, rank] : ranks) {
    const zixflow::post_back post_back = read(with("\"delivered\"", '"' + std::string(status) + '"'));
    CHECK(post_back.status == status);
    CHECK(post_back.rank == rank);
    CHECK(post_back.is_failure == (status == std::string("failed")));
  }
}

void what_varies_is_read() {
  const zixflow::post_back least = read(R"({"status":"read","request_id":"r","STATUS":"failed"})");
  CHECK(least.key == "r/read/");
  CHECK(!least.time);
  CHECK(least.message_id.empty());
  CHECK(zixflow::json_get(least.json, "/STATUS") == "failed");
  for (const std::string digits : {"9007199254740993", "123456789012345678901234", "-1"}) {
    CHECK(read(with("604132581490819100", digits)).message_id == digits);
    CHECK(read(with("604132581490819100", '"' + digits + '"')).message_id == digits);
  }
  CHECK(read(with("604132581490819100", "null")).message_id.empty());
  const zixflow::post_back last = read(with("2026-01-28T17:17:59.254174911Z", "9999-12-31T23:59:59Z"));
  CHECK(last.time->time_since_epoch() == std::chrono::seconds(253402300799));
  CHECK(!read(with("2026-01-28T17", "soon")).time);
}

void what_is_no_post_back_is_refused() {
  using zixflow::status;
  const std::pair<std::string, status> bodies[] = {
      {"", status::invalid_message},
      {"status=read", status::invalid_message},
      {R"({"status":"read"})", status::invalid_message},
      {R"({"status":1,"request_id":"r"})", status::invalid_message},
      {std::string(1 << 20, '['), status::invalid_message},
      {std::string((1 << 20) + 1, ' '), status::invalid_message},
      {"{\"status\":\"\xff\"}", status::invalid_argument},
      {example + std::string(1, '\0'), status::invalid_argument},
  };
  for (const auto &[body, expected] : bodies) {
    const zixflow::result<zixflow::post_back> read = zixflow::read_post_back(body);
    CHECK(!read);
    CHECK(read.error().status == expected);
    CHECK(read.error().problems.empty() == (expected == status::invalid_argument));
#ifdef __cpp_exceptions
    try {
      zixflow::read_post_back(body).value();
      broken("it throws", __LINE__);
    } catch (const zixflow::error &error) {
      CHECK(error.reply->status == expected);
    }
#endif
  }
}

} // namespace

int main() {
  the_apis_own_example_is_read();
  each_status_has_its_rank();
  what_varies_is_read();
  what_is_no_post_back_is_refused();
  std::cout << "every promise was kept\n";
}

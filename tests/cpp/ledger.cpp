// What zixflow.hpp promises of ledgers.
//
// usage: ledger BASE_URL LEDGER

#include <zixflow.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

#define CHECK(promise) ((promise) ? void() : broken(#promise, __LINE__))

namespace {

void broken(const char *promise, int line) {
  std::cerr << "line " << line << ": " << promise << '\n';
  std::exit(EXIT_FAILURE);
}

zixflow::reply_buttons message_to(const std::string &recipient) {
  zixflow::reply_buttons message;
  message.recipient = recipient;
  message.phone_id = "1";
  message.body = "Shall we?";
  message.buttons = {{"yes", "Yes"}};
  message.post_back_data = "data of " + recipient;
  return message;
}

zixflow::call_options once(const std::string &key) {
  zixflow::call_options options;
  options.idempotency_key = key;
  options.timeout = std::chrono::milliseconds(1000);
  return options;
}

} // namespace

int main(int, char **arguments) {
  const std::string silent = "15550100008";
  zixflow::client_options options;
  options.base_url = arguments[1];
  options.ledger = arguments[2];
  options.ledger_days = 7;
  const auto made = zixflow::client::make("sandbox-key", "sandbox-workspace", options);
  CHECK(made);
  const zixflow::client &client = *made;

  const auto first = client.send(message_to("919876543210"), once("a \"key\""));
  const auto again = client.send(message_to("919876543210"), once("a \"key\""));
  CHECK(first && !first->repeated);
  CHECK(again && again->repeated && again->request_id == first->request_id && again->attempts == 0);
  const auto other = client.send(message_to("919876543211"), once("a \"key\""));
  CHECK(other.error().status == zixflow::status::invalid_argument);

  for (const char *key : {"1", "2"}) {
    CHECK(client.send(message_to(silent), once(key)).error().status == zixflow::status::outcome_unknown);
  }
  CHECK(client.send(message_to(silent), once("1")).error().repeated);
  const auto unsettled = client.unsettled();
  CHECK(unsettled && unsettled->size() == 2 && (*unsettled)[1].idempotency_key == "2");
  CHECK((*unsettled)[0].began_at <= (*unsettled)[1].began_at);
  CHECK(client.unsettled("1")->size() == 1);
  CHECK(client.forget("2"));
  CHECK(client.forget("a \"key\"").error().status == zixflow::status::invalid_argument);

  const std::string post_back = R"({"workspace_id":"sandbox-workspace","request_id":"r","status":"sent",
    "status_at":"2100-01-01T00:00:00Z","post_back_data":"data of 15550100008"})";
  const auto settled = client.settle(post_back);
  CHECK(settled && settled->settled && settled->idempotency_key == "1" && settled->rank == 1);
  CHECK(client.unsettled()->empty());
  CHECK(client.settle("{}").error().problems.size() == 2);
  CHECK(client.settle(std::string("{\0}", 3)).error().status == zixflow::status::invalid_argument);
  CHECK(client.stats()->count("calls_repeated") == 2);
  std::cout << "every promise was kept\n";
}

/**
 * zixflow.hpp: libzixflow for C++17 and later, in this one file over zixflow.h.
 *
 *     zixflow::client client("API key", "workspace ID");
 *     zixflow::reply reply = client.send(message);
 *
 * The rules in the preface of zixflow.h hold here too, and what they ask of a
 * caller is done: everything is released by itself, and a string that holds a
 * NUL is refused and never cut short.
 *
 * Each function that can fail comes twice. The plain one throws zixflow::error.
 * The one with `try_` in front hands the failure back, and throws nothing but
 * std::bad_alloc. Both tell the same: a zixflow::reply. Where exceptions are
 * turned off, only those with `try_` are there.
 */
#ifndef ZIXFLOW_HPP
#define ZIXFLOW_HPP

#include "zixflow.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <locale>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#if __has_include(<version>)
#include <version>
#endif

#ifdef __cpp_exceptions
#include <stdexcept>
#endif

#ifdef __cpp_lib_jthread
#include <stop_token>
#endif

namespace zixflow {

/** What became of a call: the ZX_ constants of zixflow.h, which says what each means. */
enum class status : zx_status {
  ok = ZX_OK,
  invalid_argument = ZX_INVALID_ARGUMENT,
  invalid_message = ZX_INVALID_MESSAGE,
  unauthorized = ZX_UNAUTHORIZED,
  rejected = ZX_REJECTED,
  busy = ZX_BUSY,
  not_sent = ZX_NOT_SENT,
  outcome_unknown = ZX_OUTCOME_UNKNOWN,
  internal = ZX_INTERNAL,
};

/** The status's name, as zx_status_name() gives it. */
[[nodiscard]] inline const char *status_name(status status) noexcept {
  return zx_status_name(static_cast<zx_status>(status));
}

/** The library's version, which may be a later one than the header's. */
[[nodiscard]] inline const char *library_version() noexcept { return zx_version(); }

/** The JSON Schema of a message's JSON; empty only where the library has a bug. */
[[nodiscard]] inline std::string_view schema() noexcept {
  const char *const text = zx_reply_buttons_schema();
  return text != nullptr ? text : std::string_view();
}

/** The JSON Schema of a client's options; empty only where the library has a bug. */
[[nodiscard]] inline std::string_view options_schema() noexcept {
  const char *const text = zx_client_options_schema();
  return text != nullptr ? text : std::string_view();
}

/** A choice that the customer can tap. */
struct button {
  std::string id;
  std::string title;
};

enum class header_type { text, image, video, document };

/** What stands above a message's body. */
struct header {
  header_type type = header_type::text;
  /** The text; or a medium's link (http:// or https://), else its id. */
  std::string content;
  /** What the customer sees a document called. */
  std::optional<std::string> filename = std::nullopt;
};

/** A reply-buttons message. The strings are UTF-8. */
struct reply_buttons {
  /** Digits only, country code first. */
  std::string recipient;
  /** The Phone ID of the WhatsApp Business account that sends. */
  std::string phone_id;
  std::optional<zixflow::header> header = std::nullopt;
  std::string body;
  std::optional<std::string> footer = std::nullopt;
  std::vector<button> buttons;
  /** Where Zixflow posts a notification when the message's status changes. */
  std::optional<std::string> post_back_url = std::nullopt;
  /** Handed back in those notifications. */
  std::optional<std::string> post_back_data = std::nullopt;
};

enum class validation { strict, basic };
enum class tls_roots { bundled, system };

/** Options of one call. Those left empty are the client's. */
struct call_options {
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;
  std::optional<std::chrono::milliseconds> connect_timeout = std::nullopt;
  std::optional<unsigned> max_retries = std::nullopt;
  std::optional<zixflow::validation> validation = std::nullopt;
  /** Whether the reply tells of each attempt. */
  std::optional<bool> tries = std::nullopt;
};

/** Options of a client. Those left empty are the library's defaults. */
struct client_options : call_options {
  std::optional<std::string> base_url = std::nullopt;
  std::optional<bool> allow_plain_http = std::nullopt;
  std::optional<unsigned> max_idle_connections = std::nullopt;
  std::optional<std::chrono::milliseconds> idle_timeout = std::nullopt;
  std::optional<std::string> proxy = std::nullopt;
  std::optional<zixflow::tls_roots> tls_roots = std::nullopt;
  std::optional<std::string> ca_file = std::nullopt;
  std::optional<std::string> user_agent = std::nullopt;
  /** How fast the client's attempts leave at most, over all threads. */
  std::optional<double> messages_per_second = std::nullopt;
};

/** One thing that is wrong with a message, or is hardly meant. */
struct problem {
  /** A JSON Pointer into the message's JSON. */
  std::string path;
  std::string message;
};

/** What one attempt of a call did. What does not apply is empty. */
struct attempt {
  /** Since the call began. */
  std::chrono::microseconds at{};
  bool is_kept_connection = false;
  /** The peer's, with its port. */
  std::string address;
  std::optional<std::chrono::microseconds> look_up;
  std::optional<std::chrono::microseconds> connect;
  std::optional<std::chrono::microseconds> proxy;
  std::optional<std::chrono::microseconds> tls;
  std::optional<std::chrono::microseconds> send;
  /** From the last byte sent to the last received. */
  std::optional<std::chrono::microseconds> response;
  zixflow::status status = zixflow::status::internal;
  std::optional<int> http_status;
  /** What went wrong. */
  std::string message;
  /** Before the next attempt. */
  std::optional<std::chrono::microseconds> pause;
};

/** Calls that took at most so long. */
struct latency {
  std::chrono::milliseconds at_most{};
  std::uint64_t calls = 0;
};

/**
 * What a client has counted since it was made in this process. All but the last
 * two only grow. A call is counted when it is over.
 */
struct stats {
  std::uint64_t calls = 0;
  /** By their status: see calls_with(). */
  std::array<std::uint64_t, ZX_INTERNAL + 1> calls_by_status{};
  std::uint64_t attempts = 0;
  /** The attempts that were not a call's first. */
  std::uint64_t retries = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_reused = 0;
  std::uint64_t connections_failed = 0;
  /** Kept ones that the peer had closed. */
  std::uint64_t connections_found_closed = 0;
  std::uint64_t tls_handshakes_resumed = 0;
  /** TLS and what is said to a proxy included. */
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::array<latency, 12> latencies{};
  std::uint64_t calls_under_way = 0;
  std::uint64_t connections_idle = 0;

  [[nodiscard]] std::uint64_t calls_with(status status) const noexcept {
    const auto index = static_cast<std::size_t>(status);
    return index < calls_by_status.size() ? calls_by_status[index] : 0;
  }
};

namespace detail {

struct releaser {
  void operator()(void *owned) const noexcept { zx_free(owned); }
};

using owned_text = std::unique_ptr<char, releaser>;

inline std::string quoted(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string json = "\"";
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20) {
      json += {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 0xF]};
    } else {
      if (character == '"' || character == '\\') json += '\\';
      json += character;
    }
  }
  return json += '"';
}

/* A value that is none of its enumeration has the empty word, which the library refuses. */

inline const char *word(header_type value) noexcept {
  switch (value) {
  case header_type::text: return "text";
  case header_type::image: return "image";
  case header_type::video: return "video";
  case header_type::document: return "document";
  }
  return "";
}

inline const char *word(validation value) noexcept {
  switch (value) {
  case validation::strict: return "strict";
  case validation::basic: return "basic";
  }
  return "";
}

inline const char *word(tls_roots value) noexcept {
  switch (value) {
  case tls_roots::bundled: return "bundled";
  case tls_roots::system: return "system";
  }
  return "";
}

inline std::string to_json(bool value) { return value ? "true" : "false"; }
inline std::string to_json(unsigned value) { return std::to_string(value); }
inline std::string to_json(std::chrono::milliseconds value) { return std::to_string(value.count()); }
inline std::string to_json(const std::string &value) { return quoted(value); }
inline std::string to_json(validation value) { return quoted(word(value)); }
inline std::string to_json(tls_roots value) { return quoted(word(value)); }

inline std::string to_json(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic()); /* or it might have a decimal comma */
  text.precision(std::numeric_limits<double>::max_digits10);
  text << value;
  /* JSON has no infinity: the library refuses the text. */
  return std::isfinite(value) ? text.str() : quoted(text.str());
}

/** A JSON object of those members that have a value. */
class json_object {
public:
  template <typename Value> json_object &add(const char *key, const std::optional<Value> &value) {
    if (value) members_ += (members_.empty() ? "" : ",") + quoted(key) + ':' + to_json(*value);
    return *this;
  }

  [[nodiscard]] std::string json() const { return '{' + members_ + '}'; }

private:
  std::string members_;
};

inline json_object object_of(const call_options &options) {
  json_object object;
  object.add("timeout_ms", options.timeout)
      .add("connect_timeout_ms", options.connect_timeout)
      .add("max_retries", options.max_retries)
      .add("validation", options.validation)
      .add("tries", options.tries);
  return object;
}

inline std::string to_json(const call_options &options) { return object_of(options).json(); }

inline std::string to_json(const client_options &options) {
  return object_of(options)
      .add("base_url", options.base_url)
      .add("allow_plain_http", options.allow_plain_http)
      .add("max_idle_connections", options.max_idle_connections)
      .add("idle_timeout_ms", options.idle_timeout)
      .add("proxy", options.proxy)
      .add("tls_roots", options.tls_roots)
      .add("ca_file", options.ca_file)
      .add("user_agent", options.user_agent)
      .add("messages_per_second", options.messages_per_second)
      .json();
}

/** Lends strings to C, and remembers the first that C would cut short at a NUL. */
class c_strings {
public:
  const char *lend(const char *name, const std::string &text) noexcept {
    if (refused_ == nullptr && text.find('\0') != std::string::npos) refused_ = name;
    return text.c_str();
  }

  const char *lend(const char *name, const std::optional<std::string> &text) noexcept {
    return text ? lend(name, *text) : nullptr;
  }

  [[nodiscard]] const char *refused() const noexcept { return refused_; }

private:
  const char *refused_ = nullptr;
};

/** The status's name as JSON has it. */
inline std::string lower_name(status status) {
  std::string name = std::string(status_name(status)).substr(sizeof "ZX_" - 1);
  for (char &letter : name) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + ('a' - 'A'));
  }
  return name;
}

/** The status of that name in JSON; a name from a later library is no better than a bug. */
inline status status_named(std::string_view name) {
  for (zx_status each = ZX_OK; each < ZX_INTERNAL; ++each) {
    if (lower_name(static_cast<status>(each)) == name) return static_cast<status>(each);
  }
  return status::internal;
}

} // namespace detail

/**
 * One value of a JSON text, as zx_json_get() finds it: a string comes decoded, anything else as it
 * is spelt. Empty where there is no such value.
 */
[[nodiscard]] inline std::optional<std::string> json_get(const std::string &json, const std::string &pointer) {
  detail::c_strings strings;
  const char *const c_json = strings.lend("the JSON", json);
  const char *const c_pointer = strings.lend("the pointer", pointer);
  if (strings.refused() != nullptr) return std::nullopt;
  const detail::owned_text value(zx_json_get(c_json, c_pointer));
  return value ? std::optional<std::string>(value.get()) : std::nullopt;
}

/** What Zixflow posts when a message's status changes. A text that did not come is empty. */
struct post_back {
  std::string workspace_id;
  std::string type;
  /** All of its digits, where it came as a number. */
  std::string message_id;
  /** The reply's, where there was one; sure to be there, and so is the status. */
  std::string request_id;
  std::string channel;
  std::string recipient;
  /** sent, delivered, read, clicked, failed, or one that is new. */
  std::string status;
  std::string remark;
  std::string status_at;
  /** The same, where it is a time. */
  std::optional<std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>> time;
  /** The message's. */
  std::string post_back_data;
  /**
   * How far the message has got; none for a failure and an unknown status. Post-backs
   * come in any order: take one only if its rank is higher than the last one's.
   */
  std::optional<int> rank;
  bool is_failure = false;
  /** What to remember against a post-back that comes twice. */
  std::string key;
  /** All that came, and the above, for json_get(). */
  std::string json;
};

namespace detail {

inline std::string text_in(const std::string &json, const char *pointer) { return json_get(json, pointer).value_or(""); }

/** A whole number; one that does not fit is the largest that does. */
template <typename Number> std::optional<Number> number_in(const std::string &json, const char *pointer) {
  const std::string digits = text_in(json, pointer);
  Number value = 0;
  const std::errc problem = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec;
  if (problem == std::errc::invalid_argument) return std::nullopt;
  return problem == std::errc::result_out_of_range ? std::numeric_limits<Number>::max() : value;
}

/** A time in milliseconds with up to three decimals. */
inline std::optional<std::chrono::microseconds> time_in(const std::string &json, const char *pointer) {
  const std::string text = text_in(json, pointer);
  std::istringstream digits(text);
  digits.imbue(std::locale::classic());
  double milliseconds = 0;
  if (!(digits >> milliseconds)) return std::nullopt;
  return std::chrono::round<std::chrono::microseconds>(std::chrono::duration<double, std::milli>(milliseconds));
}

/** Each element of a JSON array. */
template <typename Read> auto each_in(const std::string &json, const char *pointer, Read read) {
  std::vector<decltype(read(json))> elements;
  const std::string list = text_in(json, pointer);
  while (const auto element = json_get(list, '/' + std::to_string(elements.size()))) elements.push_back(read(*element));
  return elements;
}

inline problem read_problem(const std::string &json) { return {text_in(json, "/path"), text_in(json, "/message")}; }

inline attempt read_attempt(const std::string &json) {
  attempt read;
  read.at = time_in(json, "/at_ms").value_or(read.at);
  read.is_kept_connection = text_in(json, "/connection") == "kept";
  read.address = text_in(json, "/address");
  read.look_up = time_in(json, "/look_up_ms");
  read.connect = time_in(json, "/connect_ms");
  read.proxy = time_in(json, "/proxy_ms");
  read.tls = time_in(json, "/tls_ms");
  read.send = time_in(json, "/send_ms");
  read.response = time_in(json, "/response_ms");
  read.status = status_named(text_in(json, "/status"));
  read.http_status = number_in<int>(json, "/http_status");
  read.message = text_in(json, "/message");
  read.pause = time_in(json, "/pause_ms");
  return read;
}

inline post_back read_post_back(const std::string &json) {
  post_back read;
  read.workspace_id = text_in(json, "/workspace_id");
  read.type = text_in(json, "/type");
  read.message_id = text_in(json, "/message_id");
  read.request_id = text_in(json, "/request_id");
  read.channel = text_in(json, "/channel");
  read.recipient = text_in(json, "/recipient");
  read.status = text_in(json, "/status");
  read.remark = text_in(json, "/remark");
  read.status_at = text_in(json, "/status_at");
  read.post_back_data = text_in(json, "/post_back_data");
  using std::chrono::milliseconds;
  const auto since_1970 = number_in<milliseconds::rep>(json, "/status_at_ms");
  if (since_1970) read.time.emplace(milliseconds(*since_1970));
  read.rank = number_in<int>(json, "/rank");
  read.is_failure = text_in(json, "/is_failure") == "true";
  read.key = text_in(json, "/key");
  read.json = json;
  return read;
}

} // namespace detail

/** What there is to know of a call. */
class reply {
public:
  /** From the JSON of a reply. */
  explicit reply(std::string json)
      : json_(std::move(json)), status_(detail::status_named(text("/status"))), message_(text("/message")),
        request_id_(text("/request_id")), response_(text("/response")),
        http_status_(detail::number_in<int>(json_, "/http_status")),
        attempts_(detail::number_in<int>(json_, "/attempts").value_or(0)), retryable_(text("/retryable") == "true"),
        problems_(detail::each_in(json_, "/problems", detail::read_problem)),
        warnings_(detail::each_in(json_, "/warnings", detail::read_problem)),
        tries_(detail::each_in(json_, "/tries", detail::read_attempt)) {
    using std::chrono::milliseconds;
    const auto delay = detail::number_in<milliseconds::rep>(json_, "/retry_after_ms");
    if (delay) retry_after_ = milliseconds(*delay);
  }

  /** From what a C function returned and handed out: NULL where there was no memory for it. */
  reply(zx_status status, const char *json) : reply(std::string(json != nullptr ? json : "")) {
    status_ = static_cast<zixflow::status>(status);
    if (json == nullptr) message_ = "There was no memory for the library's reply.";
  }

  /** Whether the message was accepted and queued; of a check, whether it is good. */
  [[nodiscard]] explicit operator bool() const noexcept { return status_ == zixflow::status::ok; }
  [[nodiscard]] zixflow::status status() const noexcept { return status_; }
  /** A sentence for a person. */
  [[nodiscard]] const std::string &message() const noexcept { return message_; }
  /** The API's; empty where it gave none. */
  [[nodiscard]] const std::string &request_id() const noexcept { return request_id_; }
  /** The HTTP status, where the API answered. */
  [[nodiscard]] std::optional<int> http_status() const noexcept { return http_status_; }
  /** HTTP attempts made. */
  [[nodiscard]] int attempts() const noexcept { return attempts_; }
  /** Whether sending again can help and cannot deliver twice. */
  [[nodiscard]] bool retryable() const noexcept { return retryable_; }
  /** The delay that the API named, if it did. */
  [[nodiscard]] std::optional<std::chrono::milliseconds> retry_after() const noexcept { return retry_after_; }
  /** All that is wrong with the message, with status::invalid_message. */
  [[nodiscard]] const std::vector<problem> &problems() const noexcept { return problems_; }
  /** Of a check: what is valid, but probably not intended. */
  [[nodiscard]] const std::vector<problem> &warnings() const noexcept { return warnings_; }
  /** What each attempt did, with call_options::tries. */
  [[nodiscard]] const std::vector<attempt> &tries() const noexcept { return tries_; }
  /** The API's answer as it came, where it is not the documented one. */
  [[nodiscard]] const std::string &response() const noexcept { return response_; }
  /** The reply as the C functions give it, for json_get() and logs. */
  [[nodiscard]] const std::string &json() const noexcept { return json_; }

private:
  [[nodiscard]] std::string text(const char *pointer) const { return detail::text_in(json_, pointer); }

  std::string json_; /* the first: the others are read from it */
  zixflow::status status_;
  std::string message_;
  std::string request_id_;
  std::string response_;
  std::optional<int> http_status_;
  int attempts_;
  bool retryable_;
  std::vector<problem> problems_;
  std::vector<problem> warnings_;
  std::vector<attempt> tries_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

#ifdef __cpp_exceptions

/** What the throwing functions throw. */
class error : public std::runtime_error {
public:
  explicit error(zixflow::reply reply)
      : std::runtime_error(std::string(status_name(reply.status())) + ": " + reply.message()),
        reply_(std::make_shared<const zixflow::reply>(std::move(reply))) {}

  [[nodiscard]] const zixflow::reply &reply() const noexcept { return *reply_; }
  [[nodiscard]] zixflow::status status() const noexcept { return reply_->status(); }

private:
  std::shared_ptr<const zixflow::reply> reply_; /* so that a copy of the exception cannot throw */
};

#endif

/** A value, or the reply that says why there is none. */
template <typename Value> class [[nodiscard]] result {
public:
  result(Value value) : content_(std::move(value)) {}
  result(reply failure) : content_(std::move(failure)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return std::holds_alternative<Value>(content_); }
  /** The value, which must be there. */
  [[nodiscard]] Value &operator*() & { return std::get<Value>(content_); }
  [[nodiscard]] const Value &operator*() const & { return std::get<Value>(content_); }
  [[nodiscard]] Value &&operator*() && { return std::get<Value>(std::move(content_)); }
  [[nodiscard]] Value *operator->() { return &**this; }
  [[nodiscard]] const Value *operator->() const { return &**this; }
  /** The reply, which must be there. */
  [[nodiscard]] const reply &failure() const & { return std::get<reply>(content_); }
  [[nodiscard]] reply failure() && { return std::get<reply>(std::move(content_)); }

#ifdef __cpp_exceptions
  /** The value; throws the failure as a zixflow::error. */
  [[nodiscard]] Value &value() & { return *this ? **this : throw error(failure()); }
  [[nodiscard]] const Value &value() const & { return *this ? **this : throw error(failure()); }
  [[nodiscard]] Value value() && {
    if (!*this) throw error(std::move(*this).failure());
    return *std::move(*this);
  }
#endif

private:
  std::variant<Value, reply> content_;
};

namespace detail {

/** A reply of this header's own, where the library was not asked. */
inline reply refusal(const std::string &message) {
  return reply(R"({"success":false,"status":"invalid_argument","message":)" + quoted(message) +
               R"(,"attempts":0,"retryable":false})");
}

inline reply nul_refusal(const std::string &name) {
  return refusal(name + " holds a NUL character, at which C would cut it short. Remove it.");
}

/** Whether the library has all that this header calls: semantic versioning, where 0.x breaks with its x. */
inline bool library_fits() noexcept {
  char *rest = nullptr;
  const long major = std::strtol(zx_version(), &rest, 10);
  const long minor = std::strtol(rest + 1, nullptr, 10);
  constexpr long header_major = ZX_VERSION_MAJOR;
  constexpr long header_minor = ZX_VERSION_MINOR;
  return major == header_major && (major == 0 ? minor == header_minor : minor >= header_minor);
}

inline reply version_refusal() {
  return refusal("The program was compiled with zixflow.h " + std::to_string(ZX_VERSION_MAJOR) + '.' +
                 std::to_string(ZX_VERSION_MINOR) + '.' + std::to_string(ZX_VERSION_PATCH) + " and runs with libzixflow " +
                 zx_version() + ". Install the library that belongs to the header, or compile anew.");
}

inline stats read_stats(const std::string &json) {
  static constexpr int bounds[] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10'000, 30'000};
  const auto count = [&json](const std::string &key) {
    return number_in<std::uint64_t>(json, ('/' + key).c_str()).value_or(0);
  };
  stats read;
  read.calls = count("calls");
  for (std::size_t each = 0; each < read.calls_by_status.size(); ++each) {
    read.calls_by_status[each] = count("calls_" + lower_name(static_cast<status>(each)));
  }
  read.attempts = count("attempts");
  read.retries = count("retries");
  read.connections_opened = count("connections_opened");
  read.connections_reused = count("connections_reused");
  read.connections_failed = count("connections_failed");
  read.connections_found_closed = count("connections_found_closed");
  read.tls_handshakes_resumed = count("tls_handshakes_resumed");
  read.bytes_sent = count("bytes_sent");
  read.bytes_received = count("bytes_received");
  for (std::size_t each = 0; each < read.latencies.size(); ++each) {
    read.latencies[each].at_most = std::chrono::milliseconds(bounds[each]);
    read.latencies[each].calls = count("latency_ms_le_" + std::to_string(bounds[each]));
  }
  read.calls_under_way = count("calls_under_way");
  read.connections_idle = count("connections_idle");
  return read;
}

} // namespace detail

/**
 * Ends calls that are under way. A copy ends the same calls.
 *
 *     zixflow::cancel cancel;
 *     std::thread sender([&] { reply = client.try_send(message, cancel); });
 *     cancel.now();
 */
class cancel {
public:
#ifdef __cpp_exceptions
  /** Throws where the machine has nothing left. */
  cancel() : cancel(try_make().value()) {}
#endif

  [[nodiscard]] static result<cancel> try_make() {
    zx_cancel *const handle = zx_cancel_new();
    if (handle == nullptr) {
      return reply(R"({"success":false,"status":"not_sent","message":"There was no memory for a cancel token.",)"
                   R"("attempts":0,"retryable":true})");
    }
    return cancel(std::shared_ptr<zx_cancel>(handle, detail::releaser()));
  }

  /* Without a move, there is none that ends nothing. */
  cancel(const cancel &) noexcept = default;
  cancel &operator=(const cancel &) noexcept = default;
  ~cancel() = default;

  /**
   * Ends the calls that were given it within 50 ms, and those that come at once,
   * each with status::not_sent or status::outcome_unknown as is true of it; from any
   * thread. It cannot be undone.
   */
  void now() const noexcept { zx_cancel_now(handle_.get()); }

private:
  friend class client;
  explicit cancel(std::shared_ptr<zx_cancel> handle) noexcept : handle_(std::move(handle)) {}

  std::shared_ptr<zx_cancel> handle_;
};

/** The message as checked JSON. */
[[nodiscard]] inline result<std::string> try_compose(const reply_buttons &message) {
  detail::c_strings strings;
  std::vector<zx_button> buttons;
  for (const button &each : message.buttons) {
    buttons.push_back({strings.lend("a button's id", each.id), strings.lend("a button's title", each.title)});
  }
  zx_reply_buttons c_message{};
  c_message.size = sizeof c_message;
  c_message.recipient = strings.lend("recipient", message.recipient);
  c_message.phone_id = strings.lend("phone_id", message.phone_id);
  if (message.header) {
    c_message.header_type = detail::word(message.header->type);
    c_message.header = strings.lend("header", message.header->content);
    c_message.header_filename = strings.lend("the header's file name", message.header->filename);
  }
  c_message.body = strings.lend("body", message.body);
  c_message.footer = strings.lend("footer", message.footer);
  c_message.buttons = buttons.data();
  c_message.button_count = buttons.size();
  c_message.post_back_url = strings.lend("post_back_url", message.post_back_url);
  c_message.post_back_data = strings.lend("post_back_data", message.post_back_data);
  if (strings.refused() != nullptr) return detail::nul_refusal(strings.refused());

  char *json = nullptr;
  const zx_status status = zx_compose_reply_buttons(&c_message, &json);
  const detail::owned_text owner(json);
  if (status != ZX_OK) return reply(status, json);
  if (json == nullptr) return reply(ZX_INTERNAL, json);
  return std::string(json);
}

/**
 * Reads the body of a post-back, of at most 1 MiB. Post-backs are not signed: put a
 * secret into the path of your post_back_url, and compare it first.
 */
[[nodiscard]] inline result<post_back> try_read_post_back(const std::string &body) {
  detail::c_strings strings;
  const char *const c_body = strings.lend("the post-back", body);
  if (strings.refused() != nullptr) return detail::nul_refusal(strings.refused());
  char *json = nullptr;
  const zx_status status = zx_read_post_back(c_body, &json);
  const detail::owned_text owner(json);
  if (status != ZX_OK) return reply(status, json);
  if (json == nullptr) return reply(ZX_INTERNAL, json);
  return detail::read_post_back(json);
}

#ifdef __cpp_exceptions
/** Reads the body of a post-back; throws. */
[[nodiscard]] inline post_back read_post_back(const std::string &body) { return try_read_post_back(body).value(); }

/** The message as checked JSON; throws. */
[[nodiscard]] inline std::string compose(const reply_buttons &message) { return try_compose(message).value(); }
#endif

/** Checks a message's JSON, and sends nothing. A message with problems is an answer here, and no exception. */
[[nodiscard]] inline reply check(const std::string &message_json) {
  detail::c_strings strings;
  const char *const message = strings.lend("the message", message_json);
  if (strings.refused() != nullptr) return detail::nul_refusal(strings.refused());
  char *json = nullptr;
  const zx_status status = zx_check_reply_buttons(message, &json);
  const detail::owned_text owner(json);
  return reply(status, json);
}

/** A client of the API, for any number of threads. Moved from, it answers status::invalid_argument. */
class client {
public:
#ifdef __cpp_exceptions
  /** Throws where a credential or an option is bad. */
  client(const std::string &api_key, const std::string &workspace_id, const client_options &options = {})
      : client(try_make(api_key, workspace_id, options).value()) {}

  /** Sends, and returns when the outcome is known. Throws unless the message was queued. */
  reply send(const reply_buttons &message, const call_options &options = {}) const {
    return queued(try_send(message, options));
  }
  reply send(const reply_buttons &message, const cancel &token, const call_options &options = {}) const {
    return queued(try_send(message, token, options));
  }

  /** The same of a message that is JSON already, which goes out byte for byte as it is. */
  reply send_json(const std::string &message_json, const call_options &options = {}) const {
    return queued(try_send_json(message_json, options));
  }
  reply send_json(const std::string &message_json, const cancel &token, const call_options &options = {}) const {
    return queued(try_send_json(message_json, token, options));
  }

#ifdef __cpp_lib_jthread
  /** Each of them also ends with a stop token of the standard, such as a std::jthread's. */
  reply send(const reply_buttons &message, std::stop_token stop, const call_options &options = {}) const {
    return queued(try_send(message, std::move(stop), options));
  }
  reply send_json(const std::string &message_json, std::stop_token stop, const call_options &options = {}) const {
    return queued(try_send_json(message_json, std::move(stop), options));
  }
#endif

  /** What the client has counted; throws. */
  [[nodiscard]] zixflow::stats stats() const { return try_stats().value(); }
#endif

  [[nodiscard]] static result<client> try_make(const std::string &api_key, const std::string &workspace_id,
                                               const client_options &options = {}) {
    if (!detail::library_fits()) return detail::version_refusal();
    detail::c_strings strings;
    const char *const key = strings.lend("the API key", api_key);
    const char *const workspace = strings.lend("the workspace ID", workspace_id);
    if (strings.refused() != nullptr) return detail::nul_refusal(strings.refused());
    char *failure = nullptr;
    zx_client *const handle = zx_client_new(key, workspace, detail::to_json(options).c_str(), &failure);
    const detail::owned_text owner(failure);
    if (handle != nullptr) return client(handle);
    return failure != nullptr ? reply(failure) : reply(ZX_INTERNAL, failure);
  }

  /**
   * Sends, and returns when the outcome is known. Where there is no memory for the reply,
   * std::bad_alloc may come after the message went out.
   */
  [[nodiscard]] reply try_send(const reply_buttons &message, const call_options &options = {}) const {
    const result<std::string> json = try_compose(message);
    return json ? try_send_json(*json, options) : json.failure();
  }

  [[nodiscard]] reply try_send_json(const std::string &message_json, const call_options &options = {}) const {
    return send_until(nullptr, message_json, options);
  }

  /** The same, until the token ends it. */
  [[nodiscard]] reply try_send(const reply_buttons &message, const cancel &token, const call_options &options = {}) const {
    const result<std::string> json = try_compose(message);
    return json ? try_send_json(*json, token, options) : json.failure();
  }

  [[nodiscard]] reply try_send_json(const std::string &message_json, const cancel &token,
                                    const call_options &options = {}) const {
    return send_until(token.handle_.get(), message_json, options);
  }

#ifdef __cpp_lib_jthread
  /** The same, until a stop is requested. */
  [[nodiscard]] reply try_send(const reply_buttons &message, std::stop_token stop, const call_options &options = {}) const {
    const result<std::string> json = try_compose(message);
    return json ? try_send_json(*json, std::move(stop), options) : json.failure();
  }

  [[nodiscard]] reply try_send_json(const std::string &message_json, std::stop_token stop,
                                    const call_options &options = {}) const {
    if (!stop.stop_possible()) return try_send_json(message_json, options);
    const result<cancel> made = cancel::try_make();
    if (!made) return made.failure();
    const cancel &token = *made;
    const std::stop_callback raise(std::move(stop), [&token]() noexcept { token.now(); });
    return try_send_json(message_json, token, options);
  }
#endif

  /** What the client has counted. */
  [[nodiscard]] result<zixflow::stats> try_stats() const {
    char *json = nullptr;
    const zx_status status = zx_client_stats(handle_.get(), &json);
    const detail::owned_text owner(json);
    if (status != ZX_OK) return reply(status, json);
    if (json == nullptr) return reply(ZX_INTERNAL, json);
    return detail::read_stats(json);
  }

  /** Ends the calls under way at once, and refuses later ones; from any thread. */
  void shutdown() const noexcept { zx_client_shutdown(handle_.get()); }

private:
  explicit client(zx_client *handle) noexcept : handle_(handle) {}

  [[nodiscard]] reply send_until(const zx_cancel *token, const std::string &message_json, const call_options &options) const {
    detail::c_strings strings;
    const char *const message = strings.lend("the message", message_json);
    if (strings.refused() != nullptr) return detail::nul_refusal(strings.refused());
    char *json = nullptr;
    const zx_status status =
        zx_send_reply_buttons_with(handle_.get(), message, detail::to_json(options).c_str(), token, &json);
    const detail::owned_text owner(json);
    return reply(status, json);
  }

#ifdef __cpp_exceptions
  static reply queued(reply reply) {
    if (!reply) throw error(std::move(reply));
    return reply;
  }
#endif

  std::unique_ptr<zx_client, detail::releaser> handle_;
};

} // namespace zixflow

#endif

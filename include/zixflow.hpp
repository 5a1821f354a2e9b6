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
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
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

#ifdef __cpp_exceptions
#include <stdexcept>
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

/** The JSON Schema of a message's JSON; empty only if there is no memory for it. */
[[nodiscard]] inline std::string_view schema() noexcept {
  const char *const text = zx_reply_buttons_schema();
  return text != nullptr ? text : std::string_view();
}

/** The JSON Schema of a client's options; empty only if there is no memory for it. */
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
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<std::chrono::milliseconds> connect_timeout;
  std::optional<unsigned> max_retries;
  std::optional<zixflow::validation> validation;
  /** Whether the reply tells of each attempt. */
  std::optional<bool> tries;
};

/** Options of a client. Those left empty are the library's defaults. */
struct client_options : call_options {
  std::optional<std::string> base_url;
  std::optional<bool> allow_plain_http;
  std::optional<unsigned> max_idle_connections;
  std::optional<std::chrono::milliseconds> idle_timeout;
  std::optional<std::string> proxy;
  std::optional<zixflow::tls_roots> tls_roots;
  std::optional<std::string> ca_file;
  std::optional<std::string> user_agent;
  /** How fast the client's attempts leave at most, over all threads. */
  std::optional<double> messages_per_second;
};

/** One thing that is wrong with a message, or is hardly meant. */
struct problem {
  /** A JSON Pointer into the message's JSON. */
  std::string path;
  std::string message;
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

/** The status of that name in a reply's JSON; a name from a later library is no better than a bug. */
inline status status_named(std::string_view name) noexcept {
  const auto matches = [](char upper, char lower) { return upper == lower || upper + ('a' - 'A') == lower; };
  for (zx_status each = ZX_OK; each < ZX_INTERNAL; ++each) {
    const std::string_view known = std::string_view(zx_status_name(each)).substr(sizeof "ZX_" - 1);
    if (std::equal(known.begin(), known.end(), name.begin(), name.end(), matches)) return static_cast<status>(each);
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

/** What there is to know of a call. */
class reply {
public:
  /** From the JSON of a reply. */
  explicit reply(std::string json)
      : json_(std::move(json)), status_(detail::status_named(text("/status"))), message_(text("/message")),
        request_id_(text("/request_id")), response_(text("/response")), http_status_(number<int>("/http_status")),
        attempts_(number<int>("/attempts").value_or(0)), retryable_(text("/retryable") == "true"),
        problems_(findings("/problems")), notes_(findings("/notes")) {
    using std::chrono::milliseconds;
    if (const auto delay = number<milliseconds::rep>("/retry_after_ms")) retry_after_ = milliseconds(*delay);
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
  /** Of a check: what is allowed in the message, but hardly meant. */
  [[nodiscard]] const std::vector<problem> &notes() const noexcept { return notes_; }
  /** The API's answer as it came, where it is not the documented one. */
  [[nodiscard]] const std::string &response() const noexcept { return response_; }
  /** The reply as the C functions give it, for json_get() and logs. */
  [[nodiscard]] const std::string &json() const noexcept { return json_; }

private:
  [[nodiscard]] std::string text(const char *pointer) const { return json_get(json_, pointer).value_or(std::string()); }

  /** A number; one that does not fit is the largest that does. */
  template <typename Number> [[nodiscard]] std::optional<Number> number(const char *pointer) const {
    const std::string digits = text(pointer);
    Number value = 0;
    const std::errc problem = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec;
    if (problem == std::errc::invalid_argument) return std::nullopt;
    return problem == std::errc::result_out_of_range ? std::numeric_limits<Number>::max() : value;
  }

  [[nodiscard]] std::vector<problem> findings(const char *pointer) const {
    std::vector<problem> found;
    const std::string list = text(pointer);
    while (const auto each = json_get(list, '/' + std::to_string(found.size()))) {
      found.push_back({json_get(*each, "/path").value_or(""), json_get(*each, "/message").value_or("")});
    }
    return found;
  }

  std::string json_; /* the first: the others are read from it */
  zixflow::status status_;
  std::string message_;
  std::string request_id_;
  std::string response_;
  std::optional<int> http_status_;
  int attempts_;
  bool retryable_;
  std::vector<problem> problems_;
  std::vector<problem> notes_;
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

} // namespace detail

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

#ifdef __cpp_exceptions
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

  /** The same of a message that is JSON already, which goes out byte for byte as it is. */
  reply send_json(const std::string &message_json, const call_options &options = {}) const {
    return queued(try_send_json(message_json, options));
  }
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
    detail::c_strings strings;
    const char *const message = strings.lend("the message", message_json);
    if (strings.refused() != nullptr) return detail::nul_refusal(strings.refused());
    char *json = nullptr;
    const zx_status status = zx_send_reply_buttons_with(handle_.get(), message, detail::to_json(options).c_str(), nullptr, &json);
    const detail::owned_text owner(json);
    return reply(status, json);
  }

  /** Ends the calls under way at once, and refuses later ones; from any thread. */
  void shutdown() const noexcept { zx_client_shutdown(handle_.get()); }

private:
  explicit client(zx_client *handle) noexcept : handle_(handle) {}

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

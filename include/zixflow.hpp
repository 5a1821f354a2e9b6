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
 * std::bad_alloc. Both tell the same: a zixflow::reply.
 */
#ifndef ZIXFLOW_HPP
#define ZIXFLOW_HPP

#include "zixflow.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

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

/** The JSON Schema of a message's JSON. */
[[nodiscard]] inline std::string_view schema() noexcept { return zx_reply_buttons_schema(); }

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
};

/** One thing that is wrong with a message. */
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

/** The status of that name in a reply's JSON; a name from a later library is no better than a bug. */
inline status status_named(std::string_view name) noexcept {
  constexpr std::pair<std::string_view, status> statuses[] = {
      {"ok", status::ok},
      {"invalid_argument", status::invalid_argument},
      {"invalid_message", status::invalid_message},
      {"unauthorized", status::unauthorized},
      {"rejected", status::rejected},
      {"busy", status::busy},
      {"not_sent", status::not_sent},
      {"outcome_unknown", status::outcome_unknown},
  };
  for (const auto &[known, status] : statuses) {
    if (known == name) return status;
  }
  return status::internal;
}

/**
 * Walks through JSON that the library wrote. On anything else its answers are
 * of no use, but it reads nothing past the end and always comes to an end.
 */
class json_reader {
public:
  explicit json_reader(std::string_view text) noexcept : rest_(text) {}

  /** Calls `member(key)` for each member, which has to read or skip its value. */
  template <typename Member> void object(Member member) {
    sequence('{', '}', [&] {
      const std::string key = string();
      take(':');
      member(key);
    });
  }

  /** Calls `element()` for each element, which has to read or skip it. */
  template <typename Element> void array(Element element) { sequence('[', ']', element); }

  std::string string() {
    std::string text;
    if (!take('"')) return text;
    while (!rest_.empty() && rest_.front() != '"') {
      const char character = next();
      if (character == '\\') {
        unescape(text);
      } else {
        text += character;
      }
    }
    take('"');
    return text;
  }

  /** A number; one that does not fit is the largest that does. */
  template <typename Number> Number number() {
    skip_space();
    Number value = 0;
    const char *const begin = rest_.data();
    const auto [end, problem] = std::from_chars(begin, begin + rest_.size(), value);
    rest_.remove_prefix(static_cast<std::size_t>(end - begin));
    return problem == std::errc::result_out_of_range ? std::numeric_limits<Number>::max() : value;
  }

  bool boolean() {
    skip_space();
    const bool value = !rest_.empty() && rest_.front() == 't';
    skip();
    return value;
  }

  /** Passes over a value of any kind. */
  void skip() {
    skip_space();
    switch (rest_.empty() ? '\0' : rest_.front()) {
    case '"': string(); break;
    case '{': object([this](const std::string &) { skip(); }); break;
    case '[': array([this] { skip(); }); break;
    default: rest_.remove_prefix(std::min(rest_.find_first_of(",]} \t\r\n"), rest_.size()));
    }
  }

private:
  template <typename Each> void sequence(char open, char close, Each each) {
    if (!take(open) || take(close)) return;
    do {
      each();
    } while (take(','));
    take(close);
  }

  void skip_space() noexcept {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }

  bool take(char expected) noexcept {
    skip_space();
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  char next() noexcept {
    if (rest_.empty()) return '\0';
    const char character = rest_.front();
    rest_.remove_prefix(1);
    return character;
  }

  void unescape(std::string &text) {
    const char character = next();
    switch (character) {
    case 'b': text += '\b'; break;
    case 'f': text += '\f'; break;
    case 'n': text += '\n'; break;
    case 'r': text += '\r'; break;
    case 't': text += '\t'; break;
    case 'u': append_utf8(text, code_point()); break;
    default: text += character; /* a quote, a slash or a backslash */
    }
  }

  /** What follows `\u`: four digits, or a surrogate pair of them. */
  std::uint32_t code_point() {
    const std::uint32_t high = code_unit();
    if (high < 0xD800 || high > 0xDFFF) return high;
    if (high < 0xDC00 && rest_.substr(0, 2) == "\\u") {
      rest_.remove_prefix(2);
      const std::uint32_t low = code_unit();
      if (low >= 0xDC00 && low <= 0xDFFF) return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    return 0xFFFD; /* half a pair is no character */
  }

  std::uint32_t code_unit() {
    std::uint32_t unit = 0;
    const std::string_view digits = rest_.substr(0, 4);
    std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    rest_.remove_prefix(digits.size());
    return unit;
  }

  static void append_utf8(std::string &text, std::uint32_t code_point) {
    const auto append = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
    const auto append_tail = [&](unsigned shift) { append(0x80 | ((code_point >> shift) & 0x3F)); };
    if (code_point < 0x80) {
      append(code_point);
    } else if (code_point < 0x800) {
      append(0xC0 | (code_point >> 6));
      append_tail(0);
    } else if (code_point < 0x10000) {
      append(0xE0 | (code_point >> 12));
      append_tail(6);
      append_tail(0);
    } else {
      append(0xF0 | (code_point >> 18));
      append_tail(12);
      append_tail(6);
      append_tail(0);
    }
  }

  std::string_view rest_;
};

/** Writes the JSON of a set of options. */
class options_writer {
public:
  explicit options_writer(const call_options &options) { add_call_options(options); }

  explicit options_writer(const client_options &options) {
    add_call_options(options);
    add("base_url", options.base_url);
    add("allow_plain_http", options.allow_plain_http);
    add("max_idle_connections", options.max_idle_connections);
    add("idle_timeout_ms", options.idle_timeout);
    add("proxy", options.proxy);
    add("tls_roots", options.tls_roots);
    add("ca_file", options.ca_file);
    add("user_agent", options.user_agent);
  }

  [[nodiscard]] std::string json() const { return "{" + members_ + "}"; }

private:
  void add_call_options(const call_options &options) {
    add("timeout_ms", options.timeout);
    add("connect_timeout_ms", options.connect_timeout);
    add("max_retries", options.max_retries);
    add("validation", options.validation);
  }

  template <typename Value> void add(const char *key, const std::optional<Value> &value) {
    if (!value) return;
    if (!members_.empty()) members_ += ',';
    append(std::string(key));
    members_ += ':';
    append(*value);
  }

  void append(const std::string &text) {
    members_ += '"';
    for (const char character : text) {
      if (character == '"' || character == '\\') {
        members_ += '\\';
        members_ += character;
      } else if (static_cast<unsigned char>(character) < 0x20) {
        constexpr const char *digits = "0123456789abcdef";
        members_ += "\\u00";
        members_ += digits[character >> 4];
        members_ += digits[character & 0xF];
      } else {
        members_ += character;
      }
    }
    members_ += '"';
  }

  void append(bool value) { members_ += value ? "true" : "false"; }
  void append(unsigned value) { members_ += std::to_string(value); }
  void append(std::chrono::milliseconds value) { members_ += std::to_string(value.count()); }
  void append(validation value) { append(std::string(value == validation::basic ? "basic" : "strict")); }
  void append(tls_roots value) { append(std::string(value == tls_roots::system ? "system" : "bundled")); }

  std::string members_;
};

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

} // namespace detail

/** What there is to know of a call. */
class reply {
public:
  /** From the JSON of a reply. */
  explicit reply(std::string json) : json_(std::move(json)) {
    detail::json_reader reader(json_);
    reader.object([&](const std::string &key) {
      if (key == "status") {
        status_ = detail::status_named(reader.string());
      } else if (key == "message") {
        message_ = reader.string();
      } else if (key == "request_id") {
        request_id_ = reader.string();
      } else if (key == "http_status") {
        http_status_ = reader.number<int>();
      } else if (key == "attempts") {
        attempts_ = reader.number<int>();
      } else if (key == "retryable") {
        retryable_ = reader.boolean();
      } else if (key == "retry_after_ms") {
        retry_after_ = std::chrono::milliseconds(reader.number<std::chrono::milliseconds::rep>());
      } else if (key == "problems") {
        reader.array([&] { problems_.push_back(read_problem(reader)); });
      } else if (key == "response") {
        response_ = reader.string();
      } else {
        reader.skip();
      }
    });
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
  /** The API's answer as it came, where it is not the documented one. */
  [[nodiscard]] const std::string &response() const noexcept { return response_; }
  /** The reply as the C functions give it. */
  [[nodiscard]] const std::string &json() const noexcept { return json_; }

private:
  static problem read_problem(detail::json_reader &reader) {
    problem found;
    reader.object([&](const std::string &key) {
      if (key == "path") {
        found.path = reader.string();
      } else if (key == "message") {
        found.message = reader.string();
      } else {
        reader.skip();
      }
    });
    return found;
  }

  zixflow::status status_ = zixflow::status::internal;
  std::string json_;
  std::string message_;
  std::string request_id_;
  std::string response_;
  std::optional<int> http_status_;
  std::optional<std::chrono::milliseconds> retry_after_;
  std::vector<problem> problems_;
  int attempts_ = 0;
  bool retryable_ = false;
};

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

/** A value, or the reply that says why there is none. */
template <typename Value> class [[nodiscard]] result {
public:
  result(Value value) : content_(std::move(value)) {}
  result(reply failure) : content_(std::move(failure)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return std::holds_alternative<Value>(content_); }
  /** The value, which must be there. */
  [[nodiscard]] Value &operator*() { return std::get<Value>(content_); }
  [[nodiscard]] Value *operator->() { return &**this; }
  /** The reply, which must be there. */
  [[nodiscard]] const reply &failure() const { return std::get<reply>(content_); }
  /** The value; throws the failure as a zixflow::error. */
  [[nodiscard]] Value value() && {
    if (!*this) throw error(std::get<reply>(std::move(content_)));
    return std::get<Value>(std::move(content_));
  }

private:
  std::variant<Value, reply> content_;
};

namespace detail {

/** A reply of this header's own, where the library was not asked. */
inline reply refusal(const std::string &message) {
  return reply(R"({"success":false,"status":"invalid_argument","message":")" + message +
               R"(","attempts":0,"retryable":false})");
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
  constexpr const char *header_types[] = {"text", "image", "video", "document"};
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
    c_message.header_type = header_types[static_cast<std::size_t>(message.header->type)];
    c_message.header = strings.lend("header", message.header->content);
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
  if (status != ZX_OK) return reply(json);
  return std::string(json);
}

/** The message as checked JSON; throws. */
[[nodiscard]] inline std::string compose(const reply_buttons &message) { return try_compose(message).value(); }

/** Checks a message's JSON, and sends nothing. A message with problems is an answer here, and no exception. */
[[nodiscard]] inline reply check(const std::string &message_json) {
  detail::c_strings strings;
  const char *const message = strings.lend("the message", message_json);
  if (strings.refused() != nullptr) return detail::nul_refusal(strings.refused());
  char *json = nullptr;
  zx_check_reply_buttons(message, &json);
  const detail::owned_text owner(json);
  return reply(json);
}

/** A client of the API, for any number of threads. Moved from, it answers status::invalid_argument. */
class client {
public:
  /** Throws where a credential or an option is bad. */
  client(const std::string &api_key, const std::string &workspace_id, const client_options &options = {})
      : client(try_make(api_key, workspace_id, options).value()) {}

  [[nodiscard]] static result<client> try_make(const std::string &api_key, const std::string &workspace_id,
                                               const client_options &options = {}) {
    if (!detail::library_fits()) return detail::version_refusal();
    detail::c_strings strings;
    const char *const key = strings.lend("the API key", api_key);
    const char *const workspace = strings.lend("the workspace ID", workspace_id);
    if (strings.refused() != nullptr) return detail::nul_refusal(strings.refused());
    char *failure = nullptr;
    zx_client *const handle =
        zx_client_new(key, workspace, detail::options_writer(options).json().c_str(), &failure);
    const detail::owned_text owner(failure);
    if (handle == nullptr) return reply(failure);
    return client(handle);
  }

  /** Sends, and returns when the outcome is known. Throws unless the message was queued. */
  reply send(const reply_buttons &message, const call_options &options = {}) const {
    return queued(try_send(message, options));
  }

  [[nodiscard]] reply try_send(const reply_buttons &message, const call_options &options = {}) const {
    result<std::string> json = try_compose(message);
    return json ? try_send_json(*json, options) : json.failure();
  }

  /** The same of a message that is JSON already, which goes out byte for byte as it is. */
  reply send_json(const std::string &message_json, const call_options &options = {}) const {
    return queued(try_send_json(message_json, options));
  }

  [[nodiscard]] reply try_send_json(const std::string &message_json, const call_options &options = {}) const {
    detail::c_strings strings;
    const char *const message = strings.lend("the message", message_json);
    if (strings.refused() != nullptr) return detail::nul_refusal(strings.refused());
    char *json = nullptr;
    zx_send_reply_buttons_with(handle_.get(), message, detail::options_writer(options).json().c_str(), nullptr, &json);
    const detail::owned_text owner(json);
    return reply(json);
  }

  /** Ends the calls under way at once, and refuses later ones; from any thread. */
  void shutdown() const noexcept { zx_client_shutdown(handle_.get()); }

private:
  explicit client(zx_client *handle) noexcept : handle_(handle) {}

  static reply queued(reply reply) {
    if (!reply) throw error(std::move(reply));
    return reply;
  }

  std::unique_ptr<zx_client, detail::releaser> handle_;
};

} // namespace zixflow

#endif

/**
 * zixflow.hpp: libzixflow for C++17 and later, in this one file over zixflow.h.
 *
 *     zixflow::client client("API key", "workspace ID");
 *     std::string request_id = client.send(message).value().request_id;
 *
 * The rules in the preface of zixflow.h apply here too. What they ask of a caller
 * is done: everything is released automatically, and a string that holds a NUL is
 * refused, never cut short.
 *
 * What can fail returns a zixflow::result, which is used like a std::expected: it
 * is the value, or the zixflow::reply that says why there is none. Only its value()
 * and client's constructor throw that, as a zixflow::error; where exceptions are
 * turned off these two are missing, and client::make() is there.
 */
#ifndef ZIXFLOW_HPP
#define ZIXFLOW_HPP

#include "zixflow.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <locale>
#include <memory>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if __cplusplus >= 202002L && __has_include(<stop_token>)
#include <stop_token>
#endif

namespace zixflow {

/** The outcome of a call: the ZX_ constants of zixflow.h, which says what each means. */
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

namespace detail {

struct releaser {
  void operator()(void *owned) const noexcept { zx_free(owned); }
};

using owned_text = std::unique_ptr<char, releaser>;

inline std::string_view view(const char *text) noexcept { return text != nullptr ? text : std::string_view(); }

/** C would cut it short there. */
inline bool has_nul(const std::string &text) noexcept { return text.find('\0') != std::string::npos; }

} // namespace detail

/** The JSON Schema of a message's JSON; empty only where the library has a bug. */
[[nodiscard]] inline std::string_view schema() noexcept { return detail::view(zx_reply_buttons_schema()); }

/** The JSON Schema of a client's options; empty only where the library has a bug. */
[[nodiscard]] inline std::string_view options_schema() noexcept { return detail::view(zx_client_options_schema()); }

/**
 * One value of a JSON text, as zx_json_get() finds it: a string comes decoded, anything else as it
 * is spelt. Empty where there is no such value.
 */
[[nodiscard]] inline std::optional<std::string> json_get(const std::string &json, const std::string &pointer) {
  if (detail::has_nul(json) || detail::has_nul(pointer)) return std::nullopt;
  const detail::owned_text value(zx_json_get(json.c_str(), pointer.c_str()));
  return value ? std::optional<std::string>(value.get()) : std::nullopt;
}

/* How the types below read the JSON that they are made from. */
namespace detail {

inline std::string text_in(const std::string &json, const std::string &pointer) {
  return json_get(json, pointer).value_or("");
}

/** A whole number; one that does not fit is the largest that does. */
template <typename Number> std::optional<Number> number_in(const std::string &json, const std::string &pointer) {
  const std::string digits = text_in(json, pointer);
  Number value = 0;
  const std::errc problem = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec;
  if (problem == std::errc::invalid_argument) return std::nullopt;
  return problem == std::errc::result_out_of_range ? std::numeric_limits<Number>::max() : value;
}

/** Whole milliseconds, of which a time is made. */
template <typename Time> std::optional<Time> whole_ms_in(const std::string &json, const char *pointer) {
  const auto number = number_in<std::chrono::milliseconds::rep>(json, pointer);
  return number ? std::optional(Time(std::chrono::milliseconds(*number))) : std::nullopt;
}

/** Milliseconds with up to three decimals. */
inline std::optional<std::chrono::microseconds> ms_in(const std::string &json, const char *pointer) {
  std::istringstream digits(text_in(json, pointer));
  digits.imbue(std::locale::classic());
  double milliseconds = 0;
  if (!(digits >> milliseconds)) return std::nullopt;
  return std::chrono::round<std::chrono::microseconds>(std::chrono::duration<double, std::milli>(milliseconds));
}

/** Each element of a JSON array. */
template <typename Element> std::vector<Element> each_in(const std::string &json, const char *pointer) {
  std::vector<Element> elements;
  const std::string list = text_in(json, pointer);
  while (const auto element = json_get(list, '/' + std::to_string(elements.size()))) elements.emplace_back(*element);
  return elements;
}

/** A status by its name in JSON; a name from a later library is no better than a bug. */
inline status status_in(const std::string &json) {
  std::string name = "ZX_" + text_in(json, "/status");
  for (char &letter : name) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - ('a' - 'A'));
  }
  for (zx_status each = ZX_OK; each < ZX_INTERNAL; ++each) {
    if (zx_status_name(each) == name) return static_cast<status>(each);
  }
  return status::internal;
}

} // namespace detail

/** One problem of a message, or one warning. */
struct problem {
  explicit problem(const std::string &json)
      : path(detail::text_in(json, "/path")), message(detail::text_in(json, "/message")) {}

  /** A JSON Pointer into the message's JSON. */
  std::string path;
  std::string message;
};

/** One attempt of a call. What does not apply is empty. */
struct attempt {
  explicit attempt(std::string text) : json(std::move(text)) {}
  std::string json; /* the first: the others are read from it */
  /** Since the call began. */
  std::chrono::microseconds at = detail::ms_in(json, "/at_ms").value_or(std::chrono::microseconds());
  bool is_kept_connection = detail::text_in(json, "/connection") == "kept";
  /** The peer's, with its port. */
  std::string address = detail::text_in(json, "/address");
  std::optional<std::chrono::microseconds> look_up = detail::ms_in(json, "/look_up_ms");
  std::optional<std::chrono::microseconds> connect = detail::ms_in(json, "/connect_ms");
  std::optional<std::chrono::microseconds> proxy = detail::ms_in(json, "/proxy_ms");
  std::optional<std::chrono::microseconds> tls = detail::ms_in(json, "/tls_ms");
  std::optional<std::chrono::microseconds> send = detail::ms_in(json, "/send_ms");
  /** From the last byte sent to the last received. */
  std::optional<std::chrono::microseconds> response = detail::ms_in(json, "/response_ms");
  zixflow::status status = detail::status_in(json);
  std::optional<int> http_status = detail::number_in<int>(json, "/http_status");
  /** What went wrong. */
  std::string message = detail::text_in(json, "/message");
  /** Before the next attempt. */
  std::optional<std::chrono::microseconds> pause = detail::ms_in(json, "/pause_ms");
};

/** What there is to know of a call. */
struct reply {
  using milliseconds = std::chrono::milliseconds;
  /** From the JSON of a reply, which may have been stored. */
  explicit reply(std::string text) : json(std::move(text)) {}

  /** From what a C function returned and handed out: NULL where there was no memory for it. */
  reply(zx_status returned, const char *text) : reply(std::string(text != nullptr ? text : "")) {
    status = static_cast<zixflow::status>(returned);
    if (text == nullptr) message = "There was no memory for the library's reply.";
  }

  /** Whether the message was accepted and queued; of a check, whether it is valid. */
  [[nodiscard]] explicit operator bool() const noexcept { return status == zixflow::status::ok; }

  /** The reply as the C functions give it, for json_get() and logs. */
  std::string json; /* the first: the others are read from it */
  zixflow::status status = detail::status_in(json);
  /** A sentence for a person. */
  std::string message = detail::text_in(json, "/message");
  /** The API's; empty where it gave none. */
  std::string request_id = detail::text_in(json, "/request_id");
  /** Where the API responded. */
  std::optional<int> http_status = detail::number_in<int>(json, "/http_status");
  /** HTTP attempts made. */
  int attempts = detail::number_in<int>(json, "/attempts").value_or(0);
  /** Whether sending again can help and cannot deliver twice. */
  bool retryable = detail::text_in(json, "/retryable") == "true";
  /** Whether the reply is the ledger's: this call began no attempt. */
  bool repeated = detail::text_in(json, "/repeated") == "true";
  /** The delay that the API named, if it did. */
  std::optional<milliseconds> retry_after = detail::whole_ms_in<milliseconds>(json, "/retry_after_ms");
  /** Everything that is wrong with the message, with status::invalid_message. */
  std::vector<problem> problems = detail::each_in<problem>(json, "/problems");
  /** Of a check: what is valid, but probably not intended. */
  std::vector<problem> warnings = detail::each_in<problem>(json, "/warnings");
  /** Each attempt, with the option `tries`. */
  std::vector<attempt> tries = detail::each_in<attempt>(json, "/tries");
  /** The API's response as it came, where it is not the documented one. */
  std::string response = detail::text_in(json, "/response");
};

/** What Zixflow posts when a message's status changes. A text that did not come is empty. */
struct post_back {
  using time_point = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;
  explicit post_back(std::string text) : json(std::move(text)) {}

  /** All that came, and what follows, for json_get(). */
  std::string json; /* the first: the others are read from it */
  std::string workspace_id = detail::text_in(json, "/workspace_id");
  std::string type = detail::text_in(json, "/type");
  /** All of its digits, where it came as a number. */
  std::string message_id = detail::text_in(json, "/message_id");
  /** The reply's, where there was one; always there, and so is the status. */
  std::string request_id = detail::text_in(json, "/request_id");
  std::string channel = detail::text_in(json, "/channel");
  std::string recipient = detail::text_in(json, "/recipient");
  /** sent, delivered, read, clicked, failed, or one that is new. */
  std::string status = detail::text_in(json, "/status");
  std::string remark = detail::text_in(json, "/remark");
  std::string status_at = detail::text_in(json, "/status_at");
  /** The same, where it is a time. */
  std::optional<time_point> time = detail::whole_ms_in<time_point>(json, "/status_at_ms");
  std::string post_back_data = detail::text_in(json, "/post_back_data");
  /** How far the message has got. Take a post-back only if its rank is higher than the last one's. */
  std::optional<int> rank = detail::number_in<int>(json, "/rank");
  bool is_failure = detail::text_in(json, "/is_failure") == "true";
  /** What to remember against a post-back that comes twice. */
  std::string key = detail::text_in(json, "/key");
};

/** A post-back, and what it settled in the client's ledger. */
struct settlement : post_back {
  explicit settlement(std::string text) : post_back(std::move(text)) {}

  /** Whether an unknown outcome became known by it. */
  bool settled = detail::text_in(json, "/settled") == "true";
  /** That of the entry that it is about; empty where there is none. */
  std::string idempotency_key = detail::text_in(json, "/idempotency_key");
};

/** A message of the ledger whose outcome is unknown. */
struct unsettled_entry {
  explicit unsettled_entry(const std::string &json)
      : idempotency_key(detail::text_in(json, "/idempotency_key")),
        began_at(detail::whole_ms_in<post_back::time_point>(json, "/began_at_ms").value_or(post_back::time_point())) {}

  std::string idempotency_key;
  post_back::time_point began_at;
};

/** What a client has counted since it was made in this process. */
struct stats {
  explicit stats(std::string text) : json(std::move(text)) {}
  /** A count by its name, such as "calls_ok": zixflow.h lists them at zx_client_stats(). */
  [[nodiscard]] std::optional<std::uint64_t> count(const std::string &name) const {
    return detail::number_in<std::uint64_t>(json, '/' + name);
  }

  /** All of them. */
  std::string json;
};

/** The reply that says why there is no value, thrown. */
struct error : std::runtime_error {
  explicit error(zixflow::reply why)
      : std::runtime_error(std::string(status_name(why.status)) + ": " + why.message),
        reply(std::make_shared<const zixflow::reply>(std::move(why))) {}

  std::shared_ptr<const zixflow::reply> reply; /* shared, so that a copy of the exception cannot throw */
};

/** A reply that says why there is no value, for a result: as std::unexpected is for std::expected. */
struct unexpected {
  zixflow::reply reply;
};

/** A value, or the reply that says why there is none. */
template <typename Value> class [[nodiscard]] result {
public:
  result(Value value) : content_(std::move(value)) {}
  result(unexpected failure) : content_(std::move(failure)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return std::holds_alternative<Value>(content_); }
  /** The value, which must be there. */
  [[nodiscard]] Value &operator*() & { return std::get<Value>(content_); }
  [[nodiscard]] const Value &operator*() const & { return std::get<Value>(content_); }
  [[nodiscard]] Value &&operator*() && { return std::get<Value>(std::move(content_)); }
  [[nodiscard]] Value *operator->() { return &**this; }
  [[nodiscard]] const Value *operator->() const { return &**this; }
  /** Why there is no value, which must not be there. */
  [[nodiscard]] const reply &error() const & { return std::get<unexpected>(content_).reply; }
  [[nodiscard]] reply error() && { return std::get<unexpected>(std::move(content_)).reply; }

#ifdef __cpp_exceptions
  /** The value; throws zixflow::error where there is none. */
  Value &value() & { return *this ? **this : throw zixflow::error(error()); }
  const Value &value() const & { return *this ? **this : throw zixflow::error(error()); }
  Value value() && {
    if (!*this) throw zixflow::error(std::move(*this).error());
    return *std::move(*this);
  }
#endif

private:
  std::variant<Value, unexpected> content_;
};

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

/**
 * Ends calls that are under way. A copy ends the same calls.
 *
 *     zixflow::call_options options;
 *     options.cancel = zixflow::cancel();
 *     std::thread sender([&] { sent = client.send(message, options); });
 *     options.cancel->now();
 */
class cancel {
public:
  /** Fails as `new` does where the machine has nothing left. */
  cancel() : handle_(zx_cancel_new(), detail::releaser()) {
    if (handle_ != nullptr) return;
#ifdef __cpp_exceptions
    throw std::bad_alloc();
#else
    std::abort();
#endif
  }

#ifdef __cpp_lib_jthread
  /** A stop request, such as a std::jthread's, ends the same calls as long as this or a copy lives. */
  cancel(std::stop_token stop) : cancel() {
    struct raise {
      std::shared_ptr<zx_cancel> handle;
      void operator()() const noexcept { zx_cancel_now(handle.get()); }
    };
    const auto callback = std::make_shared<std::stop_callback<raise>>(std::move(stop), raise{handle_});
    handle_ = std::shared_ptr<zx_cancel>(callback, handle_.get());
  }
#endif

  /* Without a move, there is none that ends nothing. */
  cancel(const cancel &) noexcept = default;
  cancel &operator=(const cancel &) noexcept = default;

  /**
   * Ends the calls that were given it within 50 ms, and later ones at once, each with
   * status::not_sent or status::outcome_unknown as is true of it; from any thread. It
   * cannot be undone.
   */
  void now() const noexcept { zx_cancel_now(handle_.get()); }

private:
  friend class client;

  std::shared_ptr<zx_cancel> handle_;
};

enum class validation { strict, basic };
enum class tls_roots { bundled, system };

/** Options of one call. Those left empty are the client's. */
struct call_options {
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;
  std::optional<std::chrono::milliseconds> connect_timeout = std::nullopt;
  std::optional<unsigned> max_retries = std::nullopt;
  std::optional<zixflow::validation> validation = std::nullopt;
  /** Adds details of each attempt to the reply. */
  std::optional<bool> tries = std::nullopt;
  /** Names the message in the client's ledger, which never sends it twice. */
  std::optional<std::string> idempotency_key = std::nullopt;
  /** What can end the call early: a zixflow::cancel, or in C++20 a std::stop_token. */
  std::optional<zixflow::cancel> cancel = std::nullopt;
};

/** Options of a client. Those left empty are the library's defaults. */
struct client_options {
  std::optional<std::string> base_url = std::nullopt;
  std::optional<bool> allow_plain_http = std::nullopt;
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;
  std::optional<std::chrono::milliseconds> connect_timeout = std::nullopt;
  std::optional<unsigned> max_retries = std::nullopt;
  std::optional<zixflow::validation> validation = std::nullopt;
  std::optional<unsigned> max_idle_connections = std::nullopt;
  std::optional<std::chrono::milliseconds> idle_timeout = std::nullopt;
  std::optional<std::string> proxy = std::nullopt;
  std::optional<zixflow::tls_roots> tls_roots = std::nullopt;
  std::optional<std::string> ca_file = std::nullopt;
  /** A file that remembers what was sent, over crashes, for calls with an idempotency_key. */
  std::optional<std::string> ledger = std::nullopt;
  std::optional<unsigned> ledger_days = std::nullopt;
  std::optional<std::string> user_agent = std::nullopt;
  std::optional<bool> tries = std::nullopt;
  /** A rate limit for the client's attempts across all threads. */
  std::optional<double> messages_per_second = std::nullopt;
};

/* How the types above become JSON and C. */
namespace detail {

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

/** The word for an enumeration's value; "" for what is none of its values, which the library refuses. */
template <typename Enum, std::size_t count> const char *nth(const char *const (&words)[count], Enum value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < count ? words[index] : "";
}

inline const char *word(header_type value) noexcept { return nth({"text", "image", "video", "document"}, value); }

inline std::string to_json(bool value) { return value ? "true" : "false"; }
inline std::string to_json(unsigned value) { return std::to_string(value); }
inline std::string to_json(std::chrono::milliseconds value) { return std::to_string(value.count()); }
inline std::string to_json(const std::string &value) { return quoted(value); }
inline std::string to_json(validation value) { return quoted(nth({"strict", "basic"}, value)); }
inline std::string to_json(tls_roots value) { return quoted(nth({"bundled", "system"}, value)); }

inline std::string to_json(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic()); /* or it might have a decimal comma */
  text.precision(std::numeric_limits<double>::max_digits10);
  text << value;
  /* JSON has no infinity: the library refuses the text. */
  return std::isfinite(value) ? text.str() : quoted(text.str());
}

/** A JSON object of those members that have a value. */
struct json_object {
  template <typename Value> json_object &add(const char *key, const std::optional<Value> &value) {
    if (value) members += (members.empty() ? "" : ",") + quoted(key) + ':' + to_json(*value);
    return *this;
  }
  std::string members;
};

/** What a client and a call of it can both have. */
template <typename Options> json_object shared_options(const Options &options) {
  return json_object()
      .add("timeout_ms", options.timeout)
      .add("connect_timeout_ms", options.connect_timeout)
      .add("max_retries", options.max_retries)
      .add("validation", options.validation)
      .add("tries", options.tries);
}

inline std::string to_json(const call_options &options) {
  return '{' + shared_options(options).add("idempotency_key", options.idempotency_key).members + '}';
}

inline std::string to_json(const client_options &options) {
  json_object object = shared_options(options);
  object.add("base_url", options.base_url)
      .add("allow_plain_http", options.allow_plain_http)
      .add("max_idle_connections", options.max_idle_connections)
      .add("idle_timeout_ms", options.idle_timeout)
      .add("proxy", options.proxy)
      .add("tls_roots", options.tls_roots)
      .add("ca_file", options.ca_file)
      .add("ledger", options.ledger)
      .add("ledger_days", options.ledger_days)
      .add("user_agent", options.user_agent)
      .add("messages_per_second", options.messages_per_second);
  return '{' + object.members + '}';
}

/** Lends strings to C, and remembers the first that C would cut short. */
struct c_strings {
  const char *lend(const char *name, const std::string &text) noexcept {
    if (refused == nullptr && has_nul(text)) refused = name;
    return text.c_str();
  }

  const char *lend(const char *name, const std::optional<std::string> &text) noexcept {
    return text ? lend(name, *text) : nullptr;
  }

  const char *refused = nullptr;
};

/** What this header refuses by itself. */
inline unexpected refusal(const std::string &message) {
  return {reply(R"({"success":false,"status":"invalid_argument","message":)" + quoted(message) +
                R"(,"attempts":0,"retryable":false})")};
}

inline unexpected nul_refusal(const std::string &name) {
  return refusal(name + " holds a NUL character, at which C would cut it short. Remove it.");
}

/** Before 1.0, a library of another minor version may lack what this header calls. */
inline std::optional<unexpected> version_refusal() {
  const std::string series = std::to_string(ZX_VERSION_MAJOR) + '.' + std::to_string(ZX_VERSION_MINOR) + '.';
  if (std::string_view(zx_version()).substr(0, series.size()) == series) return std::nullopt;
  return refusal("The program was compiled with zixflow.h " + series + std::to_string(ZX_VERSION_PATCH) +
                 " and runs with libzixflow " + zx_version() +
                 ". Install the library that belongs to the header, or recompile.");
}

/** Calls a C function whose last argument is the place for a text, and reads the text. */
template <typename Value, typename Function, typename... Arguments>
result<Value> call(Function function, Arguments... arguments) {
  char *text = nullptr;
  const zx_status status = function(arguments..., &text);
  const owned_text owner(text);
  if constexpr (std::is_same_v<Value, reply>) {
    if (status == ZX_OK) return reply(status, text);
  } else {
    if (status == ZX_OK && text != nullptr) return Value(text);
  }
  return unexpected{reply(status == ZX_OK ? ZX_INTERNAL : status, text)};
}

} // namespace detail

/** The message as checked JSON. */
[[nodiscard]] inline result<std::string> compose(const reply_buttons &message) {
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
  if (strings.refused != nullptr) return detail::nul_refusal(strings.refused);
  return detail::call<std::string>(zx_compose_reply_buttons, &c_message);
}

/** Checks a message's JSON, and sends nothing: the reply has its problems and warnings. */
[[nodiscard]] inline reply check(const std::string &message_json) {
  if (detail::has_nul(message_json)) return detail::nul_refusal("the message").reply;
  const result<reply> report = detail::call<reply>(zx_check_reply_buttons, message_json.c_str());
  return report ? *report : report.error();
}

/** Reads the body of a post-back. They are not signed: compare a secret in your post_back_url's path first. */
[[nodiscard]] inline result<post_back> read_post_back(const std::string &body) {
  if (detail::has_nul(body)) return detail::nul_refusal("the post-back");
  return detail::call<post_back>(zx_read_post_back, body.c_str());
}

/** A client of the API, for any number of threads. One that was moved from returns status::invalid_argument. */
class client {
public:
#ifdef __cpp_exceptions
  /** The same as make(), but throws. */
  client(const std::string &api_key, const std::string &workspace_id, const client_options &options = {})
      : client(make(api_key, workspace_id, options).value()) {}
#endif

  /** There is none where a credential or an option is bad. */
  [[nodiscard]] static result<client> make(const std::string &api_key, const std::string &workspace_id,
                                           const client_options &options = {}) {
    if (const auto refused = detail::version_refusal()) return *refused;
    if (detail::has_nul(api_key)) return detail::nul_refusal("the API key");
    if (detail::has_nul(workspace_id)) return detail::nul_refusal("the workspace ID");
    char *failure = nullptr;
    zx_client *const handle =
        zx_client_new(api_key.c_str(), workspace_id.c_str(), detail::to_json(options).c_str(), &failure);
    const detail::owned_text owner(failure);
    if (handle != nullptr) return client(handle);
    return unexpected{failure != nullptr ? reply(failure) : reply(ZX_INTERNAL, failure)};
  }

  /**
   * Sends a message, and returns when the outcome is known: the reply is the value where the
   * message was queued, else the error. Where there is no memory for the reply, std::bad_alloc
   * may come after the message went out.
   */
  result<reply> send(const reply_buttons &message, const call_options &options = {}) const {
    const result<std::string> json = compose(message);
    return json ? send_json(*json, options) : unexpected{json.error()};
  }

  /** The same of a message that is JSON already, which goes out byte for byte as it is. */
  result<reply> send_json(const std::string &message_json, const call_options &options = {}) const {
    if (detail::has_nul(message_json)) return detail::nul_refusal("the message");
    const zx_cancel *const token = options.cancel ? options.cancel->handle_.get() : nullptr;
    return detail::call<reply>(zx_send_reply_buttons_with, handle_.get(), message_json.c_str(),
                               detail::to_json(options).c_str(), token);
  }

  /** Reads a post-back, and settles the entry of the client's ledger that it is about. */
  result<settlement> settle(const std::string &body) const {
    if (detail::has_nul(body)) return detail::nul_refusal("the post-back");
    return detail::call<settlement>(zx_client_settle, handle_.get(), body.c_str());
  }

  /** The ledger's unknown messages, oldest first: at most 1,000 that come after a key. */
  result<std::vector<unsettled_entry>> unsettled(const std::optional<std::string> &after = std::nullopt) const {
    if (after && detail::has_nul(*after)) return detail::nul_refusal("the key");
    const char *const key = after ? after->c_str() : nullptr;
    const result<std::string> list = detail::call<std::string>(zx_client_unsettled, handle_.get(), key);
    if (!list) return unexpected{list.error()};
    return detail::each_in<unsettled_entry>(*list, "/entries");
  }

  /** Drops an unknown entry of the ledger, so that the next call with its key sends. */
  result<reply> forget(const std::string &idempotency_key) const {
    if (detail::has_nul(idempotency_key)) return detail::nul_refusal("the key");
    return detail::call<reply>(zx_client_forget, handle_.get(), idempotency_key.c_str());
  }

  /** What the client has counted. */
  result<zixflow::stats> stats() const { return detail::call<zixflow::stats>(zx_client_stats, handle_.get()); }

  /** Ends the calls under way at once, and refuses later ones; from any thread. */
  void shutdown() const noexcept { zx_client_shutdown(handle_.get()); }

private:
  explicit client(zx_client *handle) noexcept : handle_(handle) {}

  std::unique_ptr<zx_client, detail::releaser> handle_;
};

} // namespace zixflow

#endif

/* Every function of the library, for what is true of each: a test holds this file to the list of
 * what the library exports. */

#ifndef EVERY_CALL_H
#define EVERY_CALL_H

#include "host.h"

/* As the API's own page shows it. */
#define POST_BACK                                                                                  \
    "{\"message_id\":604132581490819100,\"request_id\":\"65ca1d21\",\"status\":\"delivered\","     \
    "\"status_at\":\"2026-01-28T17:17:59.254174911Z\"}"

/* Releases a value that was read from JSON, and ends the program unless it is that one, or none. */
static inline void check_value(const char *json, const char *pointer, const char *expected)
{
    char *value = zx_json_get(json, pointer);

    CHECK(expected == NULL ? value == NULL : value != NULL && strcmp(value, expected) == 0);
    zx_free(value);
}

static inline char *composed_message(void)
{
    const zx_button buttons[] = {{"yes", "Yes"}, {"no", "No"}};
    zx_reply_buttons message = {0};
    char *json;

    message.size = sizeof message;
    message.recipient = "919876543210";
    message.phone_id = "1";
    message.body = "Shall we?";
    message.buttons = buttons;
    message.button_count = 2;
    message.post_back_data = "order-1";
    CHECK_STATUS(zx_compose_reply_buttons(&message, &json), ZX_OK, json);
    return json;
}

static inline void call_without_client(void)
{
    char *text;

    CHECK(strcmp(zx_status_name(ZX_INTERNAL), "ZX_INTERNAL") == 0);
    CHECK(strlen(zx_version()) > 0);
    check_value(zx_reply_buttons_schema(), "/type", "object");
    check_value(zx_client_options_schema(), "/type", "object");
    CHECK_STATUS(zx_check_reply_buttons("{}", &text), ZX_INVALID_MESSAGE, text);
    check_value(text, "/problems/0/path", "/recipient");
    zx_free(text);
    CHECK_STATUS(zx_read_post_back(POST_BACK, &text), ZX_OK, text);
    check_value(text, "/message_id", "604132581490819100");
    check_value(text, "/status_at_ms", "1769620679254");
    zx_free(text);
}

/* What a ledger remembers of this client's message; without one, that there is none. */
static inline void call_with_a_key(const zx_client *client, const char *message, int has_ledger)
{
    const zx_status status = has_ledger ? ZX_OK : ZX_INVALID_ARGUMENT;
    char key[32], options[64], *text;
    int i;

    /* No two clients of a process are the same number, and each run has a file of its own. */
    snprintf(key, sizeof key, "%p", (const void *)client);
    snprintf(options, sizeof options, "{\"idempotency_key\":\"%s\"}", key);
    for (i = 0; i < 2; i++) {
        CHECK_STATUS(zx_send_reply_buttons_with(client, message, options, NULL, &text), status, text);
        check_value(text, "/repeated", has_ledger && i > 0 ? "true" : NULL);
        zx_free(text);
    }
    CHECK_STATUS(zx_client_settle(client, POST_BACK, &text), status, text);
    check_value(text, "/settled", has_ledger ? "false" : NULL);
    zx_free(text);
    CHECK_STATUS(zx_client_unsettled(client, NULL, &text), status, text);
    zx_free(text);
    /* Queued is final. */
    CHECK_STATUS(zx_client_forget(client, key, &text), ZX_INVALID_ARGUMENT, text);
    zx_free(text);
}

/* The server of the client that the options make has to accept. It gets two requests, and one more with
 * a ledger. */
static inline void every_call(const char *options)
{
    const int has_ledger = strstr(options, "\"ledger\"") != NULL;
    char *message = composed_message();
    zx_client *client = host_client(options);
    zx_cancel *cancel = zx_cancel_new();
    char *text;

    call_without_client();
    CHECK_STATUS(zx_send_reply_buttons(client, message, &text), ZX_OK, text);
    zx_free(text);
    CHECK_STATUS(zx_send_reply_buttons_with(client, message, "{\"tries\":true}", cancel, &text),
                 ZX_OK, text);
    check_value(text, "/tries/0/status", "ok");
    zx_free(text);
    call_with_a_key(client, message, has_ledger);
    zx_cancel_now(cancel);
    CHECK_STATUS(zx_send_reply_buttons_with(client, message, NULL, cancel, &text), ZX_NOT_SENT,
                 text);
    zx_free(text);
    zx_free(cancel);
    zx_client_shutdown(client);
    CHECK_STATUS(zx_client_stats(client, &text), ZX_OK, text);
    check_value(text, "/calls_ok", has_ledger ? "4" : "2");
    check_value(text, "/calls_repeated", has_ledger ? "1" : "0");
    check_value(text, "/calls_not_sent", "1");
    zx_free(text);
    zx_free(client);
    zx_free(message);
}

#endif /* EVERY_CALL_H */

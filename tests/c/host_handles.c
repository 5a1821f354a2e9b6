/* A host that frees twice, frees what is not the library's, and sends with what is no client.
 * Argument: the options of a client whose server accepts. */

#include "host.h"

/* Each call that takes a client has to answer, and not to follow, this pointer. */
static void refuses(const zx_client *no_client)
{
    char *reply;

    host_send(no_client, ZX_INVALID_ARGUMENT);
    CHECK_STATUS(zx_send_reply_buttons_with(no_client, MESSAGE, "{}", NULL, &reply), ZX_INVALID_ARGUMENT,
                 reply);
    CHECK(strstr(reply, "\"attempts\":0,\"retryable\":false") != NULL);
    zx_free(reply);
    zx_client_shutdown(no_client);
    CHECK_STATUS(zx_client_stats(no_client, &reply), ZX_INVALID_ARGUMENT, reply);
    zx_free(reply);
    CHECK_STATUS(zx_client_settle(no_client, "{}", &reply), ZX_INVALID_ARGUMENT, reply);
    zx_free(reply);
    CHECK_STATUS(zx_client_unsettled(no_client, NULL, &reply), ZX_INVALID_ARGUMENT, reply);
    zx_free(reply);
    CHECK_STATUS(zx_client_forget(no_client, "key", &reply), ZX_INVALID_ARGUMENT, reply);
    zx_free(reply);
}

/* The same of a token. */
static void refuses_token(const char *options, const zx_cancel *no_token)
{
    zx_client *client = host_client(options);
    char *reply;

    CHECK_STATUS(zx_send_reply_buttons_with(client, MESSAGE, NULL, no_token, &reply),
                 ZX_INVALID_ARGUMENT, reply);
    CHECK(strstr(reply, "zx_cancel_new()") != NULL);
    zx_free(reply);
    zx_cancel_now(no_token);
    host_send(client, ZX_OK);
    zx_free(client);
}

static void takes_tokens_for_what_they_are(const char *options)
{
    zx_client *client = host_client(options);
    zx_cancel *token = zx_cancel_new();
    char on_stack[64] = {0};

    CHECK(token != NULL);
    refuses((const zx_client *)(const void *)token);
    refuses_token(options, (const zx_cancel *)(const void *)client);
    refuses_token(options, (const zx_cancel *)(const void *)on_stack);
    refuses_token(options, (const zx_cancel *)(const void *)zx_version());
    refuses_token(options, (const zx_cancel *)1);
    zx_cancel_now(NULL);
    zx_cancel_now(token);
    zx_free(token);
    zx_free(token);
    refuses_token(options, token);
    zx_free(client);
}


static void frees_twice(const char *options)
{
    char *report;
    zx_client *client = host_client(options);

    host_send(client, ZX_OK);
    zx_free(client);
    zx_free(client);
    refuses(client);

    CHECK_STATUS(zx_check_reply_buttons(MESSAGE, &report), ZX_OK, report);
    zx_free(report);
    zx_free(report);
    zx_free(NULL);
}

static void frees_what_is_not_ours(void)
{
    char on_stack[64] = "on the stack";
    static char in_data[64] = "in the data segment";
    char *on_heap = malloc(64);

    CHECK(on_heap != NULL);
    zx_free(on_stack);
    zx_free(in_data);
    zx_free(on_heap);
    zx_free((void *)zx_version());
    zx_free((void *)zx_status_name(ZX_OK));
    zx_free((void *)zx_reply_buttons_schema());
    zx_free((void *)zx_client_options_schema());
    zx_free((void *)1);
    CHECK(strcmp(on_stack, "on the stack") == 0);
    CHECK(strcmp(zx_status_name(ZX_OK), "ZX_OK") == 0);
    free(on_heap);
}

static void sends_with_what_is_no_client(void)
{
    char on_stack[64] = {0};
    char *report;

    CHECK_STATUS(zx_check_reply_buttons(MESSAGE, &report), ZX_OK, report);
    refuses((const zx_client *)(const void *)report);
    CHECK(strstr(report, "\"success\":true") != NULL);
    refuses((const zx_client *)(const void *)on_stack);
    refuses((const zx_client *)(const void *)zx_version());
    refuses((const zx_client *)1);
    refuses(NULL);
    zx_free(report);
}

/* Inside a client's address, where a host ends up that counts wrongly. */
static void frees_the_middle(const char *options)
{
    zx_client *client = host_client(options);
    char *report;

    zx_free((char *)(void *)client + 1);
    host_send(client, ZX_OK);
    CHECK_STATUS(zx_check_reply_buttons(MESSAGE, &report), ZX_OK, report);
    zx_free(report + 1);
    CHECK(strstr(report, "\"success\":true") != NULL);
    zx_free(report);
    zx_free(client);
}

enum { MANY = 300 };

/* A stale client is known as such, however many were made since. */
static void meets_no_address_twice(const char *options)
{
    zx_client *stale[MANY];
    int i, j;

    for (i = 0; i < MANY; i++) {
        stale[i] = host_client(options);
        zx_free(stale[i]);
        for (j = 0; j < i; j++)
            CHECK(stale[i] != stale[j]);
    }
    for (i = 0; i < MANY; i++)
        host_send(stale[i], ZX_INVALID_ARGUMENT);
}

/* Every out-parameter may be NULL; one that is not is always written. */
static void leaves_no_out_parameter_unwritten(const char *options)
{
    zx_client *client = host_client(options);
    char *reply = (char *)1;

    CHECK(zx_client_new(NULL, "workspace", NULL, NULL) == NULL);
    CHECK(zx_client_new(NULL, "workspace", NULL, &reply) == NULL);
    CHECK(strstr(reply, "api_key is NULL") != NULL);
    zx_free(reply);
    CHECK(zx_send_reply_buttons(client, MESSAGE, NULL) == ZX_OK);
    CHECK(zx_send_reply_buttons(client, NULL, NULL) == ZX_INVALID_ARGUMENT);
    CHECK(zx_check_reply_buttons("{}", NULL) == ZX_INVALID_MESSAGE);
    CHECK(zx_compose_reply_buttons(NULL, NULL) == ZX_INVALID_ARGUMENT);
    CHECK(zx_client_stats(client, NULL) == ZX_OK);
    CHECK(zx_client_stats(NULL, NULL) == ZX_INVALID_ARGUMENT);
    CHECK(zx_json_get(NULL, "") == NULL);
    CHECK(zx_json_get("{}", NULL) == NULL);
    CHECK(zx_read_post_back(NULL, NULL) == ZX_INVALID_ARGUMENT);
    CHECK(zx_read_post_back("{\"request_id\":\"r\",\"status\":\"read\"}", NULL) == ZX_OK);
    reply = (char *)1;
    CHECK(zx_compose_reply_buttons(NULL, &reply) == ZX_INVALID_ARGUMENT);
    zx_free(reply);
    reply = (char *)1;
    CHECK(zx_read_post_back(NULL, &reply) == ZX_INVALID_ARGUMENT);
    zx_free(reply);
    CHECK(zx_read_post_back("{\"request_id\":\"r\",\"status\":\"read\"}", &reply) == ZX_OK);
    CHECK(strstr(reply, "\"key\":\"r/read/\"") != NULL);
    zx_free(reply);
    zx_free(reply);
    reply = (char *)1;
    CHECK(zx_check_reply_buttons(NULL, &reply) == ZX_INVALID_ARGUMENT);
    zx_free(reply);
    zx_free(client);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    frees_twice(argv[1]);
    frees_what_is_not_ours();
    sends_with_what_is_no_client();
    takes_tokens_for_what_they_are(argv[1]);
    frees_the_middle(argv[1]);
    meets_no_address_twice(argv[1]);
    leaves_no_out_parameter_unwritten(argv[1]);
    return 0;
}

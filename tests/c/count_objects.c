/* Preloaded into a program, counts what libzixflow hands out to it and what it gives back. A
 * program that ends without having released all of it is made to fail. */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include <zixflow.h>

enum { NOT_ALL_RELEASED = 98 };

static int objects;

/* The next definition of a function after this file's: the library's own. POSIX asks for this
 * way of storing a function's address. */
#define FIND_NEXT(pointer, name) (*(void **)&(pointer) = dlsym(RTLD_NEXT, name))

zx_client *zx_client_new(const char *api_key, const char *workspace_id, const char *options_json,
                         char **error_json)
{
    zx_client *(*next)(const char *, const char *, const char *, char **);
    zx_client *client;

    FIND_NEXT(next, "zx_client_new");
    client = next(api_key, workspace_id, options_json, error_json);
    objects += client != NULL;
    objects += error_json != NULL && *error_json != NULL;
    return client;
}

zx_status zx_send_reply_buttons(const zx_client *client, const char *message_json,
                                char **reply_json)
{
    zx_status (*next)(const zx_client *, const char *, char **);
    zx_status status;

    FIND_NEXT(next, "zx_send_reply_buttons");
    status = next(client, message_json, reply_json);
    objects += reply_json != NULL && *reply_json != NULL;
    return status;
}

zx_status zx_send_reply_buttons_with(const zx_client *client, const char *message_json,
                                     const char *options_json, const zx_cancel *cancel,
                                     char **reply_json)
{
    zx_status (*next)(const zx_client *, const char *, const char *, const zx_cancel *, char **);
    zx_status status;

    FIND_NEXT(next, "zx_send_reply_buttons_with");
    status = next(client, message_json, options_json, cancel, reply_json);
    objects += reply_json != NULL && *reply_json != NULL;
    return status;
}

zx_status zx_client_stats(const zx_client *client, char **stats_json)
{
    zx_status (*next)(const zx_client *, char **);
    zx_status status;

    FIND_NEXT(next, "zx_client_stats");
    status = next(client, stats_json);
    objects += stats_json != NULL && *stats_json != NULL;
    return status;
}

/* What the functions of the ledger have in common. */
static zx_status of_ledger(const char *name, const zx_client *client, const char *given,
                           char **handed_out)
{
    zx_status (*next)(const zx_client *, const char *, char **);
    zx_status status;

    FIND_NEXT(next, name);
    status = next(client, given, handed_out);
    objects += handed_out != NULL && *handed_out != NULL;
    return status;
}

zx_status zx_client_settle(const zx_client *client, const char *post_back, char **reply_json)
{
    return of_ledger("zx_client_settle", client, post_back, reply_json);
}

zx_status zx_client_unsettled(const zx_client *client, const char *after, char **list_json)
{
    return of_ledger("zx_client_unsettled", client, after, list_json);
}

zx_status zx_client_forget(const zx_client *client, const char *idempotency_key, char **reply_json)
{
    return of_ledger("zx_client_forget", client, idempotency_key, reply_json);
}

zx_cancel *zx_cancel_new(void)
{
    zx_cancel *(*next)(void);
    zx_cancel *cancel;

    FIND_NEXT(next, "zx_cancel_new");
    cancel = next();
    objects += cancel != NULL;
    return cancel;
}

zx_status zx_check_reply_buttons(const char *message_json, char **report_json)
{
    zx_status (*next)(const char *, char **);
    zx_status status;

    FIND_NEXT(next, "zx_check_reply_buttons");
    status = next(message_json, report_json);
    objects += report_json != NULL && *report_json != NULL;
    return status;
}

zx_status zx_compose_reply_buttons(const zx_reply_buttons *message, char **message_json)
{
    zx_status (*next)(const zx_reply_buttons *, char **);
    zx_status status;

    FIND_NEXT(next, "zx_compose_reply_buttons");
    status = next(message, message_json);
    objects += message_json != NULL && *message_json != NULL;
    return status;
}

char *zx_json_get(const char *json, const char *pointer)
{
    char *(*next)(const char *, const char *);
    char *value;

    FIND_NEXT(next, "zx_json_get");
    value = next(json, pointer);
    objects += value != NULL;
    return value;
}

void zx_free(void *object)
{
    void (*next)(void *);

    FIND_NEXT(next, "zx_free");
    next(object);
    objects -= object != NULL;
}

__attribute__((destructor)) static void report(void)
{
    if (objects != 0) {
        fprintf(stderr, "%d objects of libzixflow were not released\n", objects);
        _exit(NOT_ALL_RELEASED);
    }
}
